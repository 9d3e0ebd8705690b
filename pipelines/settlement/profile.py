"""Profiles: what one bank, country or scheme demands of a format, as a YAML file a person can read.

Belongs here: the shape of a profile, loading it, and preparing a batch by it: constants put in,
characters brought into the set, long texts cut with a warning, payments that cannot go refused. The
profiles stand in `profiles/`; each names the public document that it follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.settlement.characters import CharacterSet, transliterated
from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.problems import PROBLEMS, FileRefused

PROFILES = Path(__file__).parent / "profiles"

REFERENCES = frozenset(
    name for name, kind in PAYMENT_BATCH.items()
    if kind == pl.String and name.endswith(("_id", "_bic", "_member", "_account", "uetr", "_reference"))
)  # fmt: skip
"""Columns that identify something: they are never cut, a payment whose one does not fit is refused."""


class Profile(BaseModel):
    """How payments are written in one format for one bank, country or scheme."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")
    title: str
    format: str
    """Name of the format that it narrows, as `wgi files write --format` takes it."""
    source: str
    """The public document that says so."""
    characters: CharacterSet = CharacterSet.UNICODE
    required: tuple[str, ...] = ()
    """Columns without which a payment is refused."""
    lengths: Mapping[str, int] = {}
    """Longest text by column: names and remittance are cut with a warning, references refused."""
    allowed: Mapping[str, tuple[str, ...]] = {}
    """Values that a column may have, absent included only when an empty text stands among them."""
    constants: Mapping[str, str] = {}
    """Columns that are the same in every payment where it does not say otherwise."""
    settings: Mapping[str, str | int | bool] = {}
    """What the format's writer needs besides: ids of the originator, padding, layout."""


@cache
def profile(name: str) -> Profile:
    """The profile of that name; raises `FileRefused` when there is none, or it is not one."""
    path = PROFILES / f"{name}.yaml"
    if Path(name).name != name or not path.is_file():
        known = ", ".join(sorted(found.stem for found in PROFILES.glob("*.yaml")))
        raise FileRefused("profile_unknown", name, f"there is no profile of that name; known: {known}")
    try:
        return Profile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise FileRefused("profile_invalid", path.name, str(error)) from error


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as a profile lets it be written."""

    payments: pl.DataFrame
    """`PAYMENT_BATCH`: those that can be written."""
    warnings: pl.DataFrame
    """`PROBLEMS`: texts written otherwise than given; the given text stands in the sentence."""
    refused: pl.DataFrame
    """`PROBLEMS`: payments that are not written, and why."""


def prepared(batch: pl.DataFrame, by: Profile) -> Prepared:
    """The payments of a batch (`PAYMENT_BATCH`) as `by` lets them be written."""
    rows = batch.with_columns(
        pl.col(name).fill_null(pl.lit(value)) for name, value in by.constants.items()
    ).with_row_index("row", offset=1)
    refused, warnings = [], []
    for name in (name for name, kind in PAYMENT_BATCH.items() if kind == pl.String):
        given = rows[name]
        if given.null_count() == rows.height:
            continue
        written = transliterated(given, by.characters)
        warnings.append(_problems(rows.filter(written.ne_missing(given)), name, "characters_replaced"))
        length = by.lengths.get(name)
        if length is not None:
            long = rows.filter(written.str.len_chars() > length)
            if name in REFERENCES:
                refused.append(_problems(long, name, "too_long"))
            else:
                warnings.append(_problems(long, name, "shortened"))
                written = written.str.head(length).str.strip_chars_end(" ")
        rows = rows.with_columns(written.alias(name))
    refused += [_problems(rows.filter(pl.col(name).is_null()), name, "missing") for name in by.required]
    for name, values in by.allowed.items():
        other = ~pl.col(name).fill_null("").is_in(values)
        refused.append(_problems(rows.filter(other), name, "not_allowed"))
    out = pl.concat([PROBLEMS.clear(), *refused]).sort("row", "field")
    good = rows.filter(~pl.col("row").is_in(out["row"].implode())).drop("row")
    return Prepared(good, pl.concat([PROBLEMS.clear(), *warnings]).sort("row", "field"), out)


_SENTENCES = {
    "missing": "this profile requires it",
    "not_allowed": "this profile does not allow {}",
    "too_long": "{} is longer than this profile allows, and cutting it would name something else",
    "shortened": "cut to the length that this profile allows; given: {}",
    "characters_replaced": "written in the characters that this profile allows; given: {}",
}


def _problems(rows: pl.DataFrame, field: str, code: str) -> pl.DataFrame:
    sentence = _SENTENCES[code]
    given = pl.col(field).cast(pl.String).fill_null("nothing")
    return rows.select(
        row=pl.col("row").cast(pl.UInt32),
        place=pl.format("row {}", "row"),
        field=pl.lit(field),
        code=pl.lit(code),
        sentence=pl.format(sentence, given) if "{}" in sentence else pl.lit(sentence),
    )
