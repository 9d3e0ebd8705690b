"""The ledger: its tables, the posting functions, the functions on books, accounts and business dates."""

from ledger_service.runtime.migrations import run_sql_file

revision = "0001_ledger"
down_revision = None


def upgrade() -> None:
    """Create schema `ledger`."""
    for file in ("0001_ledger", "0001_journal", "0001_posting", "0001_archive", "0001_books"):
        run_sql_file(file)


def downgrade() -> None:
    """The journal is immutable: there is no way back that keeps it."""
    raise RuntimeError("the ledger's schema is not taken back; restore a backup instead")
