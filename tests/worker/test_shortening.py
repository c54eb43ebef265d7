"""Long texts keep their ends, short ones stay as they are, and what is cut is still what the wire carries."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest import wire
from pytest_disttest.worker import shortening
from pytest_disttest.worker.shortening import cut, fitting, shortened

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


def test_a_long_text_keeps_its_beginning_and_its_end():
    """What is between is counted."""
    assert "aaab\n[disttest: 13 characters left out]\nczzz" == cut("aaab" + "-" * 13 + "czzz", 8)


def test_a_long_list_of_lines_keeps_the_first_and_the_last():
    """A traceback's lines stand in a list; a line that is too long by itself is cut first."""
    lines = [f"line {number:04}" for number in range(1000)]

    found = shortened(lines, 100)

    assert ["line 0000", "line 0001"] == found[:2]
    assert ["line 0998", "line 0999"] == found[-2:]
    [note] = [line for line in found if "left out" in line]
    assert f"in {1000 - len(found) + 1} lines" in note
    assert "[disttest:" in shortened(["x" * 10_000] * 9, 100)[0]


def test_fields_beside_each_other_are_no_lines():
    """The title and the text of a section keep their places."""
    [section] = shortened([["Captured stdout call", "x" * 10_000]], 100)

    assert ("Captured stdout call", True) == (section[0], len(section[1]) < 200)


def test_a_part_of_a_number_or_of_bytes_is_never_told():
    """It would arrive as another value, or not at all."""
    for value in (b"x" * 10_000, 1 << 100_000):
        arrived = wire.restore(shortened(wire.plain({"value": value, "other": 1}), 100))

        assert {"value", "other"} == arrived.keys()
        assert "left out" in arrived["value"]


def test_many_long_texts_together_fit():
    """Each alone would be told in full."""
    many: list[Any] = [[number, "x" * shortening.LONGEST_TEXT] for number in range(20)]

    found = fitting(many)

    assert shortening.MOST_CHARACTERS > sum(len(text) for _, text in found)
    assert list(range(20)) == [number for number, _ in found]
    assert 12 * shortening.MOST_CHARACTERS < wire.LONGEST_MESSAGE_BYTES


@given(VALUES)
def test_what_is_short_stays_as_it_is(value: Any):
    """And arrives as it was sent."""
    told = wire.plain(value)

    assert told == shortened(told) == fitting(told)


@given(VALUES, st.integers(1, 50))
def test_what_is_cut_can_still_be_read(value: Any, longest: int):
    """No tag of the wire's is broken, and no text is longer than was asked for, but for the words of the gap."""
    found = shortened(wire.plain(value), longest)

    wire.restore(wire.unpack(wire.pack(["value", found]))[1])
    assert all(len(text) <= longest + 60 for text in texts(found))


def texts(value: Any) -> list[str]:
    """Return every text in a value of the wire's builtins."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in texts(item)]
