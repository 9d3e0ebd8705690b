"""Instructions of the operators' books beside the files to the banks: are they the same, are they done?

Belongs here: the proof that instructions are the net positions, and one verdict an instruction from the
answers to its legs. A leg serves two instructions,
what its debtor pays in and what its creditor is paid out; each is final when all of its legs are.
"""

from datetime import date
from enum import StrEnum
from typing import Final

import polars as pl

SETTLED: Final = ["ACSC", "ACCC", "ACWC"]
"""ISO 20022 statuses after which money has moved: settlement completed, credited, with a change."""
REJECTED: Final = "RJCT"

LEG: Final = ["net_ref", "creditor_agent"]
"""What names a leg, however often it is sent."""

VERDICTS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "net_ref": pl.String,
    "verdict": pl.String,  # a `Verdict`
    "at": pl.Datetime("us", "UTC"),  # when the last answer came
    "reference": pl.String,  # transaction ref of the leg that was answered last
    "code": pl.String,  # of a rejection
    "reason": pl.String,
}


class Verdict(StrEnum):
    """What all answers to an instruction's legs amount to."""

    CONFIRMED = "confirmed"
    """Every leg is settled."""
    REJECTED = "rejected"
    """Every leg is answered, and at least one was rejected."""


def leg_answers(transactions: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Each leg as it was sent last, with the status that it got: null while there is none.

    Takes SETTLEMENT_TRANSACTIONS and BANK_ANSWERS of any dates; returns the columns of the former with
    status, reason_code, reason_text and received_at.
    """
    legs = (
        transactions.filter(pl.col("net_ref").is_not_null())
        .sort("business_date", "message_id", "transaction_id")
        .unique(LEG, keep="last", maintain_order=True)
    )
    said = (
        answers.filter(kind="status")
        .sort("received_at", "business_date")
        .unique(["message_id", "transaction_id"], keep="last", maintain_order=True)
        .select("message_id", "transaction_id", "status", "reason_code", "reason_text", "received_at")
    )
    return legs.join(said, on=["message_id", "transaction_id"], how="left", maintain_order="left")


def verdicts(legs: pl.DataFrame) -> pl.DataFrame:
    """`VERDICTS` of the net positions whose legs are all answered, from `leg_answers`; by net_ref."""
    sides = pl.concat([legs, legs.with_columns(net_ref=_creditor_ref())])
    rejected = pl.col("status") == REJECTED
    settled = pl.col("status").is_in(SETTLED)
    last = pl.col("received_at") == pl.col("received_at").max()
    return (
        sides.sort("net_ref", "ref")
        .group_by("net_ref", maintain_order=True)
        .agg(
            answered=(settled | rejected).fill_null(value=False).all(),
            legs=pl.len(),
            refused=rejected.sum(),
            at=pl.col("received_at").max(),
            reference=pl.col("ref").filter(last).last(),
            code=pl.col("reason_code").fill_null(REJECTED).filter(rejected).first(),
            words=pl.col("reason_text").filter(rejected).drop_nulls().first(),
        )
        .filter("answered")
        .with_columns(
            verdict=pl.when(pl.col("refused") > 0)
            .then(pl.lit(Verdict.REJECTED.value))
            .otherwise(pl.lit(Verdict.CONFIRMED.value)),
            reason=pl.when(pl.col("refused") > 0).then(
                pl.concat_str(
                    pl.format("{} of {} legs rejected", "refused", "legs"),
                    pl.col("words"),
                    separator=": ",
                    ignore_nulls=True,
                )
            ),
        )
        .select(pl.col(name).cast(kind) for name, kind in VERDICTS.items())
    )


def legs_to_send_again(legs: pl.DataFrame, instructions: pl.DataFrame, *, day: date) -> pl.DataFrame:
    """Rejected legs of instructions of earlier windows that are tried again on a date.

    Takes `leg_answers` as known before the date, and SETTLEMENT_INSTRUCTIONS of it. Returns window_date,
    window_id, currency, debtor_id, creditor_id, amount_minor, net_ref.
    """
    again = instructions.filter(pl.col("window_date") < day)["net_ref"].implode()
    parts = pl.col("net_ref").str.split(":")
    tried = pl.col("net_ref").is_in(again) | _creditor_ref().is_in(again)
    return legs.filter((pl.col("status") == REJECTED) & tried).select(
        parts.list.get(1).str.to_date().alias("window_date"),
        parts.list.get(2).alias("window_id"),
        "currency",
        "amount_minor",
        "net_ref",
        debtor_id="debtor_agent",
        creditor_id="creditor_agent",
    )


def _creditor_ref() -> pl.Expr:
    """Ref of the net position that a leg pays out to."""
    return pl.col("net_ref").str.replace("[^:]*$", "") + pl.col("creditor_agent")


def instruction_differences(
    *, net_positions: pl.DataFrame, windows: pl.DataFrame, instructions: pl.DataFrame
) -> pl.DataFrame:
    """Net positions that the instructions of their window do not carry: ref, net_minor, told_minor.

    Takes NET_POSITIONS, SETTLEMENT_WINDOWS and SETTLEMENT_INSTRUCTIONS of the same dates. Windows that
    are open, or were recast, are passed over: there the operator's book has its own reason to differ.
    """
    cycle = ["business_date", "window_id"]
    closed = windows.filter(pl.col("closed_at").is_not_null() & (pl.col("run") == 1)).select(cycle)
    named = {"window_date": "business_date", "net_ref": "ref"}
    amount = pl.when(direction="pay_out").then("amount_minor").otherwise(-pl.col("amount_minor"))
    told = (
        instructions.select("window_date", "window_id", "net_ref", told_minor=amount)
        .rename(named)
        .join(closed, on=cycle, how="semi")
    )
    expected = net_positions.join(closed, on=cycle, how="semi").select(*cycle, "ref", "net_minor")
    both = expected.join(told, on=[*cycle, "ref"], how="full", coalesce=True).with_columns(
        pl.col("net_minor", "told_minor").fill_null(0)
    )
    return both.filter(pl.col("net_minor") != pl.col("told_minor")).sort("ref")
