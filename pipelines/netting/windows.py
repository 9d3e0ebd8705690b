"""Settlement windows: which netting cycle an obligation belongs to.

Belongs here: reading and checking `windows.yaml`, and the expression that assigns a window. The
cut-offs themselves are data in that file.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipelines.lake.ledger_tables import TIMESTAMP

WINDOWS_FILE = Path(__file__).with_name("windows.yaml")

_WINDOW_ID = re.compile(r"[a-z0-9-]{1,35}")
_CLOSES_AT = re.compile(r"(\d{2}):([0-5]\d)")


class InvalidWindows(ValueError):
    """The windows file says something that cannot hold; carries the file's place and the reason."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"settlement windows, {place}: {reason}")


class NoWindowSchedule(LookupError):
    """A business date lies before the first schedule of the windows file."""

    def __init__(self, business_date: date) -> None:
        self.business_date = business_date
        super().__init__(f"no settlement windows are valid on {business_date}")


@dataclass(frozen=True, slots=True)
class Window:
    """One netting cycle; `closes_after` counts from 00:00 UTC of the business date."""

    window_id: str
    closes_after: timedelta


@dataclass(frozen=True, slots=True)
class Scheme:
    """The windows of a group of currencies, in order of their cut-offs."""

    scheme_id: str
    title: str
    currencies: frozenset[str]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """All schemes as they are valid from a business date on."""

    valid_from: date
    default: Scheme
    schemes: tuple[Scheme, ...]

    def window_id(self, business_date: date) -> pl.Expr:
        """The window of each row: an expression over the columns `currency` and `booked_at`.

        Total by construction: a currency of no scheme has the default one, and what is booked after
        the last cut-off belongs to the last window.
        """
        expression = _window_of(self.default, business_date)
        for scheme in self.schemes:
            expression = (
                pl.when(pl.col("currency").is_in(sorted(scheme.currencies)))
                .then(_window_of(scheme, business_date))
                .otherwise(expression)
            )
        return expression.alias("window_id")


def _window_of(scheme: Scheme, business_date: date) -> pl.Expr:
    midnight = datetime.combine(business_date, time(), tzinfo=UTC)
    expression = pl.lit(scheme.windows[-1].window_id)
    for window in reversed(scheme.windows[:-1]):
        cut_off = pl.lit(midnight + window.closes_after, dtype=TIMESTAMP)
        expression = (
            pl.when(pl.col("booked_at") < cut_off).then(pl.lit(window.window_id)).otherwise(expression)
        )
    return expression


@cache
def read_schedules(path: Path = WINDOWS_FILE) -> tuple[Schedule, ...]:
    """Every schedule of a windows file, by `valid_from`; raises `InvalidWindows`."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    schedules = tuple(_schedule(entry) for entry in document["schedules"])
    if any(earlier.valid_from >= later.valid_from for earlier, later in pairwise(schedules)):
        raise InvalidWindows("schedules", "valid_from must ascend")
    return schedules


def schedule_on(business_date: date, schedules: Iterable[Schedule] | None = None) -> Schedule:
    """The schedule valid on a business date; raises `NoWindowSchedule`."""
    known = read_schedules() if schedules is None else schedules
    valid = [schedule for schedule in known if schedule.valid_from <= business_date]
    if not valid:
        raise NoWindowSchedule(business_date)
    return valid[-1]


def _schedule(entry: Mapping[str, Any]) -> Schedule:
    schedule = Schedule(
        valid_from=entry["valid_from"],
        default=_scheme(entry["default"]),
        schemes=tuple(_scheme(scheme) for scheme in entry["schemes"]),
    )
    place = f"schedule of {schedule.valid_from}"
    if schedule.default.currencies:
        raise InvalidWindows(place, "the default scheme takes every other currency and lists none")
    _refuse_repeats(
        place, "currency", (currency for scheme in schedule.schemes for currency in scheme.currencies)
    )
    schemes = (schedule.default, *schedule.schemes)
    _refuse_repeats(place, "window", (w.window_id for scheme in schemes for w in scheme.windows))
    return schedule


def _scheme(entry: Mapping[str, Any]) -> Scheme:
    place = f"scheme {entry['id']}"
    windows = tuple(_window(place, window) for window in entry["windows"])
    if not windows:
        raise InvalidWindows(place, "has no window")
    if any(a.closes_after >= b.closes_after for a, b in pairwise(windows)):
        raise InvalidWindows(place, "cut-offs must ascend")
    currencies = entry.get("currencies", [])
    _refuse_repeats(place, "currency", currencies)
    return Scheme(
        scheme_id=entry["id"],
        title=entry["title"],
        currencies=frozenset(currencies),
        windows=windows,
    )


def _window(place: str, entry: Mapping[str, Any]) -> Window:
    if not _WINDOW_ID.fullmatch(entry["id"]):
        raise InvalidWindows(place, f"window id {entry['id']!r} is not letters, digits and hyphens")
    closes_at = _CLOSES_AT.fullmatch(str(entry["closes_at"]))
    if closes_at is None:
        raise InvalidWindows(place, f"closes_at {entry['closes_at']!r} is not HH:MM in quotes")
    hours, minutes = (int(part) for part in closes_at.groups())
    return Window(entry["id"], timedelta(hours=hours, minutes=minutes))


def _refuse_repeats(place: str, what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InvalidWindows(place, f"{what} {value} occurs twice")
        seen.add(value)
