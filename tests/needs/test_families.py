"""One keyword for a whole family: GPUs, accelerators, browsers, packages and a lab's own resources."""

from __future__ import annotations

import pytest

from pytest_disttest import needs
from pytest_disttest.errors import BadMarker
from pytest_disttest.markers import demand_of
from pytest_disttest.needs import shown

PLACE = "tests/test_a.py::test_x"


def asked(*conditions, **keywords):
    """Return the conditions that one mark comes to, in their canonical form."""
    return [shown(r) for r in demand_of([("hw", conditions, keywords)], PLACE).requirements]


@pytest.mark.parametrize(
    ("keywords", "conditions"),
    [
        ({"gpu": 1}, ["gpu.count >= 1"]),
        ({"gpu": 2}, ["gpu.count >= 2"]),
        ({"gpu": "2"}, ["gpu.count >= 2"]),
        ({"gpu": "< 3"}, ["gpu.count < 3"]),
        ({"gpu": True}, ["gpu.count >= 1"]),
        ({"gpu": False}, ["gpu.count = 0"]),
        ({"gpu": 0}, ["gpu.count = 0"]),
        ({"gpu": "cuda>=12, memory>=16 GiB"}, ["gpu.cuda >= 12", "gpu.memory >= 16 GiB"]),
        ({"gpu": "count >= 2, vram > 8 GB and ecc = on"},
         ["gpu.count >= 2", "gpu.ecc = true", "gpu.memory > 8 GB"]),
        ({"gpu": "CUDA, discrete"}, ["gpu.api = cuda", "gpu.kind = discrete"]),
        ({"gpu": "nvidia"}, ['gpu.vendor-name ~ "(?i)^nvidia"']),
        ({"gpu": {"memory": "16 GiB", "cuda": ">= 12", "mig": False}},
         ["gpu.cuda >= 12", "gpu.memory >= 16 GiB", "gpu.mig = false"]),
        ({"npu": 1}, ["accel.count >= 1", "accel.type = npu"]),
        ({"tpu": "memory >= 8 GB"}, ["accel.memory >= 8 GB", "accel.type = tpu"]),
        ({"npu": {"memory": "1 GB"}}, ["accel.memory >= 1 GB", "accel.type = npu"]),
        ({"accel": 2}, ["accel.count >= 2"]),
        ({"accel": "hpu, driver = habanalabs"}, ["accel.driver = habanalabs", "accel.type = hpu"]),
        ({"browser": "firefox"}, ["browser.name = firefox"]),
        ({"browser": ["Firefox", "chrome"]}, ["browser.name in (chrome, firefox)"]),
        ({"browser": "chromium>=150"}, ["browser.name = chromium", "browser.version >= 150"]),
        ({"browser": "webgpu, version>=120"}, ["browser.version >= 120", "webgpu = true"]),
        ({"browser": "edge, headless = yes, webnn.device-type = npu"},
         ["browser.headless = true", "browser.name = edge", "webnn.device-type = npu"]),
        ({"webgpu": True}, ["webgpu = true"]),
        ({"webgpu": "shader-f16, limit.maxBufferSize >= 1000"},
         ["webgpu = true", "webgpu.feature = shader-f16", "webgpu.limit.maxBufferSize >= 1000"]),
        ({"webnn": "npu"}, ["webnn = true", "webnn.device-type = npu"]),
        ({"package": "torch"}, ["package.torch exists"]),
        ({"package": ["torch >= 2", "Ruamel.Yaml"]}, ["package.ruamel-yaml exists", "package.torch >= 2"]),
        ({"package": {"torch": ">= 2, < 3", "cupy": False, "numpy": True}},
         ["package.cupy absent", "package.numpy exists", "package.torch < 3", "package.torch >= 2"]),
        ({"resource": {"jtag": 1}}, ["resource.jtag >= 1"]),
        ({"resource": ["uart", "jtag = 2"]}, ["resource.jtag = 2", "resource.uart >= 1"]),
        ({"fact": {"board": "rev c"}}, ["fact.board = rev c"]),
        ({"cpu": "flag = avx2, level >= x86-64-v3"}, ["cpu.flag = avx2", "cpu.level >= x86_64_v3"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_family_in_one_keyword(keywords, conditions):
    """Numbers count, texts are conditions with the family understood, single words mean what is mostly meant."""
    assert asked(**keywords) == conditions


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("gpu exists", ["gpu.count >= 1"]),
        ("gpu absent", ["gpu.count = 0"]),
        ("gpu > 1", ["gpu.count > 1"]),
        ("browser exists", ["browser.count >= 1"]),
        ("npu exists", ["accel.count >= 1", "accel.type = npu"]),
        ("npu absent", ["accel.count = 0", "accel.type = npu"]),
        ("npu.count >= 2", ["accel.count >= 2", "accel.type = npu"]),
        ("tpu in (4, 8)", ["accel.count in (4, 8)", "accel.type = tpu"]),
        ("webgpu exists", ["webgpu = true"]),
        ("webnn absent", ["webnn = false"]),
    ],
)
def test_a_family_in_a_condition(text, conditions):
    """Whether it is there, and how many of it."""
    assert asked(text) == conditions


@pytest.mark.parametrize("keywords", [{"gpu": None}, {"gpu": 1.5}, {"gpu": ""}, {"gpu": [3]}, {"package": 1},
                                      {"package": "a b"}, {"webnn": "fpu"}, {"accel": "quantum"}])  # fmt: skip
def test_what_says_nothing_of_a_family_is_refused(keywords):
    """At the test's place, whatever it is."""
    with pytest.raises(BadMarker) as caught:
        asked(**keywords)

    assert caught.value.place == PLACE


@pytest.mark.parametrize(
    ("mark", "families"),
    [
        (("hw", ("os = linux", "cores >= 2", "tag = a", "resource.jtag >= 1", "location exists"), {}), set()),
        (("hw", (), {"gpu": 1, "memory": "1 GiB"}), {"gpu", "memory"}),
        (("hw", (), {"any_of": ["npu exists", "webgpu = true"]}), {"accel", "browser"}),
        (("hw", (), {"package": "torch", "python": "3.12"}), {"python"}),
        (("hw", ("kernel >= 6", "tpm.version = 2", "fact.rig exists"), {}), {"system"}),
        (("hw", ("cpu.flag = avx2", "disk.free > 1 GB", "pci.device = 10de:2330", "usb.device exists"), {}),
         {"cpu", "disk", "pci", "usb"}),
        (("hw", (), {"prefer": ["webgpu.limit.maxBufferSize max"]}), {"browser"}),
        (("workload", ("io",), {}), set()),
    ],
    ids=str,
)  # fmt: skip
def test_a_demand_names_the_probes_it_waits_for(mark, families):
    """What every host says unasked, and what its owner says, wait for none."""
    assert needs.families_asked(demand_of([mark], PLACE)) == families


def test_every_key_is_told_by_somebody():
    """What is probed has its family; what is not is basic or declared."""
    told = needs.probed_keys()
    groups = [name for name in needs.KEYS if needs.family_of_key(name) and name not in told]

    assert {name for name in needs.KEYS if not needs.family_of_key(name)} == {
        "os", "arch", "cpu.processors", "hostname", "tag", "location",
    }  # fmt: skip
    assert {name.partition(".")[0] for name in groups} <= set(told)


@pytest.mark.parametrize(
    ("key", "value", "fact"),
    [
        ("memory", "64 GiB", 64 * 1024**3),
        ("cores", 8, 8),
        ("tag", ["a", "b"], ("a", "b")),
        ("cpu.flag", "AVX2", ("avx2",)),
        ("disk.rotational", False, False),
        ("os", "darwin", "macos"),
        ("kernel", "6.1.0-13-amd64", "6.1.0-13-amd64"),
        ("fact.rig", "a, b", "a, b"),
        ("package.torch", "2.1.0+cu121", "2.1.0+cu121"),
        ("cpu.level", "x86-64-v3", "x86_64_v3"),
        ("cpu.microarch", ["zen2", "zen"], ("zen2", "zen")),
    ],
)
def test_a_fact_that_a_person_wrote(key, value, fact):
    """It is typed as a probe's would be, with the units and words of the marks."""
    assert needs.read_fact(key, value, PLACE) == fact


@pytest.mark.parametrize(("key", "value"), [("memory", 64), ("memroy", "64 GiB"), ("os", "linxu"), ("cores", "few")])
def test_a_fact_that_cannot_be_read_is_refused(key, value):
    """As a condition would be."""
    with pytest.raises(BadMarker) as caught:
        needs.read_fact(key, value, PLACE)

    assert caught.value.place == PLACE
