"""The documents that leave the house: a participant's return as canonical JSON, HTML and CSV.

Belongs here: rendering and writing them. The canonical JSON (RFC 8785: keys sorted, no blanks, UTF-8) is
the return; its SHA-256 is what is frozen and signed, and HTML and CSV state it. Values are texts there,
because a reader's JSON numbers may have 53 bits. The same return is always the same bytes.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl

from ledger_service.reference.currencies import exponents_on
from pipelines.regulatory.returns import Returns
from pipelines.regulatory.template import Template, Unit

MANIFEST_SCHEMA = {
    "business_date": pl.Date,
    "return_id": pl.String,
    "return_version": pl.Int32,
    "participant_id": pl.String,
    "path": pl.String,  # of the canonical JSON, below the folder; .html and .csv stand beside it
    "sha256": pl.String,
    "violations": pl.Int64,
}

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class UnsafeName(ValueError):
    """A participant's id cannot be the name of a file."""

    def __init__(self, participant_id: str) -> None:
        self.participant_id = participant_id
        super().__init__(f"{participant_id!r} cannot name a file: letters, digits, dot, dash only")


@dataclass(frozen=True, slots=True)
class Document:
    """One participant's return of a business date, all its currencies."""

    template: Template
    business_date: date
    participant_id: str
    content: dict[str, Any]

    @property
    def canonical_json(self) -> bytes:
        """The return itself."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8")

    @property
    def sha256(self) -> str:
        """Of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical_json).hexdigest()

    @property
    def csv(self) -> str:
        """One row a cell: currency, cell, label, unit, value, amount in major units, ref."""
        sheet = StringIO()
        writer = csv.writer(sheet, lineterminator="\n")
        writer.writerow(["currency", "cell", "label", "unit", "value", "amount", "ref"])
        for currency, part in self.content["currencies"].items():
            for cell in part["cells"]:
                value = "" if cell["value"] is None else cell["value"]
                shown = _shown(cell, part["exponent"]).replace(",", "")
                writer.writerow(
                    [currency, cell["cell"], cell["label"], cell["unit"], value, shown, cell["ref"]]
                )
        return sheet.getvalue()

    @property
    def html(self) -> str:
        """A page for a person to review, sign and file."""
        parts = [_table(currency, part) for currency, part in self.content["currencies"].items()]
        title = f"{escape(self.template.title)}, {escape(self.participant_id)}, {self.business_date}"
        return (
            f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title}</title>\n'
            f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
            f"<p>{escape(self.template.basis)}</p>\n{''.join(parts)}"
            f"<p>Return {escape(self.template.return_id)}, version {self.template.version}. "
            f"SHA-256 of the canonical JSON: <code>{self.sha256}</code></p>\n</body>\n</html>\n"
        )


def documents(returns: Returns, templates: Iterable[Template]) -> Iterator[Document]:
    """The documents of prepared returns, in order of return and participant."""
    versions = {(t.return_id, t.version): t for t in templates}
    keys = ["business_date", "return_id", "return_version", "participant_id"]
    for (business_date, return_id, version, participant_id), cells in returns.cells.group_by(
        keys, maintain_order=True
    ):
        mine = (pl.col("return_id") == return_id) & (pl.col("participant_id") == participant_id)
        yield _document(
            versions[return_id, version],
            business_date=business_date,
            participant_id=participant_id,
            cells=cells,
            violations=returns.violations.filter(mine),
        )


def write_returns(folder: Path, returns: Returns, templates: Iterable[Template]) -> pl.DataFrame:
    """Write `<folder>/<return id>/<business date>/<participant>.json`, `.html` and `.csv`.

    Returns one row a document (`MANIFEST_SCHEMA`). Raises `UnsafeName` before anything is written.
    """
    written = list(documents(returns, templates))
    for document in written:
        if not _FILE_NAME.fullmatch(document.participant_id):
            raise UnsafeName(document.participant_id)
    rows = [_write(folder, document) for document in written]
    return pl.DataFrame(rows, schema=MANIFEST_SCHEMA, orient="row")


def _document(
    template: Template,
    *,
    business_date: date,
    participant_id: str,
    cells: pl.DataFrame,
    violations: pl.DataFrame,
) -> Document:
    pairs = cells.select("currency", on="business_date")
    exponents = dict(exponents_on(pairs).select("currency", "exponent").iter_rows())
    currencies = {
        currency: {
            "exponent": exponents[currency],
            "cells": cells.filter(currency=currency)
            .select("cell", "label", "unit", pl.col("value").cast(pl.String), "ref")
            .to_dicts(),
            "violations": violations.filter(currency=currency).get_column("message").to_list(),
        }
        for currency in sorted(exponents)
    }
    content = {
        "return_id": template.return_id,
        "return_version": template.version,
        "title": template.title,
        "basis": template.basis,
        "business_date": str(business_date),
        "participant_id": participant_id,
        "currencies": currencies,
    }
    return Document(template, business_date, participant_id, content)


def _write(folder: Path, document: Document) -> tuple[Any, ...]:
    template = document.template
    below = Path(template.return_id) / str(document.business_date)
    (folder / below).mkdir(parents=True, exist_ok=True)
    name = below / f"{document.participant_id}.json"
    page = folder / below / f"{document.participant_id}.html"
    sheet = folder / below / f"{document.participant_id}.csv"
    (folder / name).write_bytes(document.canonical_json)
    page.write_bytes(document.html.encode("utf-8"))
    sheet.write_bytes(document.csv.encode("utf-8"))
    violations = sum(len(part["violations"]) for part in document.content["currencies"].values())
    return (
        document.business_date,
        template.return_id,
        template.version,
        document.participant_id,
        name.as_posix(),
        document.sha256,
        violations,
    )


def _shown(cell: dict[str, Any], exponent: int | None) -> str:
    """A value as people read it; a currency without a known exponent stays in minor units."""
    if cell["value"] is None:
        return "not defined"
    value = Decimal(cell["value"])
    match cell["unit"]:
        case Unit.MINOR if exponent is not None:
            return f"{value.scaleb(-exponent):,.{exponent}f}"
        case Unit.BASIS_POINTS:
            return f"{value.scaleb(-2):,.2f} %"
        case _:
            return f"{value:,f}"


def _table(currency: str, part: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr id="{escape(cell["ref"])}"><td>{escape(cell["cell"])}</td>'
        f"<td>{escape(cell['label'])}</td>"
        f'<td class="figure">{escape(_shown(cell, part["exponent"]))}</td></tr>\n'
        for cell in part["cells"]
    )
    wrong = "".join(f'<p class="violation">{escape(message)}</p>\n' for message in part["violations"])
    return (
        f"<h2>{escape(currency)}</h2>\n{wrong}<table>\n"
        f"<thead><tr><th>Cell</th><th>What</th><th>Figure</th></tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n"
    )


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.3rem .6rem;"
    "text-align:left}.figure{text-align:right;font-variant-numeric:tabular-nums}"
    ".violation{color:#8b0000;font-weight:bold}"
)
