"""Which host fits which requirement, and what is said where none does."""

from __future__ import annotations

import pytest

from pytest_disttest.match import eligibility, fits, hopeless, unmet, why_not
from pytest_disttest.model import Case, Demand, Requirement

LOCAL = {"os": "linux", "arch": "x86_64", "cpu.processors": 2, "hostname": "laptop", "tag": ()}
GPU = {"os": "linux", "arch": "x86_64", "cpu.processors": 8, "hostname": "gpu-1.lab", "tag": ("gpu", "rack1")}
PI = {"os": "linux", "arch": "aarch64", "cpu.processors": 4, "hostname": "pi", "tag": ("rack1",)}
WIN = {"os": "windows", "tag": ()}
HOSTS = {"local": LOCAL, "gpu-1": GPU, "pi": PI, "win": WIN}


def need(key, operator, value) -> Requirement:
    return Requirement(key, operator, value)


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
        (need("hostname", "~", "^gpu-"), {"gpu-1"}),
        (need("hostname", "!~", "^gpu-"), {"local", "pi"}),
        (need("cpu.processors", ">=", "4"), set()),
        (need("os", ">=", 1), set()),
        (need("gpu.count", "!=", 0), set()),
    ],
    ids=str,
)
def test_each_operator_means_what_it_says(requirement, fitting):
    """An unknown fact satisfies nothing, != included; kinds that cannot be compared are a no."""
    assert {name for name, offered in HOSTS.items() if fits((requirement,), offered)} == fitting


def test_a_truth_value_is_no_number():
    """Python would say that True is 1."""
    assert not fits((need("x", "=", 1),), {"x": True})
    assert not fits((need("x", ">=", 1),), {"x": True})


def test_what_crossed_a_channel_as_a_list_is_read_alike():
    """JSON knows no tuples."""
    assert fits((need("tag", "has", "gpu"),), {"tag": ["gpu"]})


def test_a_host_without_tags_has_none():
    """Tags are declared, so silence is an answer there."""
    assert [fits((need("tag", operator, "gpu"),), {}) for operator in ("has", "!=")] == [False, True]


def test_unmet_keeps_the_order_given():
    """All that is missing, not only the first."""
    wants = (need("tag", "has", "gpu"), need("os", "=", "linux"), need("cpu.processors", ">=", 4))

    assert unmet(wants, LOCAL) == (wants[0], wants[2])


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        ([Requirement("cpu.processors", ">=", 64, "cores >= 64")],
         "cores >= 64: best is 8 (gpu-1), unknown on win"),
        ([Requirement("cpu.processors", "<", 2, "cores < 2")], "cores < 2: best is 2 (local), unknown on win"),
        ([Requirement("tag", "has", "fpga", "tag = fpga")], "tag = fpga: offered by none of gpu-1, local, pi, win"),
        ([need("os", "=", "macos")], "os = macos: there is linux (gpu-1, local, pi), windows (win)"),
        ([need("gpu.count", ">=", 1)], "gpu.count >= 1: unknown on gpu-1, local, pi, win"),
        ([need("tag", "in", ("a", "b"))],
         "tag in a, b: there is gpu+rack1 (gpu-1), nothing (local, win), rack1 (pi)"),
        ([need("cpu.processors", ">=", 64), need("os", "=", "linux"), need("tag", "has", "fpga")],
         ("cpu.processors >= 64: best is 8 (gpu-1), unknown on win; "
          "tag has fpga: offered by none of gpu-1, local, pi, win")),
        ([need("arch", "=", "aarch64"), need("tag", "has", "gpu")],
         "no host meets all of these at once: arch = aarch64 (met by pi); tag has gpu (met by gpu-1)"),
        ([need("os", "=", "linux")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_reason_names_the_best_value_seen(requirements, reason):
    """Word for word, and nothing where a host fits."""
    assert why_not(requirements, HOSTS) == reason


def test_of_many_hosts_only_some_are_named():
    """A fleet of fifty must not fill the screen."""
    fleet = {f"h{number:02}": LOCAL for number in range(50)}

    assert why_not([need("tag", "has", "gpu")], fleet) == (
        "tag has gpu: offered by none of h00, h01, h02, h03, h04, h05 and 44 more"
    )


def test_a_run_without_hosts_says_so():
    """Even a test that asks for nothing special."""
    assert why_not([need("os", "=", "linux")], {}) == "there is no host in this run"


def test_hopeless_is_what_nobody_meets():
    """The rest could be met, alone."""
    wants = (need("os", "=", "macos"), need("arch", "=", "aarch64"))

    assert hopeless(wants, HOSTS) == wants[:1]


def test_cases_are_sorted_into_eligible_and_unplaced():
    """Who fits everywhere is in neither, as `Plan` wants it."""
    wants = [(), (need("tag", "has", "gpu"),), (need("os", "!=", "beos"),), (need("os", "=", "macos"),)]
    cases = [Case(index, f"t{index}", demand=Demand((requirements,))) for index, requirements in enumerate(wants)]
    hosts = {"local": LOCAL, "gpu-1": GPU}

    assert eligibility(cases, hosts) == (
        {1: frozenset({"gpu-1"})},
        {3: "os = macos: there is linux (gpu-1, local)"},
    )
