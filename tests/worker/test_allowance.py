"""What a worker writes past the capture is shown while it comes at a bearable pace; the rest is counted."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.worker.allowance import BURST_BYTES, BYTES_PER_S, RESUME_BYTES, Allowance

NOTE = re.compile(rb"\n\[disttest: (\d+) bytes left out, they came too fast\]\n")


def test_a_burst_is_shown_in_full():
    """And so is what comes no faster than the trickle after that."""
    allowance = Allowance(0.0)

    assert bytes(BURST_BYTES) == allowance.passing(bytes(BURST_BYTES), 0.0)
    assert b"x" * BYTES_PER_S == allowance.passing(b"x" * BYTES_PER_S, 1.0)
    assert b"" == allowance.note()


def test_a_flood_is_cut_with_one_gap():
    """Nothing is shown again before enough is saved up, and then the gap is named first."""
    allowance = Allowance(0.0)
    allowance.passing(bytes(BURST_BYTES + 5), 0.0)
    after = RESUME_BYTES / BYTES_PER_S

    assert b"" == allowance.passing(b"x" * 10, after / 2)
    assert b"\n[disttest: 15 bytes left out, they came too fast]\nthe end" == allowance.passing(b"the end", after)
    assert b"" == allowance.note()


def test_a_gap_at_the_end_is_told_when_the_worker_is_gone():
    """Once."""
    allowance = Allowance(0.0)
    allowance.passing(bytes(BURST_BYTES + 7), 0.0)

    assert NOTE.fullmatch(allowance.note())
    assert b"" == allowance.note()


@given(st.lists(st.tuples(st.integers(0, 3 * BURST_BYTES), st.floats(0, 20)), max_size=20))
def test_every_byte_is_shown_or_counted(writes: list[tuple[int, float]]):
    """Whatever comes when; and no more is shown than the burst and the trickle allow."""
    allowance, now, shown, counted = Allowance(0.0), 0.0, 0, 0
    for size, wait_s in writes:
        now += wait_s
        told = allowance.passing(b"x" * size, now)
        counted += sum(map(int, NOTE.findall(told)))
        shown += told.count(b"x")  # the words of a gap have none
    counted += sum(map(int, NOTE.findall(allowance.note())))

    assert sum(size for size, _ in writes) == shown + counted
    assert shown <= BURST_BYTES + now * BYTES_PER_S + 1
