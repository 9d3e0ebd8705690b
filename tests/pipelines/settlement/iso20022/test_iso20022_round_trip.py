"""What is written is read by our own reader to the same payments."""

from io import BytesIO

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.settlement.iso20022.read_message import read, recognise
from pipelines.settlement.profile import profile
from pipelines.settlement.reading import Head, Records, Refused
from pipelines.settlement.writing import uetr_of
from tests.pipelines.settlement.iso20022.payments_to_write import IDENTITY, WRITERS, batches, written

ONE_TO_ONE = [name for name in WRITERS if name not in ("pacs.029.001.02", "camt.060.001.05")]
"""Formats with a record a payment; a settlement request has two movements, a report request no money."""


@pytest.mark.parametrize("name", ONE_TO_ONE)
@settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_our_reader_reads_back_every_column(name: str, data: st.DataObject) -> None:
    payments = data.draw(batches(name))
    content = written(name, payments)
    assert recognise(content[:512])
    parts = list(read(BytesIO(content)))
    assert isinstance(parts[0], Head)
    assert parts[0].message_id == IDENTITY.message_id
    assert [part for part in parts if isinstance(part, Refused)] == []
    read_back = pl.concat([part.frame for part in parts if isinstance(part, Records)])
    said = WRITERS[name][0].said(profile(name))
    for given_, found in zip(
        payments.sort("instruction_id").to_dicts(),
        read_back.sort("instruction_id").to_dicts(),
        strict=True,
    ):
        told = {column: found[column] for column in said}
        for name_of in ("debtor_name", "creditor_name"):
            if given_[name_of] is None and told.get(name_of) == "NOTPROVIDED":
                told[name_of] = None
        assert told == expected(given_, said)


def expected(row: dict[str, object], said: frozenset[str]) -> dict[str, object]:
    """What the message says of a payment: references and UETRs also where nobody gave them."""
    made = uetr_of(f"{IDENTITY.message_id}/{row['instruction_id']}")
    stands_in = {"uetr": made, "end_to_end_id": "NOTPROVIDED"}
    return {column: stands_in.get(column) if row[column] is None else row[column] for column in said}
