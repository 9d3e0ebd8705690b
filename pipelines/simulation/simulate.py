"""The entry point: a seeded pan-African economy, written as a source of the platform would deliver it.

Input goes to one folder and the planted truth to another, so that nothing that is measured against
the truth can read it by mistake.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipelines.simulation.camt053 import Entry, Nostro, camt053
from pipelines.simulation.credit import write_credit_history
from pipelines.simulation.economy import load_economy
from pipelines.simulation.holdings import Role
from pipelines.simulation.play import Play, PlayedDay
from pipelines.simulation.population import Population, populate
from pipelines.simulation.rendering import accounts_csv, instructions_csv, participants_csv, rates_csv
from pipelines.simulation.truth import borrower_truth, break_truth, shortfall_truth, typology_truth
from pipelines.simulation.typologies import instances_of_each, plan_instances

ENTRY_FIELDS = [field.name for field in fields(Entry)]
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
    `statement_breaks` planted differences, `borrowers` accounts with a loan in the books, `loans`
    rows of the credit history with an outcome.
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
    borrowers: int
    loans: int


def simulate(
    *, out: Path, truth: Path, seed: int, first_date: date, days: int, customers: int
) -> SimulationSummary:
    """Write `days` consecutive calendar days of an economy of `customers` holders.

    Same arguments, same bytes, on any machine. `out` receives `participants.csv`, `accounts.csv`,
    `rates.csv`, `instructions/<date>.csv`, `statements/<date>/<participant>_<partner>_<currency>.xml`
    and `credit/`; `truth` receives `aml_typologies.csv`, `statement_breaks.csv`,
    `insufficient_funds.csv`, `borrowers.csv` and `credit_probabilities.csv`. Retail rails run on
    every day of the week, so every calendar day is a business date here.

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
    dates = [first_date + timedelta(days=n) for n in range(days)]
    play = Play(
        economy=economy,
        population=population,
        instances=plan_instances(accounts=population.accounts, days=days, each=each),
        seed=seed,
        dates=dates,
    )
    _write(out / "participants.csv", participants_csv(population))
    _write(out / "accounts.csv", accounts_csv(population))
    _write(out / "rates.csv", rates_csv(economy.currencies))
    written, statements, plans, breaks = 0, 0, [], []
    lent = play.earlier_loans
    for played in play.days():
        _write(out / "instructions" / f"{played.day}.csv", instructions_csv(played.payments))
        statements += _write_statements(out / "statements" / str(played.day), population, played)
        written += played.payments.height
        plans.append(played.plans)
        breaks.append(played.breaks)
        lent = played.loans
    borrowers = borrower_truth(
        lent, probability_ppm=play.default_ppm, accounts=population.accounts, on=dates[-1]
    )
    _write(truth / "borrowers.csv", borrowers.write_csv().encode())
    planted = _write_truth(truth, population, pl.concat(plans), pl.concat(breaks))
    loans = write_credit_history(
        out=out / "credit", truth=truth, seed=seed, before=first_date, economy=economy
    )
    return SimulationSummary(
        first_date=first_date,
        days=days,
        participants=population.participants.height,
        accounts=population.accounts.filter(pl.col("role") != Role.NOSTRO).height,
        instructions=written,
        statements=statements,
        borrowers=borrowers.height,
        loans=loans,
        **planted,
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


def _write_statements(folder: Path, population: Population, played: PlayedDay) -> int:
    """One file a nostro, and no other of an earlier run; returns how many."""
    for old in folder.glob("*.xml"):
        old.unlink()
    bics = dict(population.participants.select("participant_id", "bic").iter_rows())
    entries = played.stated.entries.partition_by("nostro", as_dict=True, maintain_order=True)
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
        rows = () if own is None else own.select(ENTRY_FIELDS).iter_rows(named=True)
        statement = camt053(
            nostro=nostro,
            day=played.day,
            opening_minor=int(played.stated_opening[row["index"]]),
            entries=(Entry(**entry) for entry in rows),
        )
        name = f"{nostro.participant_id}_{nostro.partner_id}_{nostro.currency}.xml"
        _write(folder / name, statement)
    return nostros.height


def _write_truth(
    truth: Path, population: Population, plans: pl.DataFrame, breaks: pl.DataFrame
) -> dict[str, int]:
    """Write what was planted; returns the counts of the summary."""
    tables = {
        "aml_typologies": typology_truth(plans, population.accounts),
        "insufficient_funds": shortfall_truth(plans, population.accounts),
        "statement_breaks": break_truth(breaks, population.accounts),
    }
    for name, table in tables.items():
        _write(truth / f"{name}.csv", table.write_csv().encode())
    return {
        "typologies": tables["aml_typologies"].height,
        "shortfalls": tables["insufficient_funds"].height,
        "statement_breaks": tables["statement_breaks"].height,
    }
