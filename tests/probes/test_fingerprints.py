"""What a machine is, who it is and what it runs: the same after a reboot, another for another."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.nvml import MIB, Nvml, gpu, second
from rigs.recorded import laid_out, marks_of, probed, text_of

from pytest_disttest.worker.fingerprint import hardware_class, host_id, nominal, software
from pytest_disttest.worker.probes import nvml

GIB = 1 << 30
NAMES_OF_DEVICES = "/usr/share/misc/pci.ids <<\n1a03  ASPEED Technology, Inc.\n\t2000  ASPEED Graphics Family\n>>\n"
NAMES = ("hardware", "identity", "environment")


def names(text: str, tmp_path: Path, library: Nvml | None = None) -> dict[str, str]:
    """Return the three names of the machine that *text* records."""
    place = laid_out(text, tmp_path)
    profile = probed(place, instead={"nvidia": lambda: nvml.read(library)} if library else None)
    facts, devices = profile["facts"], profile["devices"]
    return {
        "hardware": hardware_class(facts, devices, marks_of(profile)),
        "identity": host_id(place.text("/etc/machine-id"), "", devices, ""),
        "environment": software(facts, devices),
    }


def server(
    tmp_path: Path, change: Callable[[str], str] = str, *gpus: Any, driver: str = "550.127.05"
) -> dict[str, str]:
    """Return the names of the recorded server after *change* and with other *gpus*."""
    text = "/etc/machine-id = 3d1219c7c4c5404aaa1f6d2a48adfda4\n" + text_of("hopper")
    return names(change(text), tmp_path, Nvml(*(gpus or (gpu(), second())), driver=driver))


def replaced(*pairs: tuple[str, str]) -> Callable[[str], str]:
    """Return what replaces each pair's first word, which must be there, by its second."""

    def change(text: str) -> str:
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        return text

    return change


def reboot(text: str) -> str:
    """Return the machine after a reboot: another order, another bus, a little less memory, another name in CI."""
    swapped = text.replace("0000:19:00.0", "0000:xx:00.0").replace("0000:3b:00.0", "0000:19:00.0")
    return replaced(
        ("0000:xx", "0000:3b"), ("1056470336 kB", "1051470336 kB"), ("@affinity", "@hostname runner-81\n@affinity")
    )(swapped)


def test_a_reboot_changes_no_name(tmp_path: Path):
    """Devices in another order and at other addresses, other free memory, another host name: the same machine."""
    first = server(tmp_path / "a")
    again = server(tmp_path / "b", reboot, second(PciInfo=gpu()["PciInfo"]), gpu(PciInfo=second()["PciInfo"]))

    assert first == again


@pytest.mark.parametrize(
    ("change", "gpus", "driver", "changed"),
    [
        (str, (), "560.35.03", {"environment"}),
        (replaced(("5.15.0-118-generic", "5.15.0-130-generic")), (), "550.127.05", {"environment"}),
        (replaced(("ibpb", "ibpb user_shstk its_no")), (), "550.127.05", set()),
        (replaced(("@ 2.00GHz", "@ 1.99GHz")), (), "550.127.05", set()),
        (replaced(("1056470336 kB", "528235168 kB")), (), "550.127.05", {"hardware"}),
        (lambda text: text + NAMES_OF_DEVICES, (), "550.127.05", set()),
        (replaced((" amx_tile", "")), (), "550.127.05", {"hardware"}),
        (replaced(("DGXH100", "HGX")), (), "550.127.05", {"hardware"}),
        (replaced(("10de:16c1", "10de:16c0")), (), "550.127.05", {"hardware"}),
        (replaced(("@affinity 64", "@affinity 8")), (), "550.127.05", set()),  # one processor is recorded
        (replaced(("3d1219c7", "4d1219c7")), (), "550.127.05", {"identity"}),
        (str, (gpu(MemoryInfo=type(gpu()["MemoryInfo"])(total=40960 * MIB)), second()), "550.127.05", {"hardware"}),
        (str, (gpu(UUID="GPU-other"), second()), "550.127.05", {"identity"}),
        (str, (gpu(MemoryInfo=type(gpu()["MemoryInfo"])(total=81251 * MIB)), second()), "550.127.05", set()),
    ],
    ids=str,
)
def test_what_changes_which_name(
    change: Callable[[str], str], gpus: tuple[Any, ...], driver: str, changed: set[str], tmp_path: Path
):
    """A driver's update is other software on the same machine; other memory is other hardware; and so on."""
    before = server(tmp_path / "a")
    after = server(tmp_path / "b", change, *gpus, driver=driver)

    assert changed == {name for name in NAMES if before[name] != after[name]}


def test_every_recorded_machine_has_its_own_class(tmp_path: Path):
    """No two different machines are one."""
    recorded = sorted((Path(__file__).parent / "recorded").glob("*.tree"))
    classes = {path.stem: names(path.read_text("utf-8"), tmp_path / path.stem)["hardware"] for path in recorded}

    assert len(recorded) == len(set(classes.values()))


@given(
    octave=st.integers(20, 44),
    eighths=st.integers(8, 16),
    lost=st.floats(0.0, 0.05),
    more=st.floats(0.0, 0.05),
)
def test_what_is_missing_from_a_size_does_not_matter(octave: int, eighths: int, lost: float, more: float):
    """Up to 5 % less than a size that is sold is that size, whatever was missing the last time."""
    sold = (1 << octave) * eighths // 8

    assert sold == nominal(int(sold * (1 - lost))) == nominal(int(sold * (1 - more)))


def test_sizes_that_are_sold():
    """An "80 GB" H100, a "16 GB" laptop, a VM of 24 GiB."""
    assert (80 * GIB, 16 * GIB, 24 * GIB, 0) == (
        nominal(81559 * MIB),
        nominal(16_200_000_000),
        nominal(24684084 * 1024),
        nominal(0),
    )


def devices(count: int) -> list[dict[str, Any]]:
    """Return *count* GPUs of two kinds."""
    return [
        {
            "kind": "gpu",
            "id": f"GPU-{number}",
            "address": f"0000:{number:02x}:00.0",
            "facts": {
                "gpu.device-name": f"H{number % 2}",
                "gpu.memory": GIB << number % 2,
                "gpu.uuid": f"GPU-{number}",
            },
        }
        for number in range(count)
    ]


@given(st.integers(0, 8), st.randoms(use_true_random=False))
def test_the_order_of_devices_changes_nothing(count: int, shuffle: random.Random):
    """Neither their order nor where they sit on the bus, only what they are and how many."""
    before = devices(count)
    after = devices(count)
    shuffle.shuffle(after)
    after = [{**each, "address": f"0000:{place:02x}:00.0"} for place, each in enumerate(after)]

    assert hardware_class({}, before, {}) == hardware_class({}, after, {})
    assert host_id("", "", before, "") == host_id("", "", after, "")
    assert hardware_class({}, before, {}) != hardware_class({}, devices(count + 1), {})


def test_a_browsers_update_is_other_software():
    """Which browsers there are, and since when, is part of it, and is known without opening them."""
    before = software({}, [], [("/usr/bin/firefox", 1)])

    assert 3 == len({before, software({}, [], [("/usr/bin/firefox", 2)]), software({}, [])})


def test_a_rasteriser_is_no_hardware():
    """That somebody installs Mesa makes no other machine."""
    software_gpu = {"kind": "gpu", "id": "x", "address": "", "facts": {"gpu.kind": "software"}}

    assert hardware_class({}, [software_gpu], {}) == hardware_class({}, [], {})


def test_who_a_host_is():
    """Its machine-id and its board, or its GPUs, or what its owner calls it; nothing of these is nobody."""
    clones = [host_id("m", "", devices(1), ""), host_id("m", "board-1", [], ""), host_id("m", "board-2", [], "")]

    assert "" == host_id("", "", [], "")
    assert 4 == len({*clones, host_id("m", "board-1", [], "lab-1")})
    assert host_id("m", "BOARD-1", devices(1), "") == host_id("m", "board-1", devices(2), "")  # a GPU was lost
    assert "m" not in clones[0]
