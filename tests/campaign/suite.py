"""The suite of a trial: tests that note that they ran, some that ask for a device, maybe one that is a fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILES = 4
LEASED = 4

COMMON = '''
import os, time
import pytest

def ran(name, pace_s):
    """Note who ran, where and in which process; one write, so that many may do so at once."""
    where = os.environ.get("CAMPAIGN_WHERE", "?")
    ledger = os.open({ledger!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(ledger, f"{{name}} {{where}} {{os.getpid()}}\\n".encode())
    os.close(ledger)
    time.sleep(pace_s)
'''

PLAIN = """
from campaign_common import *

@pytest.mark.parametrize("number", range({count}))
def test_{name}(number):
    ran(f"{name}-{{number}}", {pace_s})
"""

LEASES = """
from campaign_common import *

@pytest.mark.parametrize("number", range({count}))
@pytest.mark.hw(gpu=1)
def test_leased(number, hw_grant):
    ran(f"leased-{{number}}", {pace_s})
"""

PROBE = """
from pytest_disttest.worker.probes.finding import Finding, device

def probe(place):
    facts = {"gpu.vendor": "10de", "gpu.kind": "discrete", "gpu.memory": 1 << 33}
    return Finding("lab", level="usable", source="the lab", devices=(device("gpu", "GPU-lab-0", facts=facts),))
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A line of the ledger: a test's body began on a host, in a process (as numbered there)."""

    test: str
    where: str
    pid: int


def write_suite(root: Path, ledger: Path, *, tests: int, pace_s: float, leased: bool, fault: str) -> int:
    """Write the suite below *root* and return how many tests it has; *fault* is the text of one more file."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "pytest.ini").write_text("[pytest]\nmarkers =\n    hw: what a test asks for\n")
    (root / "campaign_common.py").write_text(COMMON.format(ledger=str(ledger)))
    each = tests // FILES
    for name in "abcd":
        (root / f"test_{name}.py").write_text(PLAIN.format(count=each, name=name, pace_s=pace_s))
    total = each * FILES
    if leased:
        (root / "test_leased.py").write_text(LEASES.format(count=LEASED, pace_s=pace_s))
        total += LEASED
    if fault:
        (root / "test_fault.py").write_text("from campaign_common import *\n\n" + fault)
        total += fault.count("\ndef test_")
    return total


def write_lab(place: Path) -> Path:
    """Write a plugin that finds a device on every host, and return the directory to put on the import path."""
    lab = place / "lab"
    (lab / "lab-1.dist-info").mkdir(parents=True)
    (lab / "lab_probe.py").write_text(PROBE)
    (lab / "lab-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1\n")
    (lab / "lab-1.dist-info" / "entry_points.txt").write_text("[pytest_disttest.probes]\ngpu.lab = lab_probe:probe\n")
    return lab


def read_ledger(ledger: Path) -> list[Ran]:
    """Return what ran so far, in the order in which it began."""
    if not ledger.exists():
        return []
    lines = ledger.read_text().splitlines()
    return [Ran(test, where, int(pid)) for test, where, pid in (line.split() for line in lines)]
