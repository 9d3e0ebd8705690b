"""Statements of real banks: each is read as its golden summary says, or refused for what is wrong."""

import io
import random
import re
from decimal import Decimal
from pathlib import Path

import mt940
import pytest

from ledger_service.reference.currencies import currency_table
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Balance, Part, Records, Refused, summarise
from pipelines.settlement.swift.reader import read, recognise

NOTHING: dict[tuple[str, str], tuple[int, int]] = {}
ASN = {("EUR", "C"): (3, 282890), ("EUR", "D"): (5, 277196)}
GOLDEN: dict[str, tuple[str, dict[tuple[str, str], tuple[int, int]], int, list[str], int]] = {
    # kind, totals, balances, codes of what is refused, discontinuities
    "ASNB/mt940.txt": ("MT940", ASN, 62, [], 0),
    "ASNB/mt940_with_spaces_for_entry_date.txt": ("MT940", ASN, 62, [], 0),
    "betterplace/amount_formats.sta": ("MT940", NOTHING, 6, ["truncated"], 0),
    "betterplace/currency_in_25.sta": ("MT940", NOTHING, 0, ["truncated"], 0),
    "betterplace/empty_86.sta": ("MT940", NOTHING, 0, ["field_missing"], 0),
    "betterplace/empty_entry_date.sta": ("MT940", NOTHING, 0, ["field_missing", "outside_statement"], 0),
    "betterplace/empty_line.sta": ("MT940", NOTHING, 0, ["truncated"], 0),
    "betterplace/missing_crlf_at_end.sta": ("MT940", NOTHING, 1, ["field_missing"], 0),
    "betterplace/sepa_mt9401.sta": (
        "MT940",
        {("EUR", "C"): (41, 518847494), ("EUR", "D"): (56, 1445761084)},
        72,
        [],
        0,
    ),
    "betterplace/sepa_snippet.sta": (
        "MT940",
        {("EUR", "C"): (8, 143074572), ("EUR", "D"): (3, 357406911)},
        6,
        [],
        1,
    ),
    "betterplace/sepa_snippet_broken.sta": (
        "MT940",
        {("EUR", "C"): (1, 5099005)},
        3,
        ["field_repeated"],
        1,
    ),
    "betterplace/with_binary_character.sta": (
        "MT940",
        {("EUR", "C"): (3, 1421530), ("EUR", "D"): (1, 19328205)},
        4,
        [],
        0,
    ),
    "citi/mt940.txt": ("MT940", {("USD", "C"): (2, 0), ("USD", "D"): (3, 114275)}, 3, [], 0),
    "mBank/mt940.sta": ("MT940", {("PLN", "C"): (3, 3)}, 3, [], 0),
    "mBank/mt942.sta": ("MT942", {("PLN", "C"): (3, 3)}, 0, [], 0),
    "mBank/with_newline_in_tnr.sta": ("MT940", {("PLN", "C"): (2, 8900)}, 3, [], 1),
    "sberbank/171011_01234945.sta": ("MT940", {("HUF", "D"): (3, 943700)}, 3, [], 0),
    "self-provided/account_identification.sta": ("MT940", NOTHING, 0, ["field_missing", "truncated"], 0),
    "self-provided/details_60-63.sta": ("MT940", {("EUR", "D"): (1, 23315)}, 2, [], 1),
    "self-provided/empty_non_swift.sta": ("MT940", NOTHING, 0, ["truncated"], 0),
    "self-provided/february_30.sta": ("MT940", NOTHING, 2, ["impossible_date"], 1),
    "self-provided/gv_codes.sta": ("MT940", {("EUR", "D"): (2, 25745)}, 1, ["truncated"], 0),
    "self-provided/long_statement_number.sta": ("MT940", NOTHING, 2, [], 0),
    "self-provided/malformed_details.sta": ("MT940", {("EUR", "D"): (1, 23315)}, 2, [], 1),
    "self-provided/mt942.sta": ("MT942", {("EUR", "D"): (1, 42)}, 0, ["control_total"], 0),
    "self-provided/multiline.sta": (
        "MT940",
        {("EUR", "D"): (1, 500)},
        3,
        ["outside_statement", "truncated"],
        0,
    ),
    "self-provided/overly_long_details.sta": ("MT940", {("EUR", "D"): (1, 23315)}, 2, [], 1),
    "self-provided/raiffeisen-cmi.sta": (
        "MT940",
        {("HUF", "C"): (1, 206663700), ("HUF", "D"): (6, 307885050)},
        6,
        [],
        1,
    ),
    "self-provided/raphaelm.sta": (
        "MT940",
        NOTHING,
        0,
        [
            "not_a_balance",
            "not_a_balance",
            "not_a_balance",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
            "unknown_currency",
        ],
        0,
    ),
    "self-provided/sparkassen.sta": ("MT940", NOTHING, 0, ["outside_statement", "truncated"], 0),
    "self-provided/transaction_details_wrapped.sta": ("MT940", NOTHING, 2, ["impossible_date"], 1),
    "self-provided/whitespace.sta": ("MT940", {("EUR", "D"): (1, 23315)}, 2, [], 1),
    "self-provided/wrapped_timestamp.sta": ("MT940", NOTHING, 2, ["impossible_date"], 1),
}
"""Figures of every file; some of the files are fragments, some do not add up by their makers' hand."""


def corpus(shared_data: Path) -> dict[str, bytes]:
    folder = shared_data / "statements" / "mt940"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def parts_of(data: bytes) -> list[Part]:
    return list(read(io.BytesIO(data)))


def amounts_in(data: bytes) -> set[Decimal]:
    texts = re.findall(rb"[0-9]+,[0-9]*", data)
    return {Decimal(text.decode().rstrip(",").replace(",", ".")) for text in texts}


def amounts_read(parts: list[Part]) -> set[Decimal]:
    exponents = dict(currency_table().select("code", "exponent").iter_rows())
    found = [
        pair
        for part in parts
        if isinstance(part, Records)
        for pair in part.frame.select("currency", "amount_minor").iter_rows()
    ]
    found += [(part.currency, abs(part.amount_minor)) for part in parts if isinstance(part, Balance)]
    return {Decimal(minor).scaleb(-exponents[currency]) for currency, minor in found}


def test_every_file_has_its_golden_summary(shared_data: Path) -> None:
    seen = {}
    for name, data in corpus(shared_data).items():
        if not recognise(data):
            with pytest.raises(FileRefused, match="not_swift"):
                parts_of(data)
            continue
        summary = summarise(parts_of(data))
        kinds = "+".join(head.format for head in summary.heads)
        codes = sorted(refused.code for refused in summary.refused)
        breaks = len(summary.discontinuities())
        seen[name] = (kinds, summary.totals, len(summary.balances), codes, breaks)
    assert seen == GOLDEN


def test_entries_are_those_of_an_independent_parser(shared_data: Path) -> None:
    compared = 0
    for name, data in corpus(shared_data).items():
        if not recognise(data):
            continue
        parts = parts_of(data)
        if any(isinstance(part, Refused) and part.row for part in parts):
            continue  # an entry is refused that the other parser puts right, or drops
        ours = [
            row
            for part in parts
            if isinstance(part, Records)
            for row in part.frame.select("value_date", "direction", "amount_minor").iter_rows()
        ]
        options = mt940.Options.all()
        asn = mt940.tags.StatementASNB()
        tags = {asn.id: asn} if name.startswith("ASNB") else None
        theirs = [
            (
                entry.data["date"],
                "D" if entry.data["amount"].amount < 0 else "C",
                abs(int(entry.data["amount"].amount * 100)),
            )
            for statement in mt940.parser.parse_statements(data, tags=tags, options=options)
            for entry in statement.transactions
            if "amount" in entry.data
        ]
        zeroless = [row if row[2] else (row[0], "C", 0) for row in ours]
        assert zeroless == theirs, name
        compared += len(ours)
    assert compared > 140


def test_a_file_that_ends_early_gives_no_money_that_is_not_in_it(shared_data: Path) -> None:
    draw = random.Random(940)
    for name, data in corpus(shared_data).items():
        there = amounts_in(data)
        for _ in range(5):
            part = data[: draw.randrange(len(data))]
            try:
                parts = parts_of(part)
            except FileRefused:
                continue
            assert amounts_read(parts) <= there, name


def test_flipped_bits_give_no_money_that_is_not_in_the_file(shared_data: Path) -> None:
    draw = random.Random(942)
    for name, data in corpus(shared_data).items():
        for flips in (1, 1, 2, 20):
            flipped = bytearray(data)
            for _ in range(flips):
                flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
            try:
                parts = parts_of(bytes(flipped))
            except FileRefused:
                continue
            assert amounts_read(parts) <= amounts_in(bytes(flipped)), name
