"""The inventory file as hosts, and what it refuses."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_disttest.errors import BadInventory
from pytest_disttest.inventory import Inventory, load_inventory
from pytest_disttest.inventory.described import read_inventory
from pytest_disttest.inventory.words import HOST_KEYS, RESERVED
from pytest_disttest.model import Host

BASE = Path("/project")
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "inventory.md").read_text("utf-8")


def read(text: str, file: str = "disttest.toml") -> Inventory:
    """Return the inventory of *text* as if it stood in /project."""
    return read_inventory(text, file=file, base=BASE)


def test_the_file_on_the_reference_page_is_read_as_it_says():
    """The page's example is the full form of everything."""
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)[1]

    assert read(example) == Inventory(
        hosts={
            "local": Host("local", python="python3", tags=("laptop",), line="disttest.toml: hosts.local (line 5)"),
            "lab1": Host(
                "lab1",
                "ssh",
                "me@lab1.example",
                port=2222,
                workers=4,
                python="/opt/py/bin/python",
                ssh_key="/project/keys/lab",
                tags=("gpu", "rack1"),
                environment=(("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),),
                line="disttest.toml: hosts.lab1 (line 9)",
                declared=(("gpu.count", 2), ("gpu.memory", 40 << 30), ("location", "basement")),
                pools=(("jtag", 1),),
            ),
            "pi": Host(
                "pi",
                "ssh",
                "pi@192.0.2.7",
                python="/opt/py/bin/python",
                ssh_key="/project/keys/lab",
                directory="/home/pi/suite",
                enabled=False,
                line="disttest.toml: hosts.pi (line 19)",
            ),
        },
        workers=0,
        file="disttest.toml",
        presets={"BIG": {"cores": 8, "memory": "32 GiB"}},
    )


def test_the_page_lists_every_key_and_no_other():
    """Keys and reserved names on the page are those of the code."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(HOST_KEYS)
    assert all(f"`{name}`" in PAGE for name in RESERVED)


def test_the_error_on_the_page_is_what_is_said():
    """Word for word."""
    with pytest.raises(BadInventory) as caught:
        read('[hosts.lab1]\naddress = "me@lab1"\n\nwokers = 4\n')

    assert str(caught.value) in PAGE


def test_pyproject_holds_the_same_tables():
    """Only their names are longer, and lines are found all the same."""
    written = '[project]\nname = "x"\n[tool.disttest.hosts.lab1]\naddress = "lab1"\n'

    assert read(written, file="pyproject.toml").hosts == {
        "lab1": Host("lab1", "ssh", "lab1", line="pyproject.toml: hosts.lab1 (line 3)")
    }


def test_defaults_hold_where_a_host_says_nothing():
    """Workers stay apart, because --hw-workers comes between; ssh's settings mean nothing to a local host."""
    found = read(
        '[defaults]\nworkers = 3\nport = 22\npython = "py"\ntags = ["x"]\n'
        '[hosts.near]\naddress = "local"\n[hosts.far]\naddress = "far"\nport = 2200\ntags = []\n'
    )

    assert [replace(host, line="") for host in found.hosts.values()] == [
        Host("near", python="py", tags=("x",)),
        Host("far", "ssh", "far", port=2200, python="py"),
    ]
    assert found.workers == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hosts = = 3", "disttest.toml: is no TOML: .*line 1"),
        ("[host.lab1]\n", r"disttest.toml: host: is no key of an inventory\n  hint: did you mean 'hosts'\?"),
        ("hosts = 3", "disttest.toml: hosts: is no table"),
        ("[hosts]\nlab1 = 3", r"disttest.toml: hosts.lab1 \(line 2\): is no table\n  hint: .*\[hosts.lab1\]"),
        ("[hosts.lab1]", r"disttest.toml: hosts.lab1.address \(line 1\): is missing"),
        ('[hosts.lab1]\naddress = "me@lab 1"', r"hosts.lab1.address \(line 2\): 'me@lab 1' is no address"),
        ('[hosts.lab1]\naddress = "-oProxyCommand=x"', "is no address"),
        ('[hosts.lab1]\naddress = "a:99999"', "is no address"),
        ('[hosts.lab1]\naddress = "a:22"\nport = 22', "names a port, and so does port"),
        ('[hosts.lab1]\naddress = "local"\nssh_key = "k"', r"hosts.lab1.ssh_key \(line 3\): is for hosts behind ssh"),
        ('[hosts.lab1]\naddress = "a"\nworkers = "4"', r"hosts.lab1.workers \(line 3\): '4' does not fit; say a whole"),
        ('[hosts.lab1]\naddress = "a"\nworkers = true', "True does not fit; say a whole number from 1"),
        ('[hosts.lab1]\naddress = "a"\nport = 0', "0 does not fit; say a port number"),
        ('[hosts.lab1]\naddress = "a"\ntags = "gpu"', "'gpu' does not fit; say a list of words"),
        ('[hosts.lab1]\naddress = "a"\ntags = ["a b"]', "does not fit; say a list of words"),
        ('[hosts.lab1]\naddress = "a"\n[hosts.lab1.environment]\nN = 1', r"environment \(line 3\): .*does not fit"),
        ('[hosts.lab1]\naddress = "a"\nenabled = "no"', "'no' does not fit; say true or false"),
        ("[hosts.all]", "'all' cannot be a host's name"),
        ('[hosts."a,b"]', "'a,b' cannot be a host's name"),
        ('[defaults]\nadress = "x"', r"defaults.adress \(line 2\): is no key of defaults"),
    ],
)
def test_what_is_no_host_is_refused_with_its_place(text, told):
    """File, key, line where it is written out, and the way out."""
    with pytest.raises(BadInventory, match=told):
        read(text)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("lab1", ("lab1", 0)),
        ("me@lab1:2222", ("me@lab1", 2222)),
        ("me@[2001:db8::7]:22", ("me@2001:db8::7", 22)),
        ("a_b.c-d@127.0.0.2", ("a_b.c-d@127.0.0.2", 0)),
    ],
)
def test_addresses_are_read_with_their_port(address, parts):
    """Brackets are the notation's, not the address's."""
    host = read(f'[hosts.x]\naddress = "{address}"').hosts["x"]

    assert (host.address, host.port) == parts


def test_the_rootdir_is_searched_in_order(tmp_path):
    """disttest.toml, then pyproject.toml, then nothing; a pyproject without our table is nothing."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    nothing = load_inventory(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.disttest.hosts.a]\naddress = 'a'\n")
    project = load_inventory(tmp_path)
    (tmp_path / "disttest.toml").write_text("[hosts.b]\naddress = 'b'\n")

    assert nothing == Inventory()
    assert [(i.file, list(i.hosts)) for i in (project, load_inventory(tmp_path))] == [
        ("pyproject.toml", ["a"]),
        ("disttest.toml", ["b"]),
    ]


def test_a_named_file_comes_first_and_must_be_there(tmp_path):
    """Relative to where pytest was started; a missing one is an error, not an empty inventory."""
    (tmp_path / "disttest.toml").write_text("[hosts.b]\naddress = 'b'\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "lab.toml").write_text("[hosts.c]\naddress = 'c'\nssh_key = 'id'\n")
    found = load_inventory(tmp_path, "lab.toml", invocation_dir=tmp_path / "here")

    assert found.hosts["c"].ssh_key == str(tmp_path / "here" / "id")
    with pytest.raises(BadInventory, match=r"lab\.toml: cannot be read: No such file"):
        load_inventory(tmp_path, "lab.toml", invocation_dir=tmp_path)


def declared(lines: str) -> Host:
    """Return the host that a table with these lines describes."""
    return read(f'[hosts.lab]\naddress = "lab"\n{lines}\n').hosts["lab"]


def test_facts_are_read_as_markers_read_them():
    """Words of the vocabulary and their short forms; TOML's dotted keys are the same words."""
    written = 'facts = { cores = 8, os = "Darwin", gpu.count = 2, "cpu.flag" = ["avx2", "avx"] }'

    assert dict(declared(written).declared) == {
        "cpu.processors": 8,
        "os": "macos",
        "gpu.count": 2,
        "cpu.flag": ("avx2", "avx"),
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('facts = { "gpu.cout" = 2 }', "facts.gpu.cout (line 3): is no fact of a host\n  hint: did you mean"),
        ('facts = { "memory" = 64 }', "facts.memory"),
        ('facts = { "memory" = [1] }', "facts.memory"),
        ('facts = { "cpu.processors" = "many" }', "facts.cpu.processors"),
        ('facts = { "resource.jtag" = 1 }', "is a resource\n  hint: write it as resources = { jtag = 1 }"),
        ('resources = { jtag = "one" }', "resources.jtag (line 3): 'one' is no number of units"),
        ("resources = { jtag = true }", "no number of units"),
        ("resources = { jtag = -1 }", "no number of units"),
        ("location = 4", "location (line 3): 4 does not fit"),
        ('browsers = "/usr/bin/firefox"', "browsers (line 3)"),
    ],
)
def test_what_cannot_be_meant_of_a_host_is_refused_with_its_place(lines: str, said: str):
    """Unknown words, sizes without a unit, and what has a table of its own."""
    with pytest.raises(BadInventory) as caught:
        declared(lines)

    assert said in str(caught.value)


def test_facts_of_the_defaults_hold_for_every_host_unless_it_says_otherwise():
    """Fact by fact, not table by table."""
    text = (
        '[defaults]\nfacts = { os = "linux", arch = "aarch64" }\n'
        '[hosts.a]\naddress = "a"\nfacts = { arch = "x86_64" }\n'
    )

    assert dict(read(text).hosts["a"].declared) == {"os": "linux", "arch": "x86_64"}


def test_browsers_reach_the_host_as_a_variable():
    """The probe that opens them reads it there."""
    host = declared('browsers = ["/opt/a/chrome", "/opt/b/firefox"]')

    assert dict(host.environment) == {"DISTTEST_BROWSERS": "/opt/a/chrome:/opt/b/firefox"}
