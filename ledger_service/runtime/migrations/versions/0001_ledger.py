"""The ledger: books, accounts, transfers, entries, business days, blocks, the posting function."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0001_ledger"
down_revision = None


def upgrade() -> None:
    """Create schema `ledger`."""
    run_sql_file(revision)


def downgrade() -> None:
    """The journal is immutable: there is no way back that keeps it."""
    raise RuntimeError("the ledger's schema is not taken back; restore a backup instead")
