"""Derived ids are UUIDs of the right version, sort by time, and do not collide."""

import uuid
from datetime import UTC, datetime

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.payments.identifiers import derived_ids, numbered_ids, uetrs

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def numbered(numbers: list[int], at: datetime = NOON) -> pl.Series:
    return numbered_ids(pl.Series([at] * len(numbers)), pl.Series(numbers), namespace=1)


def test_a_numbered_id_holds_its_time_and_its_number() -> None:
    found = uuid.UUID(numbered([695_247])[0])
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == int(NOON.timestamp() * 1000)
    assert found.int & (2**62 - 1) == 695_247


def test_a_derived_id_keeps_the_time_and_differs_by_ordinal() -> None:
    ids = pl.concat([numbered(list(range(2000)))] * 4)
    ordinals = pl.Series([n for n in range(1, 5) for _ in range(2000)])
    derived = derived_ids(ids, ordinals)
    assert derived.n_unique() == 8000
    assert (derived.str.slice(0, 13) == ids.str.slice(0, 13)).all()
    assert {uuid.UUID(text).version for text in derived} == {7}
    assert {uuid.UUID(text).variant for text in derived} == {uuid.RFC_4122}


def test_a_uetr_is_of_version_4() -> None:
    assert {uuid.UUID(text).version for text in uetrs(numbered(list(range(100))))} == {4}


def test_no_ids_derive_nothing() -> None:
    assert derived_ids(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Int64)).len() == 0


@given(ids=st.lists(st.uuids(), min_size=1, max_size=20), ordinal=st.integers(1, 9))
def test_the_same_input_gives_the_same_id_in_any_company(ids: list[uuid.UUID], ordinal: int) -> None:
    texts = pl.Series([str(one) for one in ids])
    together = derived_ids(texts, pl.Series([ordinal] * len(ids)))
    alone = [derived_ids(texts[n : n + 1], pl.Series([ordinal]))[0] for n in range(len(ids))]
    assert together.to_list() == alone
