"""A simulated month's end, three days of a thousand customers, read back with nothing of ours."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pipelines.simulation.simulate import SimulationSummary, simulate

FIRST_DATE = date(2024, 5, 29)
DAYS = 3
CUSTOMERS = 1000
SEED = 11

Row = dict[str, str]


def rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Simulated:
    out: Path
    truth: Path
    summary: SimulationSummary
    participants: list[Row]
    accounts: list[Row]
    instructions: dict[str, list[Row]]  # by business date, in the file's order

    @property
    def all_instructions(self) -> list[Row]:
        return [row for day in sorted(self.instructions) for row in self.instructions[day]]

    def of_kind(self, *kinds: str) -> list[Row]:
        return [row for row in self.all_instructions if row["kind"] in kinds]

    @property
    def migrated_loans(self) -> list[Row]:
        """Disbursements and repayments before the first date."""
        rows = self.of_kind("loan_disbursement", "loan_repayment")
        return [row for row in rows if row["value_date"] < str(FIRST_DATE)]

    def true(self, name: str) -> list[Row]:
        return rows(self.truth / f"{name}.csv")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    root = tmp_path_factory.mktemp("simulated")
    out, truth = root / "input", root / "truth"
    summary = simulate(
        out=out, truth=truth, seed=SEED, first_date=FIRST_DATE, days=DAYS, customers=CUSTOMERS
    )
    return Simulated(
        out=out,
        truth=truth,
        summary=summary,
        participants=rows(out / "participants.csv"),
        accounts=rows(out / "accounts.csv"),
        instructions={path.stem: rows(path) for path in (out / "instructions").glob("*.csv")},
    )
