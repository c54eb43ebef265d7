"""Plans and runs as pictures: ``--hw-plan=FILE``, ``disttest show --gantt --html --svg``, and ``--hw-events``."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

SUITE = {
    "test_a.py": """
        import pytest, time
        @pytest.mark.dependency
        def test_first(): time.sleep(0.1)
        @pytest.mark.dependency(depends=["test_first"])
        def test_second(): time.sleep(0.2)
        def test_fails(): assert not 1
        """,
    "test_b.py": "import time\ndef test_b(): time.sleep(0.1)\n",
}


def names(text: str) -> set[str]:
    """Return the tests that a drawing shows."""
    found = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}title")
    return {(title.text or "").splitlines()[0] for title in found}


ALL = {"test_a.py::test_first", "test_a.py::test_second", "test_a.py::test_fails", "test_b.py::test_b"}


@pytest.fixture(scope="module")
def drawn(shared_suite):
    """A suite with two runs behind it, the second one planned and drawn."""
    made = shared_suite(SUITE)
    made.before = made.run("--dist-hw", "--hw-workers=2", "--co", "--hw-plan=early.svg")
    made.first = made.distributed()
    made.second = made.distributed("--hw-plan=plan.svg", "--hw-events=told.ndjson")
    return made


def test_a_plan_is_drawn_before_the_run(drawn):
    """The words that count stand on the screen, the rest in the file."""
    assert "time: about" in drawn.second.output and "the plan is drawn in " in drawn.second.output, drawn.second
    assert "units (" not in drawn.second.output
    text = (drawn.directory / "plan.svg").read_text()
    assert ALL <= names(text)
    assert "predicted" in text and "bound" in text and "critical" in text


def test_a_plan_can_be_drawn_without_a_run(drawn):
    """Also before the first one, when nothing is known: then all tests are as long, and the screen says so."""
    assert drawn.before.exit_code == 0 and "time: nothing is known" in drawn.before.output, drawn.before
    assert ALL == names((drawn.directory / "early.svg").read_text())

    looked = drawn.run("--dist-hw", "--hw-workers=2", "--co", "--hw-plan=late.html")
    printed = drawn.run("--dist-hw", "--hw-workers=2", "--co", "--hw-plan")

    assert "time: about" in looked.output and "test_a.py::test_second" in (drawn.directory / "late.html").read_text()
    assert "critical path:" in printed.output and "█" in printed.output, printed


def test_the_end_tells_prediction_bound_and_what_it_came_to(drawn):
    """In one line, where somebody asked."""
    assert "; predicted " in drawn.second.output and "the tests alone" in drawn.second.output
    assert "the tests alone" not in drawn.first.output


def test_a_run_is_shown_over_time(drawn):
    """Predicted beside actual, in the terminal, as page and picture."""
    shown = drawn.command("show", "last", "--gantt", "--html", "run.html", "--svg", "run.svg")

    assert shown.returncode == 0, shown
    lines = [line for line in shown.stdout.splitlines() if "█" in line]
    assert {"planned", "took"} == {line.split()[2] for line in lines}, shown.stdout
    assert "furthest from what was predicted" in shown.stdout and "bottleneck" in shown.stdout
    assert ALL <= names((drawn.directory / "run.svg").read_text())
    assert "failed after" in (drawn.directory / "run.html").read_text()
    blocks = json.loads(drawn.command("show", "last", "--gantt", "--json").stdout)
    assert 8 == len(blocks) and {"passed", "failed", ""} == {block["outcome"] for block in blocks}


def test_a_run_without_a_plan_is_shown_too(drawn):
    """What happened, and nothing beside it."""
    first = drawn.json("runs")[1]["run_id"]
    shown = drawn.command("show", first, "--gantt").stdout

    assert "█" in shown and "planned" not in shown and "predicted" not in shown
    assert "attempts     1 failed, 3 passed" in shown


def test_what_cannot_be_drawn_says_why(drawn):
    """A path after ``--hw-plan``, which pytest takes for its file; a directory that is not there."""
    swallowed = drawn.run("--dist-hw", "--hw-plan", "test_a.py")
    nowhere = drawn.command("show", "last", "--svg", "no/such/run.svg")

    assert swallowed.exit_code == 4 and "say --hw-plan after the paths" in swallowed.output, swallowed
    assert nowhere.returncode == 4 and "--svg: cannot write no/such/run.svg" in nowhere.stderr


def test_events_are_told_as_they_happen(drawn):
    """Line by line what the journal holds, and who began what; the last one tells the end."""
    told = [json.loads(line) for line in (drawn.directory / "told.ndjson").read_text().splitlines()]
    kinds = [event["event"] for event in told]

    assert ("run", "finish") == (kinds[0], kinds[-1])
    assert {"host", "cases", "planned", "judged", "began"} <= set(kinds)
    [journal] = (drawn.directory / ".disttest").glob(f"runs/**/{told[0]['run']}.ndjson")
    assert [e for e in told if e["event"] != "began"] == [json.loads(line) for line in journal.read_text().splitlines()]


def test_events_that_cannot_be_told_stop_the_run_before_it_starts(drawn):
    """A usage error that names the file."""
    ran = drawn.run("--dist-hw", "--hw-events=no/such/told.ndjson")

    assert ran.exit_code == 4 and "--hw-events: cannot write" in ran.output and "Traceback" not in ran.output, ran
