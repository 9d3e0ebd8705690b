"""`wgi files read`: each file's summary, as tables or as JSON."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ledger_service.reference.currencies import currency_table
from pipelines.settlement.reading import Summary
from pipelines.settlement.recognition import FileRead, read_file

SHOWN = 20
"""Refusals and balances of a file shown in the tables; JSON has all that were kept."""


def run(*, paths: list[Path], as_json: bool) -> None:
    """Print the files; ends with status 1 when one was refused whole."""
    console = Console(emoji=False)
    exponents = _exponents()
    refused = False
    first = True
    for path in _expanded(paths):
        read = read_file(path)
        refused |= read.refused is not None
        if as_json:
            print("[" if first else ",", json.dumps(described(read, exponents)), sep="")  # noqa: T201
        else:
            _print(console, read, exponents)
        first = False
    if as_json:
        print("[]" if first else "]")  # noqa: T201 (what a program reads is not for rich to fold)
    if refused:
        raise typer.Exit(1)


def _expanded(paths: Iterable[Path]) -> Iterator[Path]:
    """Folders as the files in them, in order of their names."""
    for path in paths:
        if path.is_dir():
            yield from sorted(found for found in path.rglob("*") if found.is_file())
        else:
            yield path


def _exponents() -> dict[str, int]:
    rows = currency_table().select("code", "exponent").iter_rows()
    return {str(code): int(exponent) for code, exponent in rows}


def described(read: FileRead, exponents: dict[str, int]) -> dict[str, Any]:
    """A file as JSON says it: amounts as minor units and as decimal text."""
    known: dict[str, Any] = {"path": str(read.path), "size": read.size, "sha256": read.sha256}
    if read.refused:
        why = read.refused
        return known | {
            "readable": False,
            "refused": {"code": why.code, "place": why.place, "sentence": why.sentence},
        }
    summary = read.summary or Summary()
    head = summary.heads[0] if summary.heads else None
    breaks, checked = summary.discontinuities(), summary.statements_checked()
    return known | {
        "readable": True,
        "type": head.format if head else None,
        "version": head.version if head else None,
        "sender": head.sender if head else None,
        "receiver": head.receiver if head else None,
        "message_id": head.message_id if head else None,
        "created_at": head.created_at if head else None,
        "message_count": summary.messages,
        "messages": [asdict(each) for each in summary.heads],
        "accounts": sorted(summary.accounts),
        "records": summary.records,
        "totals": [
            {
                "currency": currency,
                "direction": direction or None,
                "count": count,
                "amount_minor": minor,
                "amount": decimal_text(minor, currency, exponents),
            }
            for (currency, direction), (count, minor) in sorted(
                summary.totals.items(), key=lambda item: (item[0][0] or "", item[0][1] or "")
            )
        ],
        "balances": [
            {
                "statement": balance.statement,
                "account": balance.account,
                "kind": balance.kind,
                "currency": balance.currency,
                "amount_minor": balance.amount_minor,
                "amount": decimal_text(balance.amount_minor, balance.currency, exponents),
                "date": str(balance.on) if balance.on else None,
            }
            for balance in summary.balances
        ],
        "balance_count": summary.balances_stated,
        "continuity": {
            "checked": checked,
            "follows": not breaks,
            "breaks": [asdict(found) for found in breaks],
        },
        "refused_records": summary.refusals,
        "refused": [asdict(refused) for refused in summary.refused],
    }


def decimal_text(minor: int, currency: str, exponents: dict[str, int]) -> str:
    """Minor units as a decimal of the currency; as they are where the currency is unknown."""
    exponent = exponents.get(currency, 0)
    digits = str(abs(minor)).zfill(exponent + 1)
    point = len(digits) - exponent
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:point]}.{digits[point:]}" if exponent else f"{sign}{digits}"


def _print(console: Console, read: FileRead, exponents: dict[str, int]) -> None:
    console.print(f"\n[bold]{escape(str(read.path))}[/]")
    if read.refused:
        why = read.refused
        console.print(
            f"  [red]refused[/] {escape(why.place)}: {escape(why.sentence)} ({escape(why.code)})"
        )
        return
    said = described(read, exponents)
    messages = said["messages"]
    version = f".{said['version']}" if said["version"] else ""
    more = f", {said['message_count']:,} messages" if len(messages) > 1 else ""
    console.print(
        f"  {escape(str(said['type']))}{escape(version)}{more} from "
        f"{escape(said['sender'] or 'an unnamed sender')}"
        + (f", message {escape(said['message_id'])}" if said["message_id"] else "")
    )
    if said["accounts"]:
        names = ", ".join(said["accounts"][:SHOWN])
        more = f" and {len(said['accounts']) - SHOWN} more" if len(said["accounts"]) > SHOWN else ""
        console.print(f"  accounts: {escape(names)}{more}")
    records = ", ".join(f"{count:,} {table}" for table, count in said["records"].items())
    console.print(f"  records: {records or 'none'}")
    if said["totals"]:
        _print_rows(console, said["totals"], ("currency", "direction", "count", "amount"))
    if said["balances"]:
        shown = said["balances"][:SHOWN]
        _print_rows(console, shown, ("statement", "account", "kind", "date", "currency", "amount"))
        if said["balance_count"] > len(shown):
            console.print(f"  and {said['balance_count'] - len(shown):,} more balances")
        breaks = said["continuity"]["breaks"]
        if not breaks and said["continuity"]["checked"]:
            console.print("  balances follow from the entries")
        elif not breaks:
            console.print("  no statement has both an opening and a closing balance to check")
        for found in breaks[:SHOWN]:
            expected = decimal_text(found["expected_minor"], found["currency"], exponents)
            stated = decimal_text(found["stated_minor"], found["currency"], exponents)
            console.print(
                f"  [red]balance[/] of {escape(found['account'])}: {escape(found['sentence'])}: "
                f"expected {expected}, stated {stated} {escape(found['currency'])}"
            )
    if said["refused_records"]:
        console.print(f"  [red]{said['refused_records']:,} refused[/]")
        _print_rows(console, said["refused"][:SHOWN], ("place", "field", "code", "sentence"))


def _print_rows(console: Console, rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 2))
    for name in names:
        table.add_column(name, justify="right" if name in {"count", "amount"} else "left")
    for row in rows:
        table.add_row(*("" if row[name] is None else escape(f"{row[name]}") for name in names))
    console.print(table)
