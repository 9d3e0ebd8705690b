"""Writing NACHA files: forward entries, returns, and notifications of change.

Belongs here: the file around entries. Payments are sorted into batches by entry class, company,
description, effective date and direction; the records of a chunk are put together as one column of texts
and given out, so that what is held besides the payments is a chunk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.settlement.nacha.addenda import (
    change_lines,
    international_lines,
    pieces,
    remittance_lines,
    return_lines,
)
from pipelines.settlement.nacha.batch import MOST_ADDENDA
from pipelines.settlement.nacha.codes import CONTESTED, DISHONORED, is_routing_number
from pipelines.settlement.nacha.entries import BATCH, entries
from pipelines.settlement.nacha.settings import Settings, settings_of
from pipelines.settlement.nacha.texts import constant, digits, text
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity

_CHUNK: Final = 20_000
_MODIFIERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MOST_ENTRIES: Final = 9_999_999
_FORWARD_CLASSES: Final = ("CCD", "PPD", "CTX", "IAT")
_INTERNATIONAL_ADDENDA: Final = 7


@dataclass(frozen=True, slots=True)
class _Kind:
    """Forward, return or change: what their records differ in."""

    actions: tuple[str, str]
    """Second digit of the transaction code of a credit and of a debit."""
    addenda: Callable[[pl.DataFrame], pl.Series]


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """A file of forward entries in classes CCD, PPD, CTX and IAT. Raises `FileRefused`."""
    settings = settings_of(profile)
    rows = entries(payments, identity=identity, settings=settings)
    _refuse_rows(rows, ~pl.col("entry_class").is_in(_FORWARD_CLASSES).fill_null(False),
                 "entry_class", "local_instrument is CCD, PPD, CTX or IAT")  # fmt: skip
    most = pl.col("entry_class").replace_strict(
        {"CCD": 1, "PPD": 1, "CTX": MOST_ADDENDA, "IAT": 2}, return_dtype=pl.Int64
    )
    told = pieces(pl.col("remittance"))
    _refuse_rows(rows, told > most, "too_long", "remittance needs more addenda than the class allows")
    international = pl.col("entry_class") == "IAT"
    more = _INTERNATIONAL_ADDENDA + pl.col("intermediary_bic").is_not_null().cast(pl.Int64)
    rows = rows.with_columns(addenda=told + pl.when(international).then(more).otherwise(0))

    def addenda(chunk: pl.DataFrame) -> pl.Series:
        if chunk["entry_class"][0] == "IAT":
            return international_lines(chunk, identity=identity, settings=settings)
        return remittance_lines(chunk, kind="05")

    yield from _file(rows, identity=identity, settings=settings, kind=_Kind(("2", "7"), addenda))


def write_returns(
    payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile
) -> Iterator[bytes]:
    """A file of returned entries: `reason_code` R01 and on, `original_transaction_id` the trace number.

    The payments are as they were, with debtor and creditor unchanged; each goes back to the bank of the
    company. Raises `FileRefused`, also for the codes of dishonored returns.
    """
    rows = _answers(payments, identity=identity, settings=settings_of(profile), pattern=r"^R[0-9]{2}$")
    others = pl.col("reason_code").is_in([*DISHONORED, *CONTESTED])
    _refuse_rows(rows, others, "reason_code", "dishonored and contested returns are not written")
    kind = _Kind(("1", "6"), lambda chunk: return_lines(chunk, identity=identity))
    yield from _file(rows, identity=identity, settings=settings_of(profile), kind=kind)


def write_changes(
    payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile
) -> Iterator[bytes]:
    """A file of notifications of change: `reason_code` C01 and on, `reason_text` the corrected data.

    Raises `FileRefused`.
    """
    rows = _answers(payments, identity=identity, settings=settings_of(profile), pattern=r"^C[0-9]{2}$")
    _refuse_rows(
        rows, pl.col("reason_text").is_null(), "missing", "reason_text: give the corrected data"
    )
    rows = rows.with_columns(entry_class=pl.lit("COR"), cents=pl.lit(0, pl.Int64)).sort(*BATCH, "given")
    started = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in BATCH)
    rows = rows.with_columns(batch=started.cast(pl.Int64).cum_sum())
    kind = _Kind(("1", "6"), lambda chunk: change_lines(chunk, identity=identity))
    yield from _file(rows, identity=identity, settings=settings_of(profile), kind=kind)


def _answers(
    payments: pl.DataFrame, *, identity: FileIdentity, settings: Settings, pattern: str
) -> pl.DataFrame:
    """Entries that go back: to the company's bank, with the original's identification."""
    if settings.balanced:
        raise FileRefused("profile_invalid", "balanced", "returns and changes have no offset entries")
    forward = payments.with_columns(
        end_to_end_id=pl.coalesce("original_end_to_end_id", "end_to_end_id"),
        remittance=pl.lit(None, pl.String),
    )
    rows = entries(forward, identity=identity, settings=settings)
    bad = ~pl.col("reason_code").str.contains(pattern).fill_null(False)
    _refuse_rows(rows, bad, "reason_code", f"reason_code is not of the form {pattern}")
    bad = ~pl.col("original_transaction_id").str.contains(r"^[0-9]{15}$").fill_null(False)
    _refuse_rows(
        rows, bad, "original_trace", "original_transaction_id is a trace number of fifteen digits"
    )
    home = pl.when("is_debit").then("creditor_agent_member").otherwise("debtor_agent_member")
    rows = rows.with_columns(rdfi=home, addenda=pl.lit(1, pl.Int64))
    good = rows["rdfi"].unique().to_list()
    if not all(member is not None and is_routing_number(member) for member in good):
        raise FileRefused("routing_number", "agent_member", "the company's bank has a routing number")
    return rows


def _file(
    rows: pl.DataFrame, *, identity: FileIdentity, settings: Settings, kind: _Kind
) -> Iterator[bytes]:
    member, destination = identity.sender.member or "", identity.receiver.member or ""
    for name, number in (("sender", member), ("receiver", destination)):
        if not is_routing_number(number):
            raise FileRefused("routing_number", name, f"its member is {number!r}, not a routing number")
    offsets = pl.col("batch") - 1 if settings.balanced else pl.lit(0)
    rows = rows.with_columns(sequence=pl.int_range(1, pl.len() + 1) + offsets)
    if rows["sequence"][-1] + 1 > _MOST_ENTRIES:
        raise FileRefused("too_many_payments", "payments", f"a file has {_MOST_ENTRIES} entries at most")
    rows = rows.with_columns(trace=pl.concat_str(pl.lit(member[:8]), digits("sequence", 7)))
    batches = _batches(rows, member=member, settings=settings, kind=kind)
    yield _file_header(identity, member=member, destination=destination)
    around = batches.select("batch", "header", "control")
    for (_,), batch_rows in rows.group_by("batch", maintain_order=True):
        head, control = around.row(int(batch_rows["batch"][0]) - 1)[1:]
        yield head.encode("ascii", "replace")
        for chunk in batch_rows.iter_slices(_CHUNK):
            lines = _entry_lines(chunk, kind=kind) + kind.addenda(chunk)
            yield lines.str.join("").item().encode("ascii", "replace")
        yield control.encode("ascii", "replace")
    yield _file_control(batches)


def _batches(rows: pl.DataFrame, *, member: str, settings: Settings, kind: _Kind) -> pl.DataFrame:
    """One row a batch, with its header, and its offset entry and control as one text."""
    batches = rows.group_by("batch", maintain_order=True).agg(
        pl.col(*BATCH, "company_account", "account_type").first(),
        instructed_currency=pl.col("instructed_currency").first(),
        companies=pl.col("company_account").n_unique(),
        records=pl.len().cast(pl.Int64) + pl.col("addenda").sum(),
        routing=pl.col("rdfi").str.head(8).cast(pl.Int64).sum(),
        total=pl.col("cents").cast(pl.Int128).sum(),
        last=pl.col("sequence").max(),
        country=pl.when(pl.col("is_debit").first())
        .then(pl.col("debtor_country").first())
        .otherwise(pl.col("creditor_country").first()),
    )
    if batches.filter(pl.col("total") >= 10**12).height:
        raise FileRefused("amount_too_large", "batch", "the sum of a batch has twelve digits at most")
    debit, total = pl.col("is_debit"), pl.col("total").cast(pl.Int64)
    batches = batches.with_columns(
        debits=pl.when(debit).then(total).otherwise(0),
        credits=pl.when(debit).then(0).otherwise(total),
        service=pl.when(debit).then(pl.lit("225")).otherwise(pl.lit("220")),
        offset=pl.lit(""),
    )
    if settings.balanced:
        batches = _balanced(batches, member=member)
    number = digits("batch", 7)
    both_ends = pl.concat_str(constant(member[:8], 8), number, pl.lit("\n"))
    return batches.with_columns(
        header=pl.concat_str(pl.lit("5"), "service", _header_middle(settings), both_ends),
        control=pl.concat_str(
            "offset",
            pl.lit("8"),
            "service",
            digits("records", 6),
            digits(pl.col("routing") % 10**10, 10),
            digits("debits", 12),
            digits("credits", 12),
            text("company_id", 10),
            constant("", 25),
            both_ends,
        ),
    )


def _header_middle(settings: Settings) -> pl.Expr:
    domestic = pl.concat_str(
        text("company_name", 16),
        constant(settings.discretionary, 20),
        text("company_id", 10),
        "entry_class",
        text("description", 10),
        constant("", 6),
        text("effective", 6),
        constant("", 3),
        pl.lit("1"),
    )
    international = pl.concat_str(
        constant("", 16),
        pl.lit("FF3"),
        constant("", 15),
        text("country", 2),
        text("company_id", 10),
        pl.lit("IAT"),
        text("description", 10),
        text(pl.coalesce("instructed_currency", pl.lit("USD")), 3),
        pl.lit("USD"),
        text("effective", 6),
        constant("", 3),
        pl.lit("1"),
    )
    return pl.when(pl.col("entry_class") == "IAT").then(international).otherwise(domestic)


def _balanced(batches: pl.DataFrame, *, member: str) -> pl.DataFrame:
    """Each batch with an offset entry to the company's own account."""
    if batches["company_account"].null_count() or batches["companies"].max() != 1:
        raise FileRefused("offset_account", "batch", "a balanced batch has one account of its company")
    if batches.filter(pl.col("total") > 9_999_999_999).height or "IAT" in batches["entry_class"]:
        raise FileRefused("offset", "batch", "a batch of this class or sum cannot have one offset entry")
    trace = pl.concat_str(constant(member[:8], 8), digits(pl.col("last") + 1, 7))
    many = pl.col("entry_class") == "CTX"
    name = pl.when(many).then(constant("0000OFFSET", 22)).otherwise(constant("OFFSET", 22))
    return batches.with_columns(
        offset=pl.concat_str(
            pl.when("is_debit").then(pl.lit("622")).otherwise(pl.lit("627")),
            constant(member, 9),
            text("company_account", 17),
            digits(pl.col("total").cast(pl.Int64), 10),
            constant("", 15),
            name,
            constant("", 2),
            pl.lit("0"),
            trace,
            pl.lit("\n"),
        ),
        service=pl.lit("200"),
        records=pl.col("records") + 1,
        routing=pl.col("routing") + int(member[:8]),
        debits=pl.col("total").cast(pl.Int64),
        credits=pl.col("total").cast(pl.Int64),
    )


def _entry_lines(chunk: pl.DataFrame, *, kind: _Kind) -> pl.Series:
    """The entry records of rows of one batch."""
    action = pl.when("is_debit").then(pl.lit(kind.actions[1])).otherwise(pl.lit(kind.actions[0]))
    many = digits("addenda", 4)
    domestic = pl.concat_str(text("account", 17), digits("cents", 10), text("identification", 15))
    middle = {
        "CTX": pl.concat_str(domestic, many, text("name", 16), constant("", 4)),
        "IAT": pl.concat_str(
            many, constant("", 13), digits("cents", 10), text("account", 35), constant("", 4)
        ),
    }.get(chunk["entry_class"][0], pl.concat_str(domestic, text("name", 22), constant("", 2)))
    has = pl.when(pl.col("addenda") > 0).then(pl.lit("1")).otherwise(pl.lit("0"))
    parts = (pl.lit("6"), "account_type", action, "rdfi", middle, has, "trace", pl.lit("\n"))
    return chunk.select(pl.concat_str(parts)).to_series()


def _file_header(identity: FileIdentity, *, member: str, destination: str) -> bytes:
    if not 1 <= identity.sequence <= len(_MODIFIERS):
        raise FileRefused("sequence", "sequence", f"a day has {len(_MODIFIERS)} files at most")
    created = identity.created_at.strftime("%y%m%d%H%M")
    names = (
        f"{identity.receiver.name[:23]:<23}{identity.sender.name[:23]:<23}{identity.message_id[-8:]:<8}"
    )
    modifier = _MODIFIERS[identity.sequence - 1]
    return f"101 {destination} {member}{created}{modifier}094101{names}\n".encode("ascii", "replace")


def _file_control(batches: pl.DataFrame) -> bytes:
    """The control record, and nines up to ten records a block."""
    sums = {
        name: int(batches[name].cast(pl.Int128).sum())
        for name in ("records", "routing", "debits", "credits")
    }
    if max(sums["debits"], sums["credits"]) >= 10**12 or batches.height > 999_999:
        raise FileRefused("amount_too_large", "file", "the sums of a file have twelve digits at most")
    lines = 2 + 2 * batches.height + sums["records"]
    blocks = -(-lines // 10)
    control = (
        f"9{batches.height:06}{blocks:06}{sums['records']:08}{sums['routing'] % 10**10:010}"
        f"{sums['debits']:012}{sums['credits']:012}".ljust(94)
    )
    return "\n".join([control, *["9" * 94] * (blocks * 10 - lines), ""]).encode()


def _refuse_rows(rows: pl.DataFrame, bad: pl.Expr, code: str, sentence: str) -> None:
    found = rows.filter(bad)["given"]
    if found.len():
        raise FileRefused(code, f"row {int(found[0])}", sentence)
