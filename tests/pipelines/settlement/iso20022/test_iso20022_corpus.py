"""Every example of ISO 20022 and every camt file is read to what it says, or refused for its reason."""

import json
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pipelines.settlement.iso20022.read_message import read, recognise
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Part, Records, Refused, Summary, summarise

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "iso20022_corpus.json").read_text(encoding="utf-8")
)
"""By file: what its summary is."""


def corpus(shared_data: Path) -> Iterator[Path]:
    yield from sorted((shared_data / "statements" / "camt").glob("*.xml"))
    yield from sorted((shared_data / "iso20022" / "examples").glob("*.xml"))


@cache
def parts_of(path: Path) -> tuple[Part, ...]:
    with path.open("rb") as source:
        return tuple(read(source))


def told(summary: Summary) -> dict[str, Any]:
    return {
        "messages": [f"{head.format}.{head.version} {head.message_id}" for head in summary.heads],
        "sender": summary.heads[0].sender,
        "receiver": summary.heads[0].receiver,
        "accounts": sorted(summary.accounts),
        "records": summary.records,
        "totals": {" ".join(key).strip(): list(total) for key, total in sorted(summary.totals.items())},
        "balances": [
            f"{one.statement} {one.kind} {one.amount_minor} {one.currency} {one.on}"
            for one in summary.balances
        ],
        "discontinuities": [one.sentence for one in summary.discontinuities()],
        "refused": [f"{one.place}, {one.field}: {one.code}" for one in summary.refused],
    }


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_file_is_what_it_is(shared_data: Path, name: str) -> None:
    path = next(path for path in corpus(shared_data) if path.name == name)
    assert recognise(path.read_bytes())
    try:
        found = told(summarise(parts_of(path)))
    except FileRefused as refused:
        found = {"file refused": [refused.code, refused.place]}
    assert found == GOLDEN[name]


def test_every_file_of_the_corpus_is_among_them(shared_data: Path) -> None:
    assert {path.name for path in corpus(shared_data)} == set(GOLDEN)


def test_an_amount_with_too_many_decimals_stands_in_the_sentence(shared_data: Path) -> None:
    parts = parts_of(shared_data / "statements" / "camt" / "camt053.v2.five.decimals.xml")
    (refused,) = [part for part in parts if isinstance(part, Refused) and part.row]
    assert (refused.place, refused.code) == ("Stmt 1 Ntry 1", "too_many_decimals")
    assert "8.850 EUR" in refused.sentence


def test_a_batch_entry_has_its_transactions_beside_it(shared_data: Path) -> None:
    parts = parts_of(shared_data / "statements" / "camt" / "camt054.v8.xml")
    (frame,) = [part.frame for part in parts if isinstance(part, Records)]
    assert frame["detail"].to_list() == [0, 1, 2, 3]
    assert frame["amount_minor"].to_list() == [20_000_000, 310, 320, 320]
    assert frame["end_to_end_id"].to_list()[:2] == [None, "UXC06170000006PI00001EE00001"]


def test_a_single_transaction_is_its_entry(shared_data: Path) -> None:
    parts = parts_of(shared_data / "statements" / "camt" / "camt052.v6.xml")
    (frame,) = [part.frame for part in parts if isinstance(part, Records)]
    (row,) = frame.to_dicts()
    assert (row["detail"], row["amount_minor"], row["direction"]) == (0, 20_000_000, "D")
    assert (row["original_currency"], row["original_amount_minor"]) == ("USD", 410)
    assert row["counterparty_name"] == "Example Creditor 6 - V1"
    assert row["charges_minor"] is None, "they are in another currency, and not in the amount"


def test_a_message_without_its_statement_is_refused(shared_data: Path) -> None:
    with pytest.raises(FileRefused) as refused:
        parts_of(shared_data / "statements" / "camt" / "camt053.v2.wrong.xml")
    assert refused.value.code == "element_missing"
    assert "Stmt" in refused.value.sentence


def test_a_file_cut_anywhere_gives_nothing_that_is_not_in_it(shared_data: Path) -> None:
    for path in corpus(shared_data):
        content = path.read_bytes()
        whole = _amounts(content)
        for cut in range(0, len(content), max(1, len(content) // 23)):
            found = _amounts(content[:cut])
            assert found is None or whole is None or found <= whole, (path.name, cut)


def _amounts(content: bytes) -> set[tuple[str, object, object]] | None:
    """Rows as they would be booked; nothing when the file is refused."""
    try:
        return {
            row
            for part in read(BytesIO(content))
            if isinstance(part, Records)
            for row in part.frame.select("place", "currency", "amount_minor").iter_rows()
        }
    except FileRefused:
        return None
