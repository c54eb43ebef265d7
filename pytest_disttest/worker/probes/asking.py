"""Asks a host's probes, in the process that runs them (`prober`), and takes their answers as Findings again."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_disttest.worker.booting import command
from pytest_disttest.worker.probes.finding import STATUSES, Finding, Place
from pytest_disttest.worker.probes.table import Row

START_S = 10.0
"""How much longer than its probes the process that runs them may take: to start on a busy host, and to sweep up."""
ERRORS = "errors"
PARTS = {"name": str, "level": str, "why": str, "source": str, "facts": dict, "devices": list, "unknown": dict,
         "remarks": list, "degraded": list, "marks": dict}  # fmt: skip
DEVICE = {"kind": str, "id": str, "address": str, "facts": dict, "unknown": dict, "fault": str}
"""What JSON makes of a Finding's parts, and of a device's."""


def ask(wanted: Sequence[Row], place: Place, limit_s: float = 0.0) -> dict[str, tuple[Finding, float]]:
    """Return, by name, each row's finding and the seconds it took; *limit_s* shortens the rows' own limits, 0 does not.

    All run at the same time. One that gives no answer, or no sense, has the status ``unknown`` and says why.
    """
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
    for part, kinds in PARTS.items():
        if not isinstance(getattr(finding, part), kinds):
            raise TypeError(f"{part} is {type(getattr(finding, part)).__name__}")
    _check_facts(finding.facts)
    for each in finding.devices:
        if {name: type(value) for name, value in each.items()} != DEVICE:
            raise ValueError("a device is made by finding.device")
        _check_facts(each["facts"])
    return finding._replace(devices=tuple(finding.devices))


def _check_facts(facts: Mapping[str, Any]) -> None:
    strange = [key for key, value in facts.items() if not _is_value(value)]
    if strange:
        raise ValueError(f"{', '.join(strange)} has no value of a fact")


def _is_value(value: Any) -> bool:
    return all(isinstance(part, str | int | float) for part in (value if isinstance(value, list | tuple) else [value]))


def _lines(wanted: Sequence[Row], place: Place, limit_s: float, latest: float, private: str) -> list[bytes]:
    """Run the prober and return its lines, as many as come before *latest* seconds have passed."""
    reading, writing = os.pipe()
    request = {"rows": list(wanted), "place": place._asdict(), "limit_s": limit_s}
    with os.fdopen(reading, "rb", buffering=0) as answers, open(os.path.join(private, ERRORS), "wb") as errors:
        try:
            process = subprocess.Popen(
                command("pytest_disttest.worker.probes.prober", str(writing)),
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
