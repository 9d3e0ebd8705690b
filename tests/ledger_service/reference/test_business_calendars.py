"""A business date follows the country's weekend, holidays, time zone and cut-off."""

from datetime import UTC, date, datetime

import pytest

from ledger_service.reference.business_calendars import UnknownCalendar, business_calendar
from ledger_service.reference.countries import african_states, country_table


def test_every_african_state_has_a_calendar() -> None:
    assert len(african_states()) == 54
    for country in african_states():
        assert business_calendar(country).next_business_day(date(2026, 1, 1)) > date(2026, 1, 1)


def test_egypt_rests_on_friday_and_kenya_on_saturday() -> None:
    assert business_calendar("EG").next_business_day(date(2026, 1, 8)) == date(2026, 1, 11)
    assert business_calendar("KE").next_business_day(date(2026, 1, 9)) == date(2026, 1, 12)


def test_a_holiday_is_passed_over() -> None:
    assert business_calendar("KE").next_business_day(date(2025, 12, 24)) == date(2025, 12, 29)


def test_from_the_cut_off_on_an_instruction_belongs_to_the_next_business_day() -> None:
    kenya = business_calendar("KE")  # three hours ahead of UTC, cut-off 17:00
    assert kenya.business_date(datetime(2026, 1, 5, 13, 59, 59, tzinfo=UTC)) == date(2026, 1, 5)
    assert kenya.business_date(datetime(2026, 1, 5, 14, 0, 0, tzinfo=UTC)) == date(2026, 1, 6)
    assert kenya.business_date(datetime(2026, 1, 5, 22, 0, 0, tzinfo=UTC)) == date(2026, 1, 6)
    assert kenya.business_date(datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)) == date(2026, 1, 12)


def test_a_country_without_a_calendar_is_named() -> None:
    with pytest.raises(UnknownCalendar, match="'ZZ'"):
        business_calendar("ZZ")


def test_namibia_is_a_country_and_not_a_missing_value() -> None:
    assert "NA" in country_table()["country"].to_list()
