"""The whole of it on this machine: a profile that a controller reads, in little time, whatever goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import psutil
import pytest
from rigs.recorded import laid_out, text_of

from pytest_disttest.gateways.shipping import gather
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.needs.vocabulary import KEYS, key_of
from pytest_disttest.worker import probing
from pytest_disttest.worker.probes import cache
from pytest_disttest.worker.probes.table import FAMILIES, ROWS, answer_for, every_row, row_of

ALL = tuple(family for family in FAMILIES if family != "browser")
"""Browsers take seconds, and have their own tests."""
ODD = """
from pytest_disttest.worker.probes.finding import Finding, device


def probe(place):
    card = device("accel", "npu-1", facts={"accel.type": "npu", "accel.vendor-name": "Furiosa"})
    return Finding("furiosa", level="usable", source="its own package", devices=(card,))
"""


def profile_of(tmp_path: Path, *families: str, **how: Any) -> dict[str, Any]:
    """Return this host's profile, with a cache and a folder of facts of its own."""
    facts = tmp_path / "facts.d"
    facts.mkdir(exist_ok=True)
    asked = families or ALL
    return probing.probe_host(asked, cache_dir=str(tmp_path / "cache"), facts_dir=str(facts), **how)


def test_a_profile_of_this_machine(tmp_path: Path):
    """It reads as capabilities; every key is of the vocabulary; every probe tells how it went."""
    profile = profile_of(tmp_path)
    capabilities = read_profile(profile)

    assert psutil.virtual_memory().total >= capabilities.facts["memory"] > 0
    assert [] == [key for key in profile["facts"] if key_of(key) is None]
    expected = [row.name for row in ROWS if row.families != ("browser",)]
    assert expected == [each["name"] for each in profile["probes"] if each["name"] in _own()]
    assert [] == [each for each in profile["probes"] if each["status"] == "unknown" and not each["why"]]
    assert all((profile["hw_class"], profile["sw_env"]))
    assert profile == json.loads(json.dumps(profile))


def _own() -> set[str]:
    return {row.name for row in ROWS}


def test_a_profile_of_this_machine_stays_the_same(tmp_path: Path):
    """Asked again, with the cache and without, it is the same machine."""
    names = ("hw_class", "host_id", "sw_env")
    told = [profile_of(tmp_path, fresh=fresh) for fresh in (False, False, True)]

    assert 1 == len({tuple(each[name] for name in names) for each in told})


def test_half_an_answer_makes_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where a probe of the hardware did not come back, the machine has no class, rather than another one for once."""
    broken = tuple(row._replace(target="nowhere:probe") if row.name == "cpu" else row for row in ROWS)
    monkeypatch.setattr(probing, "every_row", lambda: broken)
    profile = profile_of(tmp_path)

    assert "" == profile["hw_class"] == profile["sw_env"]
    assert "cpu: ModuleNotFoundError: No module named 'nowhere'" == profile["unknown"]["cpu"]


def test_a_profile_speaks_of_what_was_asked(tmp_path: Path):
    """Of another family it says nothing, not even that it is unknown; but the host's names are always the whole's."""
    profile, whole = profile_of(tmp_path, "memory"), profile_of(tmp_path)

    assert ({"memory"}, [], {}) == (set(profile["facts"]), profile["devices"], profile["unknown"])
    assert ["memory", "facts.d"] == [each["name"] for each in profile["probes"] if each["name"] in _own()]
    for name in ("hw_class", "host_id", "sw_env"):
        assert profile[name] == whole[name] != ""


def test_every_key_of_the_host_is_answered_for():
    """No key of the vocabulary falls between the probes: one that fails makes it unknown."""
    answers = {key for row in ROWS for key in row.answers}
    orphans = [key for key in KEYS if not any(key == each or key.startswith(f"{each}.") for each in answers)]

    assert [] == orphans


def test_the_labs_facts_are_part_of_it(tmp_path: Path):
    """Drop-in files add facts, and what cannot be read in them is remarked."""
    profile_of(tmp_path, "memory")
    tmp_path.joinpath("facts.d", "lab.conf").write_text("resource.serial_port = 2\nnonsense\n")
    profile = profile_of(tmp_path, "memory")

    assert 2 == profile["facts"]["resource.serial_port"]
    (remark,) = next(each for each in profile["probes"] if each["name"] == "facts.d")["remarks"]
    assert "not of the form key = value" in remark


def test_slow_answers_are_kept_and_volatile_ones_are_not(tmp_path: Path):
    """A recorded AMD server: its GPUs come from the cache the second time, unless it is asked afresh."""
    root = tmp_path / "root"
    laid_out(text_of("instinct") + "/proc/sys/kernel/random/boot_id = one\n", root)
    told = [profile_of(tmp_path, "gpu", root=str(root), fresh=fresh) for fresh in (False, False, True)]
    kept = [{each["name"] for each in profile["probes"] if each["kept"]} for profile in told]

    assert [set(), {"amd"}, set()] == kept
    assert 2 == len(told[0]["devices"])
    assert told[0]["devices"] == told[1]["devices"] == told[2]["devices"]


def test_a_reboot_ends_what_was_kept(tmp_path: Path):
    """Another boot id: every probe is asked."""
    root = tmp_path / "root"
    laid_out(text_of("instinct") + "/proc/sys/kernel/random/boot_id = one\n", root)
    profile_of(tmp_path, "gpu", root=str(root))
    (root / "proc/sys/kernel/random/boot_id").write_text("two\n")

    assert [] == [each for each in profile_of(tmp_path, "gpu", root=str(root))["probes"] if each["kept"]]


def test_a_corrupt_cache_costs_nothing(tmp_path: Path):
    """What stands in it is no answer: the probes are asked."""
    root = tmp_path / "root"
    laid_out(text_of("instinct"), root)
    before = profile_of(tmp_path, "gpu", root=str(root))
    (file,) = tmp_path.joinpath("cache").iterdir()
    kept = json.loads(file.read_text())
    kept["answers"]["amd"]["finding"]["devices"] = [{"kind": "gpu"}]
    file.write_text(json.dumps(kept))

    after = profile_of(tmp_path, "gpu", root=str(root))
    assert before["devices"] == after["devices"]
    assert [] == [each for each in after["probes"] if each["kept"]]


def test_only_good_answers_are_kept(tmp_path: Path):
    """That a library is missing may be mended in a minute."""
    profile_of(tmp_path)
    here = {each["name"] for each in profile_of(tmp_path)["probes"] if each["status"] == "ok"}
    kept = {name for file in (tmp_path / "cache").glob("*.json") for name in json.loads(file.read_text())["answers"]}

    assert kept <= here & {row.name for row in ROWS if row.kept}


def test_another_packages_probe_is_asked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An entry point of our group adds a probe, which is loaded only in its own process."""
    tmp_path.joinpath("odd_npu.py").write_text(ODD)
    metadata = tmp_path / "odd_npu-1.0.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: odd-npu\nVersion: 1.0\n")
    metadata.joinpath("entry_points.txt").write_text("[pytest_disttest.probes]\naccel.furiosa = odd_npu:probe\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    profile = profile_of(tmp_path, "accel")

    assert ["npu-1"] == [device["id"] for device in profile["devices"] if device["kind"] == "accel"]
    assert "odd_npu" not in sys.modules
    assert "accel.furiosa" not in {row.name for row in answer_for(["gpu"], every_row())}


def test_a_name_says_the_family():
    """``accel.x`` is asked for with accelerators, a name without a family always."""
    assert (("accel",), ()) == (row_of("accel.x", "a:b").families, row_of("mine", "a:b").families)


def test_whatever_breaks_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An interpreter that cannot be started at all leaves every family unknown, with the reason."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    profile = profile_of(tmp_path)
    capabilities = read_profile(profile)

    assert {} == capabilities.facts
    assert "/nowhere/python" in capabilities.unknown["gpu"]


def test_a_host_with_nothing_but_python_is_probed(tmp_path: Path):
    """What is shipped is enough: in an interpreter without any package every probe answers."""
    for name, text in gather().items():
        path = tmp_path / "sent" / "pytest_disttest" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    venv.create(tmp_path / "venv", with_pip=False)
    script = (
        "import json, sys; sys.path.insert(0, sys.argv[1]);"
        "from pytest_disttest.worker.probing import probe_host, volatile;"
        "print(json.dumps([probe_host(sys.argv[2:], cache_dir=sys.argv[1]), volatile()]))"
    )
    command = [str(tmp_path / "venv" / "bin" / "python"), "-W", "error", "-c", script, str(tmp_path / "sent"), *ALL]
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True, check=True)
    profile, told = json.loads(done.stdout)

    own = [each for each in profile["probes"] if each["name"] in _own()]
    assert {"ok", "absent"} >= {each["status"] for each in own if each["name"] != "network"}
    assert {"python.version", "python.implementation"} == {key for key in profile["facts"] if key[:2] in ("py", "pa")}
    assert told["memory_free"] > 0
    assert "" == done.stderr


def test_what_changes_by_the_minute_is_read_now(tmp_path: Path):
    """Free disk, free memory and load, beside what psutil says."""
    told = probing.volatile(directory=str(tmp_path))

    assert abs(psutil.virtual_memory().available - told["memory_free"]) < psutil.virtual_memory().total // 4
    assert abs(psutil.disk_usage(str(tmp_path)).free - told["disk.free"]) < psutil.disk_usage("/").total // 20
    assert told["load"] >= 0
    assert {} == told["devices"] or all("memory_free" in each or each for each in told["devices"].values())
    assert {"disk.free"} == set(probing.volatile(["disk"]))


def test_the_module_prints_the_profile(tmp_path: Path):
    """For whoever wants to look, on any host with our sources."""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "pytest_disttest.worker.probing", "memory"]
    text = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert json.loads(text)["facts"]["memory"] > 0


def test_all_that_is_cheap_takes_little_time(tmp_path: Path):
    """Half a second of processor time for all probes of a machine without devices, the start included."""
    before = os.times()
    profile_of(tmp_path, fresh=True)
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])

    assert spent < 1.0  # half of it on a quiet machine; others may slow this one's caches


def test_the_slowest_probe_bounds_the_whole(tmp_path: Path):
    """Probes run side by side: all together take no longer than their limits say."""
    began = time.monotonic()
    profile_of(tmp_path, limit_s=2.0)

    assert time.monotonic() - began < 2.0 + 10.0


def test_clock_is_posix_time():
    """Answers carry a time that other processes understand."""
    assert abs(time.time() - cache.clock()) < 60.0
