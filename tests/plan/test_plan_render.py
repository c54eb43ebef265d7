"""The plan as text."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from pytest_disttest.model import Capabilities, Case, Demand, Dependency, Device, Requirement
from pytest_disttest.plan import build_plan, render_plan


def test_a_small_plan_is_told_whole(case):
    """Hosts, counts, units, dependencies by level, requirements, and who does not run and why."""
    cores = (Requirement("cpu.processors", ">=", 4),)
    gpu = Requirement("gpu.count", ">=", 1)
    npu_or_big = (gpu, Requirement("accel.type", "=", "npu")), (gpu, Requirement("memory", ">=", 64 * 2**30))
    cases = [
        case(0, "a.py::test_1"),
        case(1, "a.py::test_2", depends=(Dependency("test_1"),)),
        case(2, "b.py::test_1", demand=Demand((cores,)), together="db"),
        case(3, "c.py::test_1", depends=(Dependency("a.py::test_2", "session"),), together="db"),
        case(4, "c.py::test_2", demand=Demand(npu_or_big)),
        case(5, "c.py::test_3", depends=(Dependency("test_2"),)),
        case(6, "c.py::test_4", deselected=True),
    ]
    plan = build_plan(cases, eligible={2: frozenset({"big"})}, unplaced={4: "no host has a GPU"})
    facts = {"cpu.processors": 8, "memory": 8 * 2**30, "os": "linux", "tag": ("lab", "fast"), "cpu.flag": ("avx",)}
    devices = Device("browser", "/usr/bin/firefox"), Device("gpu", "GPU-1", fault="lost")
    hosts = {"big": Capabilities(facts, devices), "small": Capabilities({"os": "linux"}, drained="too little memory")}

    assert render_plan(plan, cases, hosts) == dedent("""\
        hosts (2)
          big    cpu.processors 8, memory 8 GiB (8.5 GB), os linux, tag lab fast, 1 browser
          small  os linux, not used: too little memory
        tests (7): 4 to run, 1 blocked, 1 unplaced, 1 deselected
        units (2)
          a.py  2 tests
          @db   2 tests  on one worker, from 2 files
        dependencies (2)
          level 1: 1 test
            a.py::test_2 after a.py::test_1
          level 2: 1 test
            c.py::test_1 after a.py::test_2
        requirements (2)
          cpu.processors >= 4: 1 test on big
          gpu.count >= 1, and either accel.type = npu or memory >= 64 GiB: 1 test on no host
        unplaced (1)
          c.py::test_2: no host has a GPU
        blocked (1)
          c.py::test_3: test_3 depends on test_2 (unplaced)""")


def test_a_big_plan_is_short(case):
    """Each list ends after ten, and a group of many names three."""
    cases = [case(i, f"f{i}.py::test_1", groups=("db",)) for i in range(50)]
    cases += [case(i, f"g{i}.py::test_1", depends=(Dependency("db", is_group=True),)) for i in range(50, 90)]
    cases += [case(i, f"h{i}.py::test_1") for i in range(90, 120)]
    plan = build_plan(cases, unplaced=dict.fromkeys(range(90, 120), "no host is free"))
    text = render_plan(plan, cases, [f"host{n}" for n in range(12)], width=80)

    assert "  ... and 2 more" in text.splitlines()
    assert "  ... and 80 more" in text.splitlines()
    assert "f0.py::test_1, f1.py::test_1, f2.py::test_1 and 47 more" in text
    assert "  h90.py::test_1 and 29 more: no host is free" in text.splitlines()
    assert len(text.splitlines()) < 45
    assert max(map(len, text.splitlines())) <= 80


def test_a_long_chain_is_told_without_recursion(case):
    """Levels are as many as the chain is long; ten are shown."""
    cases = [case(i, f"a.py::test_{i}") for i in range(3000)]
    cases = [replace(c, depends=(Dependency(f"test_{c.index + 1}"),)) if c.index < 2999 else c for c in cases]
    text = render_plan(build_plan(cases), cases, ["here"])

    assert "  level 1: 1 test\n    a.py::test_2998 after a.py::test_2999" in text
    assert "  ... and 2989 more levels" in text


def test_a_wide_line_is_broken_at_its_words():
    """A reason is never cut off; a word that is too long is broken, so that the width holds."""
    cases = [Case(0, "a.py::test_" + "x" * 60, file="a.py")]
    text = render_plan(build_plan(cases, unplaced={0: "no host has " + "much " * 12}), cases, [], width=40)

    assert text.replace("\n", "").replace(" ", "").endswith(f"test_{'x' * 60}:nohosthas{'much' * 12}")
    assert max(map(len, text.splitlines())) <= 40


def test_nothing_to_plan_is_one_line():
    """An empty suite on no host."""
    assert render_plan(build_plan([]), [], []) == "tests (0): 0 to run"
