"""Tests that no host fits: what becomes of them, and how they are explained."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable

import pytest
from acceptance.hardware.conftest import Lab, gpu, host

MakeLab = Callable[..., Lab]

WANTING = """
    import pytest
    @pytest.mark.hw(gpu="memory >= 80 GiB")
    def test_wanting(): pass
    @pytest.mark.hw(gpu=1)
    def test_content(): pass
    def test_plain(): pass
"""


def fleet(suite: Lab) -> Lab:
    """Two hosts, of which one nearly has what is asked for."""
    suite.simulate(near=host(gpu(1, "79 GiB")), far=host(gpu(2, "40 GiB")), none=host())
    return suite


def shows(output: str, *patterns: str) -> bool:
    """Whether the lines of *output* match *patterns* in this order, others between them."""
    lines = iter(output.splitlines())
    return all(any(fnmatch.fnmatch(line, pattern) for line in lines) for pattern in patterns)


@pytest.mark.parametrize(("policy", "word", "code"), [("skip", "skipped", 0), ("fail", "error", 1)])
def test_the_policy_decides_about_the_test_alone(lab: MakeLab, policy: str, word: str, code: int):
    """The others run, and the reason names what is missing and who comes nearest."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test(f"--hw-unmatched={policy}", "-rsE")

    assert ran.words == {"test_wanting": word, "test_content": "passed", "test_plain": "passed"}, ran
    assert ran.exit_code == code
    assert shows(ran.output, "*memory >= 80 GiB*79 GiB*near*"), ran
    kept = "unplaced" if policy == "skip" else "error"
    assert suite.asked("SELECT outcome FROM case_results WHERE nodeid LIKE '%test_wanting'") == [(kept,)]


def test_with_error_nothing_runs(lab: MakeLab):
    """The run ends as a usage error does, with the whole explanation."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test("--hw-unmatched=error")

    assert (ran.exit_code, ran.words) == (4, {}), ran
    assert shows(ran.output, "*1 test cannot run*", "*test_wanting*UNSATISFIABLE*", "*gpu.memory >= 80 GiB*"), ran
    assert suite.asked("SELECT count(*) FROM attempts") == [(0,)]


def test_what_nobody_could_ever_run_is_not_waited_for(lab: MakeLab):
    """However long the user would wait."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test("--hw-unmatched=wait:600")

    assert ran.words["test_wanting"] == "skipped", ran
    assert "waiting up to" not in ran.output


def test_a_host_that_is_away_is_waited_for(lab: MakeLab):
    """Its tags say that it might be the one; it does not come, and the test is skipped after that time."""
    suite = lab(
        test_it="""
        import pytest
        @pytest.mark.hw(tags="rack")
        def test_rack(): pass
        def test_plain(): pass
        """
    )
    suite.write("disttest.toml", '[hosts.away]\naddress = "nobody@127.0.0.9:9"\ntags = ["rack"]\n')

    ran = suite.run("--dist-hw", "--hw-hosts=local*1,away", "--hw-unmatched=wait:2")

    assert ran.words == {"test_rack": "skipped", "test_plain": "passed"}, ran
    assert "waiting up to 2 s for hosts that tests ask for" in ran.output


def test_an_explanation_names_each_condition_and_each_host(lab: MakeLab):
    """At plan time, for all tests that ask for something."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test("--hw-explain")

    assert shows(
        ran.output,
        "*test_it.py::test_wanting*UNSATISFIABLE*",
        "*gpu.memory >= 80 GiB*",
        "*test_it.py::test_content*",
    ), ran
    assert shows(ran.output, "*79 GiB*near miss*"), ran


def test_one_test_is_explained_by_its_node_id(lab: MakeLab):
    """And no other; a name that no test has is a usage error with the nearest."""
    suite = fleet(lab(test_it=WANTING))

    one = suite.test("--hw-explain=test_it.py::test_wanting")
    wrong = suite.test("--hw-explain=test_it.py::test_wantin_")

    assert "test_wanting" in one.output
    assert not shows(one.output, "*test_content*FITS*")
    assert wrong.exit_code == 4
    assert shows(wrong.output, "*no test that asks for anything begins with*", "*did you mean*test_wanting*"), wrong


def test_the_reverse_view_tells_what_a_host_lacks(lab: MakeLab):
    """Both tests ask for a GPU, and it has none."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test("--hw-explain-host=none")

    assert shows(ran.output, "host none (ready)*not 2", "*gpu.count >= 1*test_content*"), ran


def test_collect_only_explains_without_running(lab: MakeLab):
    """Simulated hosts need not be asked."""
    suite = fleet(lab(test_it=WANTING))

    ran = suite.test("--collect-only", "-q", "--hw-explain")

    assert ran.words == {}
    assert shows(ran.output, "*test_wanting*UNSATISFIABLE*", "*gpu.memory >= 80 GiB*"), ran


def test_explanations_are_kept_and_told_again(lab: MakeLab):
    """`disttest explain` reads them from the store, as text and as JSON."""
    suite = fleet(lab(test_it=WANTING))
    suite.test()

    unmatched = suite.command("explain")
    one = suite.command("explain", "test_it.py::test_content")
    everything = suite.command("explain", "--all", "--json")
    nobody = suite.command("explain", "test_it.py::test_plain")

    assert shows(unmatched.stdout, "*test_wanting*UNSATISFIABLE*", "*gpu.memory >= 80 GiB*"), unmatched
    assert "test_content" not in unmatched.stdout
    assert "test_content" in one.stdout, one
    assert {(test["nodeid"], test["verdict"]) for test in json.loads(everything.stdout)["tests"]} == {
        ("test_it.py::test_wanting", "unsatisfiable"),
        ("test_it.py::test_content", "fits"),
    }
    assert nobody.returncode == 4
    assert "no test that asks for anything begins with" in nobody.stderr


def test_a_drained_host_takes_no_part_and_says_why(lab: MakeLab):
    """Its owner declared more than it has."""
    suite = lab(test_it="import pytest\n@pytest.mark.hw(gpu=1)\ndef test_card(): pass\ndef test_plain(): pass\n")
    suite.write("disttest.toml", '[hosts.lame]\naddress = "lame"\nfacts = { "gpu.count" = 2 }\n')
    suite.simulate(lame=host(gpu(1)), sound=host())

    ran = suite.test("-rs")

    assert ran.words == {"test_card": "skipped", "test_plain": "passed"}, ran
    assert shows(ran.output, "*lame*drained: declared gpu.count = 2, but 1 found*"), ran
    assert suite.ran_on() == {"test_plain": "sound"}
    assert suite.asked("SELECT host, drained FROM host_profiles WHERE drained <> ''") == [
        ("lame", "declared gpu.count = 2, but 1 found")
    ]
