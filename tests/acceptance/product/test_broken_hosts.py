"""Hosts that lack what others have: their tests run elsewhere, and a host that fails too often is left out."""

from __future__ import annotations

import json
import time

import pytest
from rigs.suites import Suite

INVENTORY = """
[hosts.good]
address = "local"
workers = 1
[hosts.bad]
address = "local"
workers = 1
"""
TESTS = """
    import pytest, time
    @pytest.mark.parametrize("number", range(12))
    def test_needs_it(number, pytestconfig):
        time.sleep(0.05)
        if pytestconfig.workerinput["hw_host"] == "bad":
            import a_module_that_only_good_has
"""


@pytest.fixture
def suite(tmp_path):
    """Return a function that makes a suite with an inventory of two hosts on this machine."""
    files = ("test_a.py", "test_b.py")
    return lambda tests: Suite(tmp_path / "suite", {**dict.fromkeys(files, tests), "disttest.toml": INVENTORY})


def on_both(suite, *args):
    """Run on both hosts."""
    return suite.distributed("--hw-hosts=good,bad", *args, workers=None)


def test_what_a_host_lacks_runs_elsewhere_and_the_host_is_left_out(suite):
    """Every test passes; the host is quarantined after three of them, with the reason, in later runs too."""
    some = suite(TESTS)

    ran = on_both(some)

    assert {told.split()[-1] for told in ran.words.values()} == {"passed", "flaky"}, ran
    flaky = [name for name, told in ran.outcomes.items() if "flaky" in told]
    assert 3 <= len(flaky) <= 5, "after the third error, nothing but what was on its way"
    assert "host bad: quarantined until" in ran.output, ran.output
    assert "a_module_that_only_good_has" in ran.output
    kept = json.loads((some.directory / ".disttest" / "quarantine.json").read_text())
    assert kept["bad"]["state"] == "open" and kept["bad"]["retry_at"] > time.time() + 20

    again = on_both(some)

    assert set(again.words.values()) == {"passed"}, again
    assert "host bad: quarantined until" in again.output


def test_a_host_is_tried_again_when_its_time_has_come(suite):
    """One success and it is as all others are."""
    some = suite(TESTS.replace('== "bad"', '== "nowhere"'))
    place = some.directory / ".disttest" / "quarantine.json"
    place.parent.mkdir()
    row = {"state": "open", "errors": 3, "openings": 1, "retry_at": time.time() - 1, "reason": "environment: x"}
    place.write_text(json.dumps({"bad": row}))

    ran = on_both(some)

    assert set(ran.words.values()) == {"passed"} and "quarantined" not in ran.output, ran
    assert not place.exists()


MENDED = """
    import pathlib, pytest, time
    def note(word):
        with open("ran", "a") as file: print(word, file=file)
    @pytest.mark.parametrize("number", range(60))
    def test_needs_it(number, pytestconfig):
        host, mended, ran = pytestconfig.workerinput["hw_host"], pathlib.Path("mended"), pathlib.Path("ran")
        note(f"{host} {'mended' if mended.exists() else 'broken'}")
        time.sleep(0.3)
        if host == "bad" and not mended.exists():
            note("an error")
            import a_module_that_only_good_has
        elif ran.read_text().count("an error") >= LIMIT and "bad" not in "".join(ran.read_text().splitlines()[-6:]):
            mended.touch()
"""


@pytest.mark.slow
def test_a_quarantined_host_that_has_been_mended_is_back_within_the_run(suite):
    """On trial: with one worker, after its breaker's wait; it goes on as before once a test has ended well there."""
    some = suite(MENDED.replace("LIMIT", "3"))
    some.write("conftest.py", "from pytest_disttest.recovery import breakers\nbreakers.FIRST_WAIT_S = 2.0\n")

    ran = on_both(some)

    assert {told.split()[-1] for told in ran.words.values()} == {"passed", "flaky"}, ran
    assert "host bad: quarantined until" in ran.output and "host bad is back on trial after" in ran.output
    used = (some.directory / "ran").read_text().splitlines()
    assert used.count("an error") >= 3 and "bad mended" in used, used
    assert not (some.directory / ".disttest" / "quarantine.json").exists(), "it has stood its trial"


@pytest.mark.slow
def test_a_host_that_an_earlier_run_has_quarantined_joins_when_its_time_is_over(suite):
    """It was not in the plan; nobody waited for it."""
    some = suite(MENDED.replace("LIMIT", "0"))
    place = some.directory / ".disttest" / "quarantine.json"
    place.parent.mkdir()
    row = {"state": "open", "errors": 3, "openings": 1, "retry_at": time.time() + 4, "reason": "environment: x"}
    place.write_text(json.dumps({"bad": row}))

    ran = on_both(some)

    assert set(ran.words.values()) == {"passed"}, ran
    assert "host bad is back on trial after" in ran.output
    assert "bad mended" in (some.directory / "ran").read_text().splitlines()
    assert not place.exists()


@pytest.mark.slow
def test_a_host_that_is_still_broken_on_trial_is_left_out_again(suite):
    """The first error is enough, and it is for longer."""
    some = suite(MENDED.replace("LIMIT", "1000"))
    some.write("conftest.py", "from pytest_disttest.recovery import breakers\nbreakers.FIRST_WAIT_S = 2.0\n")

    ran = on_both(some)

    assert {told.split()[-1] for told in ran.words.values()} == {"passed", "flaky"}, ran
    assert 2 <= ran.output.count("host bad: quarantined until"), ran
    kept = json.loads((some.directory / ".disttest" / "quarantine.json").read_text())
    assert kept["bad"]["state"] == "open" and kept["bad"]["openings"] >= 2


def test_a_run_of_nothing_but_quarantined_hosts_tries_them(suite):
    """And the first error puts such a host out again, for longer; but the last host stays."""
    some = suite(TESTS)
    place = some.directory / ".disttest" / "quarantine.json"
    place.parent.mkdir()
    row = {"state": "open", "errors": 3, "openings": 1, "retry_at": time.time() + 900, "reason": "environment: x"}
    place.write_text(json.dumps({"bad": row, "good": row}))

    ran = on_both(some)

    assert {told.split()[-1] for told in ran.words.values()} == {"passed", "flaky"}, ran
    kept = json.loads(place.read_text())
    assert list(kept) == ["bad"] and kept["bad"]["openings"] == 2


def test_a_test_that_fails_everywhere_speaks_against_no_host(suite):
    """It has failed, once on each host, and nobody is left out."""
    some = suite("""
    import pytest
    @pytest.mark.parametrize("number", range(6))
    def test_broken(number):
        import a_module_that_nobody_has
    """)

    ran = on_both(some)

    assert {told.split()[-1] for told in ran.words.values()} == {"failed"}, ran
    assert "quarantined" not in ran.output
    assert not (some.directory / ".disttest" / "quarantine.json").exists()


def test_a_crash_moves_to_no_other_host_but_to_a_fresh_worker(suite):
    """Two hosts, and the crashed test ends where a fresh worker comes."""
    some = suite("""
    import os, time
    def test_dies():
        if os.path.basename(__file__) == "test_a.py" and not os.path.exists("tried"):
            open("tried", "w").close()
            os._exit(1)
    def test_other(): time.sleep(0.5)
    """)

    ran = on_both(some)

    assert sorted(map(" ".join, ran.outcomes.values())) == ["passed"] * 3 + ["rerun flaky"], ran


def test_explanations_know_the_quarantine(suite):
    """A test that only the quarantined host could run is told why it waits."""
    some = suite("""
    import pytest
    @pytest.mark.hw("tag = odd")
    def test_odd(): pass
    def test_other(): pass
    """)
    some.write("disttest.toml", INVENTORY + 'tags = ["odd"]\n')
    place = some.directory / ".disttest" / "quarantine.json"
    place.parent.mkdir()
    row = {"state": "open", "errors": 3, "openings": 1, "retry_at": time.time() + 900, "reason": "environment: x"}
    place.write_text(json.dumps({"bad": row}))

    ran = on_both(some, "--hw-explain")

    assert set(ran.words.values()) == {"skipped", "passed"}, ran
    assert "quarantined" in ran.output.partition("collected")[2], ran
