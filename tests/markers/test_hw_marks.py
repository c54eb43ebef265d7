"""The hw mark becomes requirements, or is refused with the right word."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_disttest import needs
from pytest_disttest.errors import BadMarker
from pytest_disttest.markers import demand_of
from pytest_disttest.match import fits
from pytest_disttest.model import NOTHING, Requirement

PLACE = "tests/test_a.py::test_x"


def hw(*args, **kwargs):
    """Return the mark as it travels."""
    return "hw", args, kwargs


def read(*marks):
    """Return the requirements as (key, operator, value), without the text they were written as."""
    return [(r.key, r.operator, r.value) for r in demand_of(marks, PLACE).requirements]


@pytest.mark.parametrize(
    ("mark", "requirements"),
    [
        (hw(cores=4), [("cpu.processors", ">=", 4)]),
        (hw("cores >= 4"), [("cpu.processors", ">=", 4)]),
        (hw("cpu.processors>=4"), [("cpu.processors", ">=", 4)]),
        (hw(processors="> 4"), [("cpu.processors", ">", 4)]),
        (hw(cores="4"), [("cpu.processors", ">=", 4)]),
        (hw("cores in (2, 4)"), [("cpu.processors", "in", (2, 4))]),
        (hw(os="Linux"), [("os", "=", "linux")]),
        (hw("os == darwin"), [("os", "=", "macos")]),
        (hw(os="!=win32"), [("os", "!=", "windows")]),
        (hw(os=["macos", "linux"]), [("os", "in", ("linux", "macos"))]),
        (hw(arch="AMD64"), [("arch", "=", "x86_64")]),
        (hw("arch in (arm64, x86_64)"), [("arch", "in", ("aarch64", "x86_64"))]),
        (hw("arch not  in (x64)"), [("arch", "not in", ("x86_64",))]),
        (hw("arch ~ ^arm"), [("arch", "~", "^arm")]),
        (hw(tags="rack1"), [("tag", "has", "rack1")]),
        (hw(tag=["rack1", "gpu"]), [("tag", "has", "gpu"), ("tag", "has", "rack1")]),
        (hw("tag = gpu", "tag != slow"), [("tag", "!=", "slow"), ("tag", "has", "gpu")]),
        (hw("tags in (gpu, fpga)"), [("tag", "in", ("fpga", "gpu"))]),
        (hw(hostname="lab1.example"), [("hostname", "=", "lab1.example")]),
        (hw(tags=[]), []),
        (hw(), []),
        (("skipif", (True,), {"reason": "not ours"}), []),
    ],
    ids=str,
)
def test_the_forms_of_the_mark(mark, requirements):
    """Short and canonical forms come to the same; other marks are none of ours."""
    assert read(mark) == requirements


def test_marks_of_class_and_function_are_and_ed():
    """Of several minima the largest counts, of several maxima the smallest; equals are said once."""
    marks = [hw("cores <= 32", cores=4, os="linux"), hw("os = linux", "cores <= 16", cores=8), hw("cores > 8")]

    assert read(*marks) == [("cpu.processors", "<=", 16), ("cpu.processors", ">", 8), ("os", "=", "linux")]


def test_the_text_the_user_wrote_is_kept():
    """Explanations speak the user's words."""
    found = demand_of([hw("os  =  linux", cores=4, tags=["gpu"], arch=["x64", "arm64"])], PLACE)

    assert [r.origin for r in found.requirements] == ["arch in (arm64, x64)", "cores >= 4", "os = linux", "tag = gpu"]


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (hw(coers=4), "hw() knows no 'coers'\n  hint: did you mean 'cores'?"),
        (hw("gpus.count >= 1"), ("hw() knows no 'gpus.count'\n"
          "  hint: known: arch, cores, cpu.processors, hostname, os, processors, tag, tags")),
        (hw("linux"), "hw('linux') is no condition\n  hint: write it as \"cores >= 4\", \"os = linux\", \"tag = gpu\""),
        (hw(4), "hw(4) is no condition\n  hint: write it as \"cores >= 4\", \"os = linux\", \"tag = gpu\""),
        (hw("cores >="), ("hw('cores >=') is no condition\n"
          "  hint: write it as \"cores >= 4\", \"os = linux\", \"tag = gpu\"")),
        (hw("os >= linux"), ("hw('os >= linux'): '>=' makes no sense for os\n"
          "  hint: usable here: =, !=, ~, !~, in, not in")),
        (hw("cores ~ 4"), ("hw('cores ~ 4'): '~' makes no sense for cpu.processors\n"
          "  hint: usable here: =, !=, >, >=, <, <=, in, not in")),
        (hw("tag > gpu"), "hw('tag > gpu'): '>' makes no sense for tag\n  hint: usable here: =, !=, in, not in"),
        (hw(cores="many"), "hw('cores >= many'): 'many' is no whole number\n  hint: say cores=4"),
        (hw(cores=True), "hw('cores >= True'): True is no whole number\n  hint: say cores=4"),
        (hw(cores=1.5), "hw('cores >= 1.5'): 1.5 is no whole number\n  hint: say cores=4"),
        (hw(cores=-1), "hw('cores >= -1'): -1 is no whole number\n  hint: say cores=4"),
        (hw(os="linxu"), "hw('os = linxu'): no os is called 'linxu'\n  hint: did you mean 'linux'?"),
        (hw(os=None), "hw('os = None'): None is no single word\n  hint: one condition per text"),
        (hw("os = linux, cores >= 4"), ("hw('os = linux, cores >= 4'): 'linux, cores >= 4' is no single word\n"
          "  hint: one condition per text")),
        (hw("hostname ~ ("), ("hw('hostname ~ ('): '(' is no regular expression: missing ), unterminated subpattern "
          "at position 0")),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_read_is_refused(mark, told):
    """The test, the words, the way out."""
    with pytest.raises(BadMarker) as caught:
        demand_of([mark], PLACE)

    assert str(caught.value) == f"{PLACE}: {told}"


@pytest.mark.parametrize(
    "marks",
    [
        [hw(os="linux"), hw(os="windows")],
        [hw("os = linux", "os != linux")],
        [hw("os in (linux, macos)"), hw("os not in (linux, macos)")],
        [hw("arch = x86_64", "arch ~ ^arm")],
        [hw("cores < 4", cores=4)],
        [hw("cores = 2", "cores > 2")],
        [hw("cores > 2", "cores < 3")],
        [hw("cores < 2", "cores != 0", "cores != 1")],
        [hw("tag = gpu", "tag != gpu")],
        [hw("tag in (a, b)", "tag != a", "tag != b")],
    ],
    ids=str,
)
def test_a_contradiction_is_refused(marks):
    """No host could ever be that, so nobody should have to look for one."""
    with pytest.raises(BadMarker, match="which no host can be"):
        demand_of(marks, PLACE)


def test_a_contradiction_names_what_was_written():
    """Class and function may be far apart."""
    with pytest.raises(BadMarker) as caught:
        demand_of([hw(os="windows"), hw("os in (linux, macos)", cores=2)], PLACE)

    assert str(caught.value) == (
        f"{PLACE}: hw() asks for os = windows and os in (linux, macos), which no host can be\n  hint: drop one of them"
    )


words = st.sampled_from(["linux", "macos", "windows"])
conditions = st.one_of(
    st.builds("os {} {}".format, st.sampled_from(["=", "!="]), words),
    st.builds("os {} ({}, {})".format, st.sampled_from(["in", "not in"]), words, words),
    st.builds("cores {} {}".format, st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), st.integers(0, 3)),
    st.builds("tag {} {}".format, st.sampled_from(["=", "!="]), st.sampled_from(["a", "b"])),
    st.builds("tag {} (a, b)".format, st.sampled_from(["in", "not in"])),
)
#: Every host there can be, as far as these conditions can tell hosts apart.
EVERY_HOST = [
    {"os": system, "cpu.processors": count, "tag": tags}
    for system in ("linux", "macos", "windows", "other")
    for count in range(6)
    for tags in ((), ("a",), ("b",), ("a", "b"))
]


@given(st.lists(conditions, max_size=5), st.randoms())
def test_the_order_of_marks_changes_no_answer(texts, random):
    """Neither the requirements nor a refusal."""
    mixed = random.sample(texts, len(texts))
    answers = []
    for order in (texts, mixed):
        try:
            answers.append(demand_of([hw(text) for text in order], PLACE))
        except BadMarker as refused:
            answers.append(str(refused))

    assert answers[0] == answers[1]


@given(st.lists(conditions, max_size=5))
def test_refused_is_exactly_what_no_host_can_be(texts):
    """Contradictions are found by rule; the truth is found by trying every host."""
    possible = [host for host in EVERY_HOST if fits(needs.from_conditions(texts, PLACE), host)]
    try:
        together = demand_of([hw(*texts)], PLACE)
    except BadMarker:
        assert possible == []  # whether it is raised at all is the question here
    else:
        assert [host for host in EVERY_HOST if fits(together.requirements, host)] == possible != []


@given(st.text(max_size=20))
def test_any_text_is_a_condition_or_a_clear_refusal(text):
    """Never another exception, and what is read is read alike a second time."""
    try:
        found = demand_of([hw(text)], PLACE)
    except BadMarker as refused:
        found, place = NOTHING, refused.place
        assume(place == PLACE)
    assert all(isinstance(r, Requirement) and r.origin for r in found.requirements)
