"""The probe of a host's browsers: each is opened, asked, and gone again before the answer is given."""

from __future__ import annotations

import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, NamedTuple

from pytest_disttest.browser.arithmetic import Question, question
from pytest_disttest.browser.asking import Told, ask
from pytest_disttest.browser.found import Installed, browsers
from pytest_disttest.browser.keeping import kept
from pytest_disttest.browser.kinds import BY_NAME
from pytest_disttest.browser.opening import GPU_FLAGS, USUAL, Settings, quiet_environment
from pytest_disttest.browser.page import page, served
from pytest_disttest.browser.proven import HARDWARE, Proof, proof
from pytest_disttest.worker.probes.finding import Finding, Place, device
from pytest_disttest.worker.probes.pci import DISPLAY, functions

NAME: Final = "browser"
SOURCE: Final = "Selenium"
FAMILIES: Final = ("browser", "webgpu", "webnn")
LIMIT_S: Final = 25.0
"""How long the browsers may take, side by side. A cold Firefox on a busy machine needs 5 s."""
BACKSTOP_S: Final = 1.0
"""How much longer the process that asks may take than its browsers, before it is killed as well."""
MARGIN_S: Final = 3.0
GPU_DRIVERS: Final = ("amdgpu", "i915", "nvidia", "radeon", "xe")
"""Drivers on Linux whose devices a browser may reach through Vulkan; not those of virtual machines' displays."""


def probe(place: Place) -> Finding:
    """Return the browsers of *place* with what they can compute; `proven` says what counts as proof.

    Must be called by a process that has no threads: it forks, see `keeping`.
    """
    if place.root != "/" or place.outputs is not None:
        return _untold("a recorded host has no browsers to open")
    found = browsers(place.environment)
    if not found.browsers:
        return Finding(NAME, status="absent", why="no browser is installed", remarks=found.remarks)
    if importlib.util.find_spec("selenium") is None:
        return _untold("selenium is not installed", found.remarks)
    asked = question(Random())
    usual = USUAL._replace(environment=place.environment)
    ways = (usual._replace(flags=GPU_FLAGS), usual) if has_gpu(place) else (usual,)
    told = tell(found.browsers, asked, limit_s=_limit_s(place), ways=ways)
    return finding(found.browsers, told, asked, found.remarks)


def has_gpu(place: Place) -> bool:
    """Return whether the bus shows a GPU that a browser might compute on."""
    return any(each.code.startswith(DISPLAY) and each.driver in GPU_DRIVERS for each in functions(place))


def _limit_s(place: Place) -> float:
    """Return how long browsers may take, so that there is an answer before this process is killed."""
    return max(1.0, min(LIMIT_S, place.limit_s - MARGIN_S)) if place.limit_s else LIMIT_S


def tell(
    programs: Sequence[Installed], asked: Question, *, limit_s: float, ways: Sequence[Settings] = (USUAL,)
) -> list[Told]:
    """Return what each of *programs* tells, in their order, within *limit_s*; nothing that they started remains.

    A Chromium is opened in the first of *ways* by which it computes on hardware, else in the last one.
    """
    driven = {number: program for number, program in enumerate(programs) if program.driver}
    lines: list[bytes] = []
    began = time.monotonic()
    if driven:
        asking = Asking(driven, asked, limit_s, ways)
        lines = kept(asking.ask_all, limit_s=limit_s + BACKSTOP_S)
    told = dict(json.loads(line) for line in lines)
    is_late = time.monotonic() - began >= limit_s
    silent = {"why": f"no answer within {limit_s:g} s" if is_late else "its probe ended without an answer"}
    return [told.get(n, silent) if p.driver else _undriven(p) for n, p in enumerate(programs)]


class Asking(NamedTuple):
    """What is asked of several browsers side by side: *programs* by number."""

    programs: Mapping[int, Installed]
    asked: Question
    limit_s: float
    ways: Sequence[Settings]

    def ask_all(self, directory: str, send: Callable[[bytes], object]) -> None:
        """Send ``[number, what it tells]`` as a line of JSON for each program, as soon as it is known."""
        os.environ.update(quiet_environment(os.environ, directory))
        one_at_a_time = threading.Lock()

        def ask_one(number: int, program: Installed, address: str) -> None:
            home = os.path.join(directory, str(number))
            told = self._told_by(program, home, address)
            with one_at_a_time:
                send(json.dumps([number, told]).encode("ascii"))

        with served(page()) as address:
            threads = [threading.Thread(target=ask_one, args=(*pair, address)) for pair in self.programs.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def _told_by(self, program: Installed, home: str, address: str) -> Told:
        """Return what a browser tells, opened in the best way."""
        end = time.monotonic() + self.limit_s
        ways = self.ways[-1:] if BY_NAME[program.kind].engine == "firefox" else self.ways
        told: Told = {}
        for number, settings in enumerate(ways):
            place = f"{home}-{number}"
            os.mkdir(place)
            left_s = (end - time.monotonic()) / (len(ways) - number)
            told = ask(program, place, address, self.asked, limit_s=max(0.1, left_s), settings=settings)
            if proof(told, self.asked).facts.get("webgpu.adapter-type") in HARDWARE:
                break
        return told


def finding(programs: Sequence[Installed], told: Sequence[Told], asked: Question, remarks: Sequence[str]) -> Finding:
    """Return the finding about *programs*, of which each has told something; *remarks* are put before theirs."""
    proofs = [proof(each, asked) for each in told]
    devices = tuple(map(_device, programs, told, proofs))
    said = (f"{program.path}: {line}" for program, each in zip(programs, proofs, strict=True) for line in each.remarks)
    return Finding(NAME, level=_level(devices), source=SOURCE, devices=devices, remarks=(*remarks, *said))


def _device(program: Installed, told: Told, found: Proof) -> dict[str, Any]:
    is_open = bool(told.get("opened"))
    facts = {
        "browser.name": program.kind,
        "browser.version": told.get("version", ""),
        "browser.headless": True,
        "browser.flag": tuple(told.get("flags", ())) or None,
        **found.facts,
    }
    fault = "" if is_open else f"does not open: {told['why']}"
    unknown = found.unknown if told.get("version") else {"browser.version": told["why"], **found.unknown}
    return device("browser", program.path, facts=facts, unknown=unknown, fault=fault)


def _level(devices: Sequence[Mapping[str, Any]]) -> str:
    """Return how far the best of them came: ``verified`` by right numbers, ``usable`` by opening, or ``present``."""
    if any(each["facts"].get(flag) is True for each in devices for flag in ("webgpu", "webnn")):
        return "verified"
    return "usable" if any(not each["fault"] for each in devices) else "present"


def _undriven(program: Installed) -> Told:
    return {"why": f"{BY_NAME[program.kind].driver} is not installed"}


def _untold(why: str, remarks: Sequence[str] = ()) -> Finding:
    unknown = dict.fromkeys(FAMILIES, why)
    return Finding(NAME, status="unknown", why=why, unknown=unknown, remarks=tuple(remarks))
