"""The options that choose tests choose the same ones, and say so in the same words."""

from __future__ import annotations

import re

import pytest
from acceptance.same.harness import Twice

SUITE = {
    "pytest.ini": "[pytest]\nmarkers =\n    slow: takes long\n    db(name): needs a database\n",
    "test_a.py": """
        import pytest

        @pytest.mark.slow
        def test_slow(): ...

        @pytest.mark.db("pg")
        def test_db(): ...

        @pytest.mark.parametrize("name", ["x", "two words", "a::b", "[y]"])
        def test_names(name): ...

        class TestClass:
            def test_one(self): ...

            class TestInner:
                @pytest.mark.parametrize("n", [1, 2])
                def test_two(self, n): ...
        """,
    "test_b.py": "def test_fine(): ...\ndef test_bad(): assert 0\ndef test_good(): ...\n",
    "sub/test_c.py": "def test_bad(): assert 0\ndef test_other(): ...\n",
    "sub/deeper/test_d.py": "def test_last(): ...\n",
    "sub/skip_this/test_e.py": "def test_ignored(): assert 0\n",
}


@pytest.mark.parametrize(
    ("args", "count"),
    [
        pytest.param(["-k", "slow or (names and not words)"], 4, id="k"),
        pytest.param(["-m", "slow or db(name='pg')"], 1, id="m"),
        pytest.param(["--deselect", "test_b.py::test_bad", "--deselect=sub"], 11, id="deselect"),
        pytest.param(["--ignore", "sub/deeper", "--ignore-glob=*/skip_*"], 14, id="ignore"),
        pytest.param(
            [
                "test_a.py::test_names[two words]",
                "test_a.py::test_names[a::b]",
                "test_a.py::TestClass::TestInner::test_two[2]",
                "test_a.py::TestClass",
                "sub/deeper",
                "sub",
                "sub/test_c.py::test_other",
                "{root}/test_b.py",
                "test_b.py",
            ],
            12,
            id="arguments",
        ),
        pytest.param(["test_b.py", "test_b.py", "sub", "sub", "--keep-duplicates"], 14, id="duplicates"),
    ],
)
def test_the_same_tests_are_chosen(twice: Twice, args: list[str], count: int):
    """By expression, mark, node id, directory, and by what is left out."""
    twice.write(SUITE)

    pair = twice.run(*args)

    pair.assert_same()
    assert count == len(pair.ours.ids), pair.ours.out
    assert headline(pair.plain.out) == headline(pair.ours.out)


def headline(out: str) -> str:
    """Return what is said of the collection: ``collected 6 items / 2 deselected / 4 selected``."""
    lines = [line for line in out.splitlines() if line.startswith("collected ")]
    return lines[-1].partition(";")[0].strip() if lines else "nothing"


def status(out: str) -> list[str]:
    """Return the lines of ``--lf`` and ``--sw``, the cache's age aside."""
    lines = [line for line in out.splitlines() if line.startswith(("run-last-failure:", "stepwise:"))]
    return [re.sub(r"from \d+:\d+:\d+ ago", "", line) for line in lines]


@pytest.mark.slow
def test_the_cache_serves_both_ways_of_running(twice: Twice):
    """``--lf``, ``--ff``, ``--nf`` after runs of either kind, with pytest's status lines, and ``--cache-clear``."""
    twice.write({**SUITE, "test_z.py": "def test_passes(): ...\n"})

    twice.run().assert_same()
    last_failed = twice.run("--lf")
    last_failed.assert_same()
    assert ["sub/skip_this/test_e.py::test_ignored", "sub/test_c.py::test_bad", "test_b.py::test_bad"] == sorted(
        last_failed.ours.ids
    )
    assert status(last_failed.plain.out) == status(last_failed.ours.out) != []

    twice.write({"test_new.py": "def test_new(): ...\n"})
    failed_first = twice.run("--ff", "--nf", "-v", "-p", "no:randomly")
    failed_first.assert_same()
    assert status(failed_first.plain.out) == status(failed_first.ours.out) != []

    cleared = twice.run("--cache-clear", "--lf", "--lfnf=none")
    cleared.assert_same()
    assert status(cleared.plain.out) == status(cleared.ours.out) != []


@pytest.mark.slow
def test_stepwise_stops_and_goes_on(twice: Twice):
    """``--sw`` stops at the first failure and resumes there; ``--sw-skip`` passes over it."""
    twice.write({"test_a.py": "def test_one(): ...\ndef test_two(): assert 0\ndef test_three(): assert 0\n"})

    for args in (["--sw"], ["--sw"], ["--sw-skip"], ["--sw"]):
        pair = twice.run(*args)
        pair.assert_same()
        assert status(pair.plain.out) == status(pair.ours.out) != []


@pytest.mark.parametrize("args", [["-x"], ["--maxfail=2"], ["--exitfirst", "-p", "no:cacheprovider"]])
def test_a_limit_of_failures_ends_the_run(twice: Twice, args: list[str]):
    """With the words and the exit code of plain pytest; tests that run elsewhere may still end."""
    twice.write(
        {
            "test_a.py": """
                import time
                import pytest

                @pytest.mark.parametrize("n", range(20))
                def test_bad(n):
                    time.sleep(0.02)
                    assert 0
                """
        }
    )

    pair = twice.run(*args)

    limit = 2 if "--maxfail=2" in args else 1
    words = f"stopping after {limit} failures"
    assert (pair.plain.code, 1) == (pair.ours.code, 1)
    assert words in pair.plain.out
    # another worker's failure may arrive with the one that is the limit, and pytest counts it
    assert re.search(f"stopping after [{limit}{limit + 1}] failures", pair.ours.out)
    assert limit <= len(pair.ours.ids) <= limit + 3


def test_arguments_are_understood_from_where_the_user_stands(twice: Twice):
    """From a subdirectory: relative paths, ``..``, the configuration above; node ids stay relative to the rootdir."""
    twice.write(SUITE)

    inside = twice.run("deeper", "../test_b.py", "test_c.py::test_bad", cwd="sub")
    nothing_said = twice.run(cwd="sub/deeper")

    inside.assert_same()
    nothing_said.assert_same()
    assert ["sub/deeper/test_d.py::test_last"] == nothing_said.ours.ids


def test_only_collecting_shows_the_same_tree(twice: Twice):
    """``--co``, ``--co -q``, ``--co -qq`` print line by line what plain pytest prints."""
    twice.write(SUITE)

    for args in (["--co"], ["--co", "-q"], ["--co", "-qq", "-k", "bad"]):
        pair = twice.run(*args)
        pair.assert_same()
        assert untimed(pair.plain.out) == untimed(pair.ours.out)


def untimed(out: str) -> list[str]:
    """Return the lines of an output without the last, which tells the time."""
    return [line for line in out.splitlines() if " in " not in line]
