"""A grant arrives at the worker as it left the controller."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.errors import ProtocolFault
from pytest_disttest.match.grants import grant_as_plain, grant_from_plain
from pytest_disttest.model import DeviceGrant, Grant

words = st.text(max_size=8)
scalars = st.one_of(words, st.integers(), st.booleans(), st.floats(allow_nan=False))
facts = st.dictionaries(words, st.one_of(scalars, st.lists(scalars, max_size=3).map(tuple)), max_size=3)
devices = st.builds(DeviceGrant, words, words, st.floats(0.01, 1.0), facts)
pools = st.dictionaries(words, st.integers(1, 9), max_size=3).map(lambda rows: tuple(rows.items()))
grants = st.builds(
    Grant,
    host=words,
    cores=st.floats(0.1, 512.0),
    memory=st.integers(0, 1 << 50),
    devices=st.lists(devices, max_size=3).map(tuple),
    pools=pools,
    exclusive=st.booleans(),
)


@given(grants)
def test_a_grant_survives_the_channel(grant: Grant):
    """Through JSON and back it is the same, sets of words and all."""
    assert grant == grant_from_plain(json.loads(json.dumps(grant_as_plain(grant))))


def test_what_is_left_out_is_as_if_nobody_had_asked():
    """One core, and nothing else."""
    assert Grant("gpu-1") == grant_from_plain({"host": "gpu-1"})


@pytest.mark.parametrize(
    "row", [{}, [], {"host": "h", "cores": "many"}, {"host": "h", "devices": [{}]}, {"host": "h", "pools": []}]
)
def test_what_is_no_grant_is_refused(row: object):
    """With what was sent instead."""
    with pytest.raises(ProtocolFault, match="not a grant"):
        grant_from_plain(row)  # type: ignore[arg-type]
