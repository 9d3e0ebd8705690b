"""The settlement cycle of a business date: obligations into windows, windows closed and instructed.

Belongs here: the order of the steps, for each home scheme in its operator's book. Each step is one
transaction of `ledger_service.payments.settlement` and may be run again, so a date that was interrupted
anywhere goes on from there.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

import polars as pl
import psycopg

from ledger_service.payments.settlement.acceptance import RESULT_SCHEMA, Acceptance, accept
from ledger_service.payments.settlement.instruction_log import (
    Instruction,
    InstructionState,
    instructions,
)
from ledger_service.payments.settlement.instructions import instruct, retry_due
from ledger_service.payments.settlement.participants import join
from ledger_service.payments.settlement.positions import NetPosition
from ledger_service.payments.settlement.recast import exclusions
from ledger_service.payments.settlement.scheme_book import (
    SchemeBook,
    known_operator_book,
    operate,
    operator_book,
)
from ledger_service.payments.settlement.window_obligations import flows_of, obligations_of
from ledger_service.payments.settlement.windows import (
    Window,
    WindowState,
    close,
    current,
    open_first,
    windows,
)
from ledger_service.reference.schemes import home_schemes
from ledger_service.runtime.identifiers import derived_id
from pipelines.netting.positions import net_flows
from pipelines.settlement.tables import (
    SETTLEMENT_ACCEPTANCES,
    SETTLEMENT_FINALITY,
    SETTLEMENT_INSTRUCTIONS,
    SETTLEMENT_WINDOWS,
)

ENTRY: Final = ["book_id", "account_id", "version"]
"""Key of an obligation: the clearing entry that it is."""
TAKEN: Final = [Acceptance.ACCEPTED.value, Acceptance.EXISTS.value]
"""Answers to an obligation that is in its window."""
GIVEN_BACK: Final = "given_back"
"""Instead of an answer: it was accepted, and a recast took it out again."""
IN_A_WINDOW: Final = [*TAKEN, GIVEN_BACK]
"""Results of SETTLEMENT_ACCEPTANCES that ask nothing of anybody."""

_TO_INSTRUCT: Final = frozenset({WindowState.CLOSED, WindowState.NETTED, WindowState.RECAST})


@dataclass(frozen=True, slots=True)
class CycleDone:
    """What the cycle of a date did; `SETTLEMENT_*` are the tables of those names."""

    acceptances: pl.DataFrame
    """SETTLEMENT_ACCEPTANCES."""
    windows: pl.DataFrame
    """SETTLEMENT_WINDOWS."""
    instructions: pl.DataFrame
    """SETTLEMENT_INSTRUCTIONS."""


def run_cycle(
    connection: psycopg.Connection, *, obligations: pl.DataFrame, entries: pl.DataFrame, day: date
) -> CycleDone:
    """Settle the obligations of a date (OBLIGATIONS) in the home schemes of their currencies.

    `entries` (ENTRIES of the date) say when each was booked. Where an obligation is refused, its window
    and those behind it stay open: mend the reason, and run the date again. A scheme that nothing
    was ever owed in is left alone; obligations without a home scheme are not among the acceptances.
    """
    booked = _identified(obligations, entries)
    done = [
        _cycle_of(connection, operator_book(connection, scheme), owed, day=day)
        for scheme in home_schemes(day)
        if (owed := booked.filter(pl.col("currency").is_in(scheme.currencies))).height
        or known_operator_book(connection, scheme)
    ]
    return CycleDone(
        acceptances=SETTLEMENT_ACCEPTANCES.conform(
            pl.concat([SETTLEMENT_ACCEPTANCES.empty(), *(each.acceptances for each in done)])
        ),
        windows=SETTLEMENT_WINDOWS.conform(
            pl.concat([SETTLEMENT_WINDOWS.empty(), *(each.windows for each in done)])
        ),
        instructions=SETTLEMENT_INSTRUCTIONS.conform(
            pl.concat([SETTLEMENT_INSTRUCTIONS.empty(), *(each.instructions for each in done)])
        ),
    )


def instruct_window(
    connection: psycopg.Connection, books: SchemeBook, window: Window, *, at: datetime
) -> None:
    """Net a closed or recast window from the operator's book, and instruct its agent; idempotent."""
    nets = net_flows(flows_of(connection, books, window))[1].select(
        "participant_id", "currency", "net_minor"
    )
    positions = [NetPosition(*row) for row in nets.iter_rows()]
    instruct(connection, books, number=window.number, positions=positions, at=at)


def instruction_rows(connection: psycopg.Connection, books: SchemeBook, *, day: date) -> pl.DataFrame:
    """SETTLEMENT_FINALITY of every instruction of a scheme as it is now, dated `day`."""
    of_number = {window.number: window for window in windows(connection, books)}
    found = instructions(connection, books)
    rows = [_instruction_row(books, one, of_number[one.window_number], day) for one in found]
    return pl.DataFrame(rows, schema=SETTLEMENT_FINALITY.schema, orient="row")


def _identified(obligations: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Obligations with `booked_at` and an id of their own, in the order in which they were booked.

    The payment is no id: what comes back later is another obligation of the same payment.
    """
    known = obligations.join(
        entries.select(*ENTRY, "booked_at"), on=ENTRY, how="left", maintain_order="left"
    ).sort("booked_at", *ENTRY)
    ids = [derived_id(at, "obligation", *key) for at, *key in known.select("booked_at", *ENTRY).rows()]
    return known.with_columns(obligation_id=pl.Series(ids, dtype=pl.String))


def _cycle_of(
    connection: psycopg.Connection, books: SchemeBook, owed: pl.DataFrame, *, day: date
) -> CycleDone:
    _admit(connection, books, owed, day=day)
    retry_due(connection, books, at=_midnight(day))
    refused = _accept_and_close(connection, books, owed, day=day)
    _instruct_closed(connection, books, day=day)
    rows = instruction_rows(connection, books, day=day)
    answers, of_windows = [refused], list[dict[str, object]]()
    for window in windows(connection, books, business_date=day):
        inside = obligations_of(connection, books, window)
        given_back = exclusions(connection, books, number=window.number)
        answers.append(_answers(inside, Acceptance.ACCEPTED.value, pl.lit(None, pl.String)))
        answers.append(_answers(given_back, GIVEN_BACK, pl.col("reason")))
        told = rows.filter(window_number=window.number, run=window.run).height
        of_windows.append(_window_row(books, window, inside.height, told))
    return CycleDone(
        acceptances=_acceptances(books, owed, pl.concat(answers)),
        windows=pl.DataFrame(of_windows, schema=SETTLEMENT_WINDOWS.schema, orient="row"),
        instructions=rows.filter(_told_on(day)).select(list(SETTLEMENT_INSTRUCTIONS.schema)),
    )


def _admit(connection: psycopg.Connection, books: SchemeBook, owed: pl.DataFrame, *, day: date) -> None:
    """Open what the scheme needs, and positions for who owes or is owed."""
    operate(connection, books, opened_on=day)
    parties = pl.concat([owed["debtor_id"], owed["creditor_id"]]).unique().sort()
    for participant_id in parties:
        join(connection, books, participant_id=participant_id, opened_on=day)


def _accept_and_close(
    connection: psycopg.Connection, books: SchemeBook, owed: pl.DataFrame, *, day: date
) -> pl.DataFrame:
    """Accept window by window and close each at its cut-off, until one has a refusal: these answers."""
    open_first(connection, books, business_date=day, at=_midnight(day))
    while (window := current(connection, books)) and window.business_date <= day:
        closes_at = books.scheme.closes_at(window.window_id, window.business_date) or window.opened_at
        if window.business_date == day:
            answers = _accept(connection, books, owed.filter(window_id=window.window_id), at=closes_at)
            refused = answers.filter(~pl.col("result").is_in(TAKEN))
            if refused.height:
                return refused
        close(connection, books, number=window.number, at=closes_at)
    return pl.DataFrame(schema=RESULT_SCHEMA)


def _accept(
    connection: psycopg.Connection, books: SchemeBook, owed: pl.DataFrame, *, at: datetime
) -> pl.DataFrame:
    batch = owed.select(
        "debtor_id",
        "creditor_id",
        "currency",
        "amount_minor",
        payment_id="obligation_id",
        event_at="booked_at",
        pvp_partner_id=pl.lit(None, pl.String),
    )
    return accept(connection, books, batch, at=at)


def _instruct_closed(connection: psycopg.Connection, books: SchemeBook, *, day: date) -> None:
    for window in windows(connection, books):
        if window.business_date <= day and window.state in _TO_INSTRUCT:
            at = window.closed_at or window.opened_at
            instruct_window(connection, books, window, at=at)


def _answers(rows: pl.DataFrame, result: str, code: pl.Expr) -> pl.DataFrame:
    return rows.select("payment_id", result=pl.lit(result), code=code)


def _acceptances(books: SchemeBook, owed: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """SETTLEMENT_ACCEPTANCES: what no window has, and nobody refused, came when none was open."""
    named = owed.join(
        answers, left_on="obligation_id", right_on="payment_id", how="left", maintain_order="left"
    )
    return named.select(
        *("business_date", *ENTRY),
        pl.lit(books.scheme.id).alias("scheme_id"),
        pl.lit(books.book_id, pl.Int32).alias("operator_book_id"),
        *("window_id", "obligation_id"),
        pl.col("result").fill_null(Acceptance.WINDOW_NOT_OPEN.value),
        "code",
    )


def _window_row(books: SchemeBook, window: Window, obligations: int, told: int) -> dict[str, object]:
    """A row of SETTLEMENT_WINDOWS."""
    named = ("business_date", "window_id", "run", "opened_at", "closed_at", "event_from", "event_to")
    return {name: getattr(window, name) for name in named} | {
        "scheme_id": books.scheme.id,
        "operator_book_id": books.book_id,
        "window_number": window.number,
        "obligations": obligations,
        "instructions": told,
    }


def _instruction_row(
    books: SchemeBook, one: Instruction, window: Window, day: date
) -> dict[str, object]:
    """A row of SETTLEMENT_FINALITY."""
    named = set(SETTLEMENT_FINALITY.schema) & set(Instruction.__slots__)
    net = ("net", window.business_date, window.window_id, one.currency, one.participant_id)
    return {name: getattr(one, name) for name in named} | {
        "business_date": day,
        "scheme_id": books.scheme.id,
        "operator_book_id": books.book_id,
        "window_date": window.business_date,
        "window_id": window.window_id,
        "net_ref": ":".join(str(part) for part in net),
    }


def _told_on(day: date) -> pl.Expr:
    """Instructions of the date's windows, and earlier ones that are under way again on the date."""
    again = (pl.col("attempt") > 1) & (
        (pl.col("state") == InstructionState.INSTRUCTED.value) | (pl.col("at") >= _midnight(day))
    )
    return (pl.col("state") != InstructionState.WITHDRAWN.value) & (
        (pl.col("window_date") == day) | ((pl.col("window_date") < day) & again)
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
