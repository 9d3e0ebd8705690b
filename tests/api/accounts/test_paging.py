"""Cursors give a position back, and whatever else is sent is refused."""

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
def test_any_other_text_is_refused(given_text: str) -> None:
    with pytest.raises(CursorInvalid) as refused:
        position(f"!{given_text}", PLACE)
    assert refused.value.status == 422


def test_no_cursor_is_the_first_page() -> None:
    assert position(None, PLACE) is None


@pytest.mark.parametrize("other", [("a",), (1, "a"), ("a", 1, 2), ("a", "b")])
def test_a_cursor_of_another_list_is_refused(other: tuple[object, ...]) -> None:
    with pytest.raises(CursorInvalid):
        position(cursor(*other), PLACE)
