"""What this host has: asks its probes, keeps what is slow to find, and gives it all as a profile.

A profile is described in `pytest_disttest.match.profiles`. `probe_host` never raises and never takes longer than its
probes' limits: each runs in a process of its own (`probes.prober`). ``python -m pytest_disttest.worker.probing``
prints the profile of this machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest_disttest
from pytest_disttest.worker import fingerprint
from pytest_disttest.worker.probes import cache
from pytest_disttest.worker.probes.finding import STATUSES, Finding, Place, here
from pytest_disttest.worker.probes.merging import merged, unknown_families
from pytest_disttest.worker.probes.table import FAMILIES, Row, rows

BOOT = """
import importlib.util as util, sys
place, out = sys.argv[1:3]
name, start = "pytest_disttest", place + "/__init__.py"
spec = util.spec_from_file_location(name, start, submodule_search_locations=[place])
package = sys.modules[name] = util.module_from_spec(spec)
spec.loader.exec_module(package)
from pytest_disttest.worker.probes.prober import main
main(int(out))
"""
START_S = 10.0
"""How much longer than its probes the process that runs them may take: to start on a busy host, and to sweep up."""
ERRORS = "errors"
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
    cache_dir: str = "",
    facts_dir: str = "",
    directory: str = "",
    name: str = "",
    root: str = "/",
) -> dict[str, Any]:
    """Return the profile of this host, as far as *families* of the vocabulary were asked for.

    *limit_s* shortens every probe's own limit, 0 leaves them. *fresh* asks even what the cache knows. *cache_dir*
    and *facts_dir* are taken in the place of the usual ones; *directory* is the suite's, for the disk below it;
    *name* is what the host's owner calls it; *root* puts a recorded tree in the place of its files. The three
    fingerprints are "" where not all was asked that they are made of; each probe's part is told under ``probes``.
    """
    began = time.monotonic()
    asked = tuple(family for family in FAMILIES if family in set(families))
    place = here(directory, root)
    if facts_dir:
        place = place._replace(environment={**place.environment, "DISTTEST_FACTS": facts_dir})
    try:
        wanted = rows(asked)
        told = _kept_or_asked(wanted, place, limit_s, fresh=fresh, cache_dir=cache_dir)
        return _profile(wanted, told, asked, place, name)
    except Exception as fault:  # a full disk, a broken installation: an answer too
        why = f"the host could not be probed: {type(fault).__name__}: {fault}"
        spent = round(time.monotonic() - began, 4)
        row = {"name": "probing", "status": "unknown", "level": "", "why": why, "seconds": spent, "source": ""}
        return {"facts": {}, "devices": [], "unknown": unknown_families(why), "degraded": [], "probes": [row]}


def volatile(families: Iterable[str] = FAMILIES, *, directory: str = "", limit_s: float = 5.0) -> dict[str, Any]:
    """Return what changes by the minute, read now: ``{"disk.free", "memory_free", "load", "devices": {id: {...}}}``.

    Sizes are bytes; a device has ``memory_free`` and ``processes`` (their ids) as far as it tells. What cannot be
    told is left out; never raises.
    """
    wanted = tuple(row for row in FRESH if set(row.families) & set(families))
    told: dict[str, Any] = {}
    with contextlib.suppress(Exception):
        for finding, _ in _asked(wanted, here(directory), limit_s).values():
            told |= finding.marks
            if "disk.free" in finding.facts:
                told["disk.free"] = finding.facts["disk.free"]
    return told


def _kept_or_asked(
    wanted: Sequence[Row], place: Place, limit_s: float, *, fresh: bool, cache_dir: str
) -> dict[str, dict[str, Any]]:
    """Return, by probe, its ``finding``, the ``seconds`` it took, and whether it was ``kept`` from an earlier time."""
    folder, now = cache.directory(cache_dir, place.environment), cache.clock()
    key = cache.key(place, pytest_disttest.__version__, wanted, sys.executable)
    kept = {} if fresh else _restored(cache.read(folder, key, now), wanted)
    found = _asked([row for row in wanted if row.name not in kept], place, limit_s)
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


def _asked(wanted: Sequence[Row], place: Place, limit_s: float) -> dict[str, tuple[Finding, float]]:
    """Return each row's finding and the seconds it took, from the process that runs them all."""
    if not wanted:
        return {}
    told: dict[str, tuple[Finding, float]] = {}
    latest = max(min(row.limit_s, limit_s) if limit_s else row.limit_s for row in wanted) + START_S
    with tempfile.TemporaryDirectory(prefix="disttest-probes-", ignore_cleanup_errors=True) as private:
        for line in _lines(wanted, place, limit_s, latest, private):
            answer = json.loads(line)
            told[answer["name"]] = _finding(answer), float(answer["seconds"])
        missing = f"the process that runs the probes ended without its answer{_last_words(private)}"
    lost = {row.name: (Finding(row.name, "unknown", why=missing), 0.0) for row in wanted if row.name not in told}
    return {**told, **lost}


def _last_words(private: str) -> str:
    with open(os.path.join(private, ERRORS), encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    return f": {lines[-1]}" if lines else ""


def _finding(answer: Mapping[str, Any]) -> Finding:
    if answer["finding"] is None:
        return Finding(answer["name"], "unknown", why=answer["why"])
    try:
        return restored(answer["finding"])._replace(name=answer["name"])
    except (TypeError, ValueError) as fault:
        return Finding(answer["name"], "unknown", why=f"its answer makes no sense: {fault}")


def restored(plain: Mapping[str, Any]) -> Finding:
    """Return the Finding that JSON made of one; ValueError or TypeError where its parts are not what they must be."""
    finding = Finding(**plain)
    if finding.status not in STATUSES:
        raise ValueError(f"{finding.status!r} is no status")
    for facts in (finding.facts, *(each["facts"] for each in finding.devices)):
        strange = [key for key, value in facts.items() if not _is_value(value)]
        if strange:
            raise ValueError(f"{', '.join(strange)} has no value of a fact")
    for each in finding.devices:
        if not {"kind", "id", "address", "facts", "unknown", "fault"} <= set(each):
            raise ValueError("a device is made by finding.device")
    unknown = {str(key): str(why) for key, why in finding.unknown.items()}
    return finding._replace(devices=tuple(finding.devices), unknown=unknown)


def _is_value(value: Any) -> bool:
    return all(isinstance(part, str | int | float) for part in (value if isinstance(value, list | tuple) else [value]))


def _lines(wanted: Sequence[Row], place: Place, limit_s: float, latest: float, private: str) -> list[bytes]:
    """Run the prober and return its lines, as many as come before *latest* seconds have passed."""
    reading, writing = os.pipe()
    request = {"rows": list(wanted), "place": place._asdict(), "limit_s": limit_s}
    package = os.path.dirname(os.path.abspath(pytest_disttest.__file__))
    with os.fdopen(reading, "rb", buffering=0) as answers, open(os.path.join(private, ERRORS), "wb") as errors:
        try:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT, package, str(writing)],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                pass_fds=[writing],
                # What a probe is killed in the middle of leaves its files where they are removed with the rest.
                env={**os.environ, "TMPDIR": private},
                start_new_session=True,
            )
        finally:
            os.close(writing)
        try:
            with contextlib.suppress(BrokenPipeError):
                stdin = process.stdin
                assert stdin is not None
                stdin.write(json.dumps(request).encode() + b"\n")
                stdin.flush()
            text = _until(answers.fileno(), time.monotonic() + latest)
        finally:
            _ended(process)
    return text.split(b"\n")[:-1]


def _until(descriptor: int, deadline: float) -> bytes:
    """Return what comes through a pipe until its end, or until *deadline*."""
    text = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            said = os.read(descriptor, 1 << 16)
            if not said:
                break
            text += said
    return bytes(text)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """Let the prober end by itself: the end of its input tells it to kill what it still runs."""
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(2.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _profile(
    wanted: Sequence[Row], told: Mapping[str, Mapping[str, Any]], asked: Sequence[str], place: Place, name: str
) -> dict[str, Any]:
    findings = [told[row.name]["finding"] for row in wanted]
    profile = merged(wanted, findings, asked)
    marks: dict[str, Any] = {}
    for finding in findings:
        marks |= finding.marks
    facts, devices = profile["facts"], profile["devices"]
    knows_hardware = set(fingerprint.HARDWARE) <= set(asked)
    knows_software = set(fingerprint.SOFTWARE) <= set(asked)
    profile["hw_class"] = fingerprint.hardware_class(facts, devices, marks) if knows_hardware else ""
    profile["sw_env"] = fingerprint.software(facts, devices) if knows_software else ""
    machine = place.text("/etc/machine-id") or place.text("/var/lib/dbus/machine-id")
    product = place.text("/sys/class/dmi/id/product_uuid")
    profile["host_id"] = fingerprint.host_id(machine, product, devices, name) if "gpu" in asked else ""
    profile["probes"] = [_told(row, told[row.name]) for row in wanted]
    plain: dict[str, Any] = json.loads(json.dumps(profile))  # lists for tuples, as it will be read
    return plain


def _told(row: Row, answer: Mapping[str, Any]) -> dict[str, Any]:
    finding: Finding = answer["finding"]
    words = {part: getattr(finding, part) for part in ("status", "level", "why", "source", "remarks")}
    return {"name": row.name, **words, "seconds": answer["seconds"], "kept": answer["kept"]}


if __name__ == "__main__":
    print(json.dumps(probe_host(sys.argv[1:] or FAMILIES), indent=2))
