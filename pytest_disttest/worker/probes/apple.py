"""The GPU of an Apple chip, as system_profiler(8) tells of it.

One GPU that shares the processor's memory; nothing hides it from a program, so it has no variable of its own.
"""

from __future__ import annotations

import json
from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Place, device
from pytest_disttest.worker.probes.memory import probe as memory_of


def probe(place: Place) -> Finding:
    """Return the chip's GPU on a Mac with an Apple chip, absent elsewhere."""
    if place.system != "macos" or place.machine != "aarch64":
        return Finding("apple", "absent", why="no Mac with an Apple chip")
    code, text = place.run("system_profiler", "-json", "SPDisplaysDataType")
    chips = _chips(text) if not code else []
    if not chips:
        why = f"system_profiler tells of no GPU: {text[:120]}"
        return Finding("apple", "unknown", why=why, unknown={"gpu": why})
    name = str(chips[0].get("sppci_model", ""))
    metal = any(key.startswith("spdisplays_mtlgpufamily") or key == "spdisplays_metal" for key in chips[0])
    facts: Facts = {
        "gpu.vendor-name": "Apple",
        "gpu.vendor": "106b",
        "gpu.device-name": name,
        "gpu.kind": "integrated",
        "gpu.memory": memory_of(place).facts.get("memory"),
        "gpu.api": ("metal",) if metal else (),
    }
    gpu = device("gpu", name or "apple", facts=facts)
    return Finding("apple", level="usable", source="system_profiler", devices=(gpu,))


def _chips(text: str) -> list[dict[str, Any]]:
    """Return what system_profiler tells of Apple's own GPUs."""
    try:
        rows = json.loads(text)["SPDisplaysDataType"]
        return [row for row in rows if str(row["spdisplays_vendor"]).endswith("Apple")]
    except (KeyError, TypeError, ValueError):
        return []
