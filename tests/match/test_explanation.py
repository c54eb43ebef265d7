"""Why a test runs nowhere: verdicts, counts, near misses, what would help, and how it reads."""

from __future__ import annotations

from textwrap import dedent

import pytest

from pytest_disttest.match import Standing, explain, explain_host, explanation_rows
from pytest_disttest.model import Capabilities, Demand, Device, Requirement
from pytest_disttest.reports.explanation import explanation_lines, host_lines, unmatched_lines

GIB = 2**30
H100 = 85_520_809_984  # what an "80 GB" card really has


def machine(*devices, **rest) -> Capabilities:
    return Capabilities({"os": "linux", "cpu.processors": 16, "memory": 64 * GIB}, devices, **rest)


def card(number, memory, cuda) -> Device:
    return Device("gpu", f"GPU-{number}", {"gpu.memory": memory, "gpu.cuda": cuda})


LAB = {
    "cpu-1": Standing("ready", "", machine()),
    "gpu-1": Standing("ready", "", machine(card(1, H100, "12.4"))),
    "gpu-2": Standing("ready", "", machine(card(2, 40 * GIB, "12.2"), card(3, 40 * GIB, "12.2"))),
    "gpu-3": Standing("busy", "runs for another", machine(card(4, H100, "12.6"))),
    "mac-1": Standing("ready", "", machine(unknown={"gpu": "NVML library not found"})),
    "old-1": Standing("disabled", "enabled = false", machine(card(5, 100 * GIB, "12.9"))),
}


def need(key, operator, value) -> Requirement:
    shown = f"{value // GIB} GiB" if key == "memory" or key.endswith(".memory") else value
    return Requirement(key, operator, value, f"{key} {operator} {shown}")


LINUX, GPU = need("os", "=", "linux"), need("gpu.count", ">=", 1)
FP8 = Demand(((LINUX, GPU, need("gpu.cuda", ">=", "12.4"), need("gpu.memory", ">=", 80 * GIB)),))
NODEIDS = ["tests/test_llm.py::test_fp8"]


def test_everything_is_told_on_one_screen():
    """Word for word: the funnel, each condition alone and with those before, the near miss, what would help."""
    assert (
        explanation_lines(explain(FP8, LAB), NODEIDS)
        == dedent("""\
        tests/test_llm.py::test_fp8  UNSATISFIABLE  (0 of 6 hosts)  REQUIREMENTS DISABLED UNKNOWN_VALUE
          hosts: 6 registered -> 5 enabled -> 5 online -> 5 probed -> 0 match
          step  alone  together  condition             nearest that misses
          [0]       5         5  os = linux
          [1]       3         3  gpu.count >= 1        cpu-1: 0
          [2]       2         2  gpu.cuda >= 12.4      gpu-2: 12.2
          [3]       0         0  gpu.memory >= 80 GiB  gpu-1, gpu-3: 79.6 GiB (85.5 GB)  <- near miss, 0.4 % short
          unknown: mac-1 gpu.count, gpu.cuda, gpu.memory (NVML library not found)
          would fit with  gpu.memory >= 79.6 GiB -> gpu-1, gpu-3
          cpu-1 fails [1] no gpu
          gpu-1, gpu-3 fail [3] memory 79.6 GiB (85.5 GB)
          gpu-2 fails [2] cuda 12.2, [3] memory 40 GiB (42.9 GB)
          mac-1 fails [1] count unknown, [2] cuda unknown, [3] memory unknown
          would fit, but is not used: old-1 (disabled: enabled = false)
          summary: 0/6 hosts: 1 gpu.count, 1 gpu.count unknown, 1 gpu.cuda, 2 gpu.memory, 1 disabled""").splitlines()
    )


@pytest.mark.parametrize(
    ("state", "verdict", "codes"),
    [
        ("ready", "fits", ()),
        ("busy", "pending", ("BUSY",)),
        ("leased", "pending", ("LEASED",)),
        ("quarantined", "pending", ("QUARANTINED",)),
        ("offline", "pending", ("OFFLINE",)),
        ("unprobed", "pending", ("PROBE_FAILED",)),
        ("disabled", "unsatisfiable", ("DISABLED",)),
    ],
)
def test_busy_never_looks_impossible(state, verdict, codes):
    """A host that would do were it idle makes a test wait; a disabled one does not."""
    found = explain(Demand(((GPU,),)), {"gpu-1": Standing(state, "so it is", machine(card(1, H100, "12.4")))})

    assert (found.verdict, found.codes) == (verdict, codes)
    assert found.later == ((("gpu-1", "so it is"),) if verdict == "pending" else ())


@pytest.mark.parametrize(
    ("capabilities", "code"),
    [
        (machine(), "REQUIREMENTS"),
        (machine(card(1, H100, "12.4")), "CAPACITY"),
        (machine(unknown={"gpu": "no driver"}), "UNKNOWN_VALUE"),
        (machine(card(1, H100, "12.4"), card(2, H100, "12.4"), drained="lost a GPU"), "DRAINED"),
    ],
)
def test_no_is_told_by_its_kind(capabilities, code):
    """None at all, too few, nobody knows, or one that must not be used: waiting helps with none of them."""
    found = explain(Demand(((need("gpu.count", ">=", 2),),)), {"a": Standing("ready", "", capabilities)})

    assert (found.verdict, found.codes) == ("unsatisfiable", (code,))


def test_a_host_of_which_nothing_is_known_may_be_the_one():
    """An offline host is not taken for one that lacks what is asked for."""
    found = explain(FP8, {"a": Standing("offline", "no route to host")})

    assert (found.verdict, found.later) == ("pending", (("a", "no route to host"),))
    assert explain(FP8, {}).codes == ("NO_HOSTS",)


def test_what_would_help_is_the_smallest_change():
    """One condition eased before two, easing before dropping, and no change that contains another."""
    asked = Demand(((need("os", "=", "windows"), need("cpu.processors", ">=", 32)),))
    hosts = {"a": Standing("ready", "", machine()), "b": Standing("ready", "", Capabilities({"os": "windows"}))}
    hosts["c"] = Standing("ready", "", Capabilities({"os": "linux", "cpu.processors": 64}))
    told = [(each.text, each.hosts) for each in explain(asked, hosts).alternatives[0].relaxations]

    assert told == [("without os = windows", ("c",)), ("without cpu.processors >= 32", ("b",))]


def test_two_cards_that_share_the_conditions_between_them():
    """Each condition is met, none of the cards meets both: either of them could be eased."""
    host = machine(card(1, 80 * GIB, "11.8"), card(2, 8 * GIB, "12.6"))
    found = explain(Demand(((need("gpu.memory", ">=", 40 * GIB), need("gpu.cuda", ">=", "12.4")),)), {
        "a": Standing("ready", "", host)
    })  # fmt: skip
    way = found.alternatives[0]

    assert [(row.alone, row.cumulative) for row in way.conditions] == [(1, 1), (1, 0)]
    assert [each.text for each in way.relaxations] == ["gpu.memory >= 8 GiB", "gpu.cuda >= 11.8"]


def test_asking_for_fewer_devices_may_help():
    """Two of the three are too small: one less asked for would do, and so would a smaller limit."""
    host = machine(*(card(number, size * GIB, "12.4") for number, size in enumerate((80, 40, 8))))
    asked = Demand(((need("gpu.count", ">=", 2), need("gpu.memory", ">=", 60 * GIB)),))
    told = [each.text for each in explain(asked, {"a": Standing("ready", "", host)}).alternatives[0].relaxations]

    assert told == ["gpu.memory >= 40 GiB", "gpu.count >= 1"]


def test_the_nearest_alternative_is_told_first():
    """Whatever the order in which they were written."""
    far, near = (need("os", "=", "windows"), need("cpu.processors", ">=", 99)), (need("cpu.processors", ">=", 17),)
    found = explain(Demand((far, near)), {"a": Standing("ready", "", machine())})

    assert [len(each.conditions) for each in found.alternatives] == [1, 2]
    assert [line for line in explanation_lines(found, ["t"]) if line.endswith(":")] == [
        "  one way, on 0 hosts:",
        "  or else, on 0 hosts:",
    ]


def test_the_reverse_view_counts_tests_by_what_keeps_them_away():
    """The host's owner sees what to add."""
    tests = {FP8: NODEIDS, Demand(): ["test_a", "test_b"]}

    assert host_lines(explain_host("gpu-2", tests, LAB)) == [
        "gpu-2 (ready): 2 of 3 tests could run here",
        "  1 cannot: gpu.cuda >= 12.4 (here: 12.2)",
        "  1 cannot: gpu.memory >= 80 GiB (here: 40 GiB (42.9 GB))",
    ]


def test_all_that_wait_are_summed_up():
    """The commonest first; what fits is left out."""
    told = [(explain(FP8, LAB), NODEIDS), (explain(Demand(), LAB), ["test_a"])]

    assert unmatched_lines(told) == [
        "UNSATISFIABLE  tests/test_llm.py::test_fp8",
        "  os = linux, gpu.count >= 1, gpu.cuda >= 12.4, gpu.memory >= 80 GiB",
        (
            "  0/6 hosts: 1 gpu.count, 1 gpu.count unknown, 1 gpu.cuda, 2 gpu.memory, 1 disabled; "
            "would fit with gpu.memory >= 79.6 GiB -> gpu-1, gpu-3"
        ),
    ]


def test_rows_say_what_each_host_has_for_each_condition():
    """As they go into the history."""
    rows = [row for row in explanation_rows(explain(FP8, LAB)) if row.host == "gpu-2"]

    assert [(row.place, row.key, row.status, row.have) for row in rows] == [
        (0, "os", "met", ""),
        (1, "gpu.count", "met", ""),
        (2, "gpu.cuda", "unmet", "12.2"),
        (3, "gpu.memory", "unmet", "40 GiB (42.9 GB)"),
    ]


def test_a_standing_that_nobody_knows_is_refused():
    """A slip of the caller, told at once."""
    with pytest.raises(ValueError, match="no host is 'idle'"):
        explain(FP8, {"a": Standing("idle")})
