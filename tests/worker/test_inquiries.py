"""What an agent finds out on its host, while it goes on to relay its workers."""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.processes import wait_until

import pytest_disttest
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.worker import probing
from pytest_disttest.worker.agent import serve
from pytest_disttest.worker.inquiries import Inquiries
from pytest_disttest.worker.leases import DIRECTORY, Leases, Terms, Wanted

GPU = Wanted("gpu", "GPU-aaaa-1")


class Desk:
    """A controller at the other end of an agent's channel."""

    def __init__(self) -> None:
        self.orders: queue.Queue[Any] = queue.Queue()
        self.heard: queue.Queue[tuple[Any, ...]] = queue.Queue()
        package = str(Path(pytest_disttest.__file__).parent)
        self.agent = threading.Thread(target=serve, args=(self, package))
        self.agent.start()

    def send(self, message: tuple[Any, ...]) -> None:
        """The agent speaks."""
        self.heard.put(message)

    def receive(self) -> Any:
        """The agent listens."""
        return self.orders.get()

    def tell(self, *message: Any) -> None:
        self.orders.put(message)

    def until(self, kind: str) -> tuple[Any, ...]:
        """Return the agent's next message of *kind*."""
        while (message := self.heard.get(timeout=20))[0] != kind:
            pass
        return message


@pytest.fixture
def desk() -> Iterator[Desk]:
    """An agent in a thread."""
    made = Desk()
    yield made
    made.tell("bye")
    made.agent.join(20)
    assert not made.agent.is_alive()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's directory of leases."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path / "leases"))
    return tmp_path / "leases"


def test_an_agent_probes_its_host(desk: Desk):
    """The real probes, asked for two families: their profile says what this machine is."""
    desk.tell("probe", ["system", "cpu"], 10.0, True)

    found = read_profile(desk.until("probed")[1])

    assert "linux" == found.facts["os"]
    assert len(os.sched_getaffinity(0)) >= int(found.facts["cpu.processors"]) > 0  # type: ignore[arg-type]


def test_a_probe_that_hangs_does_not_keep_the_agent_from_its_workers(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Workers start and their ends are told meanwhile; the answer comes when it is there."""
    answer = threading.Event()

    def hanging(families: Any, **_: Any) -> dict[str, Any]:
        assert answer.wait(20)
        return {"facts": {"tag": list(families)}}

    monkeypatch.setattr(probing, "probe_host", hanging)
    desk.tell("probe", ["gpu"], 1.0, False)
    desk.tell("spawn", "w1", [], {})
    desk.tell("signal", "w1", int(signal.SIGKILL))

    assert ("exit", "w1", -signal.SIGKILL) == desk.until("exit")[:3]
    desk.until("beat")
    answer.set()
    assert ("probed", {"facts": {"tag": ["gpu"]}, "leases": []}) == desk.until("probed")


def test_a_fault_in_the_probes_is_an_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """Then nothing is known, with the reason; the controller does not wait in vain."""

    def broken(*_: Any, **__: Any) -> dict[str, Any]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(probing, "probe_host", broken)
    desk.tell("probe", ["gpu", "cpu"], 1.0, False)

    why = "the probes broke: ZeroDivisionError: by zero"
    assert {"gpu": why, "cpu": why} == read_profile(desk.until("probed")[1]).unknown


def test_an_agent_tells_who_holds_its_devices(desk: Desk, place: Path):
    """Whoever that is."""
    mine = Leases(Terms("alice@desk", "r1"), place)
    assert "" == mine.take([GPU], "t")
    desk.tell("leases")
    ((row,),) = desk.until("leases")[1:]
    assert ("gpu", GPU.id, "alice@desk", os.getpid()) == (
        *(row[key] for key in ("kind", "id", "controller")),
        row["holders"][0]["pid"],
    )

    mine.give_back()
    desk.tell("leases")
    assert ("leases", []) == desk.until("leases")


def test_leases_are_renewed_while_the_controller_is_heard(place: Path, monkeypatch: pytest.MonkeyPatch):
    """Those of the agent's own workers, where the host was probed: no other has devices to lend."""
    monkeypatch.setattr(probing, "probe_host", lambda *_, **__: {})
    answers: queue.Queue[Any] = queue.Queue()
    inquiries = Inquiries(lambda *message: answers.put(message))
    mine = Leases(Terms(run="r1"), place)
    assert "" == mine.take([GPU], "t")
    long_ago = time.time() - 1000.0
    os.utime(place / GPU.name, (long_ago, long_ago))

    inquiries.keep_leases(lambda: [os.getpid()])
    assert long_ago == pytest.approx((place / GPU.name).stat().st_mtime, abs=1.0)
    inquiries.probe(["gpu"], 1.0, False)
    kind, profile = answers.get(timeout=20)
    assert ("probed", [GPU.id]) == (kind, [lease["id"] for lease in profile["leases"]])
    inquiries.keep_leases(lambda: [os.getpid()])
    assert wait_until(lambda: (place / GPU.name).stat().st_mtime > long_ago + 500.0)
