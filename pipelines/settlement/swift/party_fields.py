"""Parties and agents written as fields 50, 52, 56, 57, 58 and 59.

Belongs here: which option is chosen and its lines. A party whose country is known is written in
numbered lines (option F), any other by name and address; an agent by BIC (A), else by clearing code,
name or both (D). The name of an agent that has a BIC is not written: the BIC names it.
"""

import polars as pl

from pipelines.settlement.swift.parties import CLEARING_CODES
from pipelines.settlement.swift.texts import LINE_END, field, on_lines, refuse, refuse_account, wrapped

PRIMARY_OFFICE = "XXX"
"""Branch code of a BIC that names none."""
BIC = r"^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"
_LINE, _NUMBERED = 35, 33
_SWIFT_CODES = {iso: swift for swift, iso in CLEARING_CODES.items()}


def with_party(rows: pl.DataFrame, *, prefix: str, tag: str, plain: str) -> pl.DataFrame:
    """`rows` with column `f"{prefix}_field"`: field 50 or 59; `plain` is its option without country."""
    name, account = pl.col(f"{prefix}_name"), pl.col(f"{prefix}_account")
    country = pl.col(f"{prefix}_country")
    there = pl.any_horizontal(
        pl.col(f"{prefix}_{each}").is_not_null()
        for each in ("account", "street", "building", "postcode", "town", "country")
    )
    refuse(
        rows, name.is_null() & there, field=f"{prefix}_name", sentence="a party is written by its name"
    )
    refuse_account(rows, f"{prefix}_account")
    street = pl.concat_str(f"{prefix}_street", f"{prefix}_building", separator=" ", ignore_nulls=True)
    street = pl.when(street != "").then(street)
    rows = wrapped(rows, name, width=_NUMBERED, most=2, field=f"{prefix}_name_lines")
    rows = wrapped(rows, street, width=_NUMBERED, most=1, field=f"{prefix}_street_lines")
    town = pl.concat_str(f"{prefix}_town", f"{prefix}_postcode", separator=", ", ignore_nulls=True)
    place = pl.concat_str(country, pl.when(town != "").then(town), separator="/", ignore_nulls=True)
    numbered = pl.concat_list(
        _each_after("1/", f"{prefix}_name_lines"),
        _each_after("2/", f"{prefix}_street_lines"),
        pl.concat_list(pl.concat_str(pl.lit("3/"), place)),
    )  # fmt: skip
    unnumbered = pl.concat_list(
        name,
        street,
        pl.when(town != "").then(
            pl.concat_str(f"{prefix}_postcode", f"{prefix}_town", separator=" ", ignore_nulls=True)
        ),
    ).list.drop_nulls()
    known = country.is_not_null()
    lines = pl.when(known).then(numbered).otherwise(unnumbered)
    rows = rows.with_columns(lines.alias("__lines"))
    long = pl.col("__lines").list.eval(pl.element().str.len_chars() > _LINE).list.any()
    refuse(rows, long, field=prefix, sentence=f"a line of its name or address has more than {_LINE}")
    begins = pl.col("__lines").list.eval(pl.element().str.contains("^[:/-]")).list.any()
    refuse(rows, begins, field=prefix, sentence="a line of it would begin with a colon, slash or hyphen")
    text = pl.concat_str(
        pl.concat_str(pl.lit("/"), account), on_lines(pl.col("__lines")), separator=LINE_END,
        ignore_nulls=True,
    )  # fmt: skip
    written = pl.when(known).then(field(f"{tag}F", text)).otherwise(field(f"{tag}{plain}", text))
    return rows.with_columns(pl.when(name.is_not_null()).then(written).alias(f"{prefix}_field")).drop(
        "__lines"
    )


def _each_after(code: str, lines: str) -> pl.Expr:
    """Each of a column of lists of lines, after `code`."""
    written = pl.col(lines).fill_null(pl.lit([], dtype=pl.List(pl.String)))
    return written.list.eval(pl.concat_str(pl.lit(code), pl.element()))


def with_agent(
    rows: pl.DataFrame, *, prefix: str, tag: str, written: str, account: str | None = None
) -> pl.DataFrame:
    """`rows` with column `written`: the field of an agent, null where nothing is known of it.

    `account`: column of the account that the agent has, for option `/account` lines (field 58).
    """
    bic, system, member = (pl.col(f"{prefix}_{each}") for each in ("bic", "clearing", "member"))
    name = pl.col(f"{prefix}_name")
    refuse(rows, ~bic.str.contains(BIC), field=f"{prefix}_bic", sentence="it is not a BIC")
    other = (member.is_not_null() & system.is_null()) | (
        system.is_not_null() & (~system.is_in(list(_SWIFT_CODES)) | member.is_null())
    )
    refuse(
        rows, other, field=f"{prefix}_clearing",
        sentence=f"SWIFT has codes and members of these alone: {', '.join(sorted(_SWIFT_CODES))}",
    )  # fmt: skip
    refuse(
        rows, ~member.str.contains("^[A-Z0-9]{1,28}$"), field=f"{prefix}_member",
        sentence="it is not of letters and digits",
    )  # fmt: skip
    beginning = pl.when(bic.is_null() & name.is_not_null())
    odd = beginning.then(~name.str.contains("^[^:/-].{0,34}$"))
    refuse(rows, odd, field=f"{prefix}_name", sentence="it is to fit into one line of 35 characters")
    code = pl.concat_str(pl.lit("//"), system.replace_strict(_SWIFT_CODES, default=None), member)
    first = code if account is None else pl.coalesce(pl.concat_str(pl.lit("/"), pl.col(account)), code)
    if account is not None:
        both = pl.col(account).is_not_null() & code.is_not_null()
        refuse(rows, both, field=account, sentence="field 58 has either an account or a clearing code")
    by_bic = pl.concat_str(first, bic, separator=LINE_END, ignore_nulls=True)
    by_name = pl.concat_str(first, name, separator=LINE_END, ignore_nulls=True)
    nothing = by_name == ""
    return rows.with_columns(
        pl.when(bic.is_not_null())
        .then(field(f"{tag}A", by_bic))
        .when(nothing)
        .then(None)
        .when(name.is_null())
        .then(field(f"{tag}C", by_name))
        .otherwise(field(f"{tag}D", by_name))
        .alias(written)
    )
