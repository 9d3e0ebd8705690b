"""The addenda records of entries, as one column of texts: nothing, or lines that each end in LF.

Belongs here: remittance information in 80 characters a record, the international entries' records, and
the addenda of returns and changes. Expressions over the rows of a chunk.
"""

import polars as pl

from pipelines.settlement.nacha.settings import Settings
from pipelines.settlement.nacha.texts import constant, digits, text
from pipelines.settlement.writing import FileIdentity

_PIECE = 80


def pieces(rows: pl.Expr) -> pl.Expr:
    """How many records of 80 characters a text needs."""
    return (rows.str.len_chars().fill_null(0).cast(pl.Int64) + _PIECE - 1) // _PIECE


def remittance_lines(chunk: pl.DataFrame, *, kind: str) -> pl.Series:
    """Addenda 05 (or 17) of each row's `remittance`; rows have `sequence`, the end of their trace."""
    numbered = chunk.select("sequence", "remittance").with_row_index("place")
    exploded = (
        numbered.filter(pl.col("remittance").is_not_null())
        .with_columns(piece=pl.int_ranges(0, pieces(pl.col("remittance"))))
        .explode("piece", empty_as_null=False)
        .with_columns(
            line=pl.concat_str(
                pl.lit(f"7{kind}"),
                text(pl.col("remittance").str.slice(pl.col("piece") * _PIECE, _PIECE), _PIECE),
                digits(pl.col("piece") + 1, 4),
                digits("sequence", 7),
                pl.lit("\n"),
            )
        )
        .group_by("place", maintain_order=True)
        .agg(pl.col("line").str.join(""))
    )
    return numbered.join(exploded, on="place", how="left", maintain_order="left")["line"].fill_null("")


def international_lines(chunk: pl.DataFrame, *, identity: FileIdentity, settings: Settings) -> pl.Series:
    """Addenda 10 to 16, then 17 where there is remittance and 18 where there is an intermediary."""
    debit = pl.col("is_debit")

    def side(name: str, *, company: bool) -> pl.Expr:
        creditor = debit if company else ~debit
        return pl.when(creditor).then(pl.col(f"creditor_{name}")).otherwise(pl.col(f"debtor_{name}"))

    end = digits("sequence", 7)

    def place(*, company: bool) -> tuple[pl.Expr, pl.Expr]:
        town = side("town", company=company).fill_null("")
        country, postcode = side("country", company=company), side("postcode", company=company)
        return (
            text(pl.concat_str(town.str.head(33), pl.lit("*\\")), 35),
            text(
                pl.concat_str(country.fill_null(""), pl.lit("*"), postcode.fill_null(""), pl.lit("\\")),
                35,
            ),
        )

    def line(kind: str, *fields: pl.Expr) -> pl.Expr:
        return pl.concat_str(pl.lit(f"7{kind}"), *fields, end, pl.lit("\n"))

    country = settings.originator_country
    bank = (text("own_bank_name", 35), constant("01", 2), text("own_bank", 34), constant(country, 3))
    other = pl.coalesce(side("country", company=False), pl.lit(country))
    other_bank = (text("rdfi_name", 35), constant("01", 2), text("rdfi", 34), text(other, 3))
    town, home = place(company=True)
    to_town, to_home = place(company=False)
    foreign = pl.coalesce("instructed_amount_minor", "cents")
    rows = chunk.with_columns(
        own_bank=pl.coalesce(side("agent_member", company=True), pl.lit(identity.sender.member)),
        own_bank_name=pl.coalesce(side("agent_name", company=True), pl.lit(identity.sender.name)),
        rdfi_name=side("agent_name", company=False),
    )
    kind = text(pl.coalesce("purpose", pl.lit(settings.transaction_kind)), 3)
    correspondent = line(
        "18",
        text("intermediary_bic", 35),
        constant("02", 2),
        text("intermediary_bic", 34),
        text(pl.col("intermediary_bic").str.slice(4, 2), 3),
        constant("", 6),
        constant("0001", 4),
    )
    lines = rows.select(
        first=pl.concat_str(
            line(
                "10",
                kind,
                digits(foreign, 18),
                text("identification", 22),
                text("name", 35),
                constant("", 6),
            ),
            line(
                "11",
                text(pl.coalesce(side("name", company=True), "company_name"), 35),
                text(side("street", company=True), 35),
                constant("", 14),
            ),
            line("12", town, home, constant("", 14)),
            line("13", *bank, constant("", 10)),
            line("14", *other_bank, constant("", 10)),
            line(
                "15",
                text(side("id", company=False), 15),
                text(side("street", company=False), 35),
                constant("", 34),
            ),
            line("16", to_town, to_home, constant("", 14)),
        ),
        last=pl.when(pl.col("intermediary_bic").is_not_null()).then(correspondent).otherwise(pl.lit("")),
    )
    return lines["first"] + remittance_lines(chunk, kind="17") + lines["last"]


def return_lines(chunk: pl.DataFrame, *, identity: FileIdentity) -> pl.Series:
    """Addenda 99 of each row."""
    return chunk.select(
        pl.concat_str(
            pl.lit("799"),
            text("reason_code", 3),
            text("original_transaction_id", 15),
            constant("", 6),
            constant((identity.sender.member or "")[:8], 8),
            text("reason_text", 44),
            "trace",
            pl.lit("\n"),
        )
    ).to_series()


def change_lines(chunk: pl.DataFrame, *, identity: FileIdentity) -> pl.Series:
    """Addenda 98 of each row."""
    return chunk.select(
        pl.concat_str(
            pl.lit("798"),
            text("reason_code", 3),
            text("original_transaction_id", 15),
            constant("", 6),
            constant((identity.sender.member or "")[:8], 8),
            text("reason_text", 29),
            constant("", 15),
            "trace",
            pl.lit("\n"),
        )
    ).to_series()
