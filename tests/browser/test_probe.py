"""The probe of browsers as a host's agent runs it: beside the others, in the vocabulary's words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rigs.browsers import CHECKOUT, HANGING, chromium, webnn_chromium, wrapped

from pytest_disttest.browser.probe import probe
from pytest_disttest.gateways import shipping
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.needs.vocabulary import KEYS, key_of
from pytest_disttest.worker.bootstrap import unpack
from pytest_disttest.worker.probes.finding import Place

PROFILE = "import json, sys; from pytest_disttest.worker.probing import probe_host; "


def profile(tmp_path: Path, python: str = sys.executable, limit_s: float = 0.0, **environment: str) -> dict[str, Any]:
    """Return the profile that a process of its own makes of this host's browsers."""
    how = {"limit_s": limit_s, "cache_dir": str(tmp_path / "cache")}
    script = f"{PROFILE}print(json.dumps(probe_host(['browser'], **{how!r})))"
    done = subprocess.run(
        [python, "-c", script],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(found: dict[str, Any]) -> dict[str, Any]:
    """Return what the profile says of our probe."""
    (told,) = [each for each in found["probes"] if each["name"] == "browser"]
    return dict(told)


def test_a_hosts_profile_has_its_browsers(tmp_path: Path):
    """Each is a device called by its path, with facts in the vocabulary's words; what is not installed is a remark."""
    program = webnn_chromium()
    path = str(Path(chromium().driver).parent)  # with Chromium and its driver in it, perhaps a Firefox

    found = profile(tmp_path, DISTTEST_BROWSERS=program.path, PATH=path)

    capabilities = read_profile(found)
    browsers = {device.id: device for device in capabilities.devices if device.kind == "browser"}
    assert (True, True) == tuple(browsers[program.path].facts[flag] for flag in ("webgpu", "webnn"))
    assert (True, False) == tuple(browsers[chromium().path].facts[flag] for flag in ("webgpu", "webnn"))
    assert [] == [key for device in browsers.values() for key in device.facts if key not in KEYS and not key_of(key)]
    told = row(found)
    assert ("ok", "verified", "Selenium") == tuple(told[part] for part in ("status", "level", "source"))
    assert "edge: not installed" in told["remarks"]
    assert {} == {key: why for key, why in capabilities.unknown.items() if key in ("browser", "webgpu", "webnn")}


def test_what_is_shipped_to_a_host_is_all_that_the_probe_needs(tmp_path: Path):
    """The page's scripts travel with the sources."""
    unpack(shipping.pack(shipping.gather()), tmp_path / "pytest_disttest")
    program = webnn_chromium()
    named = f"{program.path}:{program.driver}"

    found = profile(tmp_path, DISTTEST_BROWSERS=named, PATH="/nowhere", PYTHONPATH=str(tmp_path))

    assert [True] == [device["facts"]["webnn"] for device in found["devices"] if device["id"] == program.path]


def test_a_host_whose_browser_hangs_is_answered_within_the_limit(tmp_path: Path):
    """The probe ends before it is killed, and what it knows by then is kept."""
    hanging = wrapped(webnn_chromium(), tmp_path, HANGING)
    start = time.monotonic()

    found = profile(tmp_path, limit_s=12.0, DISTTEST_BROWSERS=f"{hanging.path}:{hanging.driver}", PATH="/nowhere")

    assert time.monotonic() - start < 20
    device = next(device for device in found["devices"] if device["id"] == hanging.path)
    assert "requestAdapter: no answer within" in device["unknown"]["webgpu"]
    assert ("chromium", "") == (device["facts"]["browser.name"], device["fault"])


def test_a_host_without_selenium_does_not_know(tmp_path: Path):
    """Browsers that nobody can open are unknown, with what to do."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python.parents[1]], check=True)

    found = profile(tmp_path, str(python), DISTTEST_BROWSERS=chromium().path)

    assert (
        dict.fromkeys(("browser", "webgpu", "webnn"), "selenium is not installed").items() <= found["unknown"].items()
    )
    assert [] == [device for device in found["devices"] if device["kind"] == "browser"]
    assert "unknown" == row(found)["status"]


def test_a_host_without_browsers_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """That is an answer, not a gap."""
    bare = tuple(kind._replace(places=()) for kind in _kinds())
    monkeypatch.setattr("pytest_disttest.browser.found.browsers.__kwdefaults__", {"kinds": bare})

    found = probe(Place(environment={"PATH": str(tmp_path)}))

    assert ("absent", "no browser is installed", ()) == (found.status, found.why, found.devices)


def _kinds() -> Any:
    from pytest_disttest.browser.kinds import KINDS

    return KINDS


@pytest.mark.parametrize("place", [Place(root="/recorded"), Place(outputs={})])
def test_a_recorded_host_opens_nothing(place: Place):
    """Its browsers, if any, are elsewhere."""
    assert "unknown" == probe(place).status
