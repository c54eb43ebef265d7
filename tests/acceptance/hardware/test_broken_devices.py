"""Devices that break while tests run on them: what they were about moves, and nobody is given them any more."""

from __future__ import annotations

from collections.abc import Callable

from acceptance.hardware.conftest import Lab, gpu, host

MakeLab = Callable[..., Lab]

TESTS = """
    import pytest, time
    @pytest.mark.parametrize("number", range(12))
    @pytest.mark.hw(gpu=1)
    def test_one(number, hw_grant):
        time.sleep(0.3)
        with open("used", "a") as file:
            print(hw_grant.devices[0].id, file=file)
        if hw_grant.devices[0].id == "GPU-1":
            raise RuntimeError("CUDA error: GPU is lost")
    def test_plain(): pass
"""


def test_a_device_that_three_tests_lost_is_given_to_nobody(lab: MakeLab):
    """The tests pass on the other host; the host of the broken device goes on with what needs none."""
    suite = lab(test_gpus=TESTS)
    suite.simulate(bad=host(gpu(1)), good=host(gpu(2)))

    ran = suite.test()

    assert {told.split()[-1] for told in ran.words.values()} == {"passed", "flaky"}, ran
    used = (suite.directory / "used").read_text().split()
    assert used.count("GPU-1") == 3 and used.count("GPU-2") == 12
    assert "host bad: gpu GPU-1 is not used any more" in ran.output
    assert "quarantined until" not in ran.output
