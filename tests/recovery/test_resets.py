"""How devices are reset: what an owner may write, and the command that comes of it."""

from __future__ import annotations

import pytest

from pytest_disttest.errors import BadInventory
from pytest_disttest.model import Device
from pytest_disttest.recovery.resets import VENDOR, NoReset, check_reset, reset_words

UUID, ADDRESS = "GPU-8a56a4bc-e184-a047-2620-be19fdf9e1c3", "0000:41:00.0"


def gpu(vendor: str, **more: str | int) -> Device:
    """Return a GPU with the facts that a probe finds."""
    facts = {"gpu.vendor": vendor, "gpu.uuid": UUID, "gpu.address": ADDRESS, "gpu.index": 0}
    return Device("gpu", UUID, {**facts, **{f"gpu.{name.replace('_', '-')}": value for name, value in more.items()}})


@pytest.mark.parametrize(
    ("vendor", "words"),
    [
        ("10de", ("nvidia-smi", "--gpu-reset", "-i", UUID)),
        ("0x10DE", ("nvidia-smi", "--gpu-reset", "-i", UUID)),
        ("1002", ("amd-smi", "reset", "--gpureset", "--gpu", ADDRESS)),
    ],
)
def test_the_tools_of_vendors(vendor: str, words: tuple[str, ...]):
    assert words == reset_words(VENDOR, gpu(vendor))


def test_a_gaudi_is_named_by_its_address():
    gaudi = Device("accel", ADDRESS, {"accel.vendor": "1da3", "accel.address": ADDRESS})

    assert ("hl-smi", "-i", ADDRESS, "-r") == reset_words(VENDOR, gaudi)


def test_a_command_is_split_before_what_is_known_is_put_in():
    """So an id with a blank in it is one word, and nothing of it is read by a shell."""
    odd = Device("accel", "b 0; rm -rf /", {"accel.index": 3})

    assert ("sudo", "-n", "my tool", "accel:b 0; rm -rf /", "3", "{}") == reset_words(
        "sudo -n 'my tool' {kind}:{id} {index} {{}}", odd
    )


def test_a_number_of_nought_is_a_number():
    assert ("reset", "0") == reset_words("reset {index}", gpu("10de"))


@pytest.mark.parametrize(
    ("reset", "device", "why"),
    [
        (VENDOR, Device("accel", "b0"), "no tool is known that resets accels of its vendor"),
        (VENDOR, gpu("8086", vendor_name="Intel"), "no tool is known that resets gpus of Intel"),
        (VENDOR, Device("gpu", "a", {"gpu.vendor": "10de"}), "its uuid is not known"),
        ("reset {address}", Device("accel", "b0"), "its address is not known"),
    ],
)
def test_what_cannot_be_reset_says_why(reset: str, device: Device, why: str):
    with pytest.raises(NoReset, match=why):
        reset_words(reset, device)


@pytest.mark.parametrize("reset", [VENDOR, "reset {kind} {id} {index} {address} {uuid}", "sh -c 'reset; sleep 1'"])
def test_good_words_are_as_they_are(reset: str):
    assert reset == check_reset(reset, "here")


@pytest.mark.parametrize(
    ("reset", "message"),
    [
        ("reset {serial}", r"here: \{serial\} is nothing that is known of a device"),
        ("reset {", "here: is no command: "),
        ("reset 'it", "here: is no command: No closing quotation"),
        (" ", "here: is empty"),
        ("reset {}", r"here: \{\} is nothing that is known of a device"),
        ("reset {id.x}", r"here: \{id.x\} is nothing"),
    ],
)
def test_bad_words_are_refused_with_their_place(reset: str, message: str):
    with pytest.raises(BadInventory, match=message):
        check_reset(reset, "here")
