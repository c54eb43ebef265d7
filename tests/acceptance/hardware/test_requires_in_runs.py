"""``hw_requires`` in real runs: a test is judged by what is known of the host that it runs on."""

from __future__ import annotations

from collections.abc import Callable

from acceptance.hardware.conftest import Lab, gpu, host

MakeLab = Callable[..., Lab]

ASKS = """
    import pytest
    @pytest.mark.hw(tag="big")
    def test_big(hw_requires):
        hw_requires("gpu.memory >= 60 GiB", cores=16)
        hw_requires("tag = big")
    @pytest.mark.hw(tag="small")
    def test_small(hw_requires):
        hw_requires("gpu.memory >= 60 GiB")
"""

OWNED = """
    def test_owned(hw_requires):
        hw_requires("tag = bench")
        hw_requires("resource.jtag >= 2", os="linux")
    def test_not_owned(hw_requires):
        hw_requires("tag = attic")
"""


def test_a_running_test_is_judged_by_its_simulated_host(lab: MakeLab):
    """All that there is to know comes from the file, however many workers were forked from one that collected."""
    suite = lab(test_asks=ASKS)
    suite.simulate(
        large=host(gpu(1, "80 GiB"), tags=("big",), workers=2, cpu_processors=16),
        little=host(gpu(1, "16 GiB"), tags=("small",), cpu_processors=4),
    )

    ran = suite.test("-rs")

    assert {"test_big": ["passed"], "test_small": ["skipped"]} == {
        nodeid.rpartition("::")[2]: list(words) for nodeid, words in ran.outcomes.items()
    }, ran.output
    assert "host little lacks what the test asks for: gpu.memory >= 60 GiB" in ran.output


def test_what_its_owner_says_of_a_host_reaches_the_test(lab: MakeLab):
    """Tags and resources of the inventory, beside what the host is asked itself."""
    suite = lab(test_owned=OWNED)
    suite.write("disttest.toml", '[hosts.local]\ntags = ["bench"]\nresources = { jtag = 2 }\n')

    ran = suite.run("--dist-hw", "-rs")

    assert {"test_owned": ["passed"], "test_not_owned": ["skipped"]} == {
        nodeid.rpartition("::")[2]: list(words) for nodeid, words in ran.outcomes.items()
    }, ran.output
