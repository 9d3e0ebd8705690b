"""The corpus as an independent library reads it: pyiso20022's bindings, parsed by xsdata."""

from decimal import Decimal
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig

from pipelines.settlement.iso20022.read_message import read
from pipelines.settlement.reading import Records, Refused

CONTEXT = XmlContext()
STATEMENTS = {"camt.052": "rpt", "camt.053": "stmt", "camt.054": "ntfctn"}
LINES = {
    "pacs.008": ("cdt_trf_tx_inf", "intr_bk_sttlm_amt", "pmt_id.end_to_end_id"),
    "pacs.009": ("cdt_trf_tx_inf", "intr_bk_sttlm_amt", "pmt_id.end_to_end_id"),
    "pacs.004": ("tx_inf", "rtrd_intr_bk_sttlm_amt", "orgnl_end_to_end_id"),
}
"""Its list of payments, and in each the amount and a reference."""


def bound(path: Path) -> tuple[str, Any]:
    """The message's name and its document, as the library has it."""
    root = etree.parse(path).getroot()
    document = next(one for one in root.iter() if etree.QName(one).localname == "Document")
    name = etree.QName(document).namespace.rpartition(":")[2]
    module = import_module(f"pyiso20022.{name[:4]}.{name.replace('.', '_')}")
    parser = XmlParser(context=CONTEXT, config=ParserConfig(fail_on_unknown_properties=False))
    return name[:8], parser.from_bytes(etree.tostring(document), module.Document)


def ours(path: Path) -> tuple[list[dict[str, Any]], set[int]]:
    parts = list(read(BytesIO(path.read_bytes())))
    rows = [row for part in parts if isinstance(part, Records) for row in part.frame.to_dicts()]
    return rows, {part.row for part in parts if isinstance(part, Refused)}


def minor(amount: Any) -> tuple[str, int]:
    """All currencies of the corpus have two decimals."""
    return amount.ccy, int(Decimal(amount.value) * 100)


def at(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = getattr(thing, name, None)
    return thing


CAMT = [
    "camt052.v1", "camt052.v2", "camt052.v4", "camt052.v6", "camt052.v8", "camt053.v2.minimal",
    "camt053.v3", "camt053.v2.multi.statement", "camt053.v4", "camt053.v8", "camt054.v2",
    "camt054.v4", "camt054.v8",
]  # fmt: skip


@pytest.mark.parametrize("name", CAMT)
def test_entries_are_the_same(shared_data: Path, name: str) -> None:
    path = shared_data / "statements" / "camt" / f"{name}.xml"
    kind, document = bound(path)
    rows, _ = ours(path)
    root = next(value for value in vars(document).values() if value is not None)
    entries = [entry for one in getattr(root, STATEMENTS[kind]) for entry in one.ntry]
    mine = [row for row in rows if row["detail"] == 0]
    assert [minor(entry.amt) for entry in entries] == [
        (row["currency"], row["amount_minor"]) for row in mine
    ]
    assert [entry.cdt_dbt_ind.value[0] for entry in entries] == [row["direction"] for row in mine]
    assert [entry.acct_svcr_ref for entry in entries] == [row["bank_reference"] for row in mine]
    for entry, row in zip(entries, mine, strict=True):
        details = [one for group in getattr(entry, "ntry_dtls", []) for one in group.tx_dtls]
        found = (
            [row]
            if len(details) == 1
            else [one for one in rows if one["row"] == row["row"] and one["detail"]]
        )
        assert [at(one, "refs.end_to_end_id") for one in details] == [
            one["end_to_end_id"] for one in found[: len(details)]
        ]


@pytest.mark.parametrize(
    "name",
    [
        "pacs.008.min",
        "pacs.008.max",
        "pacs.008_stp.max",
        "pacs.009.max",
        "pacs.009_cov.max",
        "pacs.004.max",
    ],
)
def test_payments_are_the_same(shared_data: Path, name: str) -> None:
    path = shared_data / "iso20022" / "examples" / f"{name}.xml"
    kind, document = bound(path)
    rows, _ = ours(path)
    lines, amount, reference = LINES[kind]
    root = next(value for value in vars(document).values() if value is not None)
    theirs = getattr(root, lines)
    assert [minor(getattr(one, amount)) for one in theirs] == [
        (row["currency"], row["amount_minor"]) for row in rows
    ]
    column = "original_end_to_end_id" if kind == "pacs.004" else "end_to_end_id"
    assert [at(one, reference) for one in theirs] == [row[column] for row in rows]
