"""Business calendars: which days a country's banks work, and when an instruction belongs to the next.

Weekends, time zones and cut-offs are our own table (`business_calendars.csv`; ISO weekdays, Monday 1),
because the public calendars know a country's Sunday but not its banks' Friday; public holidays come
from the library `holidays`, which covers all 54 African states. Holidays that follow a sighting of the
moon are estimates there until they are announced.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

CALENDARS_FILE = Path(__file__).with_name("business_calendars.csv")
LONGEST_CLOSURE_DAYS = 31


class UnknownCalendar(LookupError):
    """No business calendar is kept for the country."""

    def __init__(self, country: str) -> None:
        self.country = country
        super().__init__(
            f"no business calendar is kept for {country!r}: add it to {CALENDARS_FILE.name}"
        )


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """When the banks of a country work. `cut_off` is local time: from it on, the next day counts."""

    country: str
    time_zone: ZoneInfo
    weekend: frozenset[int]
    cut_off: time

    def is_business_day(self, day: date) -> bool:
        """Neither weekend nor public holiday."""
        return day.isoweekday() not in self.weekend and day not in _holidays(self.country, day.year)

    def next_business_day(self, day: date) -> date:
        """The first business day after `day`."""
        candidates = (day + timedelta(days=n) for n in range(1, LONGEST_CLOSURE_DAYS + 1))
        return next(candidate for candidate in candidates if self.is_business_day(candidate))

    def business_date(self, instant: datetime) -> date:
        """The business date of an instruction received at `instant` (with an offset)."""
        local = instant.astimezone(self.time_zone)
        if local.time() < self.cut_off and self.is_business_day(local.date()):
            return local.date()
        return self.next_business_day(local.date())


@cache
def business_calendar(country: str) -> BusinessCalendar:
    """The calendar of a country (ISO 3166-1 alpha-2); raises `UnknownCalendar`."""
    rows = pl.read_csv(CALENDARS_FILE, infer_schema=False).filter(pl.col("country") == country)
    if rows.is_empty():
        raise UnknownCalendar(country)
    found = rows.row(0, named=True)
    return BusinessCalendar(
        country=country,
        time_zone=ZoneInfo(found["time_zone"]),
        weekend=frozenset(int(day) for day in found["weekend_iso_days"].split()),
        cut_off=time.fromisoformat(found["cut_off"]),
    )


@cache
def _holidays(country: str, year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.country_holidays(country, years=year))
