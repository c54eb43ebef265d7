"""What this host has: asks its probes, keeps what is slow to find, and gives it all as a profile.

A profile is described in `pytest_disttest.match.profiles`. `probe_host` never raises and never takes longer than its
probes' limits: each runs in a process of its own (`probes.prober`). ``python -m pytest_disttest.worker.probing``
prints the profile of this machine.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest_disttest
from pytest_disttest.worker import fingerprint
from pytest_disttest.worker.probes import cache
from pytest_disttest.worker.probes.asking import ask, restored
from pytest_disttest.worker.probes.finding import Finding, Place, here
from pytest_disttest.worker.probes.merging import ADAPTERS, merged
from pytest_disttest.worker.probes.table import FAMILIES, ROWS, Row, answer_for, every_row

NAMING = ("system", "cpu", "memory", "disk", "gpu", "accel", "python")
"""The families that a host's fingerprints are made of."""
NAMING_S = 5.0
"""How long a probe that was not asked for itself may take."""
FRESH = (
    Row("load", "pytest_disttest.worker.probes.load:probe", ("system", "cpu", "memory")),
    Row("disk", "pytest_disttest.worker.probes.disk:probe", ("disk",)),
    Row("gpu.use", "pytest_disttest.worker.probes.gpu_use:probe", ("gpu",)),
)
"""What changes by the minute: asked when a lease is given."""


def probe_host(
    families: Iterable[str] = FAMILIES,
    *,
    limit_s: float = 0.0,
    fresh: bool = False,
    verify: bool = False,
    cache_dir: str = "",
    facts_dir: str = "",
    directory: str = "",
    name: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
    root: str = "/",
) -> dict[str, Any]:
    """Return the profile of this host, as far as *families* of the vocabulary were asked for.

    *limit_s* shortens every probe's own limit, 0 leaves them. *fresh* asks even what the cache knows, and so does
    *verify*, which lets devices calculate where a probe knows how. *cache_dir*
    and *facts_dir* are taken in the place of the usual ones; *directory* is the suite's, for the disk below it;
    *name* is what the host's owner calls it, *environment* what he sets there; *root* puts a recorded tree in the
    place of its files.

    Facts, devices and what is unknown are those of *families* alone, each probe's part is told under ``probes``. The
    three fingerprints are always those of the whole host, so all that is cheap is always asked; they are "" where a
    probe did not come back.
    """
    began = time.monotonic()
    place = here(directory, root)
    place = place._replace(environment={**place.environment, **environment}, verify=verify)
    if facts_dir:
        place = place._replace(environment={**place.environment, "DISTTEST_FACTS": facts_dir})
    try:
        every = every_row()
        wanted = answer_for(families, every)
        naming = [row._replace(limit_s=min(row.limit_s, NAMING_S)) for row in answer_for(NAMING, every)]
        asked = [*wanted, *(row for row in naming if row.name not in {each.name for each in wanted})]
        key = cache.key(place, pytest_disttest.__version__, every, sys.executable)
        told = _kept_or_asked(asked, place, limit_s, key=key, fresh=fresh or verify, cache_dir=cache_dir)
        profile = _merged(wanted, told)
        profile |= _names([row for row in every if row.name in {each.name for each in naming}], told, place, name)
        profile["probes"] = [_told(row, told[row.name]) for row in wanted]
        plain: dict[str, Any] = json.loads(json.dumps(profile))  # lists for tuples, as it will be read
        return plain
    except Exception as fault:  # a full disk, a broken installation: an answer too
        why = f"the host could not be probed: {type(fault).__name__}: {fault}"
        spent = round(time.monotonic() - began, 4)
        row = {"name": "probing", "status": "unknown", "level": "", "why": why, "seconds": spent, "source": ""}
        unknown = {key: why for row in answer_for(families, ROWS) for key in row.answers}
        return {"facts": {}, "devices": [], "unknown": unknown, "degraded": [], "probes": [row]}


def volatile(families: Iterable[str] = FAMILIES, *, directory: str = "", limit_s: float = 5.0) -> dict[str, Any]:
    """Return what changes by the minute, read now: ``{"disk.free", "memory_free", "load", "devices": {id: {...}}}``.

    Sizes are bytes; a device has ``memory_free`` and ``processes`` (their ids) as far as it tells. What cannot be
    told is left out; never raises.
    """
    given = set(families)
    wanted = tuple(row for row in FRESH if given & set(row.families))
    told: dict[str, Any] = {}
    with contextlib.suppress(Exception):
        for finding, _ in ask(wanted, here(directory), limit_s).values():
            told |= finding.marks
            if "disk.free" in finding.facts:
                told["disk.free"] = finding.facts["disk.free"]
    return told


def _kept_or_asked(
    wanted: Sequence[Row], place: Place, limit_s: float, *, key: str, fresh: bool, cache_dir: str
) -> dict[str, dict[str, Any]]:
    """Return, by probe, its ``finding``, the ``seconds`` it took, and whether it was ``kept`` from an earlier time."""
    folder, now = cache.directory(cache_dir, place.environment), cache.clock()
    kept = {} if fresh else _restored(cache.read(folder, key, now), wanted)
    found = ask([row for row in wanted if row.name not in kept], place, limit_s)
    new = {
        row.name: {"finding": found[row.name][0]._asdict(), "seconds": found[row.name][1], "at": now}
        for row in wanted
        if row.kept and row.name in found and found[row.name][0].status == "ok"
    }
    if new:
        cache.write(folder, key, {**cache.read(folder, key, now), **new}, now)
    told = {each: {"finding": finding, "seconds": spent, "kept": False} for each, (finding, spent) in found.items()}
    return {**kept, **told}


def _restored(answers: Mapping[str, Any], wanted: Sequence[Row]) -> dict[str, dict[str, Any]]:
    kept = {}
    for row in wanted:
        if row.kept and row.name in answers:
            with contextlib.suppress(TypeError, ValueError, KeyError):  # a file that somebody else has written
                answer = answers[row.name]
                finding = restored(answer["finding"])
                kept[row.name] = {"finding": finding, "seconds": float(answer["seconds"]), "kept": True}
    return kept


def _merged(rows: Sequence[Row], told: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return merged(rows, [told[row.name]["finding"] for row in rows])


def _names(rows: Sequence[Row], told: Mapping[str, Mapping[str, Any]], place: Place, name: str) -> dict[str, str]:
    """Return the three fingerprints of the host that *rows* were asked about."""
    findings = [told[row.name]["finding"] for row in rows]
    whole = merged(rows, findings)
    facts, devices = whole["facts"], whole["devices"]
    marks: dict[str, Any] = {}
    for finding in findings:
        marks |= finding.marks
    machine = place.text("/etc/machine-id") or place.text("/var/lib/dbus/machine-id")
    product = place.text("/sys/class/dmi/id/product_uuid")
    is_whole = all(map(_has_answered, rows, findings))
    return {
        "hw_class": fingerprint.hardware_class(facts, devices, marks) if is_whole else "",
        "host_id": fingerprint.host_id(machine, product, devices, name),
        "sw_env": fingerprint.software(facts, devices, cache.programs(place)) if is_whole else "",
    }


def _has_answered(row: Row, finding: Finding) -> bool:
    """Return whether the probe came back: half of what a host is must not give it another name for once."""
    return row.name in ADAPTERS or finding.status != "unknown" or bool(finding.source)


def _told(row: Row, answer: Mapping[str, Any]) -> dict[str, Any]:
    finding: Finding = answer["finding"]
    words = {part: getattr(finding, part) for part in ("status", "level", "why", "source", "remarks")}
    return {"name": row.name, **words, "seconds": answer["seconds"], "kept": answer["kept"]}


if __name__ == "__main__":
    print(json.dumps(probe_host(sys.argv[1:] or FAMILIES), indent=2))
