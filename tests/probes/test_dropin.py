"""A lab's own facts in files on the host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.worker.facts import lab_facts
from pytest_disttest.worker.machine import folders
from pytest_disttest.worker.probes.dropin import probe, read, size
from pytest_disttest.worker.probes.finding import Finding, Place


def told(folder: Path, **environment: str) -> Finding:
    """Return what the files in *folder* say."""
    return probe(Place(environment={"DISTTEST_FACTS": str(folder), **environment}))


def test_files_are_read_in_order_and_tags_add_up(tmp_path: Path):
    """Each value has the kind of its key; a later line replaces an earlier one."""
    tmp_path.joinpath("10-lab.conf").write_text(
        "# the lab's\nlocation = rack 7\nresource.serial_port=2\ntag = lab, usb\nfact.board = rpi4\nmemory = 1.5 GiB\n"
    )
    tmp_path.joinpath("20-room.conf").write_text("location = rack 8\ntag = quiet\niommu.is-supported = yes\n")
    tmp_path.joinpath("30-notes.txt").write_text("not ours\n")
    finding = told(tmp_path)

    assert {
        "location": "rack 8",
        "resource.serial_port": 2,
        "tag": ("lab", "usb", "quiet"),
        "fact.board": "rpi4",
        "memory": 3 << 29,
        "iommu.is-supported": True,
    } == finding.facts
    assert () == finding.remarks


@pytest.mark.parametrize(
    ("line", "remark"),
    [
        ("location", "not of the form key = value"),
        ("loction = here", "no key is called 'loction'"),
        ("memory = 8", "'8' is no size: write a number and its unit, as in 8 GiB"),
        ("gpu.memory = 8 GiB", "gpu.memory is said of a device"),
        ("resource.x = many", "could not convert string to float"),
        ("resource.x = -1", "'-1' is no amount"),
        ("resource.x = inf", "'inf' is no amount"),
        ("iommu.is-supported = maybe", "'maybe' is neither true nor false"),
        ("boot.method = floppy", "boot.method is one of bios, uefi"),
    ],
)
def test_a_bad_line_is_a_remark(line: str, remark: str, tmp_path: Path):
    """It names file and line, and costs no other line."""
    tmp_path.joinpath("x.conf").write_text(f"location = here\n{line}\nfact.a = b\n")
    finding = told(tmp_path)

    assert {"location": "here", "fact.a": "b"} == finding.facts
    (said,) = finding.remarks
    assert said.startswith(f"{tmp_path / 'x.conf'}:2: {remark}")


def test_the_users_folder_is_read_after_the_systems():
    """XDG's rules say where it is."""
    home = {"HOME": "/home/u"}

    assert ("/etc/disttest/facts.d", "/home/u/.config/disttest/facts.d") == folders(home)
    assert "/x/disttest/facts.d" == folders({**home, "XDG_CONFIG_HOME": "/x"})[1]


def test_a_host_says_them_in_its_greeting(tmp_path: Path):
    """No probe need be waited for; and where there is no folder nothing is read."""
    tmp_path.joinpath("x.conf").write_text("tag = quiet\nresource.port = 2\n")

    assert {"tag": ("quiet",), "resource.port": 2} == lab_facts({"DISTTEST_FACTS": str(tmp_path)})
    assert {} == lab_facts({"DISTTEST_FACTS": str(tmp_path / "none")})


def test_no_folder_is_absent(tmp_path: Path):
    """Most hosts have none."""
    finding = told(tmp_path / "none")

    assert ("absent", {}) == (finding.status, finding.facts)


@given(st.text())
def test_no_text_is_an_error(text: str):
    """Whatever is in such a file, each line is a fact, a remark, or nothing."""
    remarks: list[str] = []
    facts: list[tuple[str, Any]] = read(text, "x", remarks)

    assert len(facts) + len(remarks) <= len(text.splitlines())


@given(st.integers(0, 1 << 20), st.sampled_from([("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("B", 0)]))
def test_binary_units_are_powers_of_two(number: int, unit: tuple[str, int]):
    """A size is what its unit says."""
    assert number << unit[1] == size(f"{number} {unit[0]}") == size(f"{number}{unit[0].lower()}")


def test_decimal_units_are_powers_of_ten():
    """GB is not GiB."""
    assert (10**9, 10**12, 1500) == (size("1 GB"), size("1TB"), size("1.5 kB"))
