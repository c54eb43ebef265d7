"""Whatever a host's files say, every probe answers: kernels, vendors and containers leave out and misspell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rigs.recorded import RECORDED, laid_out, marks_of, probed, text_of

from pytest_disttest.match.profiles import read_profile
from pytest_disttest.needs.vocabulary import key_of
from pytest_disttest.worker.fingerprint import hardware_class, host_id, software
from pytest_disttest.worker.probes import gpu_use, load

MACHINES = sorted(path.stem for path in RECORDED.glob("*.tree"))
WORDS = ["", "-1", "0", "0x", "max", "max max", "0 0", "N/A", "1\x002", "9" * 30, "0-99999999999", "3-1", "processor"]
ANSWERS = [
    "[]",
    "{}",
    "null",
    '[{"bdf": 1}]',
    '{"SPDisplaysDataType": [1]}',
    '{"SPDisplaysDataType": [{}]}',
    "exit 7",
    "exit x",
]
STRANGE = st.one_of(st.text(max_size=40), st.sampled_from(WORDS), st.sampled_from(ANSWERS))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), machine=st.sampled_from(MACHINES))
def test_no_content_of_any_file_is_an_error(data: st.DataObject, machine: str, tmp_path: Path):
    """Some files say something strange, some are gone: facts stay of the vocabulary, and names can be made of them."""
    root = tmp_path / "root"
    shutil.rmtree(root, ignore_errors=True)
    place = laid_out(text_of(machine), root)
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    for path in data.draw(st.lists(st.sampled_from(files), max_size=6)) if files else ():
        strange = data.draw(STRANGE)
        path.write_bytes(strange.encode("utf-8", "surrogateescape"))

    check(probed(place))
    json.dumps([gpu_use.probe(place), load.probe(place)])


PROGRAMS = ("nvidia-smi -q -x", "nvidia-smi --query-gpu=uuid,memory.free --format=csv,noheader,nounits")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), machine=st.sampled_from(["mac", "neuron", "hopper"]))
def test_no_output_of_a_program_is_an_error(data: st.DataObject, machine: str, tmp_path: Path):
    """Vendors' programs print what they like, and end as they like."""
    root = tmp_path / machine
    shutil.rmtree(root, ignore_errors=True)
    place = laid_out(text_of(machine), root)
    outputs = {line: data.draw(STRANGE) for line in [*(place.outputs or {}), *PROGRAMS]}

    check(probed(place._replace(outputs=outputs)))
    json.dumps(gpu_use.probe(place._replace(outputs=outputs)))


def check(profile: dict[str, Any]) -> None:
    """Hold the profile against what its readers rely on."""
    findings = profile.pop("findings")
    capabilities = read_profile(json.loads(json.dumps(profile)))
    assert all(key_of(key) for key in capabilities.facts)
    assert all(key_of(key) for device in capabilities.devices for key in device.facts)
    assert capabilities.facts.get("cpu.processors", 1) >= 1  # type: ignore[operator]
    assert capabilities.facts.get("memory", 1) > 0  # type: ignore[operator]
    assert not [device for device in capabilities.devices if not device.id]
    facts, devices = profile["facts"], profile["devices"]
    assert hardware_class(facts, devices, marks_of({"findings": findings}))
    assert software(facts, devices)
    assert isinstance(host_id("", "", devices, ""), str)


@pytest.mark.parametrize("machine", MACHINES)
def test_ids_are_unique(machine: str, tmp_path: Path):
    """Two devices of one host never have one id: leases are held by it."""
    ids = [(device["kind"], device["id"]) for device in probed(laid_out(text_of(machine), tmp_path))["devices"]]

    assert len(ids) == len(set(ids))
