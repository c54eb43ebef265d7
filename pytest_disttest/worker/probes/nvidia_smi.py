"""NVIDIA's GPUs where nvidia-ml-py is not installed: what ``nvidia-smi -q -x`` prints, which comes with the driver.

https://docs.nvidia.com/deploy/nvidia-smi/ ("RETURN VALUE", "-q -x").
"""

from __future__ import annotations

from xml.etree import ElementTree

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.nvidia_words import STATES, failed, nvidia_gpu, pci_address

NOTHING = ("", "N/A", "[N/A]", "[Not Supported]", "Requested functionality has been deprecated")
LOST = ("GPU is lost", "ERR!")
FIELDS = (
    ("gpu.uuid", "uuid"),
    ("gpu.device-name", "product_name"),
    ("gpu.memory", "fb_memory_usage/total"),
    ("gpu.architecture", "product_architecture"),
    ("gpu.mig", "mig_mode/current_mig"),
    ("gpu.ecc", "ecc_mode/current_ecc"),
)


def read(place: Place) -> Finding:
    """Return each GPU that nvidia-smi tells of, or the state that its exit code means."""
    program = place.program("nvidia-smi", "/usr/bin/nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi")
    if not program:
        why = f"{STATES[12]}: neither nvidia-ml-py nor nvidia-smi is there"
        return Finding("nvidia", "absent", why=why)
    code, text = place.run(program, "-q", "-x")
    if code:
        first = text.splitlines()[0] if text else f"nvidia-smi ended with {code}"
        return failed(STATES.get(code, first), code)._replace(source="nvidia-smi")
    try:
        log = ElementTree.fromstring(text)
    except ElementTree.ParseError as fault:
        return Finding("nvidia", "unknown", why=f"nvidia-smi -q -x printed no XML: {fault}", source="nvidia-smi")
    shared = {"gpu.driver-version": _word(log, "driver_version"), "gpu.cuda": _word(log, "cuda_version")}
    found = [_device(gpu, shared, index) for index, gpu in enumerate(log.iterfind("gpu"))]
    status = "ok" if found else "absent"
    return Finding("nvidia", status, "usable" if found else "", source="nvidia-smi", devices=tuple(found))


def _device(gpu: ElementTree.Element, shared: Facts, index: int) -> Found:
    facts, unknown, fault = dict(shared), {}, ""
    for key, path in FIELDS:
        word = _word(gpu, path)
        if word in NOTHING:
            unknown[key] = "not supported"
        elif word in LOST:
            unknown[key] = fault = STATES[15]
        else:
            facts[key] = _value(key, word)
    unknown["gpu.compute-capability"] = "nvidia-smi -q does not tell it: install nvidia-ml-py on the host"
    address = pci_address(gpu.get("id", ""))
    return nvidia_gpu(facts, unknown, address=address, fault=fault, index=index)


def _value(key: str, word: str) -> str | int | bool:
    if key == "gpu.memory":
        return int(word.split(maxsplit=1)[0]) << 20  # "81559 MiB"
    if key in ("gpu.mig", "gpu.ecc"):
        return word == "Enabled"
    return word.lower() if key == "gpu.architecture" else word


def _word(element: ElementTree.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
