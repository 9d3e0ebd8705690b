"""What is written is valid by the official schemas, says its control figures, and is the same bytes."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import get_args, get_type_hints

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pyiso20022.pain import pain_008_001_09 as direct_debit

from pipelines.settlement.iso20022 import messages
from pipelines.settlement.iso20022.conformity import LENGTHS
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import PROFILES, prepared, profile
from pipelines.settlement.writing import uetr_of
from tests.pipelines.settlement.iso20022.payments_to_write import (
    IDENTITY,
    WRITERS,
    batches,
    example,
    written,
)

OFFICIAL = [name for name in WRITERS if not name.startswith("pain.008")]
"""Formats whose official schema is at hand."""


@pytest.fixture(scope="session")
def schema(shared_data: Path) -> Callable[[str], etree.XMLSchema]:
    folder = shared_data / "iso20022" / "xsd"
    return cache(lambda name: etree.XMLSchema(file=str(folder / f"{name}.xsd")))


def validated(content: bytes, schema: etree.XMLSchema) -> etree._Element:
    """The root, parsed and validated as it is read."""
    parser = etree.iterparse(BytesIO(content), schema=schema)
    for _ in parser:
        pass
    return parser.root


@pytest.mark.parametrize("name", OFFICIAL)
@settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_message_has_a_place_for_it_is_valid(
    schema: Callable[[str], etree.XMLSchema], name: str, data: st.DataObject
) -> None:
    validated(written(name, data.draw(batches(name))), schema(name.removesuffix("-cov")))


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=2, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_message_cut_into_chunks_is_the_same_bytes(name: str, data: st.DataObject) -> None:
    payments = data.draw(batches(name))
    whole = written(name, payments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "CHUNK_RECORDS", 1)
        assert written(name, payments) == whole


def found(content: bytes, path: str) -> list[str | None]:
    root = etree.fromstring(content)
    return [node.text for node in root.findall("/".join(f"{{*}}{tag}" for tag in path.split("/")))]


def test_a_message_counts_and_sums_its_payments() -> None:
    payments = pl.concat(
        [
            example({"instruction_id": "I-1", "currency": "XOF", "amount_minor": 75_000}),
            example({"instruction_id": "I-2", "currency": "TND", "amount_minor": 1_234_567}),
        ]
    )
    content = written("pacs.008.001.08", payments)
    header = "FIToFICstmrCdtTrf/GrpHdr"
    assert found(content, f"{header}/NbOfTxs") == ["2"]
    assert [Decimal(text or "") for text in found(content, f"{header}/CtrlSum")] == [
        Decimal("75000") + Decimal("1234.567")
    ]
    assert found(content, f"{header}/TtlIntrBkSttlmAmt") == []
    assert found(content, "FIToFICstmrCdtTrf/CdtTrfTxInf/IntrBkSttlmAmt") == ["75000", "1234.567"]


def test_payments_of_several_debtors_are_a_group_each_in_the_order_of_their_first() -> None:
    accounts = ["GB82WEST12345698765432", "0100", "GB82WEST12345698765432", "0100", "0300"]
    payments = pl.concat(
        example({"instruction_id": f"I-{number}", "debtor_account": account})
        for number, account in enumerate(accounts)
    )
    content = written("pain.001.001.09", payments)
    group = "CstmrCdtTrfInitn/PmtInf"
    assert found(content, f"{group}/DbtrAcct/Id/IBAN") == accounts[:1]
    assert found(content, f"{group}/DbtrAcct/Id/Othr/Id") == ["0100", "0300"]
    assert found(content, f"{group}/NbOfTxs") == ["2", "2", "1"]
    assert found(content, f"{group}/CtrlSum") == ["201.00", "201.00", "100.50"]
    written_ids = found(content, f"{group}/CdtTrfTxInf/PmtId/InstrId")
    assert written_ids == ["I-0", "I-2", "I-1", "I-3", "I-4"]
    assert len(set(found(content, f"{group}/PmtInfId"))) == 3


def test_a_uetr_that_nobody_gave_is_the_same_at_every_writing_and_differs_between_messages() -> None:
    other = replace(IDENTITY, message_id="WGI-20260302-000002")
    path = "FIToFICstmrCdtTrf/CdtTrfTxInf/PmtId/UETR"
    first, again = (found(written("pacs.008.001.08", example()), path) for _ in range(2))
    assert first == again == [uetr_of("WGI-20260302-000001/I-1")]
    assert found(written("pacs.008.001.08", example(), identity=other), path) != first


def test_an_envelope_holds_a_valid_header_and_a_valid_document(
    schema: Callable[[str], etree.XMLSchema],
) -> None:
    content = written("pacs.008.001.08", example(), by=profile("cbpr-plus-pacs.008"))
    header, document = etree.fromstring(content)
    schema("head.001.001.02").assertValid(etree.fromstring(etree.tostring(header)))
    schema("pacs.008.001.08").assertValid(etree.fromstring(etree.tostring(document)))
    transfer = "Document/FIToFICstmrCdtTrf/CdtTrfTxInf"
    assert found(content, "AppHdr/BizMsgIdr") == [IDENTITY.message_id]
    assert found(content, f"{transfer}/InstgAgt/FinInstnId/BICFI") == ["AMANKENAXXX"]
    assert found(content, f"{transfer}/InstdAgt/FinInstnId/ClrSysMmbId/MmbId") == ["051001"]
    assert found(content, "Document/FIToFICstmrCdtTrf/GrpHdr/CtrlSum") == []


OURS = sorted(path.stem for path in PROFILES.glob("*.yaml") if profile(path.stem).format in WRITERS)


@pytest.mark.parametrize("name", OURS)
def test_a_profile_is_no_wider_than_its_message(name: str) -> None:
    by = profile(name)
    definition, _ = WRITERS[by.format]
    said = definition.said(by)
    assert set(by.lengths) == said & set(LENGTHS)
    assert all(length <= LENGTHS[column] for column, length in by.lengths.items())
    assert {*by.required, *by.constants} <= said
    assert set(by.allowed) <= said
    assert set(definition.required) <= {*by.required, *by.constants}


ORDINARY = {
    "original_message_id": "M-0",
    "original_message_type": "pacs.008.001.08",
    "original_uetr": "8a562c67-ca16-48ba-b074-65581be6f001",
    "reason_code": "AC04",
    "mandate_id": "MANDATE-1",
    "mandate_signed_on": date(2025, 1, 2),
    "sequence_type": "RCUR",
    "creditor_scheme_id": "DE98ZZZ09999999999",
}


@pytest.mark.parametrize("name", OURS)
def test_an_ordinary_payment_goes_through_every_profile(
    schema: Callable[[str], etree.XMLSchema], name: str
) -> None:
    by = profile(name)
    definition, _ = WRITERS[by.format]
    said = definition.said(by)
    payment = {column: value for column, value in ORDINARY.items() if column in said}
    payment["currency"] = by.allowed.get("currency", ("KES",))[0]
    dropped = dict.fromkeys(set(example().columns) - said - set(definition.ignored))
    given_ = example({**payment, **dropped, "charge_bearer": None})
    ready = prepared(given_, by)
    assert ready.refused.is_empty()
    root = etree.fromstring(written(by.format, ready.payments, by=by))
    document = root if etree.QName(root).localname == "Document" else root[-1]
    if by.format in OFFICIAL:
        official = schema(by.format.removesuffix("-cov"))
        official.assertValid(etree.fromstring(etree.tostring(document)))


ASKED = {"original_end_to_end_id": "E-0"}


@pytest.mark.parametrize(
    ("name", "columns", "code", "place"),
    [
        ("pacs.008.001.08", {"mandate_id": "M"}, "column_not_in_format", "mandate_id"),
        ("pacs.004.001.09", {}, "original_not_named", "row 1, original_uetr"),
        ("pacs.004.001.09", ASKED, "column_not_in_format", "end_to_end_id"),
        (
            "camt.056.001.08",
            {**ASKED, "original_message_id": "M"},
            "original_not_named",
            "row 1, original_message_type",
        ),
        ("pacs.008.001.08", {"debtor_name": "x" * 141}, "too_long", "row 1, debtor_name"),
        ("pacs.008.001.08", {"debtor_name": ""}, "empty", "row 1, debtor_name"),
        ("pacs.008.001.08", {"debtor_agent_bic": "AMAN"}, "wrong_form", "row 1, debtor_agent_bic"),
        ("pacs.008.001.08", {"uetr": "x"}, "wrong_form", "row 1, uetr"),
        ("pacs.008.001.08", {"charge_bearer": None}, "missing", "row 1, charge_bearer"),
        ("pacs.008.001.08", {"currency": "XXZ"}, "unknown_currency", "row 1, currency"),
        ("pacs.008.001.08", {"amount_minor": 10**18}, "amount_too_long", "row 1, amount_minor"),
        (
            "pacs.008.001.08",
            {"instructed_currency": "USD", "instructed_amount_minor": 5},
            "conversion_incomplete",
            "row 1, exchange_rate",
        ),
        (
            "pacs.008.001.08",
            {"debtor_agent_clearing": "ZANCC"},
            "missing",
            "row 1, debtor_agent_member",
        ),
        ("pain.001.001.09", {"debtor_account": None}, "missing", "row 1, debtor_account"),
    ],
)
def test_what_cannot_be_said_is_refused_before_the_first_byte(
    name: str, columns: dict[str, object], code: str, place: str
) -> None:
    _, write = WRITERS[name]
    with pytest.raises(FileRefused) as refused:
        write(example(columns), identity=IDENTITY, profile=profile(name))
    assert (refused.value.code, refused.value.place) == (code, place)


def test_what_only_the_whole_message_shows_is_refused() -> None:
    payments = pl.concat(
        [example(), example({"instruction_id": "I-2", "execution_date": date(2026, 3, 3)})]
    )
    for name, code in (
        ("net-settlement-pacs.009", "several_dates"),
        ("cbpr-plus-pacs.009", "too_many_payments"),
    ):
        banks = payments.with_columns(
            pl.lit(None, pl.String).alias(column)
            for column in ("debtor_name", "creditor_name", "charge_bearer")
        )
        with pytest.raises(FileRefused) as refused:
            written("pacs.009.001.08", banks, by=profile(name))
        assert refused.value.code == code
    with pytest.raises(FileRefused, match="at least one payment"):
        written("pacs.008.001.08", payments.clear())
    large = pl.concat(
        example({"instruction_id": f"I-{n}", "amount_minor": 10**18 - 1}) for n in range(2)
    )
    with pytest.raises(FileRefused, match="18 digits"):
        written("pacs.008.001.08", large)


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(payments=batches("pain.008.001.08"))
def test_a_direct_debit_has_its_elements_in_the_order_of_the_message_definition(
    payments: pl.DataFrame,
) -> None:
    """No schema is at hand: the order is that of the library's classes of the next version."""
    root = etree.fromstring(written("pain.008.001.08", payments))
    assert etree.QName(root).namespace == "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"
    assert_in_order(root, get_type_hints(direct_debit.Document), direct_debit.Document)
    assert len(root.findall(".//{*}DrctDbtTxInf")) == payments.height


def assert_in_order(node: etree._Element, hints: dict[str, object], kind: type) -> None:
    declared = {f.metadata.get("name", f.name): f.name for f in fields(kind)}
    tags = [etree.QName(child).localname for child in node]
    places = [list(declared).index(tag) for tag in tags]
    assert places == sorted(places), tags
    for child, tag in zip(node, tags, strict=True):
        inner = [t for t in (*get_args(hints[declared[tag]]), hints[declared[tag]]) if is_dataclass(t)]
        if inner and len(child):
            assert isinstance(inner[0], type)
            assert_in_order(child, get_type_hints(inner[0]), inner[0])
