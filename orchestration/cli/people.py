"""`wgi people`: who may log in, and as what."""

from typing import Annotated

import typer

from orchestration.cli.options import SourceOption
from orchestration.cli.registries import ByOption

people_app = typer.Typer(
    help="People who may log in: staff, and developers of fintechs.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

PersonArgument = Annotated[
    str, typer.Argument(metavar="PERSON", help="The e-mail address, or the id or its beginning.")
]


@people_app.command()
def invite(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="By which they log in.")],
    *,
    name: Annotated[str, typer.Option(help="What people call them.")],
    role: Annotated[str, typer.Option(help="What they may do, such as finance or operations.")],
    participant: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Whose books they reach; of staff all, where none is named."),
    ] = None,
    by: ByOption = "operator",
    source: SourceOption = None,
) -> None:
    """Invite a person and print the link with which they enrol, this once; it counts for three days."""
    from orchestration.cli.people_done import invite_one

    invite_one(source=source, by=by, email=email, name=name, role=role, participants=participant or [])


@people_app.command("list")
def list_people(*, source: SourceOption = None) -> None:
    """List everybody, with role, second factors and state."""
    from orchestration.cli.people_done import show_all

    show_all(source=source)


@people_app.command()
def reset(person: PersonArgument, *, by: ByOption = "operator", source: SourceOption = None) -> None:
    """Let a person who lost password or factors enrol anew; what they have ends now."""
    from orchestration.cli.people_done import reset_one

    reset_one(source=source, named=person, by=by)


@people_app.command()
def disable(person: PersonArgument, *, by: ByOption = "operator", source: SourceOption = None) -> None:
    """Disable a person for good; none of their tokens counts a second later."""
    from orchestration.cli.people_done import disable_one

    disable_one(source=source, named=person, by=by)


@people_app.command("reencrypt")
def reencrypt_all(*, by: ByOption = "operator", source: SourceOption = None) -> None:
    """Bring all that is encrypted of people under the current key, after a new key was added."""
    from orchestration.cli.people_done import reencrypt_everybody

    reencrypt_everybody(source=source, by=by)
