"""Profiles are files that a person can read, and each says something that can be written."""

from datetime import date

import polars as pl
import pytest

from pipelines.settlement.characters import CharacterSet, transliterated
from pipelines.settlement.formats import WRITABLE
from pipelines.settlement.payment_batch import PAYMENT_BATCH, payment_batch
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import PROFILES, Profile, prepared, profile

NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_profile_narrows_a_format_that_is_written(name: str) -> None:
    found = profile(name)
    assert found.name == name
    assert found.format in WRITABLE
    named = {*found.required, *found.lengths, *found.allowed, *found.constants}
    assert named <= set(PAYMENT_BATCH)
    assert len(found.source) > 10


def test_each_format_has_a_profile_of_its_name() -> None:
    assert set(WRITABLE) <= set(NAMES)


@pytest.mark.parametrize("name", ["nobody", "../profile", "a/b", ""])
def test_another_profile_is_refused(name: str) -> None:
    with pytest.raises(FileRefused, match="profile_unknown"):
        profile(name)


def batch(**columns: object) -> pl.DataFrame:
    rows = {
        "instruction_id": ["I1"],
        "currency": ["KES"],
        "amount_minor": [100],
        "execution_date": [date(2025, 6, 30)],
    }
    return payment_batch(pl.DataFrame(rows | {name: [value] for name, value in columns.items()}))


def narrow(**said: object) -> Profile:
    known = {"name": "p", "title": "P", "format": "mt103", "source": "a test"}
    return Profile.model_validate(known | said)


def test_texts_are_brought_into_the_characters_and_the_given_one_is_told() -> None:
    ready = prepared(batch(creditor_name="Ọlá & Ñandú"), narrow(characters="sepa"))
    assert ready.payments["creditor_name"].to_list() == ["Ola + Nandu"]
    (warning,) = ready.warnings.iter_rows(named=True)
    assert (warning["row"], warning["code"]) == (1, "characters_replaced")
    assert "Ọlá & Ñandú" in warning["sentence"]


def test_names_are_cut_with_a_warning_and_references_are_never_cut() -> None:
    by = narrow(lengths={"creditor_name": 5, "end_to_end_id": 5})
    ready = prepared(batch(creditor_name="Achieng Otieno"), by)
    assert ready.payments["creditor_name"].to_list() == ["Achie"]
    assert ready.warnings["code"].to_list() == ["shortened"]
    refused = prepared(batch(end_to_end_id="123456"), by)
    assert refused.payments.is_empty()
    assert refused.refused.select("field", "code").rows() == [("end_to_end_id", "too_long")]


def test_what_is_required_allowed_and_constant_holds() -> None:
    by = narrow(
        required=["creditor_name"],
        allowed={"charge_bearer": ["SLEV"]},
        constants={"charge_bearer": "SLEV"},
    )
    assert prepared(batch(creditor_name="A"), by).payments["charge_bearer"].to_list() == ["SLEV"]
    assert prepared(batch(), by).refused["code"].to_list() == ["missing"]
    other = prepared(batch(creditor_name="A", charge_bearer="DEBT"), by)
    assert other.refused["code"].to_list() == ["not_allowed"]


def test_every_character_of_unicode_ends_within_its_set() -> None:
    texts = pl.Series([chr(code) for code in range(1, 0x3000) if not 0xD800 <= code < 0xE000])
    sepa = transliterated(texts, CharacterSet.SEPA).drop_nulls()
    assert sepa.str.contains(r"^[a-zA-Z0-9/\-?:().,'+ ]+$").all()
    upper = transliterated(texts, CharacterSet.UPPER).drop_nulls()
    assert upper.str.contains(r"^[A-Z0-9 .,&'()/+:\-]+$").all()
