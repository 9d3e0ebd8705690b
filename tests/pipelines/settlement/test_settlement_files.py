"""Settlement files are valid, say what the tables say, and are the same bytes each time."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.lake.ledger_tables import PARTICIPANTS, PAYMENTS
from pipelines.netting.positions import net
from pipelines.netting.tables import NET_POSITIONS, OBLIGATIONS
from pipelines.settlement.customer_transfers import PaymentRepeated
from pipelines.settlement.day_messages import IdentifierTooLong
from pipelines.settlement.files import OtherBusinessDate, SettlementResult, write_settlement_files
from pipelines.settlement.iso20022 import messages
from pipelines.settlement.iso20022.amounts import AmountTooLong, ExponentMissing
from pipelines.settlement.tables import SETTLEMENT_EVIDENCE, SETTLEMENT_FILES, SETTLEMENT_TRANSACTIONS
from tests.pipelines.settlement.reading_back import Schemas, assert_files_say_what_the_tables_say
from tests.pipelines.settlement.settlement_day import (
    CIRCLE,
    DAY,
    EXPONENTS,
    PARTICIPANT_IDS,
    Crossing,
    obligations,
    participants,
    payment_id,
    payments,
    settle,
)

crossings = st.lists(
    st.builds(
        lambda pair, amount, currency, window, payment: Crossing(
            *pair, amount, currency=currency, window_id=window, payment=payment
        ),
        pair=st.permutations(PARTICIPANT_IDS).map(lambda names: tuple(names[:2])),
        amount=st.integers(1, 10**14),
        currency=st.sampled_from(["KES", "XOF", "TND"]),
        window=st.sampled_from(["w1", "w2"]),
        payment=st.fixed_dictionaries(
            {},
            optional={
                "debtor_name": st.none() | st.text(max_size=150),
                "creditor_name": st.text(max_size=150),
                "end_to_end_id": st.none() | st.text(max_size=35),
                "purpose": st.text(max_size=150),
                "debtor_account": st.none() | st.text(max_size=34),
                "uetr": st.none() | st.text(max_size=36) | st.uuids(version=4).map(str),
                "value_date": st.none(),
                "debtor_agent": st.none(),
                "currency": st.sampled_from(["USD", "XOF"]),
            },
        ),
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(crossings)
def test_whatever_was_paid_the_files_are_valid_and_say_what_the_tables_say(
    schemas: Schemas, made: list[Crossing]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        result = settle(made, folder)
        assert_files_say_what_the_tables_say(result, folder, schemas)
        assert result.left_out.is_empty()


def test_each_net_debtor_pays_its_net_position_of_each_window(tmp_path: Path, schemas: Schemas) -> None:
    result = settle(CIRCLE, tmp_path)
    assert_files_say_what_the_tables_say(result, tmp_path, schemas)
    nets = net(obligations(CIRCLE)).multilateral.filter(pl.col("net_minor") < 0)
    key = ["window_id", "currency", "sender_id"]
    paid = result.files.filter(pl.col("message_type") == "pacs.009.001.08")
    due = nets.select("window_id", "currency", "participant_id", -pl.col("net_minor"))
    assert sorted(paid.select(*key, "total_minor").rows()) == sorted(due.rows())
    legs = result.transactions.filter(pl.col("net_ref").is_not_null())
    by_ref = dict(legs.group_by("net_ref").agg(pl.col("amount_minor").sum()).rows())
    assert by_ref == dict(nets.select("ref", -pl.col("net_minor")).rows())


def test_each_receiver_gets_one_batch_a_currency(tmp_path: Path) -> None:
    batches = settle(CIRCLE, tmp_path).files.filter(pl.col("message_type") == "pacs.008.001.08")
    found = batches.select("receiver_id", "currency", "transactions", "total_minor").rows()
    assert sorted(found) == [
        ("amani", "KES", 2, 3_499),
        ("baobab", "KES", 1, 10_050),
        ("cauri", "KES", 1, 4_000),
        ("dogon", "TND", 1, 1_234_567),
        ("dogon", "XOF", 1, 75_000),
    ]


def test_references_that_debtors_repeat_still_give_every_transaction_its_own_ref(tmp_path: Path) -> None:
    same = {"end_to_end_id": "RENT"}
    nothing = {"end_to_end_id": None}
    made = [Crossing("amani", "baobab", n, payment=p) for n, p in ((1, same), (2, same), (3, nothing))]
    batch = settle(made, tmp_path).transactions.filter(pl.col("payment_id").is_not_null())
    message = batch["message_id"][0]
    assert batch.sort("amount_minor")["ref"].to_list() == [
        f"tx:{message}:RENT:{payment_id(0).replace('-', '')}",
        f"tx:{message}:RENT:{payment_id(1).replace('-', '')}",
        f"tx:{message}:NOTPROVIDED",
    ]


def test_two_obligations_of_one_payment_are_two_transactions(tmp_path: Path, schemas: Schemas) -> None:
    owed = obligations([Crossing("amani", "baobab", 1), Crossing("amani", "baobab", 2)])
    owed = owed.with_columns(payment_id=pl.lit(payment_id(0)))
    result = write_with(tmp_path, owed=owed)
    assert_files_say_what_the_tables_say(result, tmp_path, schemas)
    batch = result.transactions.filter(pl.col("payment_id").is_not_null())
    compact = payment_id(0).replace("-", "")
    assert sorted(batch["transaction_id"]) == [compact, f"{compact}-2"]


def test_every_ref_leads_to_the_obligations_behind_it(tmp_path: Path) -> None:
    result, owed = settle(CIRCLE, tmp_path), obligations(CIRCLE)
    reached = result.evidence.join(owed, on=["book_id", "account_id"]).filter(
        pl.col("version").is_between("version_from", "version_to")
    )
    assert not reached.select("ref", *OBLIGATIONS.key).is_duplicated().any()
    by_ref = dict(reached.group_by("ref").agg(pl.col("payment_id").sort()).iter_rows())
    for row in result.transactions.to_dicts():
        if row["payment_id"] is not None:
            assert by_ref[row["ref"]] == [row["payment_id"]]
    for row in result.files.to_dicts():
        if row["message_type"] == "pacs.009.001.08":
            mine = owed.filter(
                (pl.col("window_id") == row["window_id"])
                & (pl.col("currency") == row["currency"])
                & pl.any_horizontal(pl.col("debtor_id", "creditor_id") == row["sender_id"])
            )
        else:
            mine = owed.filter(
                (pl.col("creditor_id") == row["receiver_id"]) & (pl.col("currency") == row["currency"])
            )
        assert by_ref[row["ref"]] == mine["payment_id"].sort().to_list()
    assert set(by_ref) == {*result.files["ref"], *result.transactions["ref"]}


def test_the_same_day_is_the_same_bytes_in_any_order_of_rows(tmp_path: Path) -> None:
    made = [*CIRCLE, *(Crossing("amani", "baobab", 100 + n) for n in range(20))]
    first = settle(made, tmp_path / "first")
    owed, paid = obligations(made), payments(made)
    second = write_with(
        tmp_path / "second",
        owed=owed.sample(fraction=1, shuffle=True, seed=4),
        paid=paid.sample(fraction=1, shuffle=True, seed=5),
        positions=net(owed).multilateral.sample(fraction=1, shuffle=True, seed=6),
    )
    assert first.files.equals(second.files)
    assert first.transactions.equals(second.transactions)
    assert first.evidence.equals(second.evidence)


def test_a_message_cut_into_chunks_is_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = settle(CIRCLE, tmp_path)
    monkeypatch.setattr(messages, "CHUNK_RECORDS", 1)
    assert settle(CIRCLE, tmp_path).files["sha256"].equals(whole.files["sha256"])


def test_a_rerun_removes_the_files_that_are_no_longer_due(tmp_path: Path, schemas: Schemas) -> None:
    settle(CIRCLE, tmp_path)
    other_day, note = tmp_path / "2026-03-01" / "kept.xml", tmp_path / str(DAY) / "note.txt"
    other_day.parent.mkdir()
    other_day.touch()
    note.touch()
    (tmp_path / str(DAY) / "left.xml.1.tmp").touch()
    result = settle(CIRCLE[:1], tmp_path)
    assert other_day.exists()
    assert note.exists()
    note.unlink()
    assert_files_say_what_the_tables_say(result, tmp_path, schemas)


def test_a_day_without_obligations_has_no_files(tmp_path: Path) -> None:
    settle(CIRCLE, tmp_path)
    result = settle([], tmp_path)
    assert result.files.equals(SETTLEMENT_FILES.empty())
    assert result.transactions.equals(SETTLEMENT_TRANSACTIONS.empty())
    assert result.evidence.equals(SETTLEMENT_EVIDENCE.empty())
    assert list((tmp_path / str(DAY)).iterdir()) == []


def test_nothing_known_and_nothing_owed_writes_nothing(tmp_path: Path) -> None:
    result = write_settlement_files(
        net_positions=NET_POSITIONS.empty(),
        obligations=OBLIGATIONS.empty(),
        payments=PAYMENTS.empty(),
        participants=PARTICIPANTS.empty(),
        business_date=DAY,
        exponents={},
        folder=tmp_path,
    )
    assert result.files.is_empty()


def test_participants_whose_nets_are_zero_pay_nothing_but_their_customers_are_paid(
    tmp_path: Path,
) -> None:
    result = settle([Crossing("amani", "baobab", 5), Crossing("baobab", "amani", 5)], tmp_path)
    assert result.files["message_type"].to_list() == ["pacs.008.001.08"] * 2


def test_message_ids_are_of_the_business_date_and_fit_the_schema(tmp_path: Path) -> None:
    result = settle(CIRCLE, tmp_path)
    assert result.files["message_id"].is_unique().all()
    assert result.files["message_id"].str.contains(r"^00[89]-20260302-[A-Z]{3}-[0-9a-f]{12}$").all()
    assert (result.transactions["transaction_id"].str.len_chars() <= 35).all()


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        ({"payment_id": "another"}, "no_payment"),
        ({"debtor_agent": "baobab", "creditor_agent": "amani"}, "opposite_direction"),
        ({"creditor_account": "9" * 35}, "account_too_long"),
    ],
)
def test_an_obligation_that_no_customer_batch_can_carry_is_listed_and_still_settled(
    tmp_path: Path, payment: dict[str, object], reason: str
) -> None:
    result = settle([Crossing("amani", "baobab", 100, payment=payment)], tmp_path)
    assert result.left_out.select("amount_minor", "reason").rows() == [(100, reason)]
    assert result.files.select("message_type", "total_minor").rows() == [("pacs.009.001.08", 100)]


def write_with(
    folder: Path,
    *,
    owed: pl.DataFrame,
    paid: pl.DataFrame | None = None,
    positions: pl.DataFrame | None = None,
    exponents: dict[str, int] | None = None,
) -> SettlementResult:
    return write_settlement_files(
        net_positions=net(owed).multilateral if positions is None else positions,
        obligations=owed,
        payments=payments(CIRCLE) if paid is None else paid,
        participants=participants(),
        business_date=DAY,
        exponents=EXPONENTS if exponents is None else exponents,
        folder=folder,
    )


def test_what_cannot_be_written_is_refused_before_any_file_changes(tmp_path: Path) -> None:
    before = settle(CIRCLE, tmp_path).files
    owed = obligations(CIRCLE)
    with pytest.raises(ExponentMissing, match="TND"):
        write_with(tmp_path, owed=owed, exponents={"KES": 2, "XOF": 0, "USD": 2})
    with pytest.raises(AmountTooLong):
        write_with(tmp_path, owed=obligations([Crossing("amani", "baobab", 10**18)]))
    long = pl.lit("p" * 36).alias("payment_id")
    with pytest.raises(IdentifierTooLong):
        write_with(tmp_path, owed=owed.with_columns(long), paid=payments(CIRCLE[:1]).with_columns(long))
    with pytest.raises(PaymentRepeated, match=payment_id(0)):
        write_with(tmp_path, owed=owed, paid=pl.concat([payments(CIRCLE), payments(CIRCLE[:1])]))
    next_day = owed.with_columns(business_date=pl.col("business_date") + pl.duration(days=1))
    with pytest.raises(OtherBusinessDate, match="obligations has rows of 2026-03-03"):
        write_with(tmp_path, owed=next_day, positions=NET_POSITIONS.empty())
    digests = {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (tmp_path / str(DAY)).iterdir()
    }
    assert digests == dict(before.select("message_id", "sha256").iter_rows())
