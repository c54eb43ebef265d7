"""``dependency``: what waits for what, in which order, and who is skipped because of whom."""

from __future__ import annotations

import re

import pytest

LOOK = ("--dist-hw", "--collect-only", "--hw-plan")

# When each test began and ended, in the order in which that happened, by all workers.
NOTE = """
import os, pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with open("moments", "a") as file: file.write(f"+ {item.nodeid}\\n")
    result = yield
    with open("moments", "a") as file: file.write(f"- {item.nodeid}\\n")
    return result
"""

# Written so that plain order would be wrong: dependents stand before what they wait for, in earlier files.
ORDER = {
    "conftest.py": NOTE,
    "test_a.py": """
        import pytest
        @pytest.mark.dependency(depends=["test_z.py::test_far"], scope="session")
        def test_across(): pass
        @pytest.mark.dependency(depends="group:schema")
        def test_after_the_group(): pass
        @pytest.mark.dependency(depends=["test_early"])
        def test_late(): pass
        @pytest.mark.dependency
        def test_early(): pass
        @pytest.mark.dependency(depends=["renamed", "test_numbers[2-b]"])
        def test_by_name(): pass
        @pytest.mark.dependency(name="renamed")
        def test_with_another_name(): pass
        @pytest.mark.dependency
        @pytest.mark.parametrize("text", ["a", "b"])
        @pytest.mark.parametrize("number", [1, 2])
        def test_numbers(number, text): assert (number, text) != (1, "a")
        """,
    "test_b.py": """
        import pytest, time
        class TestOne:
            @pytest.mark.dependency(depends=["test_first"], scope="class")
            def test_second(self): pass
            @pytest.mark.dependency
            def test_first(self): pass
        class TestTwo:
            @pytest.mark.dependency
            def test_first(self): assert 0, "another class's test_first"
            @pytest.mark.dependency(depends=["TestOne::test_first"])
            def test_of_the_module(self): pass
        @pytest.mark.dependency(group=["schema", "slow"])
        def test_schema_1(): time.sleep(0.1)
        """,
    "test_z.py": """
        import pytest, time
        @pytest.mark.dependency(depends=["test_b.py::TestOne::test_second"], scope="session", group="schema")
        def test_far(): time.sleep(0.1)
        """,
    "sub/test_c.py": """
        import pytest
        @pytest.mark.dependency(depends=["sub/test_d.py::test_of_the_package"], scope="package")
        def test_in_the_package(): pass
        """,
    "sub/test_d.py": """
        import pytest
        @pytest.mark.dependency
        def test_of_the_package(): pass
        """,
}
AFTER = [
    ("test_a.py::test_across", "test_z.py::test_far"),
    ("test_a.py::test_after_the_group", "test_z.py::test_far"),
    ("test_a.py::test_after_the_group", "test_b.py::test_schema_1"),
    ("test_a.py::test_late", "test_a.py::test_early"),
    ("test_a.py::test_by_name", "test_a.py::test_with_another_name"),
    ("test_a.py::test_by_name", "test_a.py::test_numbers[2-b]"),
    ("test_b.py::TestOne::test_second", "test_b.py::TestOne::test_first"),
    ("test_z.py::test_far", "test_b.py::TestOne::test_second"),
    ("sub/test_c.py::test_in_the_package", "sub/test_d.py::test_of_the_package"),
]


@pytest.mark.parametrize("workers", [2, 4])
def test_every_dependent_runs_after_what_it_names(suite, workers):
    """Whatever the order in the files, the scope, and the worker that runs it."""
    ran = suite(ORDER).distributed("--strict-markers", workers=workers)

    bad = {nodeid for nodeid, words in ran.outcomes.items() if words != ["passed"]}
    assert bad == {"test_a.py::test_numbers[1-a]", "test_b.py::TestTwo::test_first"}, ran
    moments = (ran.directory / "moments").read_text().splitlines()
    for dependent, prerequisite in AFTER:
        assert moments.index(f"- {prerequisite}") < moments.index(f"+ {dependent}"), (dependent, prerequisite)


BROKEN = {
    "test_a.py": """
        import os, pytest
        @pytest.fixture
        def broken(): raise RuntimeError("in the setup")
        @pytest.fixture
        def leaking():
            yield
            raise RuntimeError("in the teardown")
        @pytest.mark.dependency
        def test_fails(): assert 0
        @pytest.mark.dependency
        def test_skips(): pytest.skip("because")
        @pytest.mark.dependency
        @pytest.mark.skip(reason="marked")
        def test_is_marked_skip(): pass
        @pytest.mark.dependency
        @pytest.mark.xfail
        def test_xfails(): assert 0
        @pytest.mark.dependency
        def test_errors(broken): pass
        @pytest.mark.dependency
        def test_leaks(leaking): pass
        @pytest.mark.dependency
        def test_crashes(): os.kill(os.getpid(), 9)
        @pytest.mark.dependency
        @pytest.mark.hw(tags="moon")
        def test_is_placed_nowhere(): pass
        @pytest.mark.dependency
        def test_is_deselected(): pass
        @pytest.mark.dependency
        @pytest.mark.xfail
        def test_xpasses(): pass
        """,
    "test_b.py": """
        import pytest
        NAMES = ["fails", "skips", "is_marked_skip", "xfails", "errors", "leaks", "crashes", "is_placed_nowhere",
                 "is_deselected", "xpasses"]
        @pytest.mark.parametrize("n", [
            pytest.param(name, marks=pytest.mark.dependency(depends=["test_a.py::test_" + name], scope="session"))
            for name in NAMES])
        def test_after(n): pass
        @pytest.mark.parametrize("n", [
            pytest.param(name, marks=pytest.mark.dependency(depends=[f"test_after[{name}]"])) for name in NAMES])
        def test_after_that(n): pass
        """,
}


@pytest.fixture(scope="module")
def broken(shared_suite):
    """A run in which prerequisites end in every way there is."""
    return shared_suite(BROKEN).distributed("-rs", "--deselect=test_a.py::test_is_deselected", workers=2)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("fails", "failed"),
        ("skips", "skipped"),
        ("is_marked_skip", "skipped"),
        ("xfails", "xfailed"),
        ("errors", "error"),
        ("leaks", "passed error"),
        ("crashes", "rerun failed"),
        ("is_placed_nowhere", "skipped"),
        ("is_deselected", None),
    ],
)
def test_who_depends_on_what_did_not_pass_is_skipped_with_its_name(broken, how, word):
    """And who depends on that one, too."""
    assert broken.words.get(f"test_{how}") == word, broken
    assert broken.words[f"test_after[{how}]"] == broken.words[f"test_after_that[{how}]"] == "skipped", broken
    reasons = " ".join(broken.output.partition("short test summary")[2].split())
    assert re.search(rf"test_after\[{how}\] depends on test_a\.py::test_{how}\b", reasons), broken
    assert f"test_after_that[{how}] depends on test_after[{how}]" in reasons, broken


def test_an_unexpected_pass_is_a_pass(broken):
    """As pytest-dependency sees it."""
    assert broken.words["test_xpasses"] == "xpassed"
    assert broken.words["test_after[xpasses]"] == broken.words["test_after_that[xpasses]"] == "passed"


def test_a_skip_names_the_line_of_the_test_that_was_not_run(broken):
    """``SKIPPED [1] test_b.py:9: ...``, so that an editor can jump there."""
    assert "SKIPPED [1] test_b.py:" in broken.output
    assert "test_b.py:0" not in broken.output and "test_a.py:0" not in broken.output
    assert "SKIPPED [1] test_a.py:25: tag = moon: local does not offer it" in broken.output, broken


@pytest.mark.parametrize("select", [["-k", "not first"], ["-m", "not base"]])
def test_what_a_selection_leaves_out_is_no_prerequisite_met(suite, select):
    """``-k`` and ``-m`` as ``--deselect``: the dependent is skipped and the culprit named."""
    files = {
        "pytest.ini": "[pytest]\nmarkers =\n    base\n",
        "test_a.py": """
            import pytest
            @pytest.mark.base
            @pytest.mark.dependency
            def test_first(): pass
            @pytest.mark.dependency(depends=["test_first"])
            def test_second(): pass
            """,
    }

    ran = suite(files).distributed("-rs", *select)

    assert ran.words == {"test_second": "skipped"} and ran.exit_code == 0, ran
    assert "test_second depends on test_first (deselected)" in ran.output, ran


UNKNOWN = """
import pytest
@pytest.mark.dependency
def test_login(): pass
def test_unmarked(): pass
@pytest.mark.dependency(depends=[{0!r}])
def test_profile(): pass
"""


ADVICE = {
    "test_lgoin": "did you mean 'test_login'?",
    "test_unmarked": "test_a.py::test_unmarked is there, but has no dependency mark of its own",
    "group:db": "depends on the group 'db', to which no test belongs",
}


def test_an_unknown_name_is_refused_with_the_nearest(suite):
    """Before any test runs; the message says how to go on all the same."""
    made = suite({})

    looked = made.answers([({"test_a.py": UNKNOWN.format(name)}, LOOK) for name in ADVICE])
    made.write("test_a.py", UNKNOWN.format("test_lgoin"))
    ran = made.distributed()

    for (code, said), advice in zip([*looked, (ran.exit_code, ran.output)], [*ADVICE.values(), "did you"], strict=True):
        assert code == 4 and "Traceback" not in said and " passed" not in said, said
        assert "ERROR: test_a.py::test_profile: depends on" in said and advice in said, said
        assert "--hw-ignore-unknown-dependency" in said


def test_an_unknown_name_can_be_ignored(suite):
    """Then the test runs as if that dependency were not there."""
    made = suite({"test_a.py": UNKNOWN.format("nobody")})

    assert made.distributed("--hw-ignore-unknown-dependency").words["test_profile"] == "passed"


@pytest.mark.parametrize("argument", ["test_b.py", "test_b.py::test_after"])
def test_who_names_a_file_may_leave_prerequisites_out(suite, argument):
    """A name may then well exist elsewhere, so the dependent is skipped, as pytest-dependency does."""
    files = {
        "test_a.py": "import pytest\n@pytest.mark.dependency\ndef test_first(): pass\n",
        "test_b.py": """
            import pytest
            @pytest.mark.dependency(depends=["test_a.py::test_first"], scope="session")
            def test_after(): pass
            """,
    }

    ran = suite(files).distributed("-rs", argument)

    assert ran.words == {"test_after": "skipped"} and ran.exit_code == 0, ran
    assert "test_after depends on test_a.py::test_first (not collected)" in ran.output, ran


CYCLE = {
    "test_a.py": """
        import pytest
        @pytest.mark.dependency(depends=["test_b.py::test_two"], scope="session")
        def test_one(): pass
        """,
    "test_b.py": """
        import pytest
        @pytest.mark.dependency(depends=["test_c.py::test_three"], scope="session")
        def test_two(): pass
        """,
    "test_c.py": """
        import pytest
        @pytest.mark.dependency(depends=["test_a.py::test_one"], scope="session")
        def test_three(): pass
        """,
}


def test_a_cycle_is_refused_with_its_path(suite):
    """Exit code 4; also with ``--collect-only --hw-plan``; deselecting one of them gets round it."""
    made = suite(CYCLE)

    ran = made.distributed()
    looked = made.run(*LOOK)

    path = "test_a.py::test_one -> test_b.py::test_two -> test_c.py::test_three -> test_a.py::test_one"
    for answer in (ran, looked):
        assert answer.exit_code == 4 and f"these tests wait for each other: {path}" in answer.output, answer
        assert "Traceback" not in answer.output
    assert made.distributed("-k", "not three").words == {"test_one": "skipped", "test_two": "skipped"}


def test_waiting_for_oneself_is_told_as_such(suite):
    """The smallest cycle."""
    [(code, said)] = suite({}).answers([({"test_a.py": UNKNOWN.format("test_profile")}, LOOK)])

    assert code == 4 and "test_a.py::test_profile: this test waits for itself" in said, said
