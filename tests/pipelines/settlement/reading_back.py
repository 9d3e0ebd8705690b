"""Reading settlement files back: validated by the official schema, values in minor units."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl
from lxml import etree

from pipelines.settlement.files import SettlementResult
from tests.pipelines.settlement.settlement_day import DAY, EXPONENTS


@dataclass(frozen=True)
class Schemas:
    """The official schemas of both message types."""

    by_type: dict[str, etree.XMLSchema]

    def read(self, folder: Path, row: dict[str, object]) -> etree._Element:
        """Parse a file, validating as it is read; raises XMLSyntaxError where it is not valid."""
        path = folder / str(row["path"])
        parser = etree.iterparse(str(path), schema=self.by_type[str(row["message_type"])])
        for _ in parser:
            pass
        return parser.root


def _find(node: etree._Element, path: str) -> etree._Element | None:
    """The element at a path of local names."""
    return node.find("/".join(f"{{*}}{tag}" for tag in path.split("/")))


def text(node: etree._Element, path: str) -> str | None:
    found = _find(node, path)
    return None if found is None else found.text


def minor(node: etree._Element, path: str) -> int:
    found = _find(node, path)
    assert found is not None, path
    scaled = Decimal(found.text).scaleb(EXPONENTS[found.get("Ccy")])
    assert scaled == int(scaled), "more decimals than the currency has"
    return int(scaled)


def transfers(root: etree._Element) -> Iterator[etree._Element]:
    return root.iter("{*}CdtTrfTxInf")


def only_transfer(result: SettlementResult, folder: Path, schemas: Schemas) -> etree._Element:
    """The one transfer of the one customer batch."""
    (row,) = result.files.filter(pl.col("message_type") == "pacs.008.001.08").to_dicts()
    (transfer,) = transfers(schemas.read(folder, row))
    return transfer


def assert_files_say_what_the_tables_say(
    result: SettlementResult, folder: Path, schemas: Schemas
) -> None:
    written = []
    for row in result.files.to_dicts():
        root = schemas.read(folder, row)
        header = next(root.iter("{*}GrpHdr"))
        amounts = [minor(transfer, "IntrBkSttlmAmt") for transfer in transfers(root)]
        assert text(header, "MsgId") == row["message_id"]
        assert int(text(header, "NbOfTxs") or "") == row["transactions"] == len(amounts)
        assert minor(header, "TtlIntrBkSttlmAmt") == row["total_minor"] == sum(amounts)
        assert text(header, "CtrlSum") == text(header, "TtlIntrBkSttlmAmt")
        assert hashlib.sha256((folder / row["path"]).read_bytes()).hexdigest() == row["sha256"]
        written += [
            (
                row["message_id"],
                text(transfer, "PmtId/EndToEndId"),
                text(transfer, "PmtId/TxId"),
                text(transfer, "PmtId/UETR"),
                row["currency"],
                minor(transfer, "IntrBkSttlmAmt"),
            )
            for transfer in transfers(root)
        ]
    columns = ["message_id", "end_to_end_id", "transaction_id", "uetr", "currency", "amount_minor"]
    assert sorted(written, key=str) == sorted(result.transactions.select(columns).rows(), key=str)
    assert {path.name for path in (folder / str(DAY)).iterdir()} == {
        f"{message_id}.xml" for message_id in result.files["message_id"]
    }
