"""What the bank tells of its accounts: notifications (camt.054) and the statement of a day.

Belongs here: camt.054.001.08, camt.053.001.08 and, for banks that are not there yet, MT940. Balances
follow from the entries; `off_by` makes declared sums, or the closing balance, wrong on purpose.
"""

from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.settlement.characters import CharacterSet, transliterated
from pipelines.settlement.iso20022.amounts import decimal_column
from pipelines.settlement.iso20022.texts import escaped, valid_ibans, valid_uetr
from pipelines.simulation.bank.configuration import AccountKept
from pipelines.simulation.bank.elements import account as account_element
from pipelines.simulation.bank.elements import element
from pipelines.simulation.bank.messages import (
    Envelope,
    amount,
    decimal,
    document,
    exponent_of,
    identifier,
    joined,
    text,
)

NOTIFICATION, STATEMENT = "camt.054.001.08", "camt.053.001.08"


@dataclass(frozen=True, slots=True)
class Day:
    """One account on one day."""

    kept: AccountKept
    on: date
    opening_minor: int
    closing_minor: int
    entries: pl.DataFrame
    """`book.ENTRIES` of the account on the day."""
    number: int
    """Of the statement, from 1."""


def notification(
    envelope: Envelope, kept: AccountKept, entries: pl.DataFrame, *, off_by: int
) -> tuple[str, bytes]:
    """camt.054 of what a file or a return moved on an account. Type and bytes."""
    message_id = envelope.message_id("NT")
    body = (
        f"<BkToCstmrDbtCdtNtfctn>\n{_header(envelope, message_id)}\n<Ntfctn>{text('Id', message_id)}"
        f"<CreDtTm>{envelope.created}</CreDtTm>{_account(envelope, kept)}"
        f"{_summary(kept, entries, off_by=off_by)}\n{joined(entries, _entry(entries))}\n"
        "</Ntfctn>\n</BkToCstmrDbtCdtNtfctn>"
    )
    return NOTIFICATION, document(NOTIFICATION, body)


def statement(envelope: Envelope, day: Day, *, off_by: int) -> tuple[str, bytes]:
    """camt.053 of an account's day; `off_by` moves the closing balance. Type and bytes."""
    message_id = envelope.message_id("SM")
    entries = joined(day.entries, _entry(day.entries))
    parts = [
        f"<BkToCstmrStmt>\n{_header(envelope, message_id)}\n<Stmt>{text('Id', message_id)}"
        f"<ElctrncSeqNb>{day.number}</ElctrncSeqNb><CreDtTm>{envelope.created}</CreDtTm>"
        f"{_account(envelope, day.kept)}",
        _balance("OPBD", day.opening_minor, day),
        _balance("CLBD", day.closing_minor + off_by, day),
        _summary(day.kept, day.entries, off_by=0),
        entries,
        "</Stmt>\n</BkToCstmrStmt>",
    ]
    return STATEMENT, document(STATEMENT, "\n".join(part for part in parts if part))


def mt940(envelope: Envelope, day: Day, *, off_by: int) -> tuple[str, bytes]:
    """MT940 of an account's day: fields 20, 25, 28C, 60F, 61 and 86 an entry, 62F. Type and bytes."""
    reference = envelope.message_id("S")[-16:]
    lines = [
        f":20:{reference}",
        f":25:{day.kept.account}",
        f":28C:{day.number}/1",
        f":60F:{_swift_balance(day, day.opening_minor)}",
        *day.entries.select(body=_swift_entry(day))["body"],
        f":62F:{_swift_balance(day, day.closing_minor + off_by)}",
        "-",
    ]
    return "MT940", ("\r\n".join(lines) + "\r\n").encode("ascii")


def _header(envelope: Envelope, message_id: str) -> str:
    return f"<GrpHdr>{text('MsgId', message_id)}<CreDtTm>{envelope.created}</CreDtTm></GrpHdr>"


def _account(envelope: Envelope, kept: AccountKept) -> str:
    is_iban = valid_ibans(pl.Series([kept.account]))[0]
    written = text("IBAN", kept.account) if is_iban else f"<Othr>{text('Id', kept.account)}</Othr>"
    owner = (
        f"<Ownr>{text('Nm', envelope.config.client_title, length=140)}</Ownr>" if kept.settlement else ""
    )
    return (
        f"<Acct><Id>{written}</Id><Ccy>{kept.currency}</Ccy>{owner}<Svcr><FinInstnId>"
        f"<BICFI>{envelope.config.bic}</BICFI></FinInstnId></Svcr></Acct>"
    )


def _balance(kind: str, balance_minor: int, day: Day) -> str:
    value = decimal(abs(balance_minor), day.kept.currency)
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{day.kept.currency}">{value}</Amt>'
        f"<CdtDbtInd>{'CRDT' if balance_minor >= 0 else 'DBIT'}</CdtDbtInd>"
        f"<Dt><Dt>{day.on}</Dt></Dt></Bal>"
    )


def _summary(kept: AccountKept, entries: pl.DataFrame, *, off_by: int) -> str:
    """Count and sum of all entries, of the credits and of the debits."""
    totals = []
    for tag, directions in (("TtlNtries", "CD"), ("TtlCdtNtries", "C"), ("TtlDbtNtries", "D")):
        rows = entries.filter(pl.col("direction").is_in(list(directions)))
        total = int(rows["amount_minor"].cast(pl.Int128).sum()) + off_by
        totals.append(
            f"<{tag}><NbOfNtries>{rows.height}</NbOfNtries>"
            f"<Sum>{decimal(total, kept.currency)}</Sum></{tag}>"
        )
    return f"<TxsSummry>{''.join(totals)}</TxsSummry>"


def _returned() -> pl.Expr:
    return pl.col("kind") == "return"


def _credit() -> pl.Expr:
    return pl.col("direction") == "C"


def _entry(entries: pl.DataFrame) -> pl.Expr:
    """Ntry with the one transaction behind it."""
    family = pl.when(_credit()).then(pl.lit("RCDT")).otherwise(pl.lit("ICDT"))
    sub_family = pl.when(_returned()).then(pl.lit("RRTN")).otherwise(pl.lit("ESCT"))
    code = pl.format(
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{}</Cd><SubFmlyCd>{}</SubFmlyCd></Fmly></Domn></BkTxCd>",
        family,
        sub_family,
    )
    side = element("CdtDbtInd", pl.when(_credit()).then(pl.lit("CRDT")).otherwise(pl.lit("DBIT")))
    booked = pl.col("booked_on").cast(pl.String)
    return element(
        "Ntry",
        pl.concat_str(
            element("NtryRef", pl.col("entry").cast(pl.String)),
            amount("Amt", entries),
            side,
            pl.lit("<Sts><Cd>BOOK</Cd></Sts>"),
            pl.format("<BookgDt><Dt>{}</Dt></BookgDt><ValDt><Dt>{}</Dt></ValDt>", booked, booked),
            element("AcctSvcrRef", _bank_reference()),
            code,
            element("NtryDtls", element("TxDtls", _details(entries, side))),
        ),
    )


def _bank_reference() -> pl.Expr:
    return pl.format("{}/{}/{}", "file", "row", pl.col("kind").str.head(1).str.to_uppercase())


def _details(entries: pl.DataFrame, side: pl.Expr) -> pl.Expr:
    references = {
        "MsgId": identifier("message_id"),
        "InstrId": identifier("instruction_id"),
        "EndToEndId": identifier("end_to_end_id"),
        "UETR": valid_uetr(pl.col("uetr")),
        "TxId": identifier("transaction_id"),
    }
    is_iban = pl.lit(valid_ibans(entries["counterparty_account"]))
    # Whoever is on the other side: the creditor of what is paid out, the debtor of what comes in.
    outgoing = _credit() == _returned()
    parties = [
        pl.when(outgoing if tag == "Cdtr" else ~outgoing)
        .then(
            pl.concat_str(
                element(tag, pl.format("<Pty><Nm>{}</Nm></Pty>", _name())),
                account_element(f"{tag}Acct", pl.col("counterparty_account"), is_iban),
            )
        )
        .otherwise(pl.lit(""))
        for tag in ("Dbtr", "Cdtr")
    ]
    return pl.concat_str(
        element("Refs", pl.concat_str(element(tag, value) for tag, value in references.items())),
        amount("Amt", entries),
        side,
        element("RltdPties", pl.concat_str(parties)),
        element("RmtInf", pl.format("<Ustrd>{}</Ustrd>", escaped(pl.col("remittance").str.head(140)))),
        element("RtrInf", pl.format("<Rsn><Cd>{}</Cd></Rsn>", "reason")),
    )


def _name() -> pl.Expr:
    return escaped(pl.col("counterparty_name").str.head(140))


def _swift_decimal(digits: str, exponent: int) -> str:
    return digits.replace(".", ",") if exponent else f"{digits},"


def _swift_balance(day: Day, balance_minor: int) -> str:
    value = decimal(abs(balance_minor), day.kept.currency)
    written = _swift_decimal(value, exponent_of(day.kept.currency))
    return f"{'C' if balance_minor >= 0 else 'D'}{day.on:%y%m%d}{day.kept.currency}{written}"


def _swift_entry(day: Day) -> pl.Expr:
    """Field 61 with the customer's reference or NONREF, and field 86 with the narrative."""
    exponent = exponent_of(day.kept.currency)
    value = decimal_column(pl.col("amount_minor"), pl.lit(exponent))
    value = value.str.replace(".", ",", literal=True) if exponent else value + ","
    known = pl.coalesce("end_to_end_id", "instruction_id", "transaction_id")
    # A reference of more than 16 characters goes into field 86: cut, it would name another payment.
    fits = known.str.contains(r"^[A-Za-z0-9?:().,'+ -]{1,16}$")
    reference = pl.when(fits).then(known).otherwise(pl.lit("NONREF"))
    mark = pl.when(_returned()).then(pl.lit("RTI")).otherwise(pl.lit("TRF"))
    narrative = pl.concat_str(
        pl.lit("/EREF/"),
        known.fill_null("NOTPROVIDED"),
        pl.format("/UETR/{}", "uetr").fill_null(""),
        pl.format("/RTRN/{}", "reason").fill_null(""),
    )
    return pl.format(
        f":61:{day.on:%y%m%d}{day.on:%m%d}{{}}{{}}N{{}}{{}}//{{}}\r\n:86:{{}}",
        "direction",
        value,
        mark,
        reference,
        _bank_reference(),
        narrative.map_batches(_swift_lines, return_dtype=pl.String),
    )


def _swift_lines(texts: pl.Series) -> pl.Series:
    """Set x in lines of 65 characters, six at most."""
    written = transliterated(texts, CharacterSet.SWIFT_X).str.head(6 * 65)
    return written.str.replace_all(r"(.{65})", "${1}\r\n").str.strip_chars_end("\r\n")
