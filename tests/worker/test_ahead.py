"""Stand-ins for a next item that is not known yet: they behave as the item, and ask as late as they can."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_disttest.worker.ahead import Ahead, Held


class Question:
    """Answers with *answer*, and counts how often it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self) -> Any:
        self.asked += 1
        return self.answer


@pytest.fixture
def items(pytester: pytest.Pytester) -> list[pytest.Item]:
    """Two tests of one class, and one outside."""
    pytester.makepyfile(
        test_it="""
        class TestK:
            def test_a(self): pass
            def test_b(self): pass
        def test_c(): pass
        """
    )
    found, _ = pytester.inline_genitems()
    return found


def test_nothing_is_asked_before_somebody_looks(items: list[pytest.Item]):
    """A test starts while its successor is unknown; whoever looks waits for the answer, once."""
    question = Question(items[0])
    ahead = Ahead(question)
    assert 0 == question.asked

    assert ahead
    assert items[0].nodeid == ahead.nodeid
    assert 1 == question.asked


def test_it_is_as_good_as_the_item(items: list[pytest.Item]):
    """Equal from both sides, equally hashed, and with the item's attributes and parents."""
    ahead = Ahead(Question(items[0]))

    assert items[0] == ahead
    assert ahead == items[0]
    assert ahead != items[1]
    assert hash(items[0]) == hash(ahead)
    assert items[0].listchain() == ahead.listchain()
    assert items[0].parent is ahead.parent
    with pytest.raises(AttributeError, match="no_such_thing"):
        ahead.no_such_thing  # noqa: B018


def test_no_next_item_is_as_good_as_none():
    """pytest writes ``nextitem and nextitem.listchain()`` and takes it for false."""
    ahead = Ahead(Question(None))

    assert not ahead
    assert ahead == None  # noqa: E711
    assert [] == ((ahead and ahead.listchain()) or [])


def test_held_needs_all_that_the_item_shares(items: list[pytest.Item]):
    """The item itself is torn down, nothing above it; so it keeps what its class and module set up."""
    held = Held(items[0])

    assert items[0].listchain()[:-1] == held.listchain()
    assert held
    assert items[0].nodeid.rpartition("::")[0] == held.nodeid  # who compares ids must not take it for the item
    assert held.listchain() == Ahead(Question(held)).listchain()
