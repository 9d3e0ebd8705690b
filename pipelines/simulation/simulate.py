"""The entry point: a seeded pan-African economy, written as a source of the platform would deliver it.

Input goes to one folder and the planted truth to another, so that nothing that is measured against
the truth can read it by mistake.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipelines.simulation.activity import Market, background
from pipelines.simulation.camt053 import Entry, Nostro, camt053
from pipelines.simulation.coverage import INSUFFICIENT, keep_covered, plan_shortfalls, settle
from pipelines.simulation.credit import write_credit_history
from pipelines.simulation.draft import with_counter_amount, with_fees
from pipelines.simulation.draws import Ints
from pipelines.simulation.economy import Economy, load_economy
from pipelines.simulation.holdings import Role
from pipelines.simulation.population import Population, populate
from pipelines.simulation.rendering import (
    accounts_csv,
    instructions_csv,
    numbered,
    opening_balances,
    participants_csv,
    rates_csv,
)
from pipelines.simulation.statements import StatedDay, net_by_nostro, state_day
from pipelines.simulation.truth import break_truth, shortfall_truth, typology_truth
from pipelines.simulation.typologies import Instance, instances_of_each, plan_instances, planted

CUSTOMERS = range(200, 1_000_001)
DAYS = range(1, 367)


class InvalidSimulation(ValueError):
    """An argument is outside what the economy can be drawn for."""

    def __init__(self, *, argument: str, value: object, allowed: str) -> None:
        self.argument = argument
        self.value = value
        self.allowed = allowed
        super().__init__(f"{argument} is {value}, allowed: {allowed}")


class LeftoverFiles(FileExistsError):
    """The folder holds files of dates that were not asked for: two simulations would be mixed."""

    def __init__(self, folder: Path, dates: list[str]) -> None:
        self.folder = folder
        self.dates = dates
        super().__init__(f"{folder} already holds {', '.join(dates)}: empty it or choose another folder")


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written.

    `accounts` are customer accounts; `instructions` include opening balances and the refused
    ones; `typologies` are planted instances, `shortfalls` instructions that the ledger refuses,
    `statement_breaks` planted differences, `loans` rows of the credit history with an outcome.
    """

    first_date: date
    days: int
    participants: int
    accounts: int
    instructions: int
    statements: int
    typologies: int
    shortfalls: int
    statement_breaks: int
    loans: int


@dataclass(frozen=True, slots=True)
class _Day:
    """One simulated day: numbered payments, what the partners state, and their opening balances."""

    day: date
    payments: pl.DataFrame
    stated: StatedDay
    stated_opening: Ints


def simulate(
    *, out: Path, truth: Path, seed: int, first_date: date, days: int, customers: int
) -> SimulationSummary:
    """Write `days` consecutive calendar days of an economy of `customers` holders.

    Same arguments, same bytes, on any machine. `out` receives `participants.csv`, `accounts.csv`,
    `rates.csv`, `instructions/<date>.csv`, `statements/<date>/<participant>_<partner>_<currency>.xml`
    and `credit/`; `truth` receives `aml_typologies.csv`, `statement_breaks.csv`,
    `insufficient_funds.csv` and `credit_probabilities.csv`. Retail rails run on every day of the
    week, so every calendar day is a business date here.

    Raises `InvalidSimulation` for an argument out of range and `LeftoverFiles` when `out` holds
    other dates; files of the same dates are replaced.
    """
    _check(seed=seed, days=days, customers=customers)
    _check_folder(out, first_date=first_date, days=days)
    economy = load_economy()
    each = instances_of_each(customers=customers, days=days)
    population = populate(
        economy=economy,
        seed=seed,
        first_date=first_date,
        customers=customers,
        suspects=4 * each,
        sleepers=each,
    )
    instances = plan_instances(accounts=population.accounts, days=days, each=each)
    _write(out / "participants.csv", participants_csv(population))
    _write(out / "accounts.csv", accounts_csv(population))
    _write(out / "rates.csv", rates_csv(economy.currencies))
    written, planned, breaks, statements = 0, [], [], 0
    dates = [first_date + timedelta(days=n) for n in range(days)]
    for part in _days(economy, population, instances, seed, dates):
        _write(out / "instructions" / f"{part.day}.csv", instructions_csv(part.payments))
        statements += _write_statements(out / "statements" / str(part.day), population, part)
        written += part.payments.height
        planned.append(
            part.payments.filter(pl.col("plan").is_not_null()).with_columns(day=pl.lit(part.day))
        )
        breaks.append(part.stated.breaks.with_columns(business_date=pl.lit(part.day)))
    plans = pl.concat(planned)
    shortfalls = shortfall_truth(plans, population.accounts)
    found = typology_truth(plans, population.accounts)
    differences = break_truth(pl.concat(breaks), population.accounts)
    _write(truth / "aml_typologies.csv", found.write_csv().encode())
    _write(truth / "insufficient_funds.csv", shortfalls.write_csv().encode())
    _write(truth / "statement_breaks.csv", differences.write_csv().encode())
    return SimulationSummary(
        first_date=first_date,
        days=days,
        participants=population.participants.height,
        accounts=population.accounts.filter(pl.col("role") != Role.NOSTRO).height,
        instructions=written,
        statements=statements,
        typologies=found.height,
        shortfalls=shortfalls.height,
        statement_breaks=differences.height,
        loans=write_credit_history(
            out=out / "credit", truth=truth, seed=seed, before=first_date, economy=economy
        ),
    )


def _check(*, seed: int, days: int, customers: int) -> None:
    for argument, value, allowed in (("days", days, DAYS), ("customers", customers, CUSTOMERS)):
        if value not in allowed:
            raise InvalidSimulation(
                argument=argument, value=value, allowed=f"{allowed.start} to {allowed.stop - 1}"
            )
    if seed < 0:
        raise InvalidSimulation(argument="seed", value=seed, allowed="0 and above")


def _check_folder(out: Path, *, first_date: date, days: int) -> None:
    wanted = {str(first_date + timedelta(days=n)) for n in range(days)}
    found = {path.stem for path in (out / "instructions").glob("*.csv")}
    if others := sorted(found - wanted):
        raise LeftoverFiles(out, others)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _days(
    economy: Economy,
    population: Population,
    instances: list[Instance],
    seed: int,
    dates: list[date],
) -> Iterator[_Day]:
    """Play the days one after the other, each from the balances that the one before left."""
    accounts = population.accounts
    market = Market(economy, accounts)
    nostros = accounts.filter(role=Role.NOSTRO)
    balances = accounts["opening_minor"].to_numpy().copy()
    stated_balances = balances.copy()
    for day in dates:
        plan = planted(
            instances=instances,
            market=market,
            seed=seed,
            dates=dates,
            day=day,
            balances=balances,
        )
        wished = pl.concat([background(market=market, seed=seed, day=day, balances=balances), plan])
        kept = keep_covered(with_counter_amount(wished, accounts), accounts=accounts, balances=balances)
        booked = with_fees(kept)
        refused = plan_shortfalls(
            booked,
            market=market,
            seed=seed,
            day=day,
            balances=balances,
            count=max(3, accounts.height // 2000),
        )
        payments = pl.concat([booked, refused])
        if day == dates[0]:
            payments = pl.concat([opening_balances(population), payments], how="diagonal")
        else:
            payments = payments.with_columns(days_before=pl.lit(0, pl.Int64))
        lines = numbered(payments, population=population, seed=seed, day=day)
        sent = lines.filter((pl.col("plan") != INSUFFICIENT).fill_null(value=True))
        stated = state_day(sent, nostros=nostros, seed=seed, day=day)
        yield _Day(day, lines, stated, stated_balances)
        balances = settle(booked, accounts=accounts, balances=balances)
        stated_balances = stated_balances + net_by_nostro(stated.entries, len(balances))


def _write_statements(folder: Path, population: Population, part: _Day) -> int:
    """One file a nostro; returns how many."""
    bics = dict(population.participants.select("participant_id", "bic").iter_rows())
    entries = part.stated.entries.partition_by("nostro", as_dict=True, maintain_order=True)
    nostros = population.accounts.filter(role=Role.NOSTRO)
    for row in nostros.iter_rows(named=True):
        nostro = Nostro(
            participant_id=row["participant_id"],
            participant_bic=bics[row["participant_id"]],
            partner_id=row["partner_id"],
            partner_bic=bics[row["partner_id"]],
            account=row["account"],
            currency=row["currency"],
            exponent=row["exponent"],
            utc_offset_hours=row["utc_offset_hours"],
        )
        own = entries.get((row["index"],))
        fields = () if own is None else own.select(Entry.__slots__).iter_rows(named=True)
        statement = camt053(
            nostro=nostro,
            day=part.day,
            opening_minor=int(part.stated_opening[row["index"]]),
            entries=(Entry(**entry) for entry in fields),
        )
        name = f"{nostro.participant_id}_{nostro.partner_id}_{nostro.currency}.xml"
        _write(folder / name, statement)
    return nostros.height
