"""Which host fits which requirement, and what is said where none does."""

from __future__ import annotations

import pytest

from pytest_disttest.match import devices_for, devices_wanted, eligibility, fits, judge, offered, preference, why_not
from pytest_disttest.model import Capabilities, Case, Demand, Device, Host, Preference, Requirement

GIB = 2**30


def has(facts=None, *devices, **rest) -> Capabilities:
    return Capabilities(facts or {}, devices, **rest)


def gpu(number, **facts) -> Device:
    return Device("gpu", f"GPU-{number}", {f"gpu.{key.replace('_', '-')}": value for key, value in facts.items()})


LOCAL = has({"os": "linux", "arch": "x86_64", "cpu.processors": 2, "hostname": "laptop", "tag": ()})
GPU = has({"os": "linux", "arch": "x86_64", "cpu.processors": 8, "hostname": "gpu-1.lab", "tag": ("gpu", "rack1")})
PI = has({"os": "linux", "arch": "aarch64", "cpu.processors": 4, "hostname": "pi", "tag": ("rack1",)})
WIN = has({"os": "windows", "tag": ()}, unknown={"cpu": "not probed", "arch": "no answer", "gpu": "no driver"})
HOSTS = {"local": LOCAL, "gpu-1": GPU, "pi": PI, "win": WIN}


def need(key, operator, value="", origin="") -> Requirement:
    return Requirement(key, operator, value, origin)


def asking(*requirements) -> Demand:
    return Demand((requirements,))


@pytest.mark.parametrize(
    ("requirement", "fitting"),
    [
        (need("os", "=", "linux"), {"local", "gpu-1", "pi"}),
        (need("os", "!=", "linux"), {"win"}),
        (need("arch", "in", ("aarch64", "riscv64")), {"pi"}),
        (need("arch", "not in", ("aarch64", "riscv64")), {"local", "gpu-1"}),
        (need("cpu.processors", ">=", 4), {"gpu-1", "pi"}),
        (need("cpu.processors", ">", 4), {"gpu-1"}),
        (need("cpu.processors", "<=", 4), {"local", "pi"}),
        (need("cpu.processors", "<", 4), {"local"}),
        (need("cpu.processors", "=", 8), {"gpu-1"}),
        (need("cpu.processors", "!=", 8), {"local", "pi"}),
        (need("tag", "has", "rack1"), {"gpu-1", "pi"}),
        (need("tag", "!=", "rack1"), {"local", "win"}),
        (need("tag", "in", ("gpu", "fpga")), {"gpu-1"}),
        (need("tag", "not in", ("gpu", "fpga")), {"local", "pi", "win"}),
        (need("tag", "exists"), {"gpu-1", "pi"}),
        (need("tag", "absent"), {"local", "win"}),
        (need("hostname", "~", "^gpu-"), {"gpu-1"}),
        (need("hostname", "!~", "^gpu-"), {"local", "pi"}),
        (need("hostname", "exists"), {"local", "gpu-1", "pi"}),
        (need("hostname", "absent"), {"win"}),
        (need("cpu.processors", "absent"), set()),
        (need("cpu.processors", ">=", "4"), set()),
        (need("os", ">=", 1), set()),
        (need("memory", "!=", 0), set()),
        (need("gpu.count", "=", 0), {"local", "gpu-1", "pi"}),
        (need("gpu.memory", "absent"), {"local", "gpu-1", "pi"}),
    ],
    ids=str,
)
def test_each_operator_means_what_it_says(requirement, fitting):
    """What a host does not have meets no !=, what is unknown meets nothing, kinds that cannot be compared are a no."""
    assert {name for name, found in HOSTS.items() if fits(asking(requirement), found)} == fitting


@pytest.mark.parametrize(
    ("key", "have", "met", "unmet"),
    [
        ("python.version", "3.10.2", [(">=", "3.9"), ("<", "3.11"), ("=", "3.10.2")], [(">", "3.10.2")]),
        ("kernel", "6.1.0-13-amd64", [(">=", "6.1"), ("<", "6.2"), ("~", "amd64$")], [(">=", "6.10")]),
        ("gpu.cuda", "12.4", [(">=", "12.4"), ("in", ("12.4", "12.5"))], [(">=", "12.10"), ("!=", "12.4.0")]),
        ("cpu.level", ("x86_64_v3", "x86_64_v2"), [(">=", "x86_64_v2"), ("=", "x86_64_v3")], [(">", "x86_64_v3")]),
        ("cpu.level", "x86_64_v3", [(">=", "x86_64_v1"), (">=", "x86_64")], [(">=", "x86_64_v4"), ("=", "x86_64_v2")]),
        ("cpu.microarch", ("icelake", "skylake"), [(">=", "skylake"), ("=", "icelake")], [(">=", "zen2")]),
        ("disk.rotational", False, [("=", False), ("!=", True), ("exists", "")], [("=", True)]),
        ("memory", 16 * GIB, [(">=", 16 * GIB), ("<=", 16 * GIB)], [(">", 16 * GIB)]),
    ],
)  # fmt: skip
def test_each_kind_of_value_has_its_order(key, have, met, unmet):
    """Versions by their parts, levels by descent, flags not at all."""
    host = has({}, Device("gpu", "1", {key: have})) if key.startswith("gpu.") else has({key: have})

    assert [fits(asking(need(key, *asked)), host) for asked in met] == [True] * len(met)
    assert [fits(asking(need(key, *asked)), host) for asked in unmet] == [False] * len(unmet)


def test_a_truth_value_is_no_number():
    """Python would say that True is 1."""
    assert not fits(asking(need("x", "=", 1)), has({"x": True}))
    assert not fits(asking(need("x", ">=", 1)), has({"x": True}))


def test_what_crossed_a_channel_as_a_list_is_read_alike():
    """JSON knows no tuples."""
    assert fits(asking(need("tag", "has", "gpu")), has({"tag": ["gpu"]}))


SMALL_AND_FAST = need("gpu.memory", ">=", 40 * GIB), need("gpu.cuda", ">=", "12.4")


def test_conditions_on_a_device_hold_on_one_device():
    """A big old card and a small new one do not make a big new one."""
    apart = has({}, gpu(1, memory=80 * GIB, cuda="11.8"), gpu(2, memory=8 * GIB, cuda="12.6"))
    together = has({}, gpu(1, memory=80 * GIB, cuda="12.4"))

    assert [fits(asking(*SMALL_AND_FAST), host) for host in (apart, together)] == [False, True]
    assert [check.status for check in judge(asking(*SMALL_AND_FAST), apart).alternatives[0].checks] == ["met", "met"]
    assert why_not(asking(*SMALL_AND_FAST), {"a": apart}) == (
        "no host meets all of these at once: gpu.memory >= 40 GiB (met by a); gpu.cuda >= 12.4 (met by a); "
        "on a not on the same gpu"
    )


def test_the_count_is_of_devices_that_meet_all_the_rest():
    """Two are asked for, and one of three is too small."""
    host = has({}, *(gpu(number, memory=size * GIB) for number, size in enumerate((8, 80, 80))))
    two_big = asking(need("gpu.count", ">=", 2), need("gpu.memory", ">=", 40 * GIB))
    three_big = asking(need("gpu.count", ">=", 3), need("gpu.memory", ">=", 40 * GIB))

    assert fits(two_big, host)
    assert not fits(three_big, host)
    assert [device.id for device in devices_for(two_big.alternatives[0], host)["gpu"]] == ["GPU-1", "GPU-2"]
    assert devices_wanted(two_big.alternatives[0]) == {"gpu": 2}


def test_a_renderer_in_software_is_no_gpu_unless_asked_for():
    """llvmpipe calls itself an adapter."""
    host = has({}, gpu(1, kind="software", memory=8 * GIB))

    assert not fits(asking(need("gpu.count", ">=", 1)), host)
    assert fits(asking(need("gpu.count", ">=", 1), need("gpu.kind", "=", "software")), host)


def test_a_device_with_a_fault_counts_for_nothing():
    """Lost GPUs stay in the list, with the reason."""
    host = has({}, gpu(1, memory=8 * GIB)._replace(fault="GPU is lost"))

    assert not fits(asking(need("gpu.memory", "exists")), host)
    assert fits(asking(need("gpu.count", "=", 0)), host)


def test_what_must_not_be_there_asks_for_no_device():
    """Neither a count of none nor a key that must be absent is granted a device."""
    bare, card = has(), has({}, gpu(1, cuda="12.4"))
    for asked in (need("gpu.cuda", "absent"), need("gpu.count", "=", 0)):
        assert [fits(asking(asked), host) for host in (bare, card)] == [True, False]
        assert devices_for((asked,), bare) == {}
        assert devices_wanted((asked,)) == {}


def test_what_nobody_could_look_for_may_be_there():
    """Where the driver's library is missing a GPU is neither there nor absent."""
    blind = has({}, unknown={"gpu": "NVML library not found"})
    verdict = judge(asking(need("gpu.count", ">=", 1)), blind)

    assert (verdict.status, verdict.alternatives[0].checks[0].why) == ("unknown", "NVML library not found")
    assert judge(asking(need("gpu.count", "=", 0)), blind).status == "unknown"


def test_a_drained_host_fits_nothing():
    """Not even a test that asks for nothing; and the reason is told."""
    drained = LOCAL._replace(drained="has 1 GPU, 2 are declared")
    cases = [Case(0, "plain"), Case(1, "marked", demand=asking(need("os", "=", "linux")))]

    assert not fits(Demand(), drained)
    assert eligibility(cases, {"a": drained, "b": PI}) == ({0: {"b"}, 1: {"b"}}, {})
    assert eligibility(cases, {"a": drained})[1][1] == "a would fit, but has 1 GPU, 2 are declared"


def test_a_share_in_bytes_needs_a_device_that_has_them():
    """Four GiB of a GPU are had on one with as much."""
    demand = asking(need("gpu.count", ">=", 1))._replace(share_bytes=4 * GIB)

    assert [fits(demand, has({}, gpu(1, memory=size * GIB))) for size in (2, 4)] == [False, True]


def test_one_alternative_is_enough():
    """Any of them, as a whole."""
    demand = Demand(((need("os", "=", "macos"),), (need("arch", "=", "aarch64"), need("cpu.processors", ">=", 4))))

    assert {name for name, host in HOSTS.items() if fits(demand, host)} == {"pi"}


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        ([need("cpu.processors", ">", 64, "cores > 64")], "cores > 64: best is 8 (gpu-1), unknown on win (not probed)"),
        ([need("cpu.processors", "<", 2, "cores < 2")], "cores < 2: best is 2 (local), unknown on win (not probed)"),
        ([need("tag", "has", "fpga", "tag = fpga")], "tag = fpga: offered by none of gpu-1, local, pi, win"),
        ([need("os", "=", "macos")], "os = macos: there is linux (gpu-1, local, pi), windows (win)"),
        ([need("gpu.count", ">=", 1)], "gpu.count >= 1: best is 0 (gpu-1, local, pi), unknown on win (no driver)"),
        ([need("tag", "in", ("a", "b"))],
         "tag in (a, b): there is gpu+rack1 (gpu-1), nothing (local, win), rack1 (pi)"),
        ([need("cpu.processors", ">=", 64), need("os", "=", "linux"), need("tag", "has", "fpga")],
         ("cpu.processors >= 64: best is 8 (gpu-1), unknown on win (not probed); "
          "tag = fpga: offered by none of gpu-1, local, pi, win")),
        ([need("arch", "=", "aarch64"), need("tag", "has", "gpu")],
         "no host meets all of these at once: arch = aarch64 (met by pi); tag = gpu (met by gpu-1)"),
        ([need("os", "=", "linux")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_reason_names_the_best_value_seen(requirements, reason):
    """Word for word, and nothing where a host fits."""
    assert why_not(asking(*requirements), HOSTS) == reason


def test_of_several_alternatives_the_nearest_reason_comes_first():
    """The one with the fewest conditions that nobody meets."""
    demand = Demand(((need("os", "=", "macos"), need("tag", "has", "x")), (need("cpu.processors", ">", 8),)))

    assert why_not(demand, {"local": LOCAL}) == (
        "cpu.processors > 8: best is 2 (local); or else "
        "os = macos: there is linux (local); tag = x: local does not offer it"
    )


def test_of_many_hosts_only_some_are_named():
    """A fleet of fifty must not fill the screen."""
    fleet = {f"h{number:02}": LOCAL for number in range(50)}

    assert why_not(asking(need("tag", "has", "gpu")), fleet) == (
        "tag = gpu: offered by none of h00, h01, h02, h03, h04, h05 and 44 more"
    )


def test_a_run_without_hosts_says_so():
    """Even for a test that asks for nothing special."""
    assert why_not(asking(need("os", "=", "linux")), {}) == "there is no host in this run"


def test_cases_are_sorted_into_eligible_and_unplaced():
    """Who fits everywhere is in neither, as `Plan` wants it."""
    wants = [(), (need("tag", "has", "gpu"),), (need("os", "!=", "beos"),), (need("os", "=", "macos"),)]
    cases = [Case(index, f"t{index}", demand=Demand((requirements,))) for index, requirements in enumerate(wants)]

    assert eligibility(cases, {"local": LOCAL, "gpu-1": GPU}) == (
        {1: frozenset({"gpu-1"})},
        {3: "os = macos: there is linux (gpu-1, local)"},
    )


def test_a_greeting_offers_what_it_says_and_leaves_the_rest_unknown():
    """Before the probes nothing is absent; what the owner says counts."""
    host = Host("pi", tags=("lab",), declared=(("memory", 4 * GIB),), pools=(("licence", 2),))
    found = offered({"os": "linux", "cpu.processors": 4, "python": "3.12.1", "platform": "x"}, host)

    assert found.facts == {
        "os": "linux",
        "cpu.processors": 4,
        "memory": 4 * GIB,
        "tag": ("lab",),
        "resource.licence": 2,
    }
    assert judge(asking(need("gpu.count", "=", 0), need("package.numpy", ">=", "2")), found).status == "unknown"


def preferring(*wishes) -> Demand:
    return asking(need("gpu.count", ">=", 1))._replace(prefer=tuple(Preference(*wish) for wish in wishes))


def test_preferences_count_by_their_weight():
    """Three quarters of what is wished for is 0.75; who wishes for nothing is served everywhere."""
    demand = preferring((need("gpu.device-name", "~", "H100"), 3.0), (need("os", "=", "linux"), 1.0))
    h100, t4 = gpu(1, device_name="NVIDIA H100", memory=80 * GIB), gpu(2, device_name="Tesla T4", memory=16 * GIB)

    assert preference(demand, has({"os": "windows"}, t4, h100), []) == 0.75
    assert preference(demand, has({"os": "linux"}, t4), []) == 0.25
    assert preference(Demand(), has(), []) == 1.0


def test_most_and_least_count_in_proportion():
    """Between the least and the most of the fitting hosts; a host without the number is served nothing."""
    hosts = [has({}, gpu(1, memory=size * GIB)) for size in (16, 48, 80)]
    most, least = preferring((need("gpu.memory", "max", 0), 1.0)), preferring((need("gpu.memory", "min", 0), 1.0))

    assert [preference(most, host, hosts) for host in hosts] == [0.0, 0.5, 1.0]
    assert [preference(least, host, hosts) for host in hosts] == [1.0, 0.5, 0.0]
    assert preference(most, has({}, gpu(1)), hosts) == 0.0
    assert preference(most, hosts[0], [hosts[0]]) == 1.0
