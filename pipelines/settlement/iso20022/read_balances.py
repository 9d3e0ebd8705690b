"""Balances of statements: one element as a balance, or why it is none."""

from collections.abc import Mapping, Sequence
from datetime import date

from ledger_service.reference.money import InvalidAmount, to_minor
from pipelines.settlement.iso20022.read_columns import currency_path
from pipelines.settlement.iso20022.read_rows import Scope
from pipelines.settlement.reading import Balance, Refused


def balance(scope: Scope, place: str, found: Mapping[str, Sequence[str | None]]) -> Balance | Refused:
    """The balance of the texts of a `Bal`, by path; debit balances are negative."""

    def first(*paths: str) -> str | None:
        return next((texts[0] for path in paths if (texts := found.get(path))), None)

    def refused(field: str, code: str, sentence: str) -> Refused:
        return Refused(0, place, field, code, f"{sentence}: this balance was not taken")

    kind = first("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "Tp/Prtry")
    amount, currency = first("Amt"), first(currency_path("Amt"))
    direction, day = first("CdtDbtInd"), first("Dt/Dt", "Dt/DtTm")
    for field, text in (("Tp", kind), ("Amt", amount), ("Ccy", currency), ("CdtDbtInd", direction)):
        if text is None:
            return refused(field, "missing", "the message definition requires it")
    if direction not in ("CRDT", "DBIT"):
        return refused(
            "CdtDbtInd", "direction_unknown", f"{str(direction)[:20]} is neither CRDT nor DBIT"
        )
    try:
        on = date.fromisoformat(day[:10]) if day else None
    except ValueError:
        return refused("Dt", "not_a_date", f"{str(day)[:40]} is not a date")
    try:
        minor = to_minor(str(amount), str(currency), on or _created(scope), signed=True)
    except InvalidAmount as error:
        told = f"{error.amount[:40]} {error.currency_code[:10]}: {error.fault.replace('_', ' ')}"
        return refused("Amt", error.fault.value, told)
    if minor < 0:
        return refused("Amt", "negative", f"{amount} has a sign; the direction stands beside an amount")
    return Balance(
        statement=scope.message_id or "",
        account=scope.account or "",
        kind=str(kind),
        currency=str(currency),
        amount_minor=-minor if direction == "DBIT" else minor,
        on=on,
    )


def _created(scope: Scope) -> date:
    try:
        return date.fromisoformat((scope.created or "")[:10])
    except ValueError:
        return date.max
