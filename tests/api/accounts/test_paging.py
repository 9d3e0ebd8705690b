"""Cursors give a position back, and whatever else is sent is refused."""

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api.paging import CursorInvalid, cursor, position

PLACE = TypeAdapter(tuple[str, int])


@given(name=st.text(st.characters(codec="utf-8")), number=st.integers(0, 2**62))
def test_a_cursor_gives_its_position_back(name: str, number: int) -> None:
    assert position(cursor(name, number), PLACE) == (name, number)


@given(given_text=st.text(max_size=60))
def test_text_that_no_cursor_has_is_refused(given_text: str) -> None:
    with pytest.raises(CursorInvalid) as refused:
        position(f"!{given_text}", PLACE)
    assert refused.value.status == 422


@given(
    st.one_of(
        st.text(max_size=40),
        st.binary(max_size=40).map(lambda octets: urlsafe_b64encode(octets).decode().rstrip("=")),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=6,
        ).map(lambda content: urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")),
    )
)
def test_whatever_is_sent_is_a_position_or_refused(given_text: str) -> None:
    try:
        name, number = position(given_text, PLACE) or ("", 0)
    except CursorInvalid:
        return
    assert position(cursor(name, number), PLACE) == (name, number)


def test_no_cursor_is_the_first_page() -> None:
    assert position(None, PLACE) is None


@pytest.mark.parametrize("other", [("a",), (1, "a"), ("a", 1, 2), ("a", "b")])
def test_a_cursor_of_another_list_is_refused(other: tuple[object, ...]) -> None:
    with pytest.raises(CursorInvalid):
        position(cursor(*other), PLACE)
