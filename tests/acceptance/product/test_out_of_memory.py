"""A test that runs out of memory is run again with twice as much, for real: under a limit of the kernel's."""

from __future__ import annotations

import duckdb

LIMITED = """
    import resource
    import pytest

    MIB = 1 << 20

    @pytest.fixture
    def limit():
        def set_(more):
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + more, resource.RLIM_INFINITY))
        before = resource.getrlimit(resource.RLIMIT_AS)
        yield set_
        resource.setrlimit(resource.RLIMIT_AS, before)
    """


def notes(ran) -> list[str]:
    """Return what the journal says of failures."""
    (journal,) = (ran.directory / ".disttest/runs").rglob("*.ndjson")
    return [line for line in journal.read_text().splitlines() if '"failure"' in line and "out-of-memory" in line]


def test_what_is_declared_is_doubled_until_it_does(suite):
    """48 MiB and 96 MiB are too little for 100 MiB and what goes with it; 192 MiB do."""
    made = suite(
        {
            "conftest.py": LIMITED,
            "test_a.py": """
            import pytest
            @pytest.mark.hw(memory="48 MiB")
            def test_hungry(hw_grant, limit):
                with open("grants", "a") as file: print(hw_grant.memory >> 20, file=file)
                limit(hw_grant.memory)
                assert len(bytearray(100 << 20)) == 100 << 20
            @pytest.mark.parametrize("n", range(20))
            def test_other(n): pass
            """,
        }
    )
    ran = made.distributed()

    assert ["48", "96", "192"] == (made.directory / "grants").read_text().split(), ran
    assert 0 == ran.exit_code, ran
    assert "flaky" in ran.words["test_hungry"], ran
    first, second = notes(ran)
    assert "(MemoryError); again anywhere: out-of-memory, again with 96 MiB" in first
    assert "again with 192 MiB" in second
    assert 0 == made.command("ingest").returncode
    with duckdb.connect(str(ran.directory / ".disttest/history.duckdb"), read_only=True) as history:
        told = history.execute("SELECT number, failure_class, rule, again FROM failures ORDER BY number").fetchall()
    assert [(number, "out-of-memory", "MemoryError", "anywhere") for number in (1, 2)] == told

    again = made.distributed()

    assert ["passed"] == again.outcomes["test_a.py::test_hungry"], "it is given from the start what did"
    assert "192" == (made.directory / "grants").read_text().split()[-1]


def test_one_that_asked_for_nothing_has_its_share_of_the_host_doubled(suite):
    """Or it has the host for itself, where nobody asked how much memory that has."""
    made = suite(
        {
            "conftest.py": LIMITED,
            "test_a.py": """
            import os, time
            import pytest
            def test_hungry(hw_grant, limit):
                has_room = bool(hw_grant.memory or hw_grant.exclusive)
                with open("grants", "a") as file: print(has_room, file=file)
                limit((1 << 30) if has_room else (64 << 20))
                assert len(bytearray(100 << 20)) == 100 << 20
            @pytest.mark.parametrize("n", range(20))
            def test_other(n): time.sleep(0.01)
            """,
        }
    )
    ran = made.distributed()

    assert ["False", "True"] == (made.directory / "grants").read_text().split(), ran
    assert 0 == ran.exit_code, ran
    assert ["rerun", "flaky"] == ran.outcomes.pop("test_a.py::test_hungry")
    assert 20 * [["passed"]] == list(ran.outcomes.values()), ran


def test_what_no_host_has_is_a_failure(suite):
    """It fails as it did, and it is said why nobody tried again."""
    made = suite(
        {
            "conftest.py": LIMITED,
            "test_a.py": """
            import pytest
            @pytest.mark.hw(exclusive="host")
            def test_hungry(limit):
                with open("tries", "a") as file: print("x", file=file)
                limit(64 << 20)
                assert len(bytearray(100 << 20)) == 100 << 20
            def test_other(): pass
            """,
        }
    )
    ran = made.distributed()

    assert ["x"] == (made.directory / "tries").read_text().split(), ran
    assert 1 == ran.exit_code and "MemoryError" in ran.output
    (note,) = notes(ran)
    assert "not again: it can be given no more memory" in note
