"""A plan, and what came of it, as shapes on lanes."""

from __future__ import annotations

import random
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.reports.drawing import write
from pytest_disttest.reports.merging import merged, worst
from pytest_disttest.reports.page import page
from pytest_disttest.reports.picture import (
    Block,
    Lane,
    Moment,
    Picture,
    furthest_off,
    lanes_of,
    picture_of_plan,
    picture_of_run,
    seconds,
)
from pytest_disttest.reports.svg import clean, svg, ticks, tooltip
from pytest_disttest.reports.timelines import chart
from pytest_disttest.store.history import RunRow
from pytest_disttest.store.plans import CasePlanned, RunJudged, RunPlanned
from pytest_disttest.store.timeline import Attempted, CaseName, Timeline

NAMES = {n: CaseName(f"{'ab'[n % 2]}.py::t{n}", f"{'ab'[n % 2]}.py") for n in range(4)}
PLAN = RunPlanned(
    100.0, 3.0, 2.5, "1 host (x) is the bound", 0, (0, 1),
    (
        CasePlanned(0, 1.0, 1.5, 3.0, "x", 1, 0.0, 1.0),
        CasePlanned(1, 2.0, 0.0, 2.0, "x", 1, 1.0, 3.0),
        CasePlanned(2, 0.5, 0.6, 0.5, "y", 1, 0.0, 0.5),
    ),
)  # fmt: skip
HEADER = RunRow("r1", "finished", 99.0, 104.0, 0, "/", (), "0", "", 4, 4, 0, {})
ATTEMPTS = (
    Attempted(2, 1, "y", "gw1", "failed", 100.0, 0.25),
    Attempted(0, 1, "x", "gw0", "passed", 100.0, 1.25),
    Attempted(1, 1, "x", "gw0", "passed", 101.25, 2.0),
)
SVG = "{http://www.w3.org/2000/svg}"


def run(**changes: object) -> Timeline:
    """Return a run of three tests on two hosts that went nearly as planned."""
    words = {"run": HEADER, "plan": PLAN, "judged": RunJudged(4.0, 3.25, 3.0), "cases": NAMES, "attempts": ATTEMPTS}
    return Timeline(**{**words, **changes})  # type: ignore[arg-type]


def titles(text: str) -> list[str]:
    """Return the tooltips of a drawing."""
    return [title.text or "" for title in ElementTree.fromstring(text).iter(f"{SVG}title")]


def test_a_plan_is_drawn_on_the_lanes_of_its_workers():
    """With prediction, bound and critical path."""
    drawn = picture_of_plan("plan", PLAN, NAMES)

    assert [Lane("x", 1), Lane("y", 1)] == drawn.lanes
    assert [("a.py::t0", 0.0, 1.0, True), ("b.py::t1", 1.0, 3.0, True), ("a.py::t2", 0.0, 0.5, False)] == [
        (block.nodeid, block.started_s, block.ended_s, block.is_critical) for block in drawn.planned
    ]
    assert ["bound", "planned"] == [moment.kind for moment in drawn.moments]
    assert ["a.py::t0", "b.py::t1"] == [block.nodeid for block in drawn.path]


def test_a_run_is_drawn_beside_its_plan():
    """What was expected of a test stands at what it did, and seconds count from the first test on."""
    drawn = picture_of_run("run", run())

    assert PLAN.cases[0].q90_s == drawn.actual[1].q90_s
    assert [("failed", 0.0, 0.25), ("passed", 0.0, 1.25), ("passed", 1.25, 3.25)] == [
        (block.outcome, block.started_s, block.ended_s) for block in drawn.actual
    ]
    assert [Moment("bound", 3.0, "bound 3.00 s"), Moment("took", 3.25, "took 3.25 s")] == [
        moment for moment in drawn.moments if moment.kind != "planned"
    ]
    assert ("attempts", "1 failed, 2 passed") in drawn.facts
    assert ["a.py::t0", "b.py::t1"] == [block.nodeid for block in furthest_off(drawn, most=5)]


def test_a_run_without_a_plan_is_drawn_from_its_first_test():
    """Nothing stands beside it."""
    drawn = picture_of_run("run", run(plan=None, judged=None))

    assert ((), 0.0, 3.25) == (drawn.planned, drawn.actual[0].started_s, drawn.end_s)


def test_a_clock_that_is_off_moves_its_tests_to_the_start():
    """An hour ahead, half an hour behind: what such a host ran keeps its distances, and the page says so."""
    odd = Attempted(0, 1, "x", "gw0", "passed", 3700.0, 1.0), Attempted(1, 1, "x", "gw0", "passed", 3702.0, 1.0)
    drawn = picture_of_run("run", run(attempts=odd))

    assert [(0.0, 1.0), (2.0, 3.0)] == [(block.started_s, block.ended_s) for block in drawn.actual]
    assert "that of x is off" in dict(drawn.facts)["clock"]


def test_who_takes_the_place_of_another_has_its_lane():
    """A worker that died and its replacement never run side by side; gw10 comes after gw9."""
    spans = [("h", "gw10", 0.0, 4.0), ("h", "gw9", 0.0, 1.0), ("h", "gw11", 1.5, 3.0), ("i", "gw0", 0.0, 1.0)]

    assert {
        ("h", "gw9"): Lane("h", 1), ("h", "gw10"): Lane("h", 2), ("h", "gw11"): Lane("h", 1),
        ("i", "gw0"): Lane("i", 1),
    } == lanes_of(spans)  # fmt: skip


blocks = st.builds(
    lambda host, start, length, file, outcome: Block(Lane(host, 1), start, start + length, f"{file}::t", file, outcome),
    st.sampled_from("xy"),
    st.floats(0, 100),
    st.floats(0, 10),
    st.sampled_from(["a.py", "b.py"]),
    st.sampled_from(["passed", "failed", ""]),
)


@given(st.lists(blocks, max_size=60), st.floats(0.01, 20))
def test_every_test_is_drawn_once_alone_or_with_others(given_blocks, least_s):
    """Groups are on one lane; one that holds several holds only what is too small to be seen."""
    groups = merged(given_blocks, least_s=least_s)

    assert sorted(given_blocks) == sorted(block for group in groups for block in group)
    for group in groups:
        assert 1 == len({block.lane for block in group})
        assert len(group) == 1 or all(block.seconds < least_s for block in group)
        assert len(group) == 1 or group[-1].ended_s - group[0].started_s <= 2 * least_s
    assert groups == merged(reversed(given_blocks), least_s=least_s)


def test_one_failure_among_passes_is_seen():
    """A group has the colour of its worst test, and names it first."""
    group = tuple(Block(Lane("x", 1), n, n + 1, f"a.py::t{n}", "a.py", "passed") for n in range(9))
    group += (Block(Lane("x", 1), 9, 10, "a.py::broken", "a.py", "failed"),)

    assert "failed" == worst(group)
    assert ["10 tests, 10.0 s", "from 0.000 s on", "failed a.py::broken"] == tooltip(group).splitlines()


def test_tooltips_tell_what_was_expected_and_what_came():
    """Of a test that ran, and of one that is to run."""
    drawn = picture_of_run("run", run())

    assert [
        "a.py::t0",
        "passed after 1.25 s on x (gw0)",
        "predicted 1.00 s, nine of ten times within 1.50 s",
        "from 0.000 s to 1.25 s",
        "3.00 s from its start to the end, critical path",
    ] == tooltip((drawn.actual[1],)).splitlines()
    assert "planned for x, worker 1" in tooltip((drawn.planned[0],))


@given(st.text(st.characters(codec=None, categories=None)))
def test_whatever_a_test_is_called_the_drawing_can_be_read(name):
    """Markup, quotes, control characters and lone surrogates are words like all others."""
    nasty = Picture(
        f"</svg>{name}", planned=(Block(Lane(name, 1), 0, 1, f"<b>&'\"{name}", name),), facts=((name, name),)
    )
    text = svg(nasty)

    assert 1 == len(titles(text))
    text.encode("utf-8")
    assert "<b>" not in page(nasty).replace("&lt;b&gt;", "")


def test_clean_text_keeps_what_people_write():
    """Only what XML cannot hold is replaced."""
    assert "ä 漢字 🙂\ta\nb" == clean("ä 漢字 🙂\ta\nb")
    assert "\ufffd\ufffd\ufffd" == clean("\x1b\udc80\ufffe")


@pytest.mark.parametrize(("workers", "most_bytes"), [(4, 2_500_000), (64, 4_000_000)])
def test_ten_thousand_tests_are_a_file_that_a_browser_takes(workers, most_bytes):
    """What is too small is drawn together; no test is left out."""
    dice, ends, found = random.Random(5), dict.fromkeys(range(workers), 0.0), []
    for n in range(10_000):
        place = min(ends, key=ends.__getitem__)
        length = dice.paretovariate(1.2) / 50
        file = f"tests/test_{n // 100}.py"
        found.append(
            Block(Lane("host", place + 1), ends[place], ends[place] + length, f"{file}::test_{n}", file, "passed")
        )
        ends[place] += length
    text = svg(Picture("many", actual=tuple(found)))

    assert len(text) < most_bytes
    told = sum(int(title.split()[0]) if " tests, " in title else 1 for title in titles(text))
    assert 10_000 == told


def test_the_same_picture_is_the_same_file(tmp_path):
    """By the name's ending, or as asked; and nothing in it comes from elsewhere."""
    drawn = picture_of_run("run", run())
    for name, suffix in (("a.svg", ""), ("b", ".svg"), ("c.html", "")):
        write(drawn, tmp_path / name, suffix)
    texts = [(tmp_path / name).read_text() for name in ("a.svg", "b", "c.html")]

    assert texts[0] == texts[1]
    assert "<svg" in texts[2] and "Furthest from what was predicted" in texts[2] and "Critical path" in texts[2]
    for text in texts:
        assert [] == [word for word in ("src=", "href=", "@import", "url(") if word in text]
        assert {"http://www.w3.org/2000/svg"} == {
            part.split('"')[0] for part in text.split('="')[1:] if "://" in part.split('"')[0]
        }


def test_moments_are_round():
    """At most eleven, also of hours."""
    assert [0, 1, 2, 3] == ticks(3.2, most=5)
    assert [0.0] == ticks(0.0)
    for end_s in (0.003, 7.0, 59.0, 1000.0, 90_000.0, 1e7):
        assert 2 <= len(ticks(end_s)) <= 11


def test_seconds_have_three_figures():
    """And minutes from ten on."""
    assert ["0.012 s", "1.24 s", "84.1 s", "12 min 5 s"] == [seconds(value) for value in (0.0124, 1.237, 84.12, 725.0)]


def test_a_chart_of_text_has_two_rows_for_a_worker():
    """What was planned, what happened, to one scale."""
    *rows, scale = chart(picture_of_run("run", run()))

    assert ["  x 1 planned", "  x 1 took   ", "  y 1 planned", "  y 1 took   "] == [row[:13] for row in rows]
    assert "  from 0 to 3.25 s" == scale
    assert ["  x 1", "  y 1"] == [row[:5] for row in chart(picture_of_plan("plan", PLAN, NAMES))[:-1]]
    assert [] == chart(Picture("nothing"))
