"""`wgi files write`, `columns` and `formats`."""

import hashlib
import os
from datetime import UTC, datetime, time
from pathlib import Path

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from orchestration.cli.options import instant
from pipelines.settlement.formats import READABLE, WRITABLE
from pipelines.settlement.payment_batch import COLUMNS, PAYMENT_BATCH, REQUIRED, read_payment_batch
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import PROFILES, Profile, prepared, profile
from pipelines.settlement.writing import FileIdentity, Institution

SHOWN = 20
"""Rows shown of refusals and of warnings."""


def run(
    *,
    batch: Path,
    format_name: str,
    out: Path,
    profile_name: str | None,
    message_id: str | None,
    created_at: str | None,
    sender: str,
    receiver: str,
    sequence: int,
) -> None:
    """Write the file and print what was not written as given."""
    console = Console(emoji=False)
    try:
        chosen = _profile(format_name, profile_name)
        payments, unfit = read_payment_batch(batch)
        ready = prepared(payments, chosen)
        refused = pl.concat([unfit, ready.refused])
        _print_problems(console, "altered to fit", ready.warnings)
        _print_problems(console, "not written", refused)
        if ready.payments.is_empty():
            raise FileRefused("nothing_to_write", batch.name, "no payment of the batch can be written")
        first_date = ready.payments["execution_date"].min()
        noon = datetime.combine(first_date, time(12), UTC)  # type: ignore[arg-type] # a date: required
        identity = FileIdentity(
            message_id=message_id or _message_id(ready.payments),
            created_at=instant(created_at) if created_at else noon,
            sender=_institution(sender),
            receiver=_institution(receiver),
            sequence=sequence,
        )
        size, digest = _write(out, ready.payments, identity, chosen)
    except FileRefused as error:
        console.print(f"[red]refused[/] {error}", highlight=False)
        raise typer.Exit(1) from None
    console.print(
        f"{out}: {ready.payments.height:,} payments, {size:,} bytes, sha256 {digest}", soft_wrap=True
    )
    if refused.height:
        raise typer.Exit(2)


def _profile(format_name: str, profile_name: str | None) -> Profile:
    if format_name not in WRITABLE:
        known = ", ".join(sorted(WRITABLE))
        raise FileRefused("format_unknown", format_name, f"it cannot be written; known: {known}")
    chosen = profile(profile_name or format_name)
    if chosen.format != format_name:
        raise FileRefused(
            "profile_of_other_format",
            chosen.name,
            f"it is a profile of {chosen.format}, not {format_name}",
        )
    return chosen


def _message_id(payments: pl.DataFrame) -> str:
    """From the content: the same payments have the same id."""
    digest = hashlib.sha256()
    for name in ("instruction_id", "currency", "amount_minor"):
        for value in payments[name]:
            digest.update(f"{value}\n".encode())
    return f"WGI{digest.hexdigest()[:24].upper()}"


def _institution(text: str) -> Institution:
    names = ("name", "bic", "clearing", "member", "account")
    parts = dict(zip(names, (part.strip() or None for part in text.split(":")), strict=False))
    name = parts.pop("name", None)
    if name is None or text.count(":") >= len(names):
        raise FileRefused(
            "institution", text, "write NAME:BIC:CLEARING:MEMBER:ACCOUNT; parts may be empty"
        )
    return Institution(name, **parts)


def _write(
    out: Path, payments: pl.DataFrame, identity: FileIdentity, chosen: Profile
) -> tuple[int, str]:
    """The file, by way of a temporary one beside it: its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            for piece in WRITABLE[chosen.format](payments, identity=identity, profile=chosen):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return size, digest.hexdigest()


def _print_problems(console: Console, title: str, problems: pl.DataFrame) -> None:
    if problems.is_empty():
        return
    more = f", the first {SHOWN}" if problems.height > SHOWN else ""
    table = Table(title=f"{problems.height:,} {title}{more}", title_justify="left")
    for name in ("row", "field", "code", "sentence"):
        table.add_column(name)
    for row in problems.head(SHOWN).select("row", "field", "code", "sentence").iter_rows():
        table.add_row(*(str(value) for value in row))
    console.print(table, markup=False)


def print_columns() -> None:
    """Print the columns of a payment batch."""
    table = Table("column", "type", "meaning")
    for name, kind in PAYMENT_BATCH.items():
        required = " [bold]*[/]" if name in REQUIRED else ""
        table.add_row(name + required, str(kind), COLUMNS[name])
    console = Console(emoji=False)
    console.print(table)
    console.print(
        "* required. A CSV may have `amount`, a decimal, instead of `amount_minor`; empty is absent."
    )


def print_formats() -> None:
    """Print what can be read and written."""
    console = Console(emoji=False)
    console.print("Read: " + ", ".join(readable.name for readable in READABLE))
    table = Table("format", "profile", "title", title="Written", title_justify="left")
    found = sorted((profile(path.stem) for path in PROFILES.glob("*.yaml")), key=_by_format)
    for each in found:
        if each.format in WRITABLE:
            table.add_row(each.format, each.name, each.title)
    console.print(table)


def _by_format(each: Profile) -> tuple[str, bool, str]:
    return each.format, each.name != each.format, each.name
