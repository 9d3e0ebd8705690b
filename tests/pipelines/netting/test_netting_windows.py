"""Settlement windows partition the obligations, by the cut-offs of the schemes that are valid."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.reference.schemes import Scheme, TwoHomes, home_schemes, scheme_on
from pipelines.lake.ledger_tables import TIMESTAMP
from pipelines.netting.windows import window_id

DAY = date(2026, 3, 2)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def window_of(
    currency: str, booked_at: datetime, *, on: date = DAY, schemes: list[Scheme] | None = None
) -> str:
    row = pl.DataFrame(
        {"currency": [currency], "booked_at": [booked_at]},
        schema={"currency": pl.String, "booked_at": TIMESTAMP},
    )
    return row.select(window_id(on, schemes)).item()


def changed(**changes: object) -> Scheme:
    return Scheme.model_validate(scheme_on("horn", DAY).model_dump() | changes)


def test_a_cut_off_belongs_to_the_next_window() -> None:
    before = MIDNIGHT + timedelta(hours=7) - timedelta(microseconds=1)
    assert window_of("KES", before) == "east-africa-1"
    assert window_of("KES", MIDNIGHT + timedelta(hours=7)) == "east-africa-2"


def test_what_is_booked_after_the_last_cut_off_falls_into_the_last_window() -> None:
    assert window_of("NGN", MIDNIGHT + timedelta(days=3)) == "west-africa-4"


def test_what_was_booked_before_the_business_date_falls_into_the_first_window() -> None:
    assert window_of("NGN", MIDNIGHT - timedelta(days=2)) == "west-africa-1"


def test_a_currency_without_a_home_scheme_has_one_window_at_the_end_of_the_day() -> None:
    assert window_of("CZK", MIDNIGHT + timedelta(hours=3)) == "end-of-day"


@given(
    currency=st.sampled_from(["KES", "ETB", "ZAR", "NGN", "XOF", "EGP", "CZK", "USD"]),
    minutes=st.integers(-3000, 6000),
)
def test_every_booking_falls_into_exactly_the_window_that_its_cut_offs_enclose(
    currency: str, minutes: int
) -> None:
    offset = timedelta(minutes=minutes)
    scheme = next((one for one in home_schemes(DAY) if currency in one.currencies), None)
    if scheme is None:
        expected = "end-of-day"
    else:
        open_until = [w.id for w in scheme.windows if w.closes_at and offset < w.closes_at]
        expected = open_until[0] if open_until else scheme.windows[-1].id
    assert window_of(currency, MIDNIGHT + offset) == expected


def test_a_past_day_keeps_the_windows_that_were_valid_then() -> None:
    moved = [
        {"id": "horn-1", "closes_at": timedelta(hours=12)},
        {"id": "horn-2", "closes_at": timedelta(hours=20)},
    ]
    schemes = [changed(), changed(valid_from=date(2026, 1, 1), windows=moved)]
    for day, window in ((date(2025, 12, 31), "horn-2"), (date(2026, 1, 1), "horn-1")):
        at = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        assert window_of("ETB", at, on=day, schemes=schemes) == window


def test_two_home_schemes_of_a_currency_are_refused() -> None:
    with pytest.raises(TwoHomes, match="ETB has more than one home scheme"):
        window_of("ETB", MIDNIGHT, schemes=[changed(), changed(id="horn-too")])
