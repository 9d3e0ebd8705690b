"""What stands in a customer credit transfer: parties, agents, references, amounts, rates."""

from pathlib import Path

import polars as pl

from tests.pipelines.settlement.reading_back import Schemas, minor, only_transfer, text, transfers
from tests.pipelines.settlement.settlement_day import CIRCLE, DAY, UETR, Crossing, payment_id, settle

HOSTILE = 'A&B <c> ]]> "q" \'\x00\x0b\x1f\x7f\u2028 ሀለሐ ' + "x" * 200


def test_amounts_have_the_decimals_of_their_currency(tmp_path: Path, schemas: Schemas) -> None:
    result = settle(CIRCLE, tmp_path)
    batches = result.files.filter(pl.col("receiver_id") == "dogon").sort("currency").to_dicts()
    roots = [schemas.read(tmp_path, row) for row in batches]
    assert [text(next(transfers(root)), "IntrBkSttlmAmt") for root in roots] == ["1234.567", "75000"]


def test_a_customer_transfer_names_both_parties_and_both_agents(
    tmp_path: Path, schemas: Schemas
) -> None:
    payment = {
        "debtor_name": "Amina",
        "debtor_account": "GB82WEST12345698765432",
        "purpose": "school fees",
    }
    result = settle([Crossing("amani", "baobab", 100, payment=payment)], tmp_path)
    transfer = only_transfer(result, tmp_path, schemas)
    assert {
        path: text(transfer, path)
        for path in (
            "PmtId/EndToEndId",
            "PmtId/TxId",
            "PmtId/UETR",
            "IntrBkSttlmDt",
            "ChrgBr",
            "Dbtr/Nm",
            "DbtrAcct/Id/IBAN",
            "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId",
            "CdtrAgt/FinInstnId/BICFI",
            "CdtrAcct/Id/Othr/Id",
            "RmtInf/Ustrd",
            "InstdAmt",
        )
    } == {
        "PmtId/EndToEndId": "INV-0",
        "PmtId/TxId": payment_id(0).replace("-", ""),
        "PmtId/UETR": UETR,
        "IntrBkSttlmDt": str(DAY),
        "ChrgBr": "SLEV",
        "Dbtr/Nm": "Amina",
        "DbtrAcct/Id/IBAN": "GB82WEST12345698765432",
        "DbtrAgt/FinInstnId/ClrSysMmbId/MmbId": "amani",
        "CdtrAgt/FinInstnId/BICFI": "BAOBKENAXXX",
        "CdtrAcct/Id/Othr/Id": "0200-0",
        "RmtInf/Ustrd": "school fees",
        "InstdAmt": None,
    }


def test_a_converted_payment_states_what_was_instructed_and_at_what_rate(
    tmp_path: Path, schemas: Schemas
) -> None:
    payment = {"currency": "USD", "amount_minor": 10_000}
    result = settle([Crossing("amani", "dogon", 60_123, currency="XOF", payment=payment)], tmp_path)
    transfer = only_transfer(result, tmp_path, schemas)
    assert (minor(transfer, "InstdAmt"), text(transfer, "XchgRate")) == (10_000, "601.23000000")


def test_a_deduction_in_the_same_currency_is_stated_without_a_rate(
    tmp_path: Path, schemas: Schemas
) -> None:
    result = settle([Crossing("amani", "dogon", 90, payment={"amount_minor": 100})], tmp_path)
    transfer = only_transfer(result, tmp_path, schemas)
    assert (minor(transfer, "InstdAmt"), text(transfer, "XchgRate")) == (100, None)


def test_hostile_text_is_escaped_cut_and_never_breaks_the_file(tmp_path: Path, schemas: Schemas) -> None:
    columns = ("debtor_name", "creditor_name", "purpose", "end_to_end_id")
    result = settle(
        [Crossing("amani", "baobab", 100, payment=dict.fromkeys(columns, HOSTILE))], tmp_path
    )
    transfer = only_transfer(result, tmp_path, schemas)
    whole = 'A&B <c> ]]> "q" \' ሀለሐ ' + "x" * 200
    assert text(transfer, "Dbtr/Nm") == text(transfer, "RmtInf/Ustrd") == whole[:140]
    assert text(transfer, "PmtId/EndToEndId") == whole[:35]
