"""Intel's GPUs: a display controller of vendor 8086 that i915 or xe has.

Linux: Documentation/gpu/xe (tile*/physical_vram_size_bytes), drivers/gpu/drm/i915 (lmem_total_bytes, where given).
"""

from __future__ import annotations

from pytest_disttest.worker.probes.display import node_fault, render_nodes
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place, device
from pytest_disttest.worker.probes.pci import DEVICES, DISPLAY, Function, functions

DRIVERS = ("i915", "xe")
LOADERS = ("/usr/lib/x86_64-linux-gnu/libze_loader.so.1", "/usr/lib64/libze_loader.so.1", "/usr/lib/libze_loader.so.1")
INTEGRATED_AT = ":00:02.0"
"""Where every integrated GPU of Intel's sits, on the root bus."""


def probe(place: Place) -> Finding:
    """Return the GPUs that Intel's drivers have."""
    cards = [
        each
        for each in functions(place)
        if each.vendor == "8086" and each.code.startswith(DISPLAY) and each.driver in DRIVERS
    ]
    if not cards:
        return Finding("intel", "absent", why="neither i915 nor xe has a GPU")
    nodes = render_nodes(place)
    found = tuple(_device(place, each, nodes.get(each.address, "")) for each in cards)
    level = "usable" if any(not each["fault"] for each in found) else "bound"
    return Finding("intel", level=level, source="/sys", devices=found)


def _device(place: Place, card: Function, node: str) -> Found:
    memory = _memory(place, card.address)
    shares = card.address.endswith(INTEGRATED_AT)
    level_zero = any(place.exists(path) for path in LOADERS)
    facts: Facts = {
        "gpu.vendor": "8086",
        "gpu.vendor-name": "Intel",
        "gpu.device": card.device,
        "gpu.driver": card.driver,
        "gpu.memory": memory or None,
        "gpu.kind": "integrated" if shares else "discrete",
        "gpu.address": card.address,
        "gpu.api": ("level-zero",) if level_zero else (),
    }
    why = "it shares the processor's" if shares else f"{card.driver} does not tell it"
    fault = node_fault(place, node) if node else f"{card.driver} offers no render node"
    unknown = {} if memory else {"gpu.memory": why}
    return device("gpu", card.address, address=card.address, facts=facts, unknown=unknown, fault=fault)


def _memory(place: Place, address: str) -> int:
    card = f"{DEVICES}/{address}"
    tiles = [name for name in place.names(card) if name.startswith("tile")]
    sizes = [place.number(f"{card}/{tile}/physical_vram_size_bytes", 0) or 0 for tile in tiles]
    sizes += [
        place.number(f"{card}/drm/{name}/lmem_total_bytes", 0) or 0
        for name in place.names(f"{card}/drm")
        if name.startswith("card")
    ]
    return sum(sizes)
