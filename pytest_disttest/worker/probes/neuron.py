"""Amazon's Inferentia and Trainium: vendor and driver on the PCI bus, and what neuron-ls tells of them.

https://awsdocs-neuron.readthedocs-hosted.com/ ("neuron-ls User Guide": --json-output).
"""

from __future__ import annotations

import json
from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.pci import Function, card, functions, held_back

VENDOR = "1d0f"
CHIPS = {"7064": "Inferentia", "7065": "Inferentia", "7066": "Inferentia", "7067": "Inferentia", "7164": "Trainium",
         "7264": "Inferentia2", "7364": "Trainium2"}  # fmt: skip
TOOL = "/opt/aws/neuron/bin/neuron-ls"


def probe(place: Place) -> Finding:
    """Return a device for each chip, with its memory where neuron-ls is there to tell it."""
    chips = [each for each in functions(place) if each.vendor == VENDOR and each.device in CHIPS]
    if not chips:
        return Finding("neuron", "absent", why="no Neuron device on the PCI bus")
    rows, why = _listed(place)
    found = tuple(_device(place, each, rows.get(each.address), why) for each in chips)
    level = "usable" if rows else "bound" if any(each.driver for each in chips) else "present"
    missing = sorted({each.address for each in chips} - set(rows)) if rows else []
    degraded = tuple(f"PCI shows a Neuron device at {each}, neuron-ls does not" for each in missing)
    source = "PCI, neuron-ls" if rows else "PCI"
    return Finding("neuron", level=level, why=why, source=source, devices=found, degraded=degraded)


def _listed(place: Place) -> tuple[dict[str, Any], str]:
    program = place.program("neuron-ls", TOOL)
    if not program:
        return {}, "neuron-ls is not installed"
    code, text = place.run(program, "--json-output")
    try:
        rows = {_address(str(row["bdf"])): row for row in json.loads(text)} if not code else {}
    except (KeyError, TypeError, ValueError):
        rows = {}
    return rows, "" if rows else f"neuron-ls gives no list: {text[:120]}"


def _address(text: str) -> str:
    return text.lower() if text.count(":") == 2 else f"0000:{text.lower()}"


def _amount(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _device(place: Place, found: Function, row: Any, why: str) -> Found:
    told = row if isinstance(row, dict) else {}
    memory, cores = (_amount(told.get(name)) for name in ("memory_size", "nc_count"))
    facts: Facts = {
        "accel.type": "npu",
        "accel.vendor-name": "Amazon",
        "accel.device-name": CHIPS[found.device],
        "accel.memory": memory,
        "accel.cores": cores,
        "accel.driver-version": place.text("/sys/module/neuron/version"),
    }
    fault = held_back(found)
    if not fault and row is None and not why:
        fault = "neuron-ls does not list it"
    unknown = {} if memory else {"accel.memory": why or "neuron-ls does not tell it"}
    return card(found, facts, unknown=unknown, fault=fault)
