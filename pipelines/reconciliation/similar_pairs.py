"""Pairs whose reference or name is written differently on the two sides.

Belongs here: normalising texts and scoring candidates. The candidates are blocked by everything the
pass compares exactly, so that only items of one account and amount are ever compared by text; the
scores are DuckDB's.
"""

from pathlib import Path

import duckdb
import polars as pl

from pipelines.reconciliation.candidates import block_candidates, decide
from pipelines.reconciliation.match_shapes import Found
from pipelines.reconciliation.pass_rules import Measure, SimilarPass

SCORES = (Path(__file__).parent / "text_scores.sql").read_text(encoding="utf-8")
WHOLE_LENGTH = 8
"""A shorter reference within a longer text may be there by chance."""
WHOLE_SCORE = 0.97


def run_similar(rule: SimilarPass, *, left: pl.DataFrame, right: pl.DataFrame) -> Found:
    """Pair items that are each other's only candidate by text; the others are proposed.

    An item whose text the other side has letter for letter is not compared by likeness: what keeps
    the two apart is something else.
    """
    written = pl.col(rule.text).alias("written")
    text = normalised(pl.col(rule.text), measure=rule.measure).alias("text")
    left, right = (
        side.with_columns(text, written).filter(pl.col("text").str.len_bytes() > 0)
        for side in (left, right)
    )
    pairs, unproved = block_candidates(
        rule, left=left, right=right, keys=rule.equal, max_block_pairs=rule.max_block_pairs
    )
    scored = pairs.with_columns(text_scores(pairs, measure=rule.measure)).filter(
        pl.col("score") >= rule.propose_score
    )
    same = pl.col("written") == pl.col("written_stated")
    differing = scored.filter(~same.any().over("item") & ~same.any().over("item_stated"))
    return decide(rule, differing, accept_score=rule.accept_score, unproved=unproved)


def normalised(text: pl.Expr, *, measure: Measure) -> pl.Expr:
    """Capital letters and digits; of a name without accents, its words in alphabetical order."""
    plain = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_uppercase()
    if measure == Measure.REFERENCE:
        return plain.str.replace_all(r"[^\p{L}\p{N}]", "")
    words = plain.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars().str.split(" ")
    return words.list.sort().list.join(" ")


def text_scores(pairs: pl.DataFrame, *, measure: Measure) -> pl.Series:
    """A score for each row by its `text` and `text_stated`, in the order of the rows."""
    texts = pairs.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("pair"),
        ledger_text="text",
        stated_text="text_stated",
    )
    if texts.is_empty():
        return pl.Series("score", [], dtype=pl.Float64)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("texts", texts.to_arrow())
        scored = connection.execute(
            SCORES,
            {"measure": str(measure), "whole_length": WHOLE_LENGTH, "whole_score": WHOLE_SCORE},
        ).fetchnumpy()
    return pl.Series("score", scored["score"], dtype=pl.Float64)
