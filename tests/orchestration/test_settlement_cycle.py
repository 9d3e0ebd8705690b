"""The settlement cycle of a date: covered, closed, instructed, answered, tried again."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
import pytest

from ledger_service.ledger.verification import verify
from ledger_service.payments.settlement.participants import Cover, join, set_cover
from ledger_service.payments.settlement.scheme_book import operate, operator_book
from ledger_service.payments.settlement.windows import WindowState, windows
from ledger_service.reference.schemes import scheme_on
from ledger_service.runtime.database import Database, Role, Server
from orchestration.settlement_cycle import CycleDone, run_cycle
from orchestration.settlement_finality import finality_rows, settled_beyond, take_answers
from pipelines.lake.store import Lake
from pipelines.netting.positions import net_positions
from pipelines.settlement.instruction_answers import (
    instruction_differences,
    leg_answers,
    legs_to_send_again,
    verdicts,
)
from pipelines.settlement.settlement_transfers import repeated_transfers, settlement_transfers
from pipelines.settlement.tables import (
    BANK_ANSWERS,
    SETTLEMENT_FINALITY,
    SETTLEMENT_TRANSACTIONS,
    SETTLEMENT_WINDOWS,
)
from tests.orchestration.settled_dates import MONDAY, TUESDAY, Owed, owed, register_banks

THREE = (("KE-B01", "UG-B01", 500, 6), ("UG-B01", "TZ-B01", 200, 8), ("KE-B01", "TZ-B01", 70, 15))


@pytest.fixture
def connection(ledger_database: Server) -> Iterator[psycopg.Connection]:
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as opened:
        register_banks(opened)
        yield opened


def cycle(connection: psycopg.Connection, of: Owed, day: date) -> CycleDone:
    return run_cycle(connection, obligations=of.obligations, entries=of.entries, day=day)


def signed(done: CycleDone) -> dict[tuple[str, str], int]:
    return {
        (row["window_id"], row["participant_id"]): row["amount_minor"]
        * (1 if row["direction"] == "pay_out" else -1)
        for row in done.instructions.iter_rows(named=True)
    }


def states(connection: psycopg.Connection, day: date) -> dict[str, str]:
    books = operator_book(connection, scheme_on("east-africa", day))
    return {one.window_id: one.state for one in windows(connection, books, business_date=day)}


def sent(legs: pl.DataFrame) -> pl.DataFrame:
    """SETTLEMENT_TRANSACTIONS of legs."""
    return SETTLEMENT_TRANSACTIONS.conform(
        legs.with_columns(
            pl.lit(None, pl.String).alias("payment_id"),
            ref=pl.format("tx:{}:{}", "message_id", "end_to_end_id"),
            transaction_id="end_to_end_id",
            debtor_agent="debtor_id",
            creditor_agent="creditor_id",
        ).select(list(SETTLEMENT_TRANSACTIONS.schema))
    )


def answered(transactions: pl.DataFrame, *, rejected: pl.Expr, at: datetime) -> pl.DataFrame:
    """BANK_ANSWERS that settle each transaction, or reject it for want of funds."""
    said = transactions.with_columns(
        rejected.alias("rejected"), pl.lit(at, BANK_ANSWERS.schema["received_at"]).alias("received_at")
    ).with_columns(
        sent_on="business_date",
        transaction_ref="ref",
        kind=pl.lit("status"),
        bank_id=pl.lit("settlement-agent"),
        status=pl.when("rejected").then(pl.lit("RJCT")).otherwise(pl.lit("ACSC")),
        reason_code=pl.when("rejected").then(pl.lit("AM04")),
        reason_text=pl.when("rejected").then(pl.lit("not enough money")),
    )
    return BANK_ANSWERS.conform(
        pl.concat([BANK_ANSWERS.empty(), said], how="diagonal").select(list(BANK_ANSWERS.schema))
    )


def test_a_date_is_accepted_closed_and_instructed_window_by_window(
    connection: psycopg.Connection,
) -> None:
    of = owed(MONDAY, *THREE)
    done = cycle(connection, of, MONDAY)
    assert signed(done) == {
        ("east-africa-1", "KE-B01"): -500,
        ("east-africa-1", "UG-B01"): 500,
        ("east-africa-2", "UG-B01"): -200,
        ("east-africa-2", "TZ-B01"): 200,
        ("east-africa-4", "KE-B01"): -70,
        ("east-africa-4", "TZ-B01"): 70,
    }
    assert done.acceptances["result"].to_list() == ["accepted"] * 3
    assert done.acceptances["obligation_id"].n_unique() == 3
    assert done.windows["obligations"].to_list() == [1, 1, 0, 1]
    # A window without obligations closes too, and there is nothing that it waits for.
    assert states(connection, MONDAY)["east-africa-3"] == WindowState.SETTLED
    assert states(connection, TUESDAY) == {"east-africa-1": WindowState.OPEN}
    nets = net_positions(of.obligations)[1]
    assert instruction_differences(
        net_positions=nets, windows=done.windows, instructions=done.instructions
    ).is_empty()


def test_what_the_operators_book_does_not_instruct_is_found() -> None:
    windows_of = {
        "business_date": [MONDAY],
        "window_id": ["east-africa-1"],
        "run": [1],
        "closed_at": [datetime(2026, 3, 2, 7, tzinfo=UTC)],
    }
    found = instruction_differences(
        net_positions=net_positions(owed(MONDAY, *THREE).obligations)[1],
        windows=pl.DataFrame(windows_of),
        instructions=pl.DataFrame(
            {
                "window_date": [MONDAY],
                "window_id": ["east-africa-1"],
                "net_ref": [f"net:{MONDAY}:east-africa-1:KES:KE-B01"],
                "direction": ["pay_in"],
                "amount_minor": [499],
            }
        ),
    )
    assert found.select("net_minor", "told_minor").rows() == [(-500, -499), (500, 0)]


def test_a_date_that_is_run_again_is_the_same(connection: psycopg.Connection) -> None:
    of = owed(MONDAY, *THREE)
    first, again = cycle(connection, of, MONDAY), cycle(connection, of, MONDAY)
    assert first.acceptances.equals(again.acceptances)
    assert first.windows.equals(again.windows)
    assert first.instructions.equals(again.instructions)


def test_what_is_not_covered_keeps_its_window_open_until_it_is(connection: psycopg.Connection) -> None:
    books = operator_book(connection, scheme_on("east-africa", MONDAY))
    operate(connection, books, opened_on=MONDAY)
    join(connection, books, participant_id="UG-B01", opened_on=MONDAY)
    give = {"participant_id": "UG-B01", "currency": "KES"}
    set_cover(connection, books, **give, cover=Cover(100), reason="on watch")
    # In its second window it owes 650 and was paid 500 in the first.
    debts = (("KE-B01", "UG-B01", 500, 6), ("UG-B01", "TZ-B01", 650, 8), ("KE-B01", "TZ-B01", 70, 15))
    of = owed(MONDAY, *debts)
    done = cycle(connection, of, MONDAY)
    told = done.acceptances.sort("version")["result"].to_list()
    assert told == ["accepted", "exceeds_cover", "window_not_open"]
    assert states(connection, MONDAY) == {"east-africa-1": "instructed", "east-africa-2": "open"}
    set_cover(connection, books, **give, cover=Cover(1_000), reason="more collateral")
    done = cycle(connection, of, MONDAY)
    assert done.acceptances["result"].to_list() == ["accepted"] * 3
    assert states(connection, MONDAY)["east-africa-4"] == "instructed"


def test_an_instruction_is_final_when_all_of_its_legs_are(connection: psycopg.Connection) -> None:
    of = owed(MONDAY, ("KE-B01", "UG-B01", 500, 6), ("KE-B01", "TZ-B01", 200, 6))
    cycle(connection, of, MONDAY)
    books = operator_book(connection, scheme_on("east-africa", MONDAY))
    legs = sent(settlement_transfers(net_positions(of.obligations)[1], business_date=MONDAY))
    evening = datetime(2026, 3, 2, 16, tzinfo=UTC)
    one = answered(legs.head(1), rejected=pl.lit(False), at=evening)
    assert take_answers(connection, books, verdicts(leg_answers(legs, one))) == []
    known = finality_rows(connection, books, day=MONDAY)
    # The largest creditor's only leg is settled; its debtor waits for the other one.
    assert dict(known.select("participant_id", "state").iter_rows()) == {
        "KE-B01": "instructed",
        "UG-B01": "confirmed",
        "TZ-B01": "instructed",
    }
    both = answered(legs, rejected=pl.lit(False), at=evening)
    take_answers(connection, books, verdicts(leg_answers(legs, both)))
    known = finality_rows(connection, books, day=MONDAY)
    assert known["state"].unique().to_list() == ["confirmed"]
    assert set(known["at"]) == {evening}
    assert states(connection, MONDAY)["east-africa-1"] == "settled"
    assert [found for book in verify(connection) for found in book.differences] == []


def test_a_rejected_leg_is_sent_again_alone_and_then_both_sides_are_final(
    connection: psycopg.Connection,
) -> None:
    of = owed(MONDAY, ("KE-B01", "UG-B01", 500, 6), ("KE-B01", "TZ-B01", 200, 6))
    cycle(connection, of, MONDAY)
    books = operator_book(connection, scheme_on("east-africa", MONDAY))
    legs = sent(settlement_transfers(net_positions(of.obligations)[1], business_date=MONDAY))
    refused = pl.col("creditor_agent") == "TZ-B01"
    said = answered(legs, rejected=refused, at=datetime(2026, 3, 2, 16, tzinfo=UTC))
    known = leg_answers(legs, said)
    take_answers(connection, books, verdicts(known))
    rows = finality_rows(connection, books, day=MONDAY).sort("participant_id")
    assert rows.select("participant_id", "state", "code").rows() == [
        ("KE-B01", "rejected", "AM04"),
        ("TZ-B01", "rejected", "AM04"),
        ("UG-B01", "confirmed", None),
    ]
    assert rows["reason"][0] == "1 of 2 legs rejected: not enough money"

    done = cycle(connection, owed(TUESDAY), TUESDAY)
    assert done.instructions.select("participant_id", "attempt").sort("participant_id").rows() == [
        ("KE-B01", 2),
        ("TZ-B01", 2),
    ]
    again = legs_to_send_again(known, done.instructions, day=TUESDAY)
    assert again.select("window_date", "creditor_id", "amount_minor").rows() == [(MONDAY, "TZ-B01", 200)]
    repeated = sent(repeated_transfers(again, business_date=TUESDAY))
    assert not set(repeated["message_id"]) & set(legs["message_id"])
    # Before anybody answers, the old rejection says nothing of the new attempt.
    all_legs = pl.concat([legs, repeated])
    take_answers(connection, books, verdicts(known))
    assert take_answers(connection, books, verdicts(leg_answers(all_legs, said))) == []
    settled = answered(repeated, rejected=pl.lit(False), at=datetime(2026, 3, 3, 16, tzinfo=UTC))
    take_answers(connection, books, verdicts(leg_answers(all_legs, pl.concat([said, settled]))))
    rows = finality_rows(connection, books, day=TUESDAY)
    assert rows.select("participant_id", "state").sort("participant_id").rows() == [
        ("KE-B01", "confirmed"),
        ("TZ-B01", "confirmed"),
    ]
    assert states(connection, MONDAY)["east-africa-1"] == "settled"


def test_a_payment_that_comes_back_is_another_obligation(connection: psycopg.Connection) -> None:
    cycle(connection, owed(MONDAY, ("KE-B01", "UG-B01", 500, 6)), MONDAY)
    back = cycle(connection, owed(TUESDAY, ("UG-B01", "KE-B01", 500, 6)), TUESDAY)
    assert back.acceptances["result"].to_list() == ["accepted"]
    assert signed(back) == {("east-africa-1", "KE-B01"): 500, ("east-africa-1", "UG-B01"): -500}


def test_dates_without_business_close_their_windows_behind_the_next(
    connection: psycopg.Connection,
) -> None:
    cycle(connection, owed(MONDAY, *THREE), MONDAY)
    friday = MONDAY + timedelta(days=4)
    done = cycle(connection, owed(friday, *THREE), friday)
    assert done.acceptances["result"].to_list() == ["accepted"] * 3
    assert set(states(connection, TUESDAY).values()) == {WindowState.SETTLED}


def test_a_currency_without_a_home_scheme_is_left_to_others(connection: psycopg.Connection) -> None:
    done = cycle(connection, owed(MONDAY, *THREE, currency="CZK"), MONDAY)
    assert done.acceptances.is_empty()
    assert done.windows.is_empty()


def test_a_date_before_one_that_was_settled_stays_as_it_was_written(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    tables = (SETTLEMENT_WINDOWS, SETTLEMENT_FINALITY)
    assert not settled_beyond(lake, [MONDAY, TUESDAY])
    assert all(lake.has(table, MONDAY) and not lake.has(table, TUESDAY) for table in tables)
    lake.write(SETTLEMENT_WINDOWS, TUESDAY, SETTLEMENT_WINDOWS.empty())
    assert settled_beyond(lake, [MONDAY])
    assert not settled_beyond(lake, [TUESDAY])
