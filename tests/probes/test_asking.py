"""Probes that misbehave cost their own answer and nothing else; these really do, each in its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.worker.probes.asking import ask, restored
from pytest_disttest.worker.probes.finding import Finding, Place, device, here
from pytest_disttest.worker.probes.table import Row

PROBES = '''
import os, signal, subprocess, sys, tempfile, time
from pytest_disttest.worker.probes.finding import Finding, device


def well(place):
    print("chatter")
    return Finding("well", facts={"fact.root": place.root})

def hang(place):
    print("about to hang", flush=True)
    time.sleep(600)

def deaf(place):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)

def segfault(place):
    os.write(2, b"bad library\\n")
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(place):
    os._exit(3)

def leave_well(place):
    os._exit(0)

def quit(place):
    sys.exit("no")

def interrupt(place):
    raise KeyboardInterrupt

def deny(place):
    open("/proc/1/mem-none/x") if False else (_ for _ in ()).throw(PermissionError(13, "denied", "/dev/thing"))

def flood(place):
    for _ in range(300):
        os.write(1, b"x" * 65536)
        os.write(2, b"y" * 65536)
    return Finding("flood", facts={"fact.flooded": True})

def flood_on(place):
    while True:
        os.write(1, b"the last words\\n" * 1000)

def huge(place):
    return Finding("huge", facts={"fact.x": "x" * (8 << 20)})

def large(place):
    return Finding("large", facts={"fact.x": "x" * (1 << 20)})

def nothing(place):
    pass

def garbage(place):
    return Finding("garbage", facts={"fact.x": {"a": 1}})

def objects(place):
    return Finding("objects", facts={"fact.x": object()})

def status(place):
    return Finding("status", "perhaps")

def shut(place):
    os.closerange(3, 256)
    time.sleep(600)

def scribble(place):
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, b"scribble")
        except OSError:
            pass
    os._exit(0)

def litter(place):
    """Leave a file, a child in the same group and one that has left it, as browsers do."""
    with open(place.environment["TOLD"], "w") as told:
        directory = tempfile.mkdtemp()
        same = subprocess.Popen(["sleep", "600"])
        gone = subprocess.Popen(["sleep", "600"], start_new_session=True)
        told.write(f"{directory} {same.pid} {gone.pid}")
    if place.environment["THEN"] == "hang":
        time.sleep(600)
    return Finding("litter")
'''


@pytest.fixture(autouse=True)
def _probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("odd_probes.py").write_text(PROBES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def row(name: str, limit_s: float = 20.0) -> Row:
    """Return the row of one of the probes above."""
    return Row(name, f"odd_probes:{name}", limit_s=limit_s)


def alone(name: str, limit_s: float = 20.0, place: Place | None = None) -> Finding:
    """Return the answer of one probe that is asked together with a good one, whose answer must not suffer."""
    told = ask([row(name, limit_s), row("well")], place or here())
    assert {"fact.root": "/"} == told["well"][0].facts
    return told[name][0]


@pytest.mark.parametrize(
    ("name", "status", "why"),
    [
        ("segfault", "unknown", "it was killed by SIGSEGV: bad library"),
        ("leave", "unknown", "it ended with exit code 3 and without an answer"),
        ("leave_well", "unknown", "it ended with exit code 0 and without an answer"),
        ("quit", "unknown", "SystemExit: no"),
        ("interrupt", "unknown", "KeyboardInterrupt: "),
        ("deny", "denied", "denied: [Errno 13] denied: '/dev/thing'"),
        ("huge", "unknown", "its answer is no answer, or more than 4 MiB"),
        ("nothing", "unknown", "it gave NoneType, not a Finding"),
        ("garbage", "unknown", "its answer makes no sense: fact.x has no value of a fact"),
        ("objects", "unknown", "TypeError: Object of type object is not JSON serializable"),
        ("status", "unknown", "its answer makes no sense: 'perhaps' is no status"),
        ("scribble", "unknown", "its answer is no answer, or more than 4 MiB: scribble"),
        ("missing", "unknown", "AttributeError: module 'odd_probes' has no attribute 'missing'"),
    ],
)
def test_whatever_a_probe_does_is_an_answer(name: str, status: str, why: str):
    """Crashes, exits, nonsense: each is told, and the others answer."""
    finding = alone(name)

    assert (status, why) == (finding.status, finding.why)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hang", "no answer within 0.7 s: about to hang"),
        ("deaf", "no answer within 0.7 s"),
        ("shut", "no answer within 0.7 s"),
        ("flood_on", "no answer within 0.7 s: the last words | the last words | "),
    ],
)
def test_a_probe_that_does_not_end_is_ended(name: str, why: str):
    """At its limit it is killed, and its last words are told."""
    began = time.monotonic()
    finding = alone(name, 0.7)

    assert "unknown" == finding.status
    assert finding.why.startswith(why)
    assert time.monotonic() - began < 10.0  # not the 600 s that it wanted


def test_a_flood_of_words_delays_no_answer():
    """Forty megabytes of noise are read and thrown away; a long answer comes whole."""
    assert {"fact.flooded": True} == alone("flood").facts
    assert 1 << 20 == len(alone("large").facts["fact.x"])


def test_the_askers_limit_shortens_the_rows():
    """A limit of the one who asks holds for every probe."""
    told = ask([row("hang", 600.0), row("well")], here(), 0.7)

    assert ("unknown", "ok") == (told["hang"][0].status, told["well"][0].status)
    assert told["hang"][1] >= 0.7


@pytest.mark.parametrize("then", ["answer", "hang"])
def test_a_probe_leaves_neither_process_nor_file(then: str, tmp_path: Path):
    """Children that left its group and files it did not remove are gone when the answers are there."""
    place = here()._replace(environment={"TOLD": str(tmp_path / "told"), "THEN": then})
    alone("litter", 1.5, place)
    directory, *pids = tmp_path.joinpath("told").read_text().split()

    assert not os.path.exists(directory)
    assert [] == [pid for pid in pids if _is_alive(int(pid))]


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_probes_die_with_the_one_who_asked(tmp_path: Path):
    """Killed by kill -9, it leaves no probe behind."""
    script = (
        "from pytest_disttest.worker.probes.asking import ask\n"
        "from pytest_disttest.worker.probes.finding import here\n"
        "from pytest_disttest.worker.probes.table import Row\n"
        "ask([Row('litter', 'odd_probes:litter', limit_s=600.0)], here())\n"
    )
    told = tmp_path / "told"
    path = os.pathsep.join([os.environ["PYTHONPATH"], *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "TOLD": str(told), "THEN": "hang"}
    asker = subprocess.Popen([sys.executable, "-c", script], env=environment)
    try:
        assert _soon(lambda: told.exists() and len(told.read_text().split()) == 3)
    finally:
        asker.kill()
        asker.wait()
    _, *pids = told.read_text().split()

    assert _soon(lambda: not any(_is_alive(int(pid)) for pid in pids))


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_an_interpreter_that_cannot_start_is_an_answer(monkeypatch: pytest.MonkeyPatch):
    """Every probe is unknown, with what the interpreter said last."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    (finding, _) = ask([row("well")], here())["well"]

    assert "unknown" == finding.status
    assert finding.why.startswith("the process that runs the probes ended without its answer: ")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("ok")
PLAIN = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@given(st.dictionaries(st.sampled_from([*Finding._fields, "more"]), PLAIN, max_size=6))
def test_no_answer_is_believed_that_makes_no_sense(plain: dict[str, object]):
    """What JSON brings is a Finding of the right types, or refused; never another error."""
    try:
        finding = restored(plain)
    except (TypeError, ValueError):
        return
    assert json.dumps(finding)
    assert isinstance(finding.facts, dict)


def test_a_finding_survives_the_channel():
    """What a probe gave comes back equal, but for JSON's lists."""
    given = Finding("x", "ok", "usable", devices=(device("gpu", "GPU-1", facts={"gpu.api": ("cuda",)}),))
    back = restored(json.loads(json.dumps(given._asdict())))

    assert "GPU-1" == back.devices[0]["id"]
    assert ["cuda"] == back.devices[0]["facts"]["gpu.api"]
    assert given.status == back.status
