"""Settlement windows partition the obligations, and a wrong windows file is refused with its place."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake.ledger_tables import TIMESTAMP
from pipelines.netting.windows import (
    WINDOWS_FILE,
    InvalidWindows,
    NoWindowSchedule,
    read_schedules,
    schedule_on,
)

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)

ONE_SCHEME = """
schedules:
  - valid_from: {valid_from}
    default: {{id: rest, title: Rest, windows: [{{id: rest, closes_at: "24:00"}}]}}
    schemes:
      - {{id: one, title: One, currencies: {currencies}, windows: {windows}}}
"""


def write_windows(
    folder: Path,
    *,
    windows: str = '[{id: one-1, closes_at: "10:00"}]',
    currencies: str = "[KES]",
    valid_from: str = "2020-01-01",
) -> Path:
    path = folder / "windows.yaml"
    path.write_text(
        ONE_SCHEME.format(valid_from=valid_from, currencies=currencies, windows=windows),
        encoding="utf-8",
    )
    return path


def window_of(currency: str, booked_at: datetime) -> str:
    row = pl.DataFrame(
        {"currency": [currency], "booked_at": [booked_at]},
        schema={"currency": pl.String, "booked_at": TIMESTAMP},
    )
    return row.select(schedule_on(DAY).window_id(DAY)).item()


def test_a_cut_off_belongs_to_the_next_window() -> None:
    before = MIDNIGHT + timedelta(hours=7) - timedelta(microseconds=1)
    assert window_of("KES", before) == "east-africa-1"
    assert window_of("KES", MIDNIGHT + timedelta(hours=7)) == "east-africa-2"


def test_what_is_booked_after_the_last_cut_off_falls_into_the_last_window() -> None:
    assert window_of("NGN", MIDNIGHT + timedelta(days=3)) == "west-africa-4"


def test_what_was_booked_before_the_business_date_falls_into_the_first_window() -> None:
    assert window_of("NGN", MIDNIGHT - timedelta(days=2)) == "west-africa-1"


def test_a_currency_of_no_scheme_has_one_window_at_the_end_of_the_day() -> None:
    assert window_of("CZK", MIDNIGHT + timedelta(hours=3)) == "end-of-day"


@given(
    currency=st.sampled_from(["KES", "ETB", "ZAR", "NGN", "XOF", "EGP", "CZK", "USD"]),
    minutes=st.integers(-3000, 6000),
)
def test_every_booking_falls_into_exactly_the_window_that_its_cut_offs_enclose(
    currency: str, minutes: int
) -> None:
    schedule = schedule_on(DAY)
    scheme = next((s for s in schedule.schemes if currency in s.currencies), schedule.default)
    offset = timedelta(minutes=minutes)
    open_until = [w.window_id for w in scheme.windows if offset < w.closes_after]
    expected = open_until[0] if open_until else scheme.windows[-1].window_id
    assert window_of(currency, MIDNIGHT + offset) == expected


def test_a_past_day_keeps_the_windows_that_were_valid_then(tmp_path: Path) -> None:
    earlier = write_windows(tmp_path).read_text(encoding="utf-8")
    later = (
        earlier.replace("schedules:\n", "").replace("2020-01-01", "2026-01-01").replace("10:00", "12:00")
    )
    path = tmp_path / "both.yaml"
    path.write_text(earlier + later, encoding="utf-8")
    schedules = read_schedules(path)
    cut_offs = [
        schedule_on(day, schedules).schemes[0].windows[0].closes_after
        for day in (date(2025, 12, 31), date(2026, 1, 1))
    ]
    assert cut_offs == [timedelta(hours=10), timedelta(hours=12)]
    with pytest.raises(NoWindowSchedule, match="2019-12-31"):
        schedule_on(date(2019, 12, 31), schedules)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"currencies": "[KES, KES]"}, "currency KES occurs twice"),
        ({"windows": "[]"}, "has no window"),
        (
            {"windows": '[{id: a, closes_at: "10:00"}, {id: b, closes_at: "09:00"}]'},
            "cut-offs must ascend",
        ),
        ({"windows": '[{id: rest, closes_at: "10:00"}]'}, "window rest occurs twice"),
        ({"windows": '[{id: "a:b", closes_at: "10:00"}]'}, "is not letters, digits and hyphens"),
        ({"windows": '[{id: a, closes_at: "10:75"}]'}, "is not HH:MM in quotes"),
        ({"windows": "[{id: a, closes_at: 10}]"}, "is not HH:MM in quotes"),
    ],
)
def test_a_windows_file_that_cannot_hold_is_refused(
    tmp_path: Path, wrong: dict[str, str], reason: str
) -> None:
    with pytest.raises(InvalidWindows, match=reason):
        read_schedules(write_windows(tmp_path, **wrong))


def test_every_window_id_of_the_shipped_file_fits_the_clearing_system_element() -> None:
    ids = [
        window.window_id
        for schedule in read_schedules(WINDOWS_FILE)
        for scheme in (schedule.default, *schedule.schemes)
        for window in scheme.windows
    ]
    assert len(ids) == len(set(ids))
    assert all(len(window_id) <= 35 and ":" not in window_id for window_id in ids)
