"""What the wire makes of values: builtins come back equal, everything else as words, and nothing raises."""

from __future__ import annotations

import enum
import itertools
from collections import Counter, OrderedDict, defaultdict, namedtuple
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest import wire
from pytest_disttest.controller.collection import _location
from pytest_disttest.errors import ProtocolFault

# JSON joins a high and a low surrogate that stand side by side; apart from each other they come back.
texts = st.text(st.characters(exclude_categories=()), max_size=8).filter(
    lambda text: not any("\ud800" <= a < "\udc00" <= b < "\ue000" for a, b in itertools.pairwise(text))
)
keys = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
tag_like = st.dictionaries(st.sampled_from(("$t", "$b", "$s", "$f", "$d", "$i", "$x", "$")), keys, max_size=2)
values = st.recursive(
    keys | tag_like | st.integers(min_value=10**4299),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=1)
        | st.sets(keys, max_size=4)
    ),
    max_leaves=12,
)


def travelled(value: object) -> Any:
    """Send *value* through the wire."""
    line = wire.pack(["x", wire.plain(value)])
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1
    return wire.restore(wire.unpack(line)[1])


@given(values)
def test_builtins_come_back_as_they_were(value: object):
    """Whatever builtins are nested in each other arrive equal, of the same type, and ``carries`` says so."""
    assert wire.carries(value)
    assert (value, type(value)) == (travelled(value), type(travelled(value)))


class Colour(enum.IntEnum):
    RED = 3


class Level(enum.Enum):
    LOW = 1


class Shout(str):
    __slots__ = ()

    def __str__(self) -> str:
        return self.upper()


class Evil(int):
    def __int__(self) -> int:
        raise RuntimeError("no number")


class Bag(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError("no items")

    def __repr__(self) -> str:
        return "<a bag>"


class Mute:
    def __repr__(self) -> str:
        raise ValueError("no words")


class Failing:
    def __repr__(self) -> str:
        pytest.fail("pytest's own outcome is no Exception")


class Proxy:
    """Raises when it is asked for its class, as an unbound proxy of werkzeug does."""

    @property
    def __class__(self) -> type:  # type: ignore[override]
        raise RuntimeError("working outside of application context")

    def __repr__(self) -> str:
        return "<unbound>"


class HashableList(list):  # type: ignore[type-arg]
    def __hash__(self) -> int:  # type: ignore[override]
        return 1


Point = namedtuple("Point", "x y")  # noqa: PYI024 - the older form must travel too


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Colour.RED, 3),
        (Level.LOW, "<Level.LOW: 1>"),
        (Shout("quiet"), "quiet"),
        (Evil(7), 7),
        (Point(1, [2]), (1, [2])),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, {1: [2]}), {1: [2]}),
        (bytearray(b"ab"), b"ab"),
        (Path("a/b"), f"{Path('a/b')!r}"),
        (1j, "1j"),
        (Mute(), "<Mute: unprintable, ValueError>"),
        (Failing(), "<Failing: unprintable, Failed>"),
        (Proxy(), "<unbound>"),
        (Bag(a=1), "<a bag>"),
        ({Shout("k"): Level.LOW}, {"k": "<Level.LOW: 1>"}),
        ({HashableList([1, 2]): 1}, {(1, 2): 1}),
        ({HashableList([{}, {1}])}, {((), frozenset({1}))}),
        ({frozenset({frozenset()}): {frozenset({1})}}, {frozenset({frozenset()}): {frozenset({1})}}),
        (10**5000, 10**5000),
        ([-(10**5000)], [-(10**5000)]),
        (float("inf"), float("inf")),
        ("\ud800 \udcff", "\ud800 \udcff"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_builtin_becomes_one(value: object, expected: object):
    """A subclass becomes the builtin it stands for, anything else its repr, or the reason why it has none."""
    found = travelled(value)

    assert (expected, type(expected)) == (found, type(found))


@pytest.mark.parametrize("spec", [int, str, bytes, dict, list, tuple, float])
def test_a_mock_that_claims_to_be_a_builtin_is_described(spec: type):
    """``isinstance`` believes a mock with a spec; the wire looks at what it is."""
    assert travelled(MagicMock(spec=spec)).startswith("<MagicMock spec=")


def test_what_contains_itself_ends():
    """A cycle is cut where it closes, also one that branches: 2 ** 60 paths would never end."""
    branching: list[Any] = []
    branching += [branching, branching, {"k": branching}, (branching,)]

    cut = "<contains itself>"
    assert [cut, cut, {"k": cut}, (cut,)] == travelled(branching)


def test_depth_is_limited_and_told():
    """What is nested too deeply for JSON is cut off, and ``carries`` knows."""
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]

    assert not wire.carries(deep)
    assert "<nested too deeply>" in str(travelled(deep))


@given(st.integers(0, 70))
def test_carries_and_plain_agree_about_depth(depth: int):
    """What ``carries`` promises does arrive."""
    value: Any = 1
    for _ in range(depth):
        value = [value]

    assert wire.carries(value) == (travelled(value) == value)


@pytest.mark.parametrize(
    "value",
    [Colour.RED, Shout("x"), Path(), object(), [object()], {"a": {1j}}, {Level.LOW: 1}, bytearray(), Point(1, 2)],
)
def test_carries_refuses_what_would_arrive_changed(value: object):
    """Only builtins, all the way down."""
    assert not wire.carries(value)


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff\n", b"{}\n", b"[]\n", b"[1]\n", b'"x"\n', b'["x"\n', b'["x", ' + b"1" * 5000 + b"]\n"],
    ids=["empty", "no-utf8", "dict", "no-kind", "number-as-kind", "text", "cut", "endless-number"],
)
def test_what_is_no_message_is_refused(line: bytes):
    """A line that a worker of ours cannot have written is a protocol fault, nothing worse."""
    with pytest.raises(ProtocolFault, match="not a message"):
        wire.unpack(line)


messages = st.lists(st.tuples(texts, values).map(lambda pair: [pair[0], wire.plain(pair[1])]), max_size=4)


@given(messages)
def test_lines_that_come_together_are_what_they_are_one_by_one(sent: list[list[Any]]):
    """One decoding for all of them changes nothing."""
    lines = b"".join(map(wire.pack, sent))

    with_lines = [(message, wire.pack(message).rstrip()) for message in sent]
    assert with_lines == list(wire.unpack_lines(lines))
    assert with_lines == list(wire.unpack_lines(b"\n" + lines.replace(b"\n", b"\n\n")))


@pytest.mark.parametrize("damage", [b"[1]", b"{}", b'["x"', b"\xff", b'["a"],,["b"]'])
def test_a_damaged_line_does_not_hide_those_before_it(damage: bytes):
    """What a worker said before it went wrong is heard."""
    lines = wire.unpack_lines(b'["a",1]\n' + damage + b"\n")

    assert (["a", 1], b'["a",1]') == next(lines)
    with pytest.raises(ProtocolFault):
        next(lines)


@given(
    st.integers(0, 10**9),
    st.floats(0, 4e9),
    st.tuples(*[st.floats(0, 1e5)] * 3),
    st.integers(-1, 10**6),
)
def test_lines_made_by_hand_are_messages(item: int, start: float, phases: tuple[float, float, float], line: int):
    """Rounded as the numbers themselves would be: to a microsecond, and to a tenth of one."""
    made = wire.start_line(item) + wire.pass_line(item, start, phases, line)

    rounded = [round(seconds, 7) for seconds in phases]
    assert [["start", item], ["pass", item, round(start, 6), *rounded, line]] == [
        message for message, _ in wire.unpack_lines(made)
    ]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("test_a", ""), ("test_a[1-x]", "1-x"), ("test_a[b[0]]", "b[0]"), ("test_a[]", ""), ("a[b", "")],
)
def test_parameters_are_read_from_the_name(name: str, parameters: str):
    """The keyword that differs from case to case of one function need not travel beside its name."""
    assert parameters == wire.parameters_of(name)


@pytest.mark.parametrize(
    ("nodeid", "place"),
    [
        ("a/b.py::test_c", ("a/b.py", "test_c")),
        ("a.py::A::test_b[1.5]", ("a.py", "A.test_b[1.5]")),
        ("a.txt::a.txt", ("a.txt", "a.txt")),
        ("a.yaml", ("a.yaml", "a.yaml")),
    ],
)
def test_a_place_is_read_from_the_node_id(nodeid: str, place: tuple[str, str]):
    """Where a location says the same, it need not travel; the cases on the controller are placed alike."""
    assert place == wire.place_of(nodeid)
    path, _, domain = _location(nodeid, None, file="", name="")
    assert place == (path, domain)


@pytest.mark.parametrize(
    "tagged",
    [{"$b": 5}, {"$b": "é"}, {"$t": 1}, {"$s": [{"a": 1}, 5, None], "$x": 1}, {"$d": [1]}, {"$i": "xyz"}, {"$f": 0}],
)
def test_a_tag_that_makes_no_sense_is_refused(tagged: dict[str, Any]):
    """A host cannot bring down the controller with a value; two keys are no tag."""
    if len(tagged) > 1:
        assert {"$s": [{"a": 1}, 5, None], "$x": 1} == wire.restore(tagged)
        return
    with pytest.raises(ProtocolFault, match="not a value"):
        wire.restore([tagged])
