"""ISO 20022 elements as Polars expressions: text, amounts, rates, agents, parties, accounts.

Belongs here: what a value looks like inside a message, for a whole column at once. What stands in
which message is in `pacs008.py` and `pacs009.py`. Expressions ending in XML are escaped; `clean_text`
is not, because tables keep text, not markup.
"""

from collections.abc import Mapping

import polars as pl

NOT_PROVIDED = "NOTPROVIDED"
"""What the market writes into a mandatory reference or name that nobody gave."""

AMOUNT_DIGITS = 18
"""Total digits of ActiveCurrencyAndAmount and DecimalNumber."""

IDENTIFIER_LENGTH = 35
ACCOUNT_LENGTH = 34
NAME_LENGTH = 140
REMITTANCE_LENGTH = 140

_RATE_SCALE = 10
_RATE_CHARACTERS = 12  # eleven digits and the point, of BaseOneRate
_UNPRINTABLE = r"[\x00-\x1F\x7F-\x9F\u{FFFE}\u{FFFF}\s]+"
_BIC = r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"
_IBAN = r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"
_UUID_V4 = r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$"
_LETTER_VALUES = {chr(ord("A") + n): str(10 + n) for n in range(26)}
_IBAN_DIGITS = 72  # 34 characters of at most two digits each, in whole steps of nine
_STEP = 9


class ExponentMissing(LookupError):
    """A currency has no exponent, so that its amounts cannot be written as decimals."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(f"no exponent is known for currency {currency}")


class AmountTooLong(OverflowError):
    """An amount needs more digits than ISO 20022 has for it."""

    def __init__(self, currency: str, amount_minor: int) -> None:
        self.currency = currency
        self.amount_minor = amount_minor
        super().__init__(f"{amount_minor} minor units of {currency} exceed {AMOUNT_DIGITS} digits")


class IdentifierTooLong(ValueError):
    """An identifier does not fit its element; cutting it would name something else."""

    def __init__(self, what: str, value: str) -> None:
        self.what = what
        self.value = value
        super().__init__(f"{what} {value!r} exceeds {IDENTIFIER_LENGTH} characters")


def decimal_column(amount_minor: pl.Expr, exponent: pl.Expr) -> pl.Expr:
    """A column of amounts as text, `exponent` decimals each; null where the amount is."""
    digits = amount_minor.cast(pl.String).str.zfill(exponent + 1)
    point = digits.str.len_chars() - exponent
    return (
        pl.when(exponent == 0)
        .then(digits)
        .otherwise(pl.concat_str(digits.str.slice(0, point), pl.lit("."), digits.str.slice(point)))
    )


def rate_column(
    settled_minor: pl.Expr, settled_exponent: pl.Expr, instructed_minor: pl.Expr, exponent: pl.Expr
) -> pl.Expr:
    """Units settled per unit instructed, truncated to the eleven digits of BaseOneRate.

    Null when the rate does not fit: below its tenth decimal, or of more than eleven whole digits.
    Whole-number arithmetic in Int128: 19 digits of amount, 10 of scale, at most 5 of exponent.
    """
    wide = pl.Int128
    ten = pl.lit(10, wide)
    scaled = (
        settled_minor.cast(wide)
        * ten.pow(exponent + _RATE_SCALE)
        // (instructed_minor.cast(wide) * ten.pow(settled_exponent))
    )
    digits = scaled.cast(pl.String).str.zfill(_RATE_SCALE + 1)
    point = digits.str.len_chars() - _RATE_SCALE
    rate = pl.concat_str(digits.str.slice(0, point), pl.lit("."), digits.str.slice(point))
    return (
        pl.when((scaled > 0) & (point < _RATE_CHARACTERS))
        .then(rate.str.head(_RATE_CHARACTERS).str.strip_chars_end("."))
        .otherwise(None)
    )


def clean_text(text: pl.Expr, max_length: int) -> pl.Expr:
    """Text that XML may hold, one line, cut to `max_length` characters; null where nothing is left.

    Control characters and runs of white space become one space.
    """
    cleaned = (
        text.str.replace_all(_UNPRINTABLE, " ")
        .str.strip_chars()
        .str.head(max_length)
        .str.strip_chars_end()
    )
    return pl.when(cleaned != "").then(cleaned).otherwise(None)


def escaped(text: pl.Expr) -> pl.Expr:
    """Text as XML character data."""
    return text.str.replace_many(["&", "<", ">"], ["&amp;", "&lt;", "&gt;"])


def element(tag: str, content: pl.Expr) -> pl.Expr:
    """`<tag>content</tag>`, and nothing where the content is null."""
    return pl.format(f"<{tag}>{{}}</{tag}>", content).fill_null("")


def valid_uetr(uetr: pl.Expr) -> pl.Expr:
    """The UETR in lower case; null where it is not a version 4 UUID, which the schema demands."""
    lower = uetr.str.to_lowercase()
    return pl.when(lower.str.contains(_UUID_V4)).then(lower).otherwise(None)


def valid_ibans(accounts: pl.Series) -> pl.Series:
    """Whether each account reference is an IBAN: its form, and its check digits by ISO 7064.

    National account numbers may look like one; the check digits tell 96 of 97 of them apart.
    """
    candidates = accounts.filter(accounts.str.contains(_IBAN).fill_null(False)).unique()
    if candidates.is_empty():
        return pl.repeat(False, accounts.len(), dtype=pl.Boolean, eager=True)
    account = pl.col("account")
    digits = (account.str.slice(4) + account.str.head(4)).str.replace_many(_LETTER_VALUES)
    remainder = pl.lit(0, pl.Int64)
    for start in range(0, _IBAN_DIGITS, _STEP):
        step = digits.str.slice(start, _STEP)
        value = step.cast(pl.Int64, strict=False).fill_null(0)
        remainder = (remainder * pl.lit(10, pl.Int64).pow(step.str.len_chars()) + value) % 97
    valid = pl.DataFrame({"account": candidates}).filter(remainder == 1)["account"]
    return accounts.is_in(valid.implode()).fill_null(False)


def agent_identifications(participants: pl.DataFrame) -> dict[str, str]:
    """FinInstnId of each participant: its BIC, or else its member id in this clearing and its name.

    Raises `IdentifierTooLong` for a participant without BIC whose id does not fit.
    """
    identified = participants.select(
        "participant_id",
        has_bic=pl.col("bic").str.contains(_BIC).fill_null(False),
        bic="bic",
        member=clean_text(pl.col("participant_id"), IDENTIFIER_LENGTH + 1),
        name=clean_text(pl.col("name"), NAME_LENGTH),
    )
    unfit = identified.filter(
        ~pl.col("has_bic") & (pl.col("member").str.len_chars() > IDENTIFIER_LENGTH)
    )
    if unfit.height:
        raise IdentifierTooLong("participant", unfit["participant_id"].sort()[0])
    by_bic = element("BICFI", pl.col("bic"))
    by_member = pl.concat_str(
        element("ClrSysMmbId", element("MmbId", escaped(pl.col("member")))),
        element("Nm", escaped(pl.col("name"))),
    )
    rendered = identified.select(
        "participant_id",
        agent=element("FinInstnId", pl.when("has_bic").then(by_bic).otherwise(by_member)),
    )
    return dict(rendered.iter_rows())


def agent(tag: str, participant_id: pl.Expr, identifications: Mapping[str, str]) -> pl.Expr:
    """An agent's element; an agent that is no participant is named by its id alone."""
    stranger = element(
        "FinInstnId",
        element("Othr", element("Id", escaped(clean_text(participant_id, IDENTIFIER_LENGTH)))),
    )
    return element(
        tag,
        participant_id.replace_strict(dict(identifications), default=stranger, return_dtype=pl.String),
    )


def party(tag: str, name: pl.Expr) -> pl.Expr:
    """A debtor or creditor by name, cut to the element's length."""
    return element(tag, element("Nm", escaped(clean_text(name, NAME_LENGTH)).fill_null(NOT_PROVIDED)))


def account(tag: str, reference: pl.Expr, is_iban: pl.Expr) -> pl.Expr:
    """A cash account by IBAN or by the bank's own reference; nothing where there is none."""
    own = element("Othr", element("Id", escaped(clean_text(reference, ACCOUNT_LENGTH))))
    identification = pl.when(is_iban).then(element("IBAN", reference)).otherwise(own)
    known = clean_text(reference, ACCOUNT_LENGTH).is_not_null()
    return pl.when(known).then(element(tag, element("Id", identification))).otherwise(pl.lit(""))
