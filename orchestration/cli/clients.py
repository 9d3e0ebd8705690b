"""`wgi clients`: the programs that may call the API, their secrets, and the keys that sign tokens."""

from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli.options import SourceOption
from orchestration.cli.registries import ByOption

clients_app = typer.Typer(
    help="Clients of the API: who may ask for tokens, and for what.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

ClientArgument = Annotated[str, typer.Argument(metavar="CLIENT", help="Its id, or the beginning of it.")]


@clients_app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    *,
    participant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID", help="Whose books it reaches, such as KE-F01; * for all, of services."
        ),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="What it may do; may be repeated.")
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="All scopes of a role instead, such as fintech_developer.")
    ] = None,
    service: Annotated[
        bool, typer.Option("--service", help="A program of ours, not a partner's.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="live, or the name of a sandbox.")] = "live",
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(metavar="URI", help="Where people come back to after the login; exact."),
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="No secret: it runs in a browser or at a person's machine.")
    ] = False,
    public_keys: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="JWK set: it signs instead of having a secret."),
    ] = None,
    by: ByOption = "operator",
    source: SourceOption = None,
) -> None:
    """Register a client and print its id and its secret, which is shown this once."""
    from orchestration.cli.clients_done import create

    create(
        source=source,
        by=by,
        public_keys=public_keys,
        name=name,
        participants=participant or [],
        scopes=scope or [],
        role=role,
        service=service,
        tenant=tenant,
        redirect_uris=redirect_uri or [],
        public=public,
    )


@clients_app.command("list")
def list_clients(*, source: SourceOption = None) -> None:
    """List all clients, in the order of their registration."""
    from orchestration.cli.clients_done import show_all

    show_all(source=source)


@clients_app.command()
def rotate(
    client: ClientArgument,
    *,
    overlap_hours: Annotated[
        float, typer.Option(min=0, max=24 * 30, help="How long the old secret counts yet.")
    ] = 24,
    by: ByOption = "operator",
    source: SourceOption = None,
) -> None:
    """Give a client a new secret and print it, this once."""
    from orchestration.cli.clients_done import rotate_one

    rotate_one(source=source, client_id=client, overlap_hours=overlap_hours, by=by)


@clients_app.command()
def disable(client: ClientArgument, *, by: ByOption = "operator", source: SourceOption = None) -> None:
    """Disable a client for good; none of its tokens counts a second later."""
    from orchestration.cli.clients_done import disable_one

    disable_one(source=source, client_id=client, by=by)


@clients_app.command("rotate-keys")
def rotate_keys(
    *,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="No token signed until now counts any more.")
    ] = False,
    by: ByOption = "operator",
    source: SourceOption = None,
) -> None:
    """Let the next key sign tokens from now on. By itself this happens every 30 days."""
    from orchestration.cli.clients_done import rotate_signing

    rotate_signing(source=source, compromised=compromised, by=by)
