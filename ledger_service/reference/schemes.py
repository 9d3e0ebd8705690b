"""Settlement schemes: how a group of participants settles, as data.

Belongs here: the form of `schemes/*.yaml`, what must hold in it, and finding the scheme that is valid on
a date. A scheme is never changed in place: another file with a later `valid_from` takes over, so that a
past business date keeps the rules that it was settled by.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

SCHEMES_FOLDER: Final = Path(__file__).with_name("schemes")

_CLOCK: Final = re.compile(r"(\d{2}):([0-5]\d)")


class InvalidScheme(ValueError):
    """A scheme's file says something that cannot hold; carries the file, the field and the reason."""

    def __init__(self, file: str, field: str, reason: str) -> None:
        self.file = file
        self.field = field
        self.reason = reason
        super().__init__(f"settlement scheme {file}, {field}: {reason}")


class NoScheme(LookupError):
    """No scheme of that id is valid on the date."""

    def __init__(self, scheme_id: str, on: date) -> None:
        self.scheme_id = scheme_id
        self.on = on
        super().__init__(f"no settlement scheme {scheme_id!r} is valid on {on}")


class TwoHomes(ValueError):
    """Two schemes are both the home of a currency on a date."""

    def __init__(self, currency: str, on: date) -> None:
        self.currency = currency
        self.on = on
        super().__init__(f"{currency} has more than one home scheme on {on}")


class SettlementModel(StrEnum):
    """When an obligation is settled."""

    REAL_TIME_GROSS = "real_time_gross"
    """Each by itself, at once, from money that is there."""
    DEFERRED_NET = "deferred_net"
    """Those of a window together, as net positions."""


class NettingKind(StrEnum):
    """Between whom a window is netted."""

    BILATERAL = "bilateral"
    """Each pair by itself."""
    MULTILATERAL = "multilateral"
    """Each participant against all others."""


class AgentKind(StrEnum):
    """Who moves the money of the net positions."""

    CENTRAL_BANK = "central_bank"
    """In its books, over the gross system of the country."""
    COMMERCIAL_SETTLEMENT_BANK = "commercial_settlement_bank"
    """In the books of a bank that participants hold accounts with."""
    REGIONAL = "regional"
    """A payment system of several countries, with central banks behind it."""


def _after_midnight(said: object) -> object:
    """A clock time of the business date in UTC, as "HH:MM", up to 24:00 or into the next day."""
    if not isinstance(said, str):
        return said
    matched = _CLOCK.fullmatch(said)
    if matched is None:
        raise ValueError(f"{said!r} is not HH:MM in quotes")
    return timedelta(hours=int(matched[1]), minutes=int(matched[2]))


AfterMidnight = Annotated[timedelta, BeforeValidator(_after_midnight)]
Identifier = Annotated[str, Field(pattern="^[a-z0-9-]{1,35}$")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
PositiveMinor = Annotated[int, Field(gt=0, strict=True)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SchemeWindow(_Part):
    """A window that closes by the clock or by amount, one of them."""

    id: Identifier
    closes_at: AfterMidnight | None = None
    """After 00:00 UTC of the business date."""
    closes_at_minor: dict[Currency, PositiveMinor] | None = None
    """Gross value in minor units; reached in one currency, the window closes and the next one opens."""

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.closes_at is None) == (self.closes_at_minor is None):
            raise ValueError("a window has either closes_at or closes_at_minor")
        return self


class RetryRule(_Part):
    """A reason of rejection that goes away by itself, and how often it is tried again."""

    code: Annotated[str, Field(min_length=1)]
    after_s: Annotated[int, Field(gt=0)]
    """Seconds until the second attempt; doubled before each further one."""
    attempts: Annotated[int, Field(ge=2)]
    """In all, the first included."""


class SettlementAgent(_Part):
    """Who moves the money, and how it is spoken to."""

    kind: AgentKind
    name: Annotated[str, Field(min_length=1)]
    format_profile: Annotated[str, Field(min_length=1)]
    """Of the instructions to it: the name of a format among those of settlement files."""
    cut_off: AfterMidnight
    confirmation_within_s: Annotated[int, Field(gt=0)]
    """Seconds after which an instruction without an answer is overdue."""
    retries: tuple[RetryRule, ...] = ()

    def retry_rule(self, code: str) -> RetryRule | None:
        """How a rejection of this code is tried again; None where a person has to look."""
        return next((rule for rule in self.retries if rule.code == code), None)


class Operator(_Part):
    """Who runs a scheme: the participant in whose book positions are kept."""

    participant_id: Annotated[str, Field(pattern="^[A-Z0-9][A-Z0-9-]{1,31}$")]
    name: Annotated[str, Field(min_length=1)]
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]


class Scheme(_Part):
    """One settlement scheme as it is valid from a date on."""

    id: Identifier
    title: Annotated[str, Field(min_length=1)]
    valid_from: date
    model: SettlementModel
    netting: NettingKind | None = None
    currencies: Annotated[tuple[Currency, ...], Field(min_length=1)]
    home: bool = False
    """Obligations in its currencies that name no scheme settle here."""
    joining_caps_minor: dict[Currency, PositiveMinor] = {}
    """Net debit cap of a participant until the operator gives it another; without one it has none."""
    windows: tuple[SchemeWindow, ...] = ()
    pvp_pairs: tuple[tuple[Currency, Currency], ...] = ()
    """Currencies whose obligations may be tied: payment versus payment."""
    operator: Operator
    agent: SettlementAgent
    default_fund: dict[str, Any] = {}
    """Layers of loss sharing, as their reader understands them."""

    @model_validator(mode="after")
    def _model_and_windows(self) -> Self:
        deferred = self.model == SettlementModel.DEFERRED_NET
        if deferred != (self.netting is not None):
            raise ValueError("netting: deferred_net says how it nets, real_time_gross does not net")
        if deferred != bool(self.windows):
            raise ValueError("windows: deferred_net has windows, real_time_gross has none")
        by_amount = [window for window in self.windows if window.closes_at_minor is not None]
        if by_amount and len(self.windows) > 1:
            raise ValueError("windows: one that closes by amount stands alone, and follows itself")
        for window in by_amount:
            _only(window.closes_at_minor or {}, self.currencies, "windows")
        offsets = [window.closes_at for window in self.windows if window.closes_at is not None]
        if self.home and not offsets:
            raise ValueError("home: a home scheme closes its windows by the clock")
        if any(earlier >= later for earlier, later in pairwise(offsets)):
            raise ValueError("windows: cut-offs must ascend")
        return self

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        _once(self.currencies, "currencies")
        _once((window.id for window in self.windows), "windows")
        _once((rule.code for rule in self.agent.retries), "agent.retries")
        _only(self.joining_caps_minor, self.currencies, "joining_caps_minor")
        for pair in self.pvp_pairs:
            _only(pair, self.currencies, "pvp_pairs")
            _once(pair, "pvp_pairs")
        _once((frozenset(pair) for pair in self.pvp_pairs), "pvp_pairs")
        return self

    def pays_versus(self, one: str, other: str) -> bool:
        """Whether obligations in these two currencies may be tied."""
        return (one, other) in self.pvp_pairs or (other, one) in self.pvp_pairs

    def closes_at(self, window_id: str, business_date: date) -> datetime | None:
        """When a window of a date closes by the clock; None by amount, or where it is not listed."""
        offset = next((window.closes_at for window in self.windows if window.id == window_id), None)
        return None if offset is None else datetime.combine(business_date, time(), UTC) + offset


def read_scheme(path: Path) -> Scheme:
    """The scheme of one file; raises `InvalidScheme`."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InvalidScheme(path.name, "file", f"is not YAML: {error}") from error
    try:
        return Scheme.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if not field and ": " in reason:
            field, reason = reason.split(": ", 1)
        raise InvalidScheme(path.name, field or "file", reason) from error


@cache
def read_schemes(folder: Path = SCHEMES_FOLDER) -> tuple[Scheme, ...]:
    """All schemes of a folder, by id and date; raises `InvalidScheme`."""
    known: dict[tuple[str, date], Scheme] = {}
    for path in sorted(folder.glob("*.yaml")):
        scheme = read_scheme(path)
        if (scheme.id, scheme.valid_from) in known:
            reason = f"scheme {scheme.id} has another file valid from {scheme.valid_from}"
            raise InvalidScheme(path.name, "valid_from", reason)
        known[scheme.id, scheme.valid_from] = scheme
    return tuple(known[key] for key in sorted(known))


def scheme_on(scheme_id: str, on: date, schemes: Iterable[Scheme] | None = None) -> Scheme:
    """The scheme of that id as it is valid on a business date; raises `NoScheme`."""
    known = read_schemes() if schemes is None else schemes
    valid = [scheme for scheme in known if scheme.id == scheme_id and scheme.valid_from <= on]
    if not valid:
        raise NoScheme(scheme_id, on)
    return max(valid, key=lambda scheme: scheme.valid_from)


def home_schemes(on: date, schemes: Iterable[Scheme] | None = None) -> tuple[Scheme, ...]:
    """The home schemes that are valid on a business date, by id; raises `TwoHomes`."""
    known = read_schemes() if schemes is None else tuple(schemes)
    ids = sorted({scheme.id for scheme in known if scheme.valid_from <= on})
    homes = tuple(scheme for scheme in (scheme_on(one, on, known) for one in ids) if scheme.home)
    currencies = [currency for scheme in homes for currency in scheme.currencies]
    for currency in currencies:
        if currencies.count(currency) > 1:
            raise TwoHomes(currency, on)
    return homes


def _once(values: Iterable[object], field: str) -> None:
    seen = set[object]()
    for value in values:
        if value in seen:
            raise ValueError(f"{field}: {value} occurs twice")
        seen.add(value)


def _only(values: Iterable[str], known: Iterable[str], field: str) -> None:
    foreign = sorted(set(values) - set(known))
    if foreign:
        raise ValueError(f"{field}: {foreign[0]} is no currency of the scheme")
