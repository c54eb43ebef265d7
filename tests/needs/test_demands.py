"""Marks of test, class and defaults as one demand: alternatives, presets, preferences, shares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import process_time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_disttest import needs
from pytest_disttest.errors import BadMarker
from pytest_disttest.markers import demand_of
from pytest_disttest.model import NOTHING, Preference, Requirement
from pytest_disttest.needs import shown
from pytest_disttest.needs.splitting import quoted

PLACE = "tests/test_a.py::test_x"
PRESETS = {
    "BIG": {"cores": 32, "memory": "64 GiB"},
    "BIG-GPU": {"preset": "BIG", "gpu": {"memory": "16 GiB"}, "share": 0.5},
    "EITHER": {"conditions": "os = linux", "any_of": ["gpu exists", {"npu": 1}]},
    "A": {"preset": "B"},
    "B": {"preset": ["A"]},
}


def hw(*args, **kwargs):
    """Return the mark as it travels."""
    return "hw", args, kwargs


def demanded(*marks, defaults=()):
    """Return the demand of *marks* where there are presets."""
    return demand_of(marks, PLACE, defaults=defaults, presets=PRESETS)


def alternatives(*marks, defaults=()):
    """Return the alternatives in their canonical form."""
    return [[shown(r) for r in each] for each in demanded(*marks, defaults=defaults).alternatives]


@pytest.mark.parametrize(
    ("marks", "lists"),
    [
        ([hw(any_of=["npu exists", "gpu.memory >= 8 GB"])],
         [["accel.count >= 1", "accel.type = npu"], ["gpu.memory >= 8 GB"]]),
        ([hw("os = linux", any_of=[["cores >= 8", "arch = arm64"], {"gpu": 1, "memory": "1 GiB"}])],
         [["arch = aarch64", "cpu.processors >= 8", "os = linux"],
          ["gpu.count >= 1", "memory >= 1 GiB", "os = linux"]]),
        # class and function multiply out
        ([hw(any_of=["cores >= 4", "cores >= 8"]), hw(any_of=["os = linux", "os = macos"], cores=6)],
         [["cpu.processors >= 6", "os = linux"], ["cpu.processors >= 6", "os = macos"],
          ["cpu.processors >= 8", "os = linux"], ["cpu.processors >= 8", "os = macos"]]),
        # what cannot be is left out, what is there twice is there once
        ([hw(os="linux"), hw(any_of=["os = windows", "gpu exists", "gpu >= 1"])], [["gpu.count >= 1", "os = linux"]]),
        ([hw(any_of=["gpu exists", "npu exists"]), hw(any_of=["npu exists", "gpu exists"])],
         [["accel.count >= 1", "accel.type = npu"], ["gpu.count >= 1"]]),
        ([hw(any_of=[{"any_of": ["os = linux", "os = macos"], "cores": 2}, "gpu exists"])],
         [["cpu.processors >= 2", "os = linux"], ["cpu.processors >= 2", "os = macos"], ["gpu.count >= 1"]]),
        ([hw(any_of=["preset:EITHER", "tag = x"])],
         [["accel.count >= 1", "accel.type = npu", "os = linux"], ["gpu.count >= 1", "os = linux"], ["tag = x"]]),
    ],
    ids=str,
)  # fmt: skip
def test_alternatives_are_multiplied_out(marks, lists):
    """Each says everything, each is there once, in an order of its own."""
    assert alternatives(*marks) == lists


def test_a_class_and_the_defaults_add_to_a_test():
    """The larger minimum stays, and each condition tells where it comes from."""
    found = demanded(hw(cores=2), hw("preset:BIG-GPU"), defaults=["os = linux", "cores >= 64, tag = a"])

    assert [r.origin for r in found.requirements] == [
        "cores >= 64 (hw_defaults)",
        "gpu.memory >= 16 GiB (preset BIG-GPU)",
        "memory >= 64 GiB (preset BIG)",
        "os = linux (hw_defaults)",
        "tag = a (hw_defaults)",
    ]


def test_defaults_alone_make_a_demand():
    """A test without a mark has them too."""
    assert alternatives(defaults=["os = linux"]) == [["os = linux"]]
    assert demand_of([("dependency", (), {})], PLACE) is NOTHING


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([hw(gpu=1, share=0.25)], (0.25, 0, "", False)),
        ([hw(share=0.25), hw(gpu=1, share=0.5)], (0.25, 0, "", False)),
        ([hw(gpu=1), hw(share="4 GiB")], (1.0, 4 * 1024**3, "", False)),
        ([hw(share=1), hw(share=0.5, npu=1)], (1.0, 0, "", False)),
        ([hw("preset:BIG-GPU", share=0.1)], (0.1, 0, "", False)),
        ([hw(cores=1), hw("preset:BIG-GPU")], (0.5, 0, "", False)),
        ([hw(exclusive=True)], (1.0, 0, "host", False)),
        ([hw(exclusive="gpu"), hw(exclusive="host")], (1.0, 0, "gpu", False)),
        ([hw(exclusive=False), hw(exclusive="host")], (1.0, 0, "", False)),
        ([hw(on="any"), hw(on="each")], (1.0, 0, "", True)),
    ],
    ids=str,
)
def test_the_closest_mark_decides_how_much(marks, expected):
    """Of a share and of being alone; once on each host is enough said by anybody."""
    found = demanded(*marks)

    assert (found.share, found.share_bytes, found.exclusive, found.each) == expected


def test_preferences_are_weighed():
    """Conditions, ends of a number, and lists; the closest mark's weight counts."""
    found = demanded(
        hw(prefer={"gpu.device-name ~ H100": 10, "gpu.memory": "max", "cores": ("min", 0.5)}),
        hw(prefer=["gpu.device-name ~ H100", "memory max"]),
    )

    assert found.prefer == (
        Preference(Requirement("cpu.processors", "min", 0, "cores min"), 0.5),
        Preference(Requirement("gpu.device-name", "~", "H100", "gpu.device-name ~ H100"), 10.0),
        Preference(Requirement("gpu.memory", "max", 0, "gpu.memory max"), 1.0),
        Preference(Requirement("memory", "max", 0, "memory max"), 1.0),
    )
    assert found.alternatives == ((),)


def test_the_closest_workload_counts():
    """It is a mark of its own, beside the needs."""
    assert demanded(("workload", ("io",), {}), ("workload", (), {"kind": "compute"})).workload == "io"
    assert demanded(hw(cores=1), ("workload", (), {"kind": "compute"})).workload == "compute"
    assert demanded(hw(cores=1)).workload == ""


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ([hw(share=0.5)], ": hw(share=…) is a share of nothing"),
        ([hw("gpu absent", share=0.5)], ": hw(share=…) is a share of nothing"),
        ([hw(gpu=1, share=0)], ": hw(share=0) is no part of a device"),
        ([hw(gpu=1, share=1.5)], ": hw(share=1.5) is no part of a device"),
        ([hw(gpu=1, share=True)], ": hw(share=True) is no part of a device"),
        ([hw(gpu=1, share="4")], ": hw(share='4'): '4' has no unit"),
        ([hw(gpu=1, share="0 B")], ": hw(share='0 B') is no part of a device"),
        ([hw(exclusive="disk")], ": hw(exclusive='disk') is nothing to have alone"),
        ([hw(on="all")], ": hw(on='all') is neither 'each' nor 'any'"),
        ([hw(prefer={"gpu exists": 0})], ": hw(prefer=…): 0, the weight of 'gpu exists', is no positive number"),
        ([hw(prefer={"gpu exists": float("inf")})], ": hw(prefer=…): inf, the weight of"),
        ([hw(prefer={"gpu exists": float("nan")})], ": hw(prefer=…): nan, the weight of"),
        ([hw(prefer={"gpu exists": 10**400})], ": hw(prefer=…): 1000"),
        ([hw(prefer={"gpu exists": True})], ": hw(prefer=…): True, the weight of"),
        ([hw(prefer={"os": "max"})], ": hw(prefer=…): os has no most and no least"),
        ([hw(prefer={"gpu.memory": "most"})], ": hw(prefer=…): 'gpu.memory' cannot be 'most'"),
        ([hw(prefer=["npu exists"])], ": hw(prefer=…): 'npu exists' says 2 things"),
        ([hw(prefer=3)], ": hw(prefer=3) is no list and no mapping"),
        ([hw(any_of="gpu exists")], ": hw(any_of='gpu exists') is no list"),
        ([hw(any_of=[])], ": hw(any_of=[]) is no list"),
        ([hw(any_of=[[]])], ": hw(any_of=…): [] says more than conditions, or nothing"),
        ([hw(any_of=[{"gpu": 1, "share": 0.5}])], ": hw(any_of=…): {'gpu': 1, 'share': 0.5} says more than conditions"),
        ([hw(any_of=[["os=linux", "os=macos"]])], ": hw() asks for os=linux and os=macos, which no host can be"),
        ([hw(any_of=["os=linux", "os=macos"], os="windows")],
         ": hw(any_of=…): none of its 2 alternatives can be; the first asks for os=linux and os = windows"),
        ([hw(any_of=[f"tag = {i}{word}" for word in "ab"]) for i in range(7)],
         ": hw(any_of=…): the marks of this test have 128 alternatives together"),
        ([hw("preset:BUG")], ": hw() knows no preset 'BUG'\n  hint: did you mean 'BIG'?"),
        ([hw(preset="A")], ": preset A: preset B: presets ask for one another in a circle: A -> B -> A"),
        ([hw("preset:BIG", "memory < 1 GB")],
         ": hw() asks for memory < 1 GB and memory >= 64 GiB (preset BIG), which no host can be"),
        ([("workload", ("cpu",), {})], ": workload() knows no 'cpu'"),
        ([("workload", (), {})], ": workload() takes one word"),
        ([("workload", ("io", "memory"), {})], ": workload() takes one word"),
        ([("workload", (), {"sort": "io"})], ": workload() takes one word"),
        ([("workload", (["io"],), {})], ": workload() knows no ['io']"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(marks, told):
    """The test, the words, and why."""
    with pytest.raises(BadMarker) as caught:
        demanded(*marks)

    assert str(caught.value).startswith(PLACE + told)


def test_defaults_that_cannot_be_read_are_named():
    """Who looks for the fault in the test's file would not find it."""
    with pytest.raises(BadMarker) as caught:
        demanded(hw(cores=1), defaults=["os = linxu"])

    assert str(caught.value).startswith(f"{PLACE}: hw_defaults: hw('os = linxu'): no os is called 'linxu'")


def test_presets_are_checked_where_they_are_written():
    """All at once, each at its place."""
    good = {name: PRESETS[name] for name in ("BIG", "BIG-GPU", "EITHER")}

    assert needs.checked_presets(good, "disttest.toml") == good


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"coers": 4}, "disttest.toml: preset X: hw() knows no 'coers'"),
        ({}, "disttest.toml: preset X says nothing"),
        ("cores = 4", "disttest.toml: preset X is no table of keywords"),
        ({"preset": "X"}, "disttest.toml: preset X: presets ask for one another in a circle: X -> X"),
        ({"os": "linux", "conditions": ["os = macos"]}, "disttest.toml: preset X: hw() asks for os = linux (preset X)"),
    ],
)
def test_a_bad_preset_is_refused(table, told):
    """Before any test names it."""
    with pytest.raises(BadMarker) as caught:
        needs.preset("X", table, "disttest.toml")

    assert str(caught.value).startswith(told)


sizes = st.builds("{} {}".format, st.integers(0, 4), st.sampled_from(["MiB", "GiB", "GB"]))
ordered = st.sampled_from(["=", "!=", ">", ">=", "<", "<="])
conditions = st.one_of(
    st.builds("memory {} {}".format, ordered, sizes),
    st.builds("gpu.memory {} {}".format, ordered, sizes),
    st.builds("python {} {}".format, ordered, st.sampled_from(["3", "3.0", "3.10", "3.9", "3.11rc1", "4.dev0"])),
    st.builds("{} {}".format, st.sampled_from(["gpu", "npu", "webgpu", "location", "tag", "gpu.cuda"]),
              st.sampled_from(["exists", "absent"])),
    st.builds("cpu.level {} {}".format, st.sampled_from(["=", "!=", ">", ">="]),
              st.sampled_from(["x86_64_v2", "x86-64-v3"])),
    st.builds("os {} (linux, {})".format, st.sampled_from(["in", "not in"]), st.sampled_from(["macos", "windows"])),
    st.builds("cpu.model-name {} {}".format, st.sampled_from(["=", "~", "!~", "!="]),
              st.sampled_from(["i7", "'a, b'", '"x and y"', "Intel(R) i7", "'(a|b),? [c]'"])),
    st.builds("tag {} {}".format, st.sampled_from(["=", "!=", "~"]), st.sampled_from(["a", "b", "'a b'"])),
)  # fmt: skip
marks = st.lists(
    st.one_of(
        st.builds(hw, conditions, conditions),
        st.builds(lambda entries: hw(any_of=entries), st.lists(conditions, min_size=1, max_size=3)),
        st.just(hw("preset:EITHER")),
    ),
    max_size=4,
)


def read(order):
    """Return the demand, or the words of its refusal."""
    refused = None
    try:
        return demanded(*order)
    except BadMarker as told:
        refused = told
    assert refused.place.startswith(PLACE)
    return str(refused)


@given(marks, st.randoms())
def test_the_order_of_marks_says_nothing(found, random):
    """Neither about the alternatives nor about a refusal."""
    assert read(found) == read(random.sample(found, len(found)))


@given(marks)
def test_what_is_written_out_is_read_alike(found):
    """The canonical form of a requirement comes to the same requirement."""
    answer = read(found)
    for alternative in () if isinstance(answer, str) else answer.alternatives:
        again = needs.from_conditions([", ".join(map(shown, alternative))] if alternative else [], PLACE)
        assert [r[:3] for r in again] == [r[:3] for r in alternative]


@given(st.text(max_size=25), st.sampled_from(["", "hostname = ", "hostname ~ ", "tag in ", "gpu.memory >= ", "os."]))
def test_any_text_is_a_demand_or_a_refusal(text, beginning):
    """And what is read can be written out and read again."""
    answer = read([hw(beginning + text)])
    for alternative in () if isinstance(answer, str) else answer.alternatives:
        again = needs.combined(needs.from_conditions(map(shown, alternative), PLACE), PLACE)
        assert [r[:3] for r in again] == [r[:3] for r in alternative]


@given(st.text(min_size=1, max_size=20))
def test_any_value_can_be_quoted(text):
    """And stands as it was in the middle of other conditions."""
    assume(text.strip())
    written = f"os = linux, hostname = {quoted(text)} and location in ({quoted(text)}, x)"
    found = {r.key: r.value for r in needs.from_conditions([written], PLACE)}

    assert (found["hostname"], found["location"]) == (text, tuple(sorted({text, "x"})))


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=6), st.sampled_from(
        ["gpu exists", ">= 1", "8 GiB", "3.11", "max", "firefox", "preset:BIG", "linux"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["cores", "gpu", "memory", "os = linux", "gpu.memory", "any_of", "share"]), inner, max_size=2)),
    max_leaves=5,
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["gpu", "npu", "memory", "os", "python", "any_of", "prefer", "share", "exclusive", "on",
                         "preset", "conditions", "package", "resource", "browser", "webgpu", "tag", "cpu", "disk"]),
        values,
        max_size=2,
    )
)  # fmt: skip
def test_any_keywords_are_a_demand_or_a_refusal(keywords):
    """Whatever Python lets a user write, no other exception comes of it."""
    read([hw(**keywords)])


def test_a_run_without_such_marks_does_not_load_the_words():
    """The tables and patterns are made when the first test asks for something."""
    asked = """
import sys
from pytest_disttest.markers import demand_of
assert not demand_of([("dependency", (), {}), ("xdist_group", ("a",), {})], "t")
assert "pytest_disttest.needs" not in sys.modules
assert demand_of([("workload", ("io",), {})], "t")
assert "pytest_disttest.needs" in sys.modules
"""
    subprocess.run([sys.executable, "-c", asked], check=True, cwd=Path(__file__).parents[2], timeout=60)


def test_many_different_marks_are_read_quickly():
    """A suite of 10,000 tests with a demand each; the limit is loose, a slip into seconds is not."""
    start = process_time()
    for number in range(2_000):
        demanded(hw("os = linux", cores=number, memory=f"{number} MiB", gpu="cuda >= 12, memory >= 16 GiB"))

    assert process_time() - start < 2.0
