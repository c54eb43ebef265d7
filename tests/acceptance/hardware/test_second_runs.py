"""A second run on hosts that differ knows what the first one taught."""

from __future__ import annotations

import json
from collections.abc import Callable

from acceptance.hardware.conftest import Lab, host

MakeLab = Callable[..., Lab]

SUITE = """
import time, pytest

@pytest.mark.hw(cores=1, prefer="tag = rack1")
@pytest.mark.parametrize("n", range(8))
def test_it(n):
    time.sleep(0.1)
"""


def test_what_a_run_on_several_hosts_taught_is_kept_and_shown(lab: MakeLab):
    """Times by host, records of hosts and the weights of choices lie in one file; the next run goes on from there."""
    suite = lab(test_it=SUITE)
    suite.simulate(a=host(tags=("rack1",)), b=host())
    for _ in range(2):
        ran = suite.test()
        assert ["passed"] * 8 == list(ran.words.values()), ran
    kept = json.loads((suite.store / "learned.json").read_text())["learned"]

    assert (5, kept["hosts"].keys()) == (len(kept["weights"]), {"a", "b"} & kept["hosts"].keys())
    assert ([2] * 8) == kept["predictor"]["tests"]["counts"]
    assert "choices between hosts weigh: preference" in suite.command("hosts", "--store", str(suite.store)).stdout


def test_a_run_on_one_host_keeps_nothing_of_the_kind(lab: MakeLab):
    """It has nothing to choose."""
    suite = lab(test_it=SUITE)
    suite.run("--dist-hw", "--hw-workers=2")

    assert not (suite.store / "learned.json").exists()


def test_the_plan_of_a_second_run_tells_its_time(lab: MakeLab):
    """How long it takes, what bounds it, and at the end how near it came."""
    suite = lab(test_it=SUITE)
    suite.simulate(a=host(), b=host())
    first, second = (suite.test("--hw-plan") for _ in range(2))

    assert "time: nothing is known of any test yet" in str(first)
    for words in (
        "time: about",
        "no order takes less than",
        "2 hosts (a, b) are the bound",
        "; predicted",
        "the tests alone",
    ):
        assert words in str(second), second
