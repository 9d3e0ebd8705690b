"""Ground floor: money, currencies, countries, calendars, participants."""
