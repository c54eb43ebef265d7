"""Tests run on simulated hosts that have what they ask for, and are given it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from acceptance.hardware.conftest import Lab, gpu, host

MakeLab = Callable[..., Lab]

GRANTED = """
    import os, pytest
    @pytest.mark.hw(gpu="memory >= 60 GiB")
    def test_big(hw_host, hw_grant):
        assert (hw_host, [device.id for device in hw_grant.devices]) == ("large", ["GPU-9"])
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-9"
    @pytest.mark.hw(cores=2, memory="8 GiB")
    def test_room(hw_host, hw_grant):
        assert hw_host == "large"
        assert (hw_grant.cores, hw_grant.memory, os.environ["OMP_NUM_THREADS"]) == (2.0, 8 << 30, "2")
    @pytest.mark.hw("resource.jtag >= 1")
    def test_jtag(hw_host, hw_grant):
        assert (hw_host, hw_grant.pools) == ("small", (("jtag", 1),))
    def test_plain(hw_grant):
        assert hw_grant.devices == ()
        assert "CUDA_VISIBLE_DEVICES" not in os.environ
"""

CROWD = """
    import os, time, pytest
    @pytest.mark.parametrize("number", range(12))
    @pytest.mark.hw(gpu=1)
    def test_one(number, hw_grant):
        (device,) = hw_grant.devices
        assert os.environ["CUDA_VISIBLE_DEVICES"] == device.id
        time.sleep(0.05)
    @pytest.mark.parametrize("number", range(3))
    @pytest.mark.hw(gpu=2)
    def test_two(number, hw_grant):
        assert len(hw_grant.devices) == 2
        time.sleep(0.05)
    @pytest.mark.parametrize("number", range(6))
    @pytest.mark.hw(gpu=1, share=0.5)
    def test_half(number, hw_grant):
        time.sleep(0.05)
"""

HELD = """
    SELECT grants.host, device, amount, epoch(started_at), epoch(started_at) + setup_s + call_s + teardown_s
    FROM grants JOIN attempts USING (run_id, case_index, number)
    WHERE kind = 'gpu'
"""


def test_a_test_gets_what_it_asked_for_where_it_is(lab: MakeLab):
    """The fixture, the vendor's variable and the thread count tell of the same grant."""
    suite = lab(test_granted=GRANTED)
    suite.simulate(
        large=host(gpu(9, "80 GiB"), memory="64 GiB", cpu_processors=8),
        small=host(gpu(1), memory="4 GiB", cpu_processors=1, **{"resource.jtag": 1}),
    )

    ran = suite.test()

    assert set(ran.words.values()) == {"passed"}, ran
    assert ran.exit_code == 0
    assert {name: suite.ran_on()[name] for name in ("test_big", "test_room", "test_jtag")} == {
        "test_big": "large",
        "test_room": "large",
        "test_jtag": "small",
    }
    assert set(suite.asked("SELECT kind, device, amount FROM grants WHERE kind IN ('gpu', 'resource.jtag')")) == {
        ("gpu", "GPU-9", 1.0),
        ("resource.jtag", "", 1.0),
    }


def test_no_two_tests_have_one_whole_gpu_at_a_time(lab: MakeLab):
    """Seen from the times in the store: whoever overlaps with another shares the device, and not for more than all."""
    suite = lab(test_crowd=CROWD)
    suite.simulate(lab=host(gpu(1), gpu(2), workers=3, cpu_processors=4), other=host(gpu(1), cpu_processors=2))

    ran = suite.test()

    held = suite.asked(HELD)
    assert ran.exit_code == 0, ran
    assert len(held) == 12 + 2 * 3 + 6
    for (host_a, device_a, share_a, start_a, end_a), (host_b, device_b, share_b, start_b, end_b) in combinations(
        held, 2
    ):
        together = (host_a, device_a) == (host_b, device_b) and start_a < end_b and start_b < end_a
        assert not together or share_a + share_b <= 1.0, (device_a, share_a, share_b)
    assert {(row[0], row[1]) for row in held} == {("lab", "GPU-1"), ("lab", "GPU-2"), ("other", "GPU-1")}


def test_a_test_runs_once_on_each_host_that_fits(lab: MakeLab):
    """Reported and stored apart; hosts that lack what it asks for are left out, and the others run it once."""
    suite = lab(
        test_each="""
        import pytest
        @pytest.mark.hw(on="each", gpu=1)
        def test_card(hw_host): pass
        @pytest.mark.hw(on="each", gpu=1)
        @pytest.mark.parametrize("way", ["up"])
        def test_way(way, hw_host): assert hw_host == "a"
        @pytest.mark.hw(on="each", gpu=4)
        def test_many(): pass
        def test_plain(): pass
        """
    )
    suite.simulate(a=host(gpu(1)), b=host(gpu(2)), c=host())

    ran = suite.test()

    assert ran.words == {
        "test_card[@a]": "passed",
        "test_card[@b]": "passed",
        "test_way[up][@a]": "passed",
        "test_way[up][@b]": "failed",
        "test_many": "skipped",
        "test_plain": "passed",
    }, ran
    ran_on = suite.ran_on()
    assert (ran_on["test_card[@a]"], ran_on["test_card[@b]"]) == ("a", "b")


def test_a_test_that_failed_on_one_of_its_hosts_is_selected_by_lf(lab: MakeLab):
    """pytest's cache knows the test by the name that collection gives it."""
    suite = lab(
        test_each="""
        import pytest
        @pytest.mark.hw(on="each")
        def test_here(hw_host): assert hw_host == "a"
        def test_plain(): pass
        """
    )
    suite.simulate(a=host(), b=host())
    cached = ("-p", "cacheprovider", "--dist-hw", "--hw-simulate=sim.json")

    first = suite.run(*cached)
    again = suite.run(*cached, "--lf")

    assert first.words == {"test_here[@a]": "passed", "test_here[@b]": "failed", "test_plain": "passed"}, first
    assert again.words == {"test_here[@a]": "passed", "test_here[@b]": "failed"}, again


def test_dependents_wait_for_a_test_on_all_its_hosts(lab: MakeLab):
    """One that failed anywhere blocks them."""
    suite = lab(
        test_each="""
        import pytest
        @pytest.mark.dependency()
        @pytest.mark.hw(on="each")
        def test_flash(hw_host): assert hw_host == "a"
        @pytest.mark.dependency(depends=["test_flash"])
        def test_after(): pass
        """
    )
    suite.simulate(a=host(), b=host())

    ran = suite.test()

    assert ran.words["test_after"] == "skipped", ran
