"""The hw mark becomes requirements, or is refused with the right word."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_disttest import needs
from pytest_disttest.errors import BadMarker
from pytest_disttest.markers import demand_of
from pytest_disttest.model import NOTHING, Requirement

PLACE = "tests/test_a.py::test_x"
HINT = 'write it as "cores >= 4", "os = linux", "gpu.memory >= 16 GiB"'


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
        (hw("os = linux, cores >= 4"), [("cpu.processors", ">=", 4), ("os", "=", "linux")]),
        (hw("os = linux and tag has gpu"), [("os", "=", "linux"), ("tag", "has", "gpu")]),
        (hw("hostname ~ ^lab(1|2), os = linux"), [("hostname", "~", "^lab(1|2)"), ("os", "=", "linux")]),
        (hw("hostname ~ 'a,b and (c)' and os=linux"), [("hostname", "~", "a,b and (c)"), ("os", "=", "linux")]),
        (hw("hostname ~ x{1,2}[(,]"), [("hostname", "~", "x{1,2}[(,]")]),
        (hw("cpu.model-name = Intel(R) Core(TM) i7"), [("cpu.model-name", "=", "Intel(R) Core(TM) i7")]),
        (hw(cpu_model_name="a, b and c"), [("cpu.model-name", "=", "a, b and c")]),
        (hw('hostname = \'it\'\'s\', location = "a ""b"""'), [("hostname", "=", "it's"), ("location", "=", 'a "b"')]),
        (hw("cpu.model-name in ('a, b', c d)"), [("cpu.model-name", "in", ("a, b", "c d"))]),
        (hw(cores=">= 4, <= 16"), [("cpu.processors", "<=", 16), ("cpu.processors", ">=", 4)]),
        (hw("location exists", "tpm.version absent"), [("location", "exists", ""), ("tpm.version", "absent", "")]),
        (hw(memory="1.5 GiB"), [("memory", ">=", 1610612736)]),
        (hw("memory >= 8GB"), [("memory", ">=", 8000000000)]),
        (hw(disk="10 TB"), [("disk.free", ">=", 10**13)]),
        (hw("gpu.vendor = 0x10DE"), [("gpu.vendor", "=", "10de")]),
        (hw("cpu.level >= x86-64-v3"), [("cpu.level", ">=", "x86_64_v3")]),
        (hw(cpu_microarch="IceLake"), [("cpu.microarch", ">=", "icelake")]),
        (hw(cpu={"flag": ["avx2", "FMA"]}), [("cpu.flag", "has", "avx2"), ("cpu.flag", "has", "fma")]),
        (hw(cpu_family=6, cpu_sockets=2), [("cpu.family", "=", 6), ("cpu.sockets", ">=", 2)]),
        (hw("iommu.is-supported = yes"), [("iommu.is-supported", "=", True)]),
        (hw(python=">=3.11"), [("python.version", ">=", "3.11")]),
        (hw(python=">=3.11, <3.14"), [("python.version", "<", "3.14"), ("python.version", ">=", "3.11")]),
        (hw(python="3.11"), [("python.version", "<", "3.12.dev0"), ("python.version", ">=", "3.11")]),
        (hw("python = 3.*"), [("python.version", "<", "4.dev0"), ("python.version", ">=", "3")]),
        (hw("python = 3.11"), [("python.version", "=", "3.11")]),
        (hw("python >= 3.9", "python > 3.10", "python > 3.9"), [("python.version", ">", "3.10")]),
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
        (hw(coers=4), "hw() knows no 'coers'\n  hint: did you mean 'cores'? (all keys: docs/reference/markers.md)"),
        (hw("gpus.count >= 1"), ("hw() knows no 'gpus.count'\n"
          "  hint: did you mean 'gpu.count'? (all keys: docs/reference/markers.md)")),
        (hw(xyzzyx=1), "hw() knows no 'xyzzyx'\n  hint: all keys: docs/reference/markers.md"),
        (hw(gpu="cuba >= 12"), ("hw() knows no 'cuba' in gpu\n"
          "  hint: did you mean 'cuda'? (all keys: docs/reference/markers.md)")),
        (hw(resource=1), ("hw(): 'resource' is a family of keys\n"
          "  hint: name one: resource.NAME >= 1 (all keys: docs/reference/markers.md)")),
        (hw("linux"), f"hw('linux') is no condition\n  hint: {HINT}"),
        (hw(4), f"hw(4) is no condition\n  hint: {HINT}"),
        (hw("cores >="), f"hw('cores >=') is no condition\n  hint: {HINT}"),
        (hw("gpu exists 2"), f"hw('gpu exists 2') is no condition\n  hint: {HINT}"),
        (hw("os = linux,"), ("hw('os = linux,'): '' is no condition\n"
          "  hint: a value that holds a comma or 'and' stands in quotes")),
        (hw("hostname ~ a,b"), ("hw('hostname ~ a,b'): 'b' is no condition\n"
          "  hint: a value that holds a comma or 'and' stands in quotes")),
        (hw("hostname = a = b"), ("hw('hostname = a = b'): 'a = b' is no single value\n  hint: put a comma or 'and' "
          "between conditions, and a value with such signs into quotes: \"a = b\"")),
        (hw("os >= linux"), ("hw('os >= linux'): '>=' makes no sense for os\n"
          "  hint: usable here: =, !=, ~, !~, in, not in, exists, absent")),
        (hw("cores ~ 4"), ("hw('cores ~ 4'): '~' makes no sense for cpu.processors\n"
          "  hint: usable here: =, !=, >, >=, <, <=, in, not in, exists, absent")),
        (hw("memory ~ 4"), ("hw('memory ~ 4'): '~' makes no sense for memory\n"
          "  hint: usable here: =, !=, >, >=, <, <=, in, not in, exists, absent")),
        (hw("tag > gpu"), ("hw('tag > gpu'): '>' makes no sense for tag\n"
          "  hint: usable here: =, !=, ~, !~, in, not in, exists, absent")),
        (hw("cpu.level < x86_64_v3"), ("hw('cpu.level < x86_64_v3'): '<' makes no sense for cpu.level\n"
          "  hint: usable here: =, !=, >, >=, in, not in, exists, absent")),
        (hw("gpu.mig >= true"), ("hw('gpu.mig >= true'): '>=' makes no sense for gpu.mig\n"
          "  hint: usable here: =, !=, exists, absent")),
        (hw("gpu.mig = maybe"), "hw('gpu.mig = maybe'): 'maybe' is neither true nor false\n  hint: say true or false"),
        (hw(cores="many"), "hw('cores >= many'): 'many' is no whole number\n  hint: say it as 4 or as '>= 4'"),
        (hw(cores=True), "hw('cores >= true'): True is no whole number\n  hint: say it as 4 or as '>= 4'"),
        (hw(cores=1.5), "hw('cores >= 1.5'): 1.5 is no whole number\n  hint: say it as 4 or as '>= 4'"),
        (hw(gpu=-1), "hw('gpu.count >= -1'): -1 is no whole number\n  hint: say it as 4 or as '>= 4'"),
        (hw(memory=8), "hw('memory >= 8'): '8' has no unit\n  hint: say \"8 GiB\" (1024) or \"8 GB\" (1000)"),
        (hw(memory="-8 GB"), "hw('memory >= -8 GB'): '-8 GB' is negative"),
        (hw("disk.free > 8 gb"), ("hw('disk.free > 8 gb'): 'gb' is no unit of size\n"
          "  hint: say KiB MiB GiB TiB PiB (1024) or kB MB GB TB PB (1000)")),
        (hw(python=3.11), ("hw('python = 3.11'): a version is a text, not 3.11\n  hint: put it in quotes: \"3.11\"")),
        (hw("kernel >= new"), "hw('kernel >= new'): 'new' is no version: it holds no number"),
        (hw("python != 3.11.*"), ("hw('python != 3.11.*'): '3.11.*' stands for many versions\n"
          "  hint: '3.11.*' goes with '=' alone")),
        (hw("package.torch = 2.1+cpu"), ("hw('package.torch = 2.1+cpu'): what stands behind '+' is not compared\n"
          "  hint: search the text for it: 'package.torch ~ \\+cu12'")),
        (hw(python=">=3.11, 3.14"), ("hw(python=…): '3.14' begins with no operator\n"
          "  hint: write it as '>= 3.11, < 3.14'")),
        (hw(os="linxu"), "hw('os = linxu'): no os is called 'linxu'\n  hint: did you mean 'linux'?"),
        (hw(os=None), "hw('os = None'): None is no text\n  hint: say a word, or a list of words"),
        (hw(os=[]), "hw('os in ()'): an empty list\n  hint: name at least one value"),
        (hw("os in linux"), "hw('os in linux'): a list stands in brackets\n  hint: write it as 'os in (a, b)'"),
        (hw(gpu="H100"), ("hw(gpu='H100') says nothing that gpu knows\n  hint: say one of nvidia, amd, intel, cuda, "
          "rocm, level-zero, metal, vulkan, opencl, discrete, integrated, virtual, software, or a condition such as "
          "'device-name ~ H100'")),
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
        [hw("tag = abc", "tag !~ b")],
        [hw("tag absent", "tag = a")],
        [hw("location absent", "location != a")],
        [hw("location absent", "location exists")],
        [hw("python > 3.11", "python < 3.11.0")],
        [hw("python = 3.11", "python >= 3.12")],
        [hw("python = 3.11", "python != 3.11.0")],
        [hw("memory >= 2 GiB", "memory < 2 GB")],
        [hw("cpu.level = x86_64_v2", "cpu.level = x86_64_v3")],
        [hw("webgpu = true", "webgpu = false")],
        [hw(npu=1, tpu=1)],
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


def holds(requirement, host):
    """Whether *host* meets one of these conditions, said as plainly as can be."""
    has, wanted = host[requirement.key], requirement.value
    mine = has if isinstance(has, tuple) else (has,)
    choices = wanted if isinstance(wanted, tuple) else (wanted,)
    match requirement.operator:
        case "=" | "has" | "in":
            return bool({*mine} & {*choices})
        case "!=" | "not in":
            return not {*mine} & {*choices}
    return eval(f"{has} {requirement.operator} {wanted}")  # numbers and signs of our own


def fits(requirements, host):
    """Whether *host* meets all of them."""
    return all(holds(requirement, host) for requirement in requirements)


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
