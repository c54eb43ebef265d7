"""Tests that take longer than they may, ended from outside whatever they do."""

from __future__ import annotations

import pytest
from rigs.suites import Suite

HANGS = """
    import os, signal, threading, time
    def busy_helper(): time.sleep(60)
    def test_before(): pass
    def test_hangs():
        print("before the long sleep")
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        threading.Thread(target=busy_helper, daemon=True).start()
        def sleeping(): time.sleep(60)
        sleeping()
    def test_after(): pass
"""


@pytest.mark.parametrize("way", ["option", "ini"])
def test_a_test_over_its_limit_is_ended_with_its_stacks(tmp_path, way):
    """The stacks of all threads are in its report, its worker is replaced, and it is no crash."""
    suite = Suite(tmp_path / "suite", {"test_a.py": HANGS})
    if way == "ini":
        suite.write("pytest.ini", "[pytest]\nhw_timeout = 0.7\n")

    ran = suite.distributed(*(["--hw-timeout=0.7"] if way == "option" else []), "-v", workers=1)

    assert ran.words == {"test_before": "passed", "test_hangs": "failed", "test_after": "passed"}, ran
    assert "FAILED test_a.py::test_hangs" in ran.output and "CRASHED" not in ran.output
    assert "took longer than 0.7 s (--hw-timeout)" in ran.output
    for said in ("in sleeping", "in test_hangs", "in busy_helper", "before the long sleep"):
        assert said in ran.output, said


def test_short_tests_are_not_touched_by_a_limit(tmp_path):
    """Many that together take longer than each of them may."""
    tests = "import time, pytest\n@pytest.mark.parametrize('n', range(8))\ndef test_a(n): time.sleep(0.2)\n"

    ran = Suite(tmp_path / "suite", {"test_a.py": tests}).distributed("--hw-timeout=0.8", workers=1)

    assert set(ran.words.values()) == {"passed"} and len(ran.words) == 8, ran
