"""`wgi audit`: privileged acts as recorded, and the proof that none was changed or taken out."""

from typing import Annotated

import typer

from orchestration.cli.options import SourceOption

audit_app = typer.Typer(
    help="The audit log of privileged acts: read and prove it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@audit_app.command("list")
def list_acts(
    *,
    act: Annotated[str | None, typer.Option(help="Only such acts, as `client.created`.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only acts of this person or client.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only acts upon this.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only those after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Acts shown.")] = 100,
    source: SourceOption = None,
) -> None:
    """List acts, in their order."""
    from orchestration.cli.audit_done import show_acts

    show_acts(source=source, after=after, act=act, actor=actor, subject=subject, limit=limit)


@audit_app.command()
def verify(
    *,
    events: Annotated[int | None, typer.Option(min=1, help="Of a proof kept elsewhere.")] = None,
    known_hash: Annotated[
        str | None, typer.Option("--hash", metavar="HEX", help="Of a proof kept elsewhere.")
    ] = None,
    source: SourceOption = None,
) -> None:
    """Prove the chain of hashes; exit 1 and name the first event that breaks it.

    Keep what it prints elsewhere: given back later (`--events`, `--hash`), it proves that nothing before
    it was changed since.
    """
    from orchestration.cli.audit_done import prove

    prove(source=source, events=events, known_hash=known_hash)
