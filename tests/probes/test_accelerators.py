"""Accelerators on recorded machines: told by vendor and driver, never by a node's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from rigs.recorded import laid_out, probed, text_of

GIB = 1 << 30


def found(name: str, tmp_path: Path) -> list[tuple[str, str, str, int | None, str]]:
    """Return type, name, driver, memory and fault of each accelerator of a recorded machine."""
    devices = [each for each in probed(laid_out(text_of(name), tmp_path))["devices"] if each["kind"] == "accel"]
    facts = [(each["facts"], each["fault"]) for each in devices]
    return [
        (f["accel.type"], f.get("accel.device-name", ""), f["accel.driver"], f.get("accel.memory"), fault)
        for f, fault in facts
    ]


def test_a_tpu_is_known_by_its_chip_and_counts_where_its_own_group_may_be_used(tmp_path: Path):
    """vfio-pci is a TPU's ordinary driver; the chip whose group was not passed in is there and of no use."""
    chip = ("tpu", "TPU v5e", "vfio-pci", 16 * GIB)
    absent = "/dev/vfio/3 is not there: was the device passed into this container?"

    assert [(*chip, ""), (*chip, ""), (*chip, ""), (*chip, absent)] == found("tpu-v5e", tmp_path)


def test_an_npu_of_amd_is_no_tpu(tmp_path: Path):
    """A laptop's /dev/accel/accel0 is what its driver says."""
    assert [("npu", "", "amdxdna", None, "")] == found("ryzen-ai", tmp_path)


def test_a_card_that_is_held_for_guests_is_no_accelerator(tmp_path: Path):
    """BlueField's /dev/vfio/12 looks like a TPU's to who globs; it is a network card."""
    assert [] == found("passthrough", tmp_path)


def test_gaudi_is_named_by_its_card_and_doubted_by_its_node(tmp_path: Path):
    """PCI names the card and its memory, the kernel's subsystem says that the second was not passed in."""
    card = ("hpu", "Gaudi2", "habanalabs", 96 * GIB)
    absent = "/dev/accel/accel1 is not there: was the device passed into this container?"

    assert [(*card, ""), (*card, absent)] == found("gaudi2", tmp_path)


def test_intels_npu_has_the_name_of_pci_ids(tmp_path: Path):
    """The accel subsystem and the PCI class tell of one device."""
    assert [("npu", "Meteor Lake NPU", "intel_vpu", None, "")] == found("arc-laptop", tmp_path)


def test_neuron_ls_tells_the_memory(tmp_path: Path):
    """What the vendor's tool prints is added to what PCI shows."""
    assert [("npu", "Inferentia2", "neuron", 32 * GIB, "")] == found("neuron", tmp_path)
    (device,) = probed(laid_out(text_of("neuron"), tmp_path / "again"))["devices"]
    assert 2 == device["facts"]["accel.cores"]


def test_neuron_without_its_tool_is_there_with_its_memory_unknown(tmp_path: Path):
    """A missing tool makes a value unknown, not a device absent."""
    text = text_of("neuron").partition("$ ")[0] + "$ other << \n>>\n"
    (device,) = probed(laid_out(text, tmp_path))["devices"]

    assert {"accel.memory": "neuron-ls is not installed"} == device["unknown"]
    assert "" == device["fault"]


def test_huaweis_network_card_is_no_ascend(tmp_path: Path):
    """The vendor alone does not make an accelerator."""
    assert [("npu", "Ascend 910B", "devdrv_device_driver", None, "")] == found("ascend", tmp_path)


@pytest.mark.parametrize("name", ["hopper", "instinct"])
def test_a_gpu_is_no_accelerator(name: str, tmp_path: Path):
    """AMD's compute cards have the class of accelerators, and are GPUs."""
    assert [] == found(name, tmp_path)


def test_an_unknown_accelerator_is_told_of(tmp_path: Path):
    """Class 12 without a name or a driver: there, and the reason why it is of no use."""
    text = "pci 0000:01:00.0 class=120000 vendor=10ee device=5000\n"
    (device,) = probed(laid_out(text, tmp_path))["devices"]

    assert ("fpga", "no driver has it") == (device["facts"]["accel.type"], device["fault"])
