"""Ten thousand tests on fifty hosts: the answers are the matcher's, and they come soon."""

from __future__ import annotations

import time

from bench.matching import fleet, matched_and_explained, suite

from pytest_disttest.match import fits


def test_ten_thousand_tests_on_fifty_hosts_take_no_time():
    """Matched and explained; the limit is generous, for others share the machine (measured: an eighth of a second)."""
    hosts, cases = fleet(), suite(300)
    began = time.process_time()
    unplaced, explained = matched_and_explained(cases, hosts)
    taken_s = time.process_time() - began

    hopeless = {case.demand for case in cases if not any(fits(case.demand, offered) for offered in hosts.values())}
    assert unplaced == sum(case.demand in hopeless for case in cases)
    assert explained == len(hopeless)
    assert taken_s < 2.0


def test_ten_thousand_different_demands_are_no_matter_either():
    """None is like another, half of them fit nowhere (measured: 1.8 s; the limit leaves room for slow machines)."""
    hosts, cases = fleet(), suite(10_000)
    began = time.process_time()
    unplaced, explained = matched_and_explained(cases, hosts)
    taken_s = time.process_time() - began

    assert 4_000 < explained <= unplaced < 6_000
    assert taken_s < 8.0
