"""``--hw-simulate FILE``: hosts that a file describes, and what is refused of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_disttest.errors import BadInventory, BadOption
from pytest_disttest.inventory import make_settings
from pytest_disttest.inventory.simulated import read_simulated
from pytest_disttest.match.profiles import write_profile
from pytest_disttest.model import Capabilities, Device

PROFILE = {
    "facts": {"os": "linux", "memory": "64 GiB", "cpu.flag": ["avx2", "avx"], "resource.jtag": 2},
    "devices": [{"kind": "gpu", "id": "GPU-1", "facts": {"gpu.memory": "80 GiB", "gpu.cuda": "12.4"}}],
}
HAS = Capabilities(
    facts={"os": "linux", "memory": 64 << 30, "cpu.flag": ("avx2", "avx"), "resource.jtag": 2},
    devices=(Device("gpu", "GPU-1", {"gpu.memory": 80 << 30, "gpu.cuda": "12.4"}),),
)


def file_of(**hosts: Any) -> str:
    return json.dumps({"hosts": hosts})


def settings(directory: Path, text: str, **values: Any):
    directory.joinpath("sim.json").write_text(text)
    return make_settings({"hw_simulate": "sim.json", **values}, rootdir=directory)


def test_sizes_may_have_a_unit_or_be_bytes():
    """What people invent and what `disttest probe` records are read alike."""
    invented = read_simulated(file_of(big={"profile": PROFILE}), file="sim.json")["big"].simulated
    recorded = read_simulated(file_of(big={"profile": write_profile(HAS)}), file="sim.json")["big"].simulated

    assert invented == recorded == HAS


def test_the_hosts_of_the_file_are_the_hosts_of_the_run(tmp_path: Path):
    """Without --hw-hosts; with it, they can be named beside real ones."""
    text = file_of(big={"profile": PROFILE, "workers": 3, "tags": ["rack"]}, small={"profile": {}})

    alone = settings(tmp_path, text).hosts
    beside = settings(tmp_path, text, hw_hosts=["local,small"]).hosts

    assert [(host.name, host.transport, host.workers, host.tags) for host in alone] == [
        ("big", "local", 3, ("rack",)),
        ("small", "local", 1, ()),
    ]
    assert [(host.name, host.simulated is not None) for host in beside] == [("local", False), ("small", True)]


def test_a_simulated_host_takes_the_place_of_the_one_in_the_inventory(tmp_path: Path):
    """Where it is does not matter any more; what its owner says of it does."""
    tmp_path.joinpath("disttest.toml").write_text(
        '[hosts.lab]\naddress = "me@lab"\ntags = ["rack"]\nresources = { jtag = 1 }\nfacts = { "gpu.count" = 2 }\n'
    )

    (host,) = settings(tmp_path, file_of(lab={"profile": PROFILE}), hw_hosts=["all"]).hosts

    assert (host.transport, host.address, host.tags, host.pools) == ("local", "", ("rack",), (("jtag", 1),))
    assert (host.declared, host.simulated) == ((("gpu.count", 2),), HAS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "sim.json: is no JSON"),
        ("[]", "sim.json: is no object"),
        ("{}", "sim.json: hosts: is missing"),
        (file_of(a={}), "sim.json: hosts.a.profile: is missing"),
        (file_of(a={"profil": {}}), "hosts.a.profil: is no part of a simulated host\n  hint: did you mean 'profile'?"),
        (file_of(all={"profile": {}}), "'all' cannot be a host's name"),
        (file_of(a={"profile": {}, "workers": 0}), "hosts.a.workers: 0 is no number of workers"),
        (file_of(a={"profile": {}, "tags": "x"}), "hosts.a.tags"),
        (file_of(a={"profile": {"facts": {"memory": "64"}}}), "hosts.a.profile.facts.memory: '64' does not fit"),
        (file_of(a={"profile": {"facts": {"memry": 1}}}), "hosts.a.profile.facts.memry: is no fact of a host"),
        (file_of(a={"profile": {"devices": {}}}), "hosts.a.profile.devices: is no list"),
        (file_of(a={"profile": {"devices": [{"kind": "fpga"}]}}), "hosts.a.profile.devices[0].kind"),
        (file_of(a={"profile": {"devices": [{"kind": "gpu"}]}}), "hosts.a.profile.devices[0].id: a device needs an id"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str):
    """Down to the fact."""
    with pytest.raises(BadInventory) as caught:
        settings(tmp_path, text)

    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    """As the user wrote it."""
    with pytest.raises(BadInventory, match=r"nowhere\.json: cannot be read"):
        make_settings({"hw_simulate": "nowhere.json"}, rootdir=tmp_path)


@pytest.mark.parametrize(
    ("written", "word", "seconds"),
    [(None, "skip", 0.0), ("fail", "fail", 0.0), ("error", "error", 0.0), ("wait:90", "wait", 90.0)],
)
def test_the_policy_for_unmatched_tests_is_read(tmp_path: Path, written: str | None, word: str, seconds: float):
    """A word, or a time to wait."""
    found = make_settings({"hw_unmatched": written}, rootdir=tmp_path)

    assert (found.unmatched, found.wait_s) == (word, seconds)


@pytest.mark.parametrize("written", ["wait", "wait:", "wait:soon", "wait:-1", "wait:0", "ignore"])
def test_a_policy_that_makes_no_sense_is_refused(tmp_path: Path, written: str):
    """A time must be one."""
    with pytest.raises(BadOption, match="--hw-unmatched"):
        make_settings({"hw_unmatched": written}, rootdir=tmp_path)


def test_a_host_to_explain_must_be_one_of_the_run(tmp_path: Path):
    """The nearest name is offered."""
    with pytest.raises(BadOption, match="'locl' is no host of this run"):
        make_settings({"hw_explain_host": "locl"}, rootdir=tmp_path)
