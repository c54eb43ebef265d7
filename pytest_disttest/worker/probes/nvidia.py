"""NVIDIA's GPUs: asked through nvidia-ml-py where it is installed, else through nvidia-smi, which the driver brings."""

from __future__ import annotations

import re

from pytest_disttest.worker.probes import nvidia_smi, nvml
from pytest_disttest.worker.probes.finding import Finding, Place
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
    return found._replace(marks={"withheld": withheld(place)})


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
