"""``hw``: tests run where their host offers what they ask for; elsewhere they are skipped, and the reason says why."""

from __future__ import annotations

import pytest

# Each test tells on which host it ran, by a variable of the inventory.
SUITE = {
    "pytest.ini": "[pytest]\naddopts = --strict-markers --strict-config\n",
    "disttest.toml": """
        [hosts.red]
        address = "local"
        workers = 1
        tags = ["paint", "red"]
        environment = { HERE = "red" }
        [hosts.blue]
        address = "local"
        workers = 1
        tags = ["paint", "blue"]
        environment = { HERE = "blue" }
        """,
    "test_function.py": """
        import os, platform, pytest
        HERE = os.environ["HERE"]
        @pytest.mark.hw(tags="red")
        def test_red(): assert HERE == "red"
        @pytest.mark.hw(tags=["blue", "paint"])
        def test_blue(): assert HERE == "blue"
        @pytest.mark.hw("tag in (red, blue)", tags="paint")
        def test_any(): pass
        @pytest.mark.hw("tag != red")
        def test_not_red(): assert HERE == "blue"
        @pytest.mark.hw(os="linux", cores=1)
        def test_os(): assert platform.system() == "Linux"
        @pytest.mark.hw(arch=platform.machine())
        def test_arch(): pass
        @pytest.mark.hw(tags=["red", "blue"])
        def test_both(): assert 0
        @pytest.mark.hw(cores=4096)
        def test_cores(): assert 0
        @pytest.mark.hw(os="windows")
        def test_windows(): assert 0
        @pytest.mark.parametrize("c", [pytest.param("red", marks=pytest.mark.hw(tags="red")),
                                       pytest.param("blue", marks=pytest.mark.hw(tags="blue"))])
        def test_parameter(c): assert HERE == c
        """,
    "test_module.py": """
        import os, pytest
        pytestmark = [pytest.mark.hw(tags="blue"), pytest.mark.hw(cores=1)]
        def test_plain(): assert os.environ["HERE"] == "blue"
        @pytest.mark.hw(os="linux")
        class TestClass:
            def test_inherits(self): assert os.environ["HERE"] == "blue"
            @pytest.mark.hw(tags="moon")
            def test_adds(self): assert 0
        """,
    "test_together.py": """
        import os, pytest
        @pytest.mark.xdist_group("one")
        def test_free(): assert os.environ["HERE"] == "red"
        @pytest.mark.xdist_group("one")
        @pytest.mark.hw(tags="red")
        def test_bound(): assert os.environ["HERE"] == "red"
        @pytest.mark.xdist_group("split")
        @pytest.mark.hw(tags="red")
        def test_here(): assert 0
        @pytest.mark.xdist_group("split")
        @pytest.mark.hw(tags="blue")
        def test_there(): assert 0
        @pytest.mark.xdist_group("partly")
        def test_fits(): pass
        @pytest.mark.xdist_group("partly")
        @pytest.mark.hw(tags="moon")
        def test_fits_not(): assert 0
        """,
}
UNPLACED = {
    "test_both": "no host meets all of these at once: tag = blue",
    "test_cores": "cores >= 4096: best is ",
    "test_windows": "os = windows: there is linux (blue, red)",
    "test_adds": "tag = moon: offered by none of blue, red",
    "test_here": "no host fits every test of xdist_group 'split'",
    "test_there": "no host fits every test of xdist_group 'split'",
    "test_fits_not": "tag = moon: offered by none of blue, red",
}
BOTH = ("--hw-hosts=red,blue", "-rsf")


@pytest.fixture(scope="module")
def ran(shared_suite):
    """The suite on its two hosts."""
    return shared_suite(SUITE).distributed(*BOTH, "--hw-plan", workers=None)


def test_tests_run_where_they_fit(ran):
    """Marks of function, class, module and parameter; each asserts where it is."""
    assert ran.exit_code == 0, ran
    assert {name for name, word in ran.words.items() if word == "skipped"} == set(UNPLACED), ran
    assert {word for name, word in ran.words.items() if name not in UNPLACED} == {"passed"}, ran


@pytest.mark.parametrize("test", UNPLACED)
def test_the_reason_says_what_was_missing(ran, test):
    """With the best that was seen, or who else was asked."""
    summary = " ".join(ran.output.partition("short test summary")[2].split())

    assert UNPLACED[test] in summary, ran


def test_what_fits_nowhere_may_fail(shared_suite):
    """``--hw-unmatched fail``: an error of its setup, with the same reason, and exit code 1."""
    ran = shared_suite(SUITE).distributed(*BOTH, "--hw-unmatched=fail", workers=None)

    assert ran.exit_code == 1, ran
    assert {name for name, word in ran.words.items() if word == "error"} == set(UNPLACED), ran
    assert "ERROR at setup of test_cores" in ran.output and "cores >= 4096: best is " in ran.output, ran


def test_the_plan_says_who_fits_where(ran):
    """``--hw-plan`` prints it before the run, which follows."""
    assert "13 passed, 7 skipped" in ran.output, ran
    plan = ran.output.partition("hosts (2)")[2]
    for line in (
        "tests (20): 13 to run, 7 unplaced",
        "tag = red: 3 tests on red",
        "cpu.processors >= 1, os = linux, tag = blue: 1 test on blue",
        "cpu.processors >= 4096: 1 test on no host",
        "unplaced (7)",
        "test_function.py::test_cores: cores >= 4096: best is",
    ):
        assert line in plan, ran


WRONG = {
    "hw(coers=4)": "hw() knows no 'coers'\n  hint: did you mean 'cores'?",
    'hw(os="linx")': "no os is called 'linx'\n  hint: did you mean 'linux'?",
    'hw("cores > many")': "'many' is no whole number",
    "hw(5)": "hw(5) is no condition\n  hint: write it as",
    "hw(cores=True)": "True is no whole number",
    'hw("arch > x86_64")': "'>' makes no sense for arch\n  hint: usable here: =,",
    'hw("cores >= 4", "cores < 2")': "which no host can be\n  hint: drop one of them",
    "dependency(dpends=['test_b'])": "dependency() knows no 'dpends'\n  hint: did you mean 'depends'?",
    "dependency(depends=['test_b'], scope='modul')": (
        "dependency() has no scope 'modul'\n  hint: did you mean 'module'?"
    ),
    "dependency(depends=3)": "dependency(depends=3) is no name and no list of names\n  hint: say depends=",
    "dependency('test_b')": "dependency() takes keywords only, not 'test_b'\n  hint: say name=",
}


def test_a_wrong_mark_is_explained(suite):
    """Exit code 4, the test, the fact, the nearest right word; by ``--collect-only`` as by a run."""
    made = suite({})
    text = "import pytest\n@pytest.mark.{}\ndef test_a(): pass\n"

    looked = made.answers([({"test_m.py": text.format(mark)}, ["--dist-hw", "--co", "-q"]) for mark in WRONG])
    made.write("test_m.py", text.format("hw(coers=4)"))
    ran = made.distributed()

    for (code, said), words in zip([*looked, (ran.exit_code, ran.output)], [*WRONG.values(), "coers"], strict=True):
        assert code == 4 and "Traceback" not in said and "INTERNALERROR" not in said, said
        assert "ERROR: test_m.py::test_a: " in said and words in said, said


def test_an_unknown_mark_is_pytests_business(suite):
    """``--strict-markers`` on the workers finds it, ours are known there."""
    made = suite({"test_m.py": "import pytest\n@pytest.mark.hw(cores=1)\n@pytest.mark.hww\ndef test_a(): pass\n"})

    ran = made.distributed("--strict-markers")

    assert ran.exit_code == 2 and "'hww' not found in `markers` configuration option" in ran.output, ran
    assert ran.output.count("ERROR collecting test_m.py") == 1
