"""Blocks 1 to 4 of FIN messages, and how many messages stand in one file.

Belongs here: headers, the UETR in block 3, and what separates messages (`$` as in RJE files, or
nothing but line ends). Session and sequence numbers are the network's to give: they are noughts.
"""

import re
from collections.abc import Iterator

import polars as pl

from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.swift.party_fields import BIC, PRIMARY_OFFICE
from pipelines.settlement.swift.texts import LINE_END, REFERENCE, refuse
from pipelines.settlement.writing import FileIdentity, Institution, uetr_of

_UETR = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
SEPARATORS = {"rje": "$", "lines": LINE_END}


def terminal(institution: Institution, *, letter: str) -> str:
    """Logical terminal address (12 characters) of a BIC; `letter` is A of a sender, X of a receiver."""
    bic = institution.bic
    if bic is None or not re.fullmatch(BIC.strip("^$"), bic):
        raise FileRefused(
            "not_sayable", institution.name, "a FIN message goes from BIC to BIC: give its"
        )
    return bic[:8] + letter + (bic[8:] or PRIMARY_OFFICE)


def separator(profile: Profile) -> str:
    """What the profile's setting `separator` names. Raises `FileRefused`."""
    name = str(profile.settings.get("separator", "rje"))
    if name not in SEPARATORS:
        raise FileRefused(
            "setting_unknown", profile.name, f"separator is one of {', '.join(SEPARATORS)}"
        )
    return SEPARATORS[name]


def headers(identity: FileIdentity, *, kind: str) -> str:
    """Blocks 1 and 2 of an input message of that type, such as 103."""
    sender = terminal(identity.sender, letter="A")
    receiver = terminal(identity.receiver, letter="X")
    return f"{{1:F01{sender}0000000000}}{{2:I{kind}{receiver}N}}"


def enveloped(
    rows: pl.DataFrame, *, name: str, identity: FileIdentity, profile: Profile, first: bool
) -> Iterator[bytes]:
    """Messages of `rows` (columns `row`, `instruction_id`, `uetr`, `text`) in their blocks, as bytes."""
    refuse(
        rows, ~pl.col("uetr").str.contains(_UETR), field="uetr",
        sentence="it is not a version 4 UUID in lower case",
    )  # fmt: skip
    # A UETR that is not given is made from the references: SHA-256 is no Polars expression.
    made = pl.concat_str(pl.lit(f"{identity.message_id}/"), pl.col("instruction_id"))
    uetr = pl.coalesce(
        "uetr",
        pl.when(pl.col("uetr").is_null()).then(made).map_elements(uetr_of, return_dtype=pl.String),
    )
    own = f"{{108:{identity.message_id}}}" if re.match(REFERENCE, identity.message_id) else ""
    cover = "{119:COV}" if name == "MT202COV" else ""
    beginning = headers(identity, kind=name[2:5]) + f"{{3:{own}{cover}{{121:"
    between = separator(profile)
    whole = pl.concat_str(
        pl.lit(beginning), uetr, pl.lit("}}{4:"), pl.col("text"), pl.lit(f"{LINE_END}-}}")
    )
    texts = rows.select(whole.str.join(between)).item()
    if not texts.isascii():
        place = next(row for row, text in rows.select("row", whole).iter_rows() if not text.isascii())
        raise FileRefused("not_sayable", f"row {place}", "it has characters that are not of set x")
    yield (("" if first else between) + texts).encode("ascii")
