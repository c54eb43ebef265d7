"""What a ledger gives, and what it keeps."""

from __future__ import annotations

import pytest

from pytest_disttest.match.costs import reserves
from pytest_disttest.match.ledger import DeviceRoom, Free, Ledger
from pytest_disttest.model import NOTHING, Capabilities, Demand, Device, DeviceGrant, Grant, Requirement, Value

GIB = 2**30


def gpu(name: str, gib: int = 8, *, fault: str = "", **facts: Value) -> Device:
    """Return a GPU of so much memory; ``compute_capability`` stands for ``gpu.compute-capability``."""
    more = {f"gpu.{key.replace('_', '-')}": value for key, value in facts.items()}
    return Device("gpu", name, {"gpu.memory": gib * GIB, **more}, fault=fault)


def browser(name: str) -> Device:
    return Device("browser", name, {"browser.name": name})


def host(*devices: Device, processors: float = 4, workers: int = 4, **facts: Value) -> Ledger:
    """Return the ledger of a host of 4 processors and 16 GiB; ``resource_x`` stands for ``resource.x``."""
    more = {key.replace("_", "."): value for key, value in facts.items()}
    return Ledger(
        "box", Capabilities({"cpu.processors": processors, "memory": 16 * GIB, **more}, devices), workers=workers
    )


def asks(*conditions: tuple[str, str, Value], share: float = 1.0, share_bytes: int = 0, exclusive: str = "",
         workload: str = "") -> Demand:  # fmt: skip
    """Return a demand with one alternative."""
    alternative = tuple(Requirement(*condition) for condition in conditions)
    return Demand((alternative,), share=share, share_bytes=share_bytes, exclusive=exclusive, workload=workload)


def either(*demands: Demand) -> Demand:
    """Return a demand that one of *demands* meets."""
    return Demand(tuple(alternative for demand in demands for alternative in demand.alternatives))


def cores(count: float) -> Demand:
    return asks(("cpu.processors", ">=", count))


def gpus(count: int = 1, share: float = 1.0) -> Demand:
    return asks(("gpu.count", ">=", count), share=share)


def granted(ledger: Ledger, demand: Demand, key: str) -> Grant:
    """Return the grant, which there must be."""
    grant = ledger.grant(demand, key)
    assert grant is not None
    return grant


def ids(grant: Grant | None) -> tuple[str, ...] | None:
    """Return the ids of the granted devices; None without a grant."""
    return None if grant is None else tuple(device.id for device in grant.devices)


# cores, memory, pools


@pytest.mark.parametrize(("processors", "workers", "slot"), [(4, 4, 1.0), (8, 2, 1.0), (2, 4, 0.5), (2, 3, 2 / 3)])
def test_a_plain_test_costs_the_slot_of_one_worker(processors: int, workers: int, slot: float):
    """Never more than a processor, and less where workers outnumber them; all workers fit, and no one more."""
    ledger = host(processors=processors, workers=workers)

    assert Grant("box", cores=pytest.approx(slot)) == ledger.grant(NOTHING, 0)
    more = [ledger.grant(NOTHING, key) for key in range(1, workers)]
    assert None not in more
    assert (processors == workers * slot) == (ledger.grant(NOTHING, "one more") is None)


def test_four_cores_of_four_leave_none():
    """A lower bound reserves so much."""
    ledger = host()
    assert 4.0 == granted(ledger, cores(4), "a").cores

    assert ledger.grant(NOTHING, "b") is None
    ledger.release("a")
    assert ledger.grant(NOTHING, "b") is not None


def test_more_than_three_cores_are_four():
    """What is consumed in whole numbers is reserved in whole numbers."""
    assert 4.0 == granted(host(), asks(("cpu.processors", ">", 3)), "a").cores


def test_a_physical_core_stands_for_its_threads():
    """Two cores of a machine with two threads in each are four processors."""
    assert 4.0 == granted(host(processors=8, cpu_cores=4), asks(("cpu.cores", ">=", 2)), "a").cores


def test_memory_is_reserved_as_declared():
    """Two tests of 10 GiB do not fit 16."""
    ledger = host()
    demand = asks(("memory", ">=", 10 * GIB))
    assert 10 * GIB == granted(ledger, demand, "a").memory

    assert ledger.grant(demand, "b") is None
    assert {"memory"} == ledger.lacks(demand)
    assert ledger.grant(asks(("memory", ">=", 6 * GIB)), "c") is not None


def test_learned_memory_counts_where_none_is_declared_and_never_keeps_a_test_from_running():
    """A test that once took more than this host has takes all of it."""
    ledger = host()

    learned = ledger.grant(cores(2), "a", memory=20 * GIB)
    assert learned is not None
    assert 16 * GIB == learned.memory
    assert ledger.grant(cores(1), "b", memory=GIB) is None
    assert ledger.grant(cores(1), "b") is not None


def test_a_pool_has_so_many_units():
    """``resource.license = 3`` serves a test of two, and one of one, at once."""
    ledger = host(resource_license=3)
    two, one = (asks(("resource.license", ">=", units)) for units in (2, 1))

    assert (("license", 2),) == granted(ledger, two, "a").pools
    assert ledger.grant(two, "b") is None
    assert ledger.grant(one, "c") is not None
    assert ledger.grant(one, "d") is None


@pytest.mark.parametrize(("rotational", "at_once"), [(True, 1), (False, 2)])
def test_a_disk_is_loaded_by_few_tests_at_once(rotational: bool, at_once: int):
    """One where it turns, two else."""
    ledger = host(disk_rotational=rotational)
    grants = [ledger.grant(asks(workload="io"), key) for key in range(3)]

    assert at_once == sum(grant is not None for grant in grants)


# devices


def test_the_smallest_gpu_that_suffices_is_given():
    """Large devices stay free for those that need them."""
    ledger = host(gpu("huge", 80), gpu("small", 8), gpu("medium", 24))
    large = asks(("gpu.memory", ">=", 16 * GIB))

    assert [("medium",), ("small",), ("huge",)] == [
        ids(ledger.grant(demand, key)) for key, demand in enumerate([large, gpus(), large])
    ]
    assert ledger.grant(gpus(), "more") is None
    assert {"gpu:huge", "gpu:small", "gpu:medium"} == ledger.lacks(gpus())


def test_of_two_equal_gpus_the_less_special_is_given():
    """What has more to offer waits for whoever asks for it."""
    ledger = host(gpu("a", 8, api=("cuda", "vulkan")), gpu("b", 8, api=("cuda",)))

    assert ("b",) == ids(ledger.grant(gpus(), 0))


def test_a_faulty_device_is_never_given():
    """It is there, but of no use."""
    ledger = host(gpu("broken", 8, fault="fell off the bus"), gpu("fine", 80))

    assert ("fine",) == ids(ledger.grant(gpus(), 0))
    assert not ledger.could(gpus(2))


def test_all_or_nothing():
    """Two GPUs of which one is taken: the other is not held back, nor the memory."""
    ledger = host(gpu("a"), gpu("b"))
    granted(ledger, gpus(), "one")

    both = asks(("gpu.count", ">=", 2), ("memory", ">=", 16 * GIB))
    before = ledger.free
    assert ledger.grant(both, "two") is None
    assert before == ledger.free
    assert ledger.grant(asks(("memory", ">=", 16 * GIB)), "three") is not None


def test_a_device_is_whole_or_shared():
    """Two halves fit, a third does not, nor does the whole, before both halves are back."""
    ledger = host(gpu("a"))
    half = gpus(share=0.5)
    assert (DeviceGrant("gpu", "a", 0.5, {"gpu.memory": 8 * GIB}, 4 * GIB),) == granted(ledger, half, 0).devices
    granted(ledger, half, 1)

    assert (None, None) == (ledger.grant(half, 2), ledger.grant(gpus(), 3))
    ledger.release(0)
    assert ledger.grant(gpus(), 3) is None
    ledger.release(1)
    assert ledger.grant(gpus(), 3) is not None
    assert ledger.grant(gpus(share=0.01), 4) is None


def test_three_thirds_are_a_whole():
    """Shares are added up exactly."""
    ledger = host(gpu("a"))

    assert [True, True, True, False] == [ledger.grant(gpus(share=1 / 3), key) is not None for key in range(4)]


def test_shares_fill_one_device_before_the_next():
    """So a whole one stays for those that need it whole."""
    ledger = host(gpu("a"), gpu("b"))
    found = [ids(ledger.grant(gpus(share=share), key)) for key, share in enumerate([0.5, 0.25, 0.25, 0.1])]

    assert [("a",), ("a",), ("a",), ("b",)] == found


def test_a_share_may_be_said_as_memory():
    """6 GiB are three quarters of an 8 GiB device: two of these do not fit it, and 9 GiB need another."""
    ledger = host(gpu("a", 8), gpu("b", 24))

    def of(gib: int) -> Demand:
        return asks(("gpu.count", ">=", 1), share_bytes=gib * GIB)

    found = [ids(ledger.grant(of(gib), key)) for key, gib in enumerate([6, 6, 9, 2])]

    assert [("a",), ("b",), ("b",), ("a",)] == found
    assert not ledger.could(of(25))


def test_a_browser_serves_as_many_tests_as_there_are_processors():
    """Each takes a session, which is that part of the browser; different browsers draw from the same sessions."""
    ledger = host(browser("firefox"), browser("chrome"), processors=3, workers=6)
    firefox, chrome = (asks(("browser.name", "=", name)) for name in ("firefox", "chrome"))

    assert (1 / 3,) == tuple(device.share for device in granted(ledger, firefox, 0).devices)
    granted(ledger, chrome, 1)
    granted(ledger, firefox, 2)
    assert ledger.grant(chrome, 3) is None
    assert {"sessions"} == ledger.lacks(chrome)


# exclusive


def test_an_exclusive_test_waits_for_an_empty_host_and_gets_all_of_it():
    """And nothing is given beside it."""
    ledger = host()
    granted(ledger, NOTHING, "plain")
    alone = asks(exclusive="host")
    assert (None, {"host"}) == (ledger.grant(alone, "alone"), ledger.lacks(alone))

    ledger.release("plain")
    assert Grant("box", cores=4.0, exclusive=True) == ledger.grant(alone, "alone")
    assert (None, {"host"}) == (ledger.grant(NOTHING, "plain"), ledger.lacks(NOTHING))
    assert Free(0.0, 0, (), (), 1, exclusive=True) == ledger.free


def test_an_exclusive_kind_is_all_of_it_and_leaves_the_rest():
    """Nobody uses a GPU meanwhile, but plain tests run."""
    ledger = host(gpu("a"), gpu("b"), gpu("c", fault="gone"))
    granted(ledger, gpus(share=0.5), "half")
    every = asks(exclusive="gpu")
    assert (None, {"gpu:a"}) == (ledger.grant(every, "every"), ledger.lacks(every))

    ledger.release("half")
    assert ("a", "b") == ids(ledger.grant(every, "every"))
    assert ledger.grant(gpus(share=0.1), "tenth") is None
    assert ledger.grant(NOTHING, "plain") is not None


# alternatives, and what can never be


def test_alternatives_are_tried_in_order():
    """A GPU, or else eight gigabytes: the second when the GPU is taken."""
    ledger = host(gpu("a"))
    demand = either(gpus(), asks(("memory", ">=", 8 * GIB)))

    assert [(("a",), 0), ((), 8 * GIB), ((), 8 * GIB)] == [
        (ids(grant), grant.memory) for grant in (granted(ledger, demand, key) for key in range(3))
    ]
    assert ledger.grant(demand, 3) is None
    assert {"gpu:a"} == ledger.lacks(demand)


def test_an_alternative_that_the_host_does_not_meet_is_never_granted():
    """Not even where it would cost nothing."""
    ledger = host(os="linux")
    demand = either(asks(("os", "=", "macos")), asks(("memory", ">=", 8 * GIB)))

    assert 8 * GIB == granted(ledger, demand, 0).memory
    assert not ledger.could(asks(("os", "=", "macos")))


def test_what_could_be_granted_is_asked_of_the_drained_host():
    """A busy host could; one that has too little could not; one that must not be used could nothing."""
    ledger = host(gpu("a"))
    granted(ledger, asks(exclusive="host"), 0)

    assert [True, False, True, False] == [ledger.could(d) for d in (gpus(), gpus(2), cores(4), cores(5))]
    assert not Ledger("box", ledger.capabilities._replace(drained="a GPU is missing")).could(gpus())


def test_a_lost_device_is_not_given_again():
    """Whoever holds it gives it back, and then it is nobody's."""
    ledger = host(gpu("a"))
    granted(ledger, gpus(), 0)
    ledger.lose("gpu", "a")

    assert not ledger.could(gpus())
    ledger.release(0)
    assert ledger.grant(gpus(), 1) is None
    assert () == ledger.free.devices


# the book


def test_what_others_hold_is_given_to_nobody_until_it_is_back():
    """Also where some of it is in our hands; to put it away, or back, twice is harmless."""
    ledger = host(gpu("a"), gpu("b"))
    assert ("a",) == ids(granted(ledger, gpus(share=0.5), "one"))
    for _ in range(2):
        ledger.put_away("gpu", "a")

    assert [("a", 0.0), ("b", 1.0)] == [(room.id, room.share) for room in ledger.free.devices]
    assert ("b",) == ids(granted(ledger, gpus(share=0.5), "two"))
    assert ledger.grant(gpus(), "three") is None
    ledger.release("one")
    for _ in range(2):
        ledger.bring_back("gpu", "a")
    assert ("a",) == ids(granted(ledger, gpus(), "three"))


def test_what_is_free_adds_up():
    """For the table of hosts: what is left of everything."""
    ledger = host(gpu("a"), gpu("b"), resource_license=2)
    granted(ledger, gpus(share=0.25), "a")
    granted(ledger, asks(("memory", ">=", GIB), ("resource.license", ">=", 1)), "b")

    assert ledger.free == Free(
        2.0,
        15 * GIB,
        (("license", 1),),
        (DeviceRoom("gpu", "a", 0.75), DeviceRoom("gpu", "b", 1.0)),
        2,
        exclusive=False,
    )


def test_what_a_holder_gives_back_can_be_left_out_of_account():
    """A worker's own room is free once it is through with what it has."""
    ledger = host()
    for key in range(4):
        granted(ledger, NOTHING, key)

    assert ({"cores"}, frozenset()) == (ledger.lacks(cores(1)), ledger.lacks(cores(1), apart_from=0))
    assert ledger.lacks(cores(1)) <= ledger.takes(0)


def test_slips_are_told():
    """Two grants to one key, and a release of nothing, are mistakes of the program."""
    ledger = host()
    granted(ledger, NOTHING, "a")

    with pytest.raises(ValueError, match="'a' holds something of box already"):
        ledger.grant(NOTHING, "a")
    with pytest.raises(ValueError, match="'b' holds nothing of box"):
        ledger.release("b")


@pytest.mark.parametrize(
    ("demand", "answer"),
    [
        (NOTHING, False),
        (asks(("os", "=", "linux"), ("memory", "<=", GIB), ("cpu.processors", ">=", 1)), False),
        (cores(2), True),
        (gpus(), True),
        (asks(("browser.name", "=", "firefox")), True),
        (asks(("memory", ">=", 1)), True),
        (asks(("resource.x", ">=", 1)), True),
        (asks(exclusive="gpu"), True),
        (asks(workload="io"), True),
        (asks(workload="compute"), False),
        (either(NOTHING, gpus()), True),
    ],
)
def test_which_tests_take_more_than_a_plain_one(demand: Demand, answer: bool):
    """Only these are given out one by one."""
    assert answer == reserves(demand)
