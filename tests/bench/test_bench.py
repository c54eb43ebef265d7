"""The benchmark's own arithmetic and words; nothing is timed here."""

from __future__ import annotations

import pytest
from bench import generated, measured, rendered, runs, variants, workbench
from bench.measured import Line, Target, Verdict, ratio_targets

MEDIANS = {"plain": 6.0, "xdist": 8.0, "bistra": 4.0, "ours": 3.0}


def line(**changes: object) -> Line:
    """Return a line in which ours takes half of plain, and nothing is wrong."""
    words: dict[str, object] = {"case": "500 files", "medians": MEDIANS, **changes}
    return Line(**words)  # type: ignore[arg-type]


def test_a_ratio_is_ours_to_the_others():
    """Below one is faster; what was not measured has no ratio."""
    found = line(medians={"plain": 6.0, "ours": 3.0})

    assert (0.5, None) == (found.ratio("plain"), found.ratio("xdist"))


@pytest.mark.parametrize(
    ("limit", "wrong", "verdict"),
    [
        (0.5, {}, Verdict.PASS),
        (0.4, {}, Verdict.MISS),
        (0.5, {"ours": "3 missing"}, Verdict.FAILED),
        (0.5, {"plain": "exit code 1"}, Verdict.FAILED),
        (0.5, {"bistra": "3 missing"}, Verdict.PASS),
    ],
)
def test_a_fast_wrong_run_has_failed(limit: float, wrong: dict[str, str], verdict: Verdict):
    """A target is met by right outcomes only; another runner's faults do not touch what is not compared with it."""
    assert verdict == line(targets=ratio_targets(MEDIANS, {"plain": limit}), wrong=wrong).verdict


def test_to_be_faster_than_a_wrong_peer_means_nothing():
    """Such a target is void, and a line is as bad as its worst target."""
    targets = ratio_targets(MEDIANS, {"plain": 0.57, "bistra": 1.0})
    found = line(targets=targets, wrong={"bistra": "3 missing"})

    assert ((Verdict.PASS, Verdict.VOID), Verdict.VOID) == (found.verdicts, found.verdict)


def test_what_cannot_be_is_void():
    """A run that ends before the sleeps it holds tells of noise."""
    assert Verdict.VOID == line(targets=(Target(0.4, 1.05, "of the bound", least=0.9),)).verdict


def test_a_line_without_a_target_has_no_verdict():
    """Unless its outcomes are wrong."""
    assert (None, Verdict.FAILED) == (line().verdict, line(wrong={"ours": "1 missing"}).verdict)


def test_no_schedule_beats_the_bound():
    """Neither the workers' share of the sum nor the longest test can be undercut."""
    durations_s = (4.0, 2.0, 1.0, 1.0)

    assert (4.0, 4.0, 8.0) == tuple(measured.makespan_s(durations_s, workers) for workers in (2, 4, 1))


def test_the_table_shows_medians_ratios_and_targets():
    """A line of the table, and below it what was wrong and what is to be known."""
    targets = (Target(0.5, 0.57, "of plain", ("plain",)), Target(0.75, 0.43, "of xdist", ("xdist",)))
    text = rendered.table([line(targets=targets, wrong={"xdist": "1 missing"}, notes=("it rained",))])

    head, rule, row, *below = text.splitlines()
    assert ["case", "plain", "xdist", "bistra", "ours", "/plain", "/xdist"] == head.split()[:7]
    assert {"-"} == set(rule)
    assert "500 files 6.00 s 8.00 s FAILED 4.00 s 3.00 s 0.50 0.38" == " ".join(row.split()[:13])
    assert row.endswith("0.50 ≤ 0.57 of plain; 0.75 > 0.43 of xdist  void")
    assert ["500 files: FAILED, xdist: 1 missing", "500 files: it rained"] == below


def test_markdown_has_a_cell_for_each_column():
    """The docs show the same table."""
    head, rule, row = rendered.markdown([line()]).splitlines()[:3]

    assert {len(rendered.HEAD) + 1} == {text.count("|") for text in (head, rule, row)}
    assert row.startswith("| 500 files | 6.00 s | 8.00 s | 4.00 s | 3.00 s | 0.50 | 0.38 |")


def test_the_order_is_rotated():
    """Each variant begins once."""
    four = variants.all_four()

    assert ["plain", "xdist", "bistra", "ours"] == [variants.rotated(four, turn)[0].runner for turn in range(4)]
    assert all(set(four) == set(variants.rotated(four, turn)) for turn in range(5))


@pytest.mark.parametrize(
    ("output", "counts"),
    [
        ("..\n2 passed in 0.01s\n", {"passed": 2}),
        ("= 1 failed, 9 passed, 2 errors in 61.20s (0:01:01) =", {"failed": 1, "passed": 9, "error": 2}),
        ("INTERNALERROR> 3 of 4", {}),
    ],
)
def test_the_last_line_is_read(output: str, counts: dict[str, int]):
    """Counts come by their words; a run that died has none."""
    assert counts == runs.counts(output)


def test_outcomes_are_compared_by_node_id():
    """Tests that are missing, new, or reported otherwise or twice are told of."""
    once, twice = {"call passed": 1}, {"call passed": 2}

    assert "" == workbench.differs({"a": once}, {"a": once})
    assert "outcomes differ: 1 missing, 1 other, 1 new; first a: {'call passed': 1} became None" == workbench.differs(
        {"a": once, "b": once}, {"b": twice, "c": once}
    )


def test_suites_hold_the_tests_they_claim():
    """Files compile, and hold as many functions as the suite says."""
    for suite in (generated.one_file(30), generated.many_files(3, 20), generated.with_imports(3, 20, turns=5)):
        for name, text in suite.files.items():
            compile(text, name, "exec")
        assert suite.tests == sum(text.count("def test_") for text in suite.files.values()), suite.name


def test_suites_of_other_contents_have_other_places():
    """A scaled suite of as many tests is not taken for the full one."""
    half, full = (generated.tail(generated.tail_durations_s(scale)) for scale in (0.5, 1.0))

    assert half.digest != full.digest
    assert full.digest == generated.tail(generated.tail_durations_s()).digest


def test_the_longest_sleep_comes_last():
    """Whoever knows no durations starts it too late."""
    durations_s = generated.tail_durations_s()
    text = generated.tail(durations_s).files["tests/test_all.py"]

    assert 40 == len(durations_s)
    assert text.rstrip().endswith("sleep(4.0)")
