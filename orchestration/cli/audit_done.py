"""What the commands about the audit log do."""

import typer
from rich.console import Console
from rich.table import Table

from ledger_service.runtime.audit import AuditBroken, AuditProof, audit_events, verify_audit
from ledger_service.runtime.settings import SourceName
from orchestration.cli.ledger_books import refuse
from orchestration.cli.registries import print_line, registry


def show_acts(
    *,
    source: SourceName | None,
    after: int,
    act: str | None,
    actor: str | None,
    subject: str | None,
    limit: int,
) -> None:
    """A table of acts."""
    with registry(source) as connection:
        found = audit_events(connection, after=after, act=act, actor=actor, subject=subject, limit=limit)
    table = Table("number", "at (UTC)", "act", "by", "upon", "details")
    for each in found:
        by = f"{each.actor} through {each.client}" if each.client else each.actor
        at = f"{each.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(each.number), at, each.act, by, each.subject, each.details)
    Console(emoji=False, markup=False).print(table if found else "no such acts")


def prove(*, source: SourceName | None, events: int | None, known_hash: str | None) -> None:
    """Prove the chain, and that a kept proof is a part of it."""
    known = _kept(events, known_hash)
    with registry(source) as connection:
        try:
            proof = verify_audit(connection, known=known)
        except AuditBroken as error:
            Console(stderr=True, emoji=False, markup=False).print(f"wgi: {error}", soft_wrap=True)
            raise typer.Exit(1) from error
    print_line(f"events  {proof.events}")
    print_line(f"hash    {proof.hash.hex()}")


def _kept(events: int | None, known_hash: str | None) -> AuditProof | None:
    if events is None and known_hash is None:
        return None
    if events is None or known_hash is None:
        refuse("a proof that was kept has both --events and --hash")
    try:
        digest = bytes.fromhex(known_hash)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        refuse("--hash is 64 hexadecimal digits, as `wgi audit verify` printed them")
    return AuditProof(events, digest)
