"""How many workers a plan can use."""

from __future__ import annotations

from pytest_disttest.schedule import useful_workers
from pytest_disttest.testing import plan_of


def test_two_tests_never_need_eight_workers():
    """As many as there are cases, in one file or in two."""
    assert (2, 2, 0) == (useful_workers(plan_of([0, 1])), useful_workers(plan_of([0], [1])), useful_workers(plan_of()))


def test_a_group_needs_one_worker():
    """However long it is."""
    assert 3 == useful_workers(plan_of(range(10), [10, 11], binding=[0]))


def test_each_host_can_use_what_fits_there():
    """Cases that need another host do not count."""
    plan = plan_of(range(4), eligible={0: frozenset({"gpu"}), 1: frozenset({"gpu", "cpu"})})

    assert (4, 4, 3) == (useful_workers(plan), useful_workers(plan, "gpu"), useful_workers(plan, "cpu"))
