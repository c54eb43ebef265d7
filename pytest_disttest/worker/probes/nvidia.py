"""NVIDIA's GPUs: asked through nvidia-ml-py where it is installed, else through nvidia-smi, which the driver brings.

NVML lists all of a machine. Where ``CUDA_VISIBLE_DEVICES`` is set for the host, CUDA is asked which it leaves.
"""

from __future__ import annotations

import re

from pytest_disttest.worker.probes import cuda, nvidia_smi, nvml
from pytest_disttest.worker.probes.finding import Finding, Found, Place
from pytest_disttest.worker.probes.pci import DEVICES, DISPLAY, functions

KNOWN = "/proc/driver/nvidia/gpus"
PARAVIRTUAL = ("1414", "008e")
"""What a GPU of any vendor looks like in Windows' subsystem for Linux, where NVML works all the same."""


def shows(place: Place) -> bool:
    """Return whether the bus shows a GPU of NVIDIA's, or what may be one."""
    there = [each for each in functions(place) if each.code.startswith(DISPLAY)]
    return any(each.vendor == "10de" or (each.vendor, each.device) == PARAVIRTUAL for each in there)


def probe(place: Place) -> Finding:
    """Return each GPU that NVML lists, or the state that keeps NVML from answering."""
    if place.names(DEVICES) and not shows(place):
        return Finding("nvidia", "absent", why="no NVIDIA GPU on the PCI bus")
    library = None if place.outputs is not None else nvml.library()
    found = nvidia_smi.read(place) if library is None else nvml.read(library)
    if place.outputs is None and found.devices and (place.verify or cuda.VISIBLE in place.environment):
        found = looked_at(found, cuda.shown(place.environment), place)
    return found._replace(marks={"withheld": withheld(place)})


def looked_at(found: Finding, shown: cuda.Shown, place: Place) -> Finding:
    """Return *found* with what CUDA says: a device that it does not show, or that miscalculates, has a fault."""
    devices = tuple(each if each["fault"] else _looked_at(each, shown, place) for each in found.devices)
    is_verified = place.verify and any(not each["fault"] for each in devices)
    return found._replace(devices=devices, level="verified" if is_verified else found.level)


def _looked_at(device: Found, shown: cuda.Shown, place: Place) -> Found:
    if device["facts"].get("gpu.mig"):
        return device  # CUDA shows its slices in its place
    handle = shown.devices.get(device["id"])
    if handle is not None:
        why = cuda.wrong(shown.driver, handle) if place.verify else ""
    elif shown.why:
        why = shown.why
    elif cuda.VISIBLE in place.environment:
        why = f"{cuda.VISIBLE}={place.environment[cuda.VISIBLE]} hides it"
    else:
        why = "CUDA does not show it"
    facts = device["facts"] if not why else {key: v for key, v in device["facts"].items() if key != "gpu.api"}
    return {**device, "facts": facts, "fault": why}


def withheld(place: Place) -> list[str]:
    """Return the addresses of GPUs that the bus shows and this container was not given.

    /sys shows a container every GPU of the machine. NVIDIA's container toolkit leaves in /proc/driver/nvidia/gpus
    and in /dev those that were passed in.
    """
    given = place.names(KNOWN)
    cards = [each.address for each in functions(place) if each.driver == "nvidia" and each.code.startswith(DISPLAY)]
    return [each for each in cards if given and not _is_given(place, each, given)]


def _is_given(place: Place, address: str, given: tuple[str, ...]) -> bool:
    if address not in given:
        return False
    minor = re.search(r"Device Minor:\s*(\d+)", place.text(f"{KNOWN}/{address}/information"))
    return minor is None or place.exists(f"/dev/nvidia{minor[1]}")
