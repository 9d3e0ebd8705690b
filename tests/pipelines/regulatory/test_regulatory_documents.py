"""Documents: the same return is the same bytes, and every format says the same."""

import csv
import hashlib
import json

import polars as pl
import pytest
from lxml import html

from pipelines.regulatory.declaration import load_templates
from pipelines.regulatory.document import UnsafeName, documents, write_returns
from pipelines.regulatory.resubmission import changes
from pipelines.regulatory.returns import prepare
from tests.pipelines.regulatory.regulatory_books import DAY, Lake

TEMPLATES = load_templates()


def prepared(lake):
    return prepare(
        business_date=DAY,
        accounts=lake.accounts.lazy(),
        entries=lake.entries.lazy(),
        templates=TEMPLATES,
    )


def test_the_manifest_states_the_hash_of_each_file(small_bank, tmp_path):
    manifest = write_returns(tmp_path, prepared(small_bank), TEMPLATES)
    assert manifest["path"].to_list() == [
        "daily_liquidity_position/2025-03-03/KE-B01.json",
        "daily_liquidity_position/2025-03-03/UG-M01.json",
        "emoney_safeguarding/2025-03-03/UG-M01.json",
    ]
    for path, sha256 in manifest.select("path", "sha256").iter_rows():
        file = tmp_path / path
        assert hashlib.sha256(file.read_bytes()).hexdigest() == sha256
        assert sha256 in file.with_suffix(".html").read_text()


def test_writing_twice_gives_the_same_bytes(small_bank, tmp_path):
    for folder in ("one", "two"):
        write_returns(tmp_path / folder, prepared(small_bank), TEMPLATES)
    files = sorted(f.relative_to(tmp_path / "one") for f in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 9
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_json_csv_and_page_give_the_same_figures(small_bank):
    document = next(documents(prepared(small_bank), TEMPLATES))
    content = json.loads(document.canonical_json)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert document.canonical_json == canonical.encode()
    cells = content["currencies"]["KES"]["cells"]
    rows = list(csv.DictReader(document.csv.splitlines()))
    page = html.fromstring(document.html)
    assert [c["cell"] for c in cells] == [r["cell"] for r in rows]
    assert [c["value"] for c in cells] == [r["value"] for r in rows]
    figures = page.xpath("//td[@class='figure']/text()")
    assert [figure.replace(",", "") for figure in figures] == [r["amount"] for r in rows]
    amounts = {r["cell"]: r["amount"] for r in rows}
    assert (amounts["A010"], amounts["R010"], amounts["N010"]) == ("15.00", "107.91 %", "4")


def test_violations_stand_on_the_page(small_bank):
    accounts = small_bank.accounts.with_columns(pl.col("credits_posted") + 1)
    document = next(documents(prepared(Lake(accounts, small_bank.entries)), TEMPLATES))
    page = html.fromstring(document.html)
    assert (
        page.xpath("//p[@class='violation']/text()")
        == (document.content["currencies"]["KES"]["violations"])
    )


def test_a_resubmission_says_which_cells_changed(small_bank):
    before = prepared(small_bank).cells
    after = before.with_columns(
        value=pl.when((pl.col("cell") == "A010") & (pl.col("participant_id") == "KE-B01"))
        .then(pl.lit(1, dtype=pl.Int64))
        .otherwise("value")
    ).filter(pl.col("cell") != "W060")
    assert changes(before, before).height == 0
    assert changes(before, after).rows() == [
        ("daily_liquidity_position", "KE-B01", "KES", "A010", 1_500, 1),
        ("emoney_safeguarding", "UG-M01", "KES", "W060", 0, None),
    ]


def test_a_participant_that_cannot_name_a_file_is_refused(small_bank, tmp_path):
    accounts = small_bank.accounts.with_columns(participant_id=pl.lit("../x"))
    with pytest.raises(UnsafeName):
        write_returns(tmp_path, prepared(Lake(accounts, small_bank.entries)), TEMPLATES)
    assert list(tmp_path.iterdir()) == []
