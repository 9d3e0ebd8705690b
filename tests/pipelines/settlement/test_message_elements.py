"""Values are written as ISO 20022 has them: amounts to the minor unit, text cleaned and cut."""

from decimal import ROUND_DOWN, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from pipelines.lake.ledger_tables import PARTICIPANTS
from pipelines.settlement.day_messages import IdentifierTooLong, agent_columns, with_agent
from pipelines.settlement.iso20022.amounts import decimal_column, rate_column
from pipelines.settlement.iso20022.columns import contents
from pipelines.settlement.iso20022.elements import Markup, Record
from pipelines.settlement.iso20022.parties import agent, party
from pipelines.settlement.iso20022.texts import (
    clean_text,
    escaped,
    uetrs_of,
    valid_ibans,
    valid_uetr,
)
from pipelines.settlement.writing import uetr_of


def written(values: list[object], expression: pl.Expr) -> list[str | None]:
    return pl.DataFrame({"value": values}, strict=False).select(expression).to_series().to_list()


@given(st.integers(0, 10**18 - 1), st.integers(0, 4))
def test_an_amount_reads_back_to_the_same_minor_units(amount_minor: int, exponent: int) -> None:
    (text,) = written([amount_minor], decimal_column(pl.col("value"), pl.lit(exponent)))
    assert text is not None
    assert Decimal(text).scaleb(exponent) == amount_minor
    assert len(text.partition(".")[2]) == exponent


@given(st.integers(1, 10**15), st.integers(0, 4), st.integers(1, 10**15), st.integers(0, 4))
def test_a_rate_is_the_quotient_truncated_to_eleven_digits(
    settled: int, settled_exponent: int, instructed: int, exponent: int
) -> None:
    frame = pl.DataFrame({"settled": [settled], "instructed": [instructed]})
    text = frame.select(
        rate_column(pl.col("settled"), pl.lit(settled_exponent), pl.col("instructed"), pl.lit(exponent))
    ).item()
    numerator, denominator = settled * 10**exponent, instructed * 10**settled_exponent
    scaled = numerator * 10**10 // denominator
    if scaled == 0 or numerator // denominator >= 10**11:
        assert text is None
    else:
        places = min(10, 11 - len(str(numerator // denominator)))
        exact = Decimal(scaled).scaleb(-10)
        assert Decimal(text) == exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_DOWN)


@given(st.text(max_size=200), st.integers(1, 140))
def test_any_text_becomes_one_legal_line_of_at_most_its_length(text: str, length: int) -> None:
    (cleaned,) = written([text], clean_text(pl.col("value"), length))
    if cleaned is None:
        return
    assert 0 < len(cleaned) <= length
    (content,) = written([cleaned], escaped(pl.col("value")))
    assert etree.fromstring(f"<a>{content}</a>".encode()).text == cleaned
    assert cleaned == cleaned.strip()
    assert "\n" not in cleaned


def test_control_characters_become_a_space_and_never_join_two_words() -> None:
    texts = ["Wanjiru\x00\x1b\n & Sons", "\x07 \t", "", None, "\ufffe<b>\x85"]
    assert written(texts, clean_text(pl.col("value"), 35)) == [
        "Wanjiru & Sons",
        None,
        None,
        None,
        "<b>",
    ]


def test_a_cut_that_ends_at_a_space_drops_it() -> None:
    assert written(["Ama Ata Aidoo"], clean_text(pl.col("value"), 4)) == ["Ama"]


def test_a_name_is_cut_by_characters_not_by_bytes() -> None:
    assert written(["መ" * 200], clean_text(pl.col("value"), 140)) == ["መ" * 140]


def rendered(markup: Markup | None, frame: pl.DataFrame) -> list[str | None]:
    assert markup is not None
    return frame.select(markup.expression()).to_series().to_list()


def test_a_party_without_a_name_is_not_provided() -> None:
    for names in ([None, "A"], [None, None]):
        frame = pl.DataFrame({"creditor_name": names}, schema={"creditor_name": pl.String})
        found = rendered(party("Cdtr", Record(frame), "creditor"), frame)
        assert found[0] == "<Cdtr><Nm>NOTPROVIDED</Nm></Cdtr>"


@pytest.mark.parametrize(
    ("account", "valid"),
    [
        ("GB82WEST12345698765432", True),
        ("MU17BOMM0101101030300200000MUR", True),
        ("TN5910006035183598478831", True),
        ("GB82WEST12345698765433", False),  # one digit off
        ("GB82 WEST 1234 5698 7654 32", False),  # on paper only
        ("gb82west12345698765432", False),
        ("0100123456789", False),
        ("KE12ABC", False),
        ("", False),
        (None, False),
    ],
)
def test_an_iban_is_known_by_its_form_and_its_check_digits(account: str | None, valid: bool) -> None:
    accounts = pl.Series([account, "0100"], dtype=pl.String)
    assert valid_ibans(accounts).to_list() == [valid, False]


@given(st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", fullmatch=True))
def test_iban_check_digits_equal_the_remainder_of_the_whole_number(account: str) -> None:
    number = int("".join(str(int(letter, 36)) for letter in account[4:] + account[:4]))
    assert valid_ibans(pl.Series([account])).to_list() == [number % 97 == 1]


def test_only_a_version_4_uuid_is_written_as_uetr() -> None:
    uetrs = ["8A562C67-CA16-48BA-B074-65581BE6F001", "8a562c67-ca16-18ba-b074-65581be6f001", "x", None]
    assert written(uetrs, valid_uetr(pl.col("value"))) == [uetrs[0].lower(), None, None, None]


def some_participants(*rows: tuple[str, str | None]) -> pl.DataFrame:
    named = [{"participant_id": name, "name": "A & B", "bic": bic} for name, bic in rows]
    return pl.DataFrame(named, schema=dict(PARTICIPANTS.schema))


def test_an_agent_is_named_by_bic_or_member_id_or_as_it_is_called() -> None:
    known = agent_columns(some_participants(("one", "BAOBKENA"), ("two", None), ("three", "bad")))
    banks = pl.DataFrame({"bank": ["one", "two", "three", "<other>"]})
    frame = contents(with_agent(banks, "debtor_agent", known, named="bank"))
    assert rendered(agent("DbtrAgt", Record(frame), "debtor_agent"), frame) == [
        "<DbtrAgt><FinInstnId><BICFI>BAOBKENA</BICFI></FinInstnId></DbtrAgt>",
        "<DbtrAgt><FinInstnId><ClrSysMmbId><MmbId>two</MmbId></ClrSysMmbId><Nm>A &amp; B</Nm>"
        "</FinInstnId></DbtrAgt>",
        "<DbtrAgt><FinInstnId><ClrSysMmbId><MmbId>three</MmbId></ClrSysMmbId><Nm>A &amp; B</Nm>"
        "</FinInstnId></DbtrAgt>",
        "<DbtrAgt><FinInstnId><Othr><Id>&lt;other&gt;</Id></Othr></FinInstnId></DbtrAgt>",
    ]


def test_a_participant_that_no_element_can_name_is_refused() -> None:
    with pytest.raises(IdentifierTooLong):
        agent_columns(some_participants(("p" * 36, None)))


@given(st.lists(st.text(min_size=1)))
def test_uetrs_made_of_references_are_those_made_one_by_one(references: list[str]) -> None:
    made = uetrs_of(pl.Series(references, dtype=pl.String))
    assert made.to_list() == [uetr_of(reference) for reference in references]
