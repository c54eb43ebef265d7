"""How we say what NVIDIA's library and program tell: their states, and what is true of each of their GPUs.

https://docs.nvidia.com/deploy/nvml-api/ (error codes), https://docs.nvidia.com/deploy/nvidia-smi/ (exit codes: the
same numbers).
"""

from __future__ import annotations

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, device

STATES = {
    4: "denied: NVML does not let this user ask",
    9: "the NVIDIA driver is not loaded",
    12: "NVML library not found",
    14: "the infoROM is corrupted",
    15: "the GPU is lost: it has fallen off the bus",
    18: "driver and library do not match: was the driver updated without a reboot?",
}
"""NVML's error codes in our words; others keep NVML's own."""


def failed(why: str, code: int) -> Finding:
    """Return the finding of a library that gives no answer: absent without driver or library, else unknown."""
    status = {4: "denied", 9: "absent", 12: "absent"}.get(code, "unknown")
    return Finding("nvidia", status, level="present", why=why, source="NVML")


def nvidia_gpu(facts: Facts, unknown: dict[str, str], *, address: str, fault: str, index: int) -> Found:
    """Return the device with what is true of every GPU of NVIDIA's."""
    facts |= {"gpu.vendor": "10de", "gpu.vendor-name": "NVIDIA", "gpu.driver": "nvidia", "gpu.address": address}
    # Neither a MIG slice nor NVML says so; a Tegra's or Grace's shared memory is what NVML does not support.
    facts["gpu.kind"] = "discrete"
    if not fault:
        facts["gpu.api"] = ("cuda",)
    name = facts.get("gpu.uuid") or address or f"nvidia{index}"
    return device("gpu", name, address=address, facts=facts, unknown=unknown, fault=fault)


def pci_address(text: str) -> str:
    """Return NVML's ``00000000:41:00.0`` as the kernel writes it, ``0000:41:00.0``."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:].rjust(4, '0')}:{rest}" if rest else ""
