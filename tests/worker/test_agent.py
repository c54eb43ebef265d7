"""An agent and real worker processes: what is said arrives, deaths are noticed, and nothing stays behind."""

from __future__ import annotations

import queue
import signal
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.processes import is_running, wait_until

import pytest_disttest
from pytest_disttest.worker import agent as agent_module
from pytest_disttest.worker.agent import serve
from pytest_disttest.worker.allowance import BURST_BYTES
from pytest_disttest.worker.crew import WorkerProcess

REAL = Path(pytest_disttest.__file__).parent

# A package in which only the worker's main is ours; everything else is the real one.
MAIN = """
import atexit, mmap, os, signal, socket, subprocess, sys, tempfile, threading, time
from pytest_disttest.worker.link import Link

def main(link_fd, map_fd, claims_fd):
    link = Link(socket.socket(fileno=link_fd), mmap.mmap(map_fd, 0))
"""


class Channel:
    """A channel to a controller that only listens."""

    def __init__(self) -> None:
        self.orders: queue.Queue[Any] = queue.Queue()
        self.heard: queue.Queue[tuple[Any, ...]] = queue.Queue()

    def send(self, message: tuple[Any, ...]) -> None:
        self.heard.put(message)

    def receive(self) -> Any:
        message = self.orders.get()
        if message is None:
            raise EOFError
        return message


class Controller:
    """Tells the agent what to do, and takes what it says until a worker's exit."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.channel = Channel()
        self._thread = threading.Thread(target=serve, args=(self.channel, str(directory)))
        self._thread.start()

    def spawn(self, name: str, body: str) -> None:
        """Start a worker that does *body*."""
        self.tell("spawn", name, [], {"DISTTEST_SCENARIO": name})
        (self._directory / f"{name}.body").write_text(textwrap.dedent(body))

    def tell(self, *message: Any) -> None:
        self.channel.orders.put(message)

    def until(self, kind: str, worker: str) -> tuple[bytes, tuple[Any, ...]]:
        """Return all lines of a worker up to its first message of *kind*, and that message."""
        lines = b""
        while True:
            message = self.channel.heard.get(timeout=15)
            if message[:2] == ("lines", worker):
                lines += message[2]
            if message[:2] == (kind, worker):
                return lines, message

    def close(self) -> float:
        """Go away without a word, as a lost connection does; return the seconds that the agent took to end."""
        began = time.monotonic()
        self.channel.orders.put(None)
        self._thread.join(20)
        assert not self._thread.is_alive()
        return time.monotonic() - began


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Our package with another ``main``, which does what the test wrote into a file of its worker's name."""
    here = tmp_path / "package"
    (here / "worker").mkdir(parents=True)
    (here / "__init__.py").write_text(f"__path__.append({str(REAL)!r})\n")
    (here / "worker" / "__init__.py").write_text(f"__path__.append({str(REAL / 'worker')!r})\n")
    body = """
    place = os.path.join(os.path.dirname(os.path.dirname(__file__)), os.environ["DISTTEST_SCENARIO"] + ".body")
    while not os.path.exists(place) or not open(place).read():
        time.sleep(0.01)
    exec(open(place).read(), {**globals(), "link": link, "link_fd": link_fd})
"""
    (here / "worker" / "main.py").write_text(MAIN + body)
    return here


@pytest.fixture
def controller(package: Path) -> Iterator[Controller]:
    """An agent in a thread, with the real relay and real processes."""
    made = Controller(package)
    yield made
    if made._thread.is_alive():
        made.close()


def test_the_last_words_of_a_killed_worker_arrive(controller: Controller):
    """Lines that it had only written down, captured output, what went past the capture, and the signal."""
    controller.spawn(
        "w1",
        """
        captured = tempfile.TemporaryFile()
        captured.write(b"captured words\\n"); captured.flush()
        link.outbox.name_capture_files(captured.fileno(), -1)
        link.send_now("ready", {})
        link.send("start", 7)
        os.write(2, b"Fatal Python error\\n")
        assert link.receive() == ["go"]
        link.send("report", "x" * 2_000_000)
        link.send("unsent", 1)
        os.kill(os.getpid(), signal.SIGKILL)
        """,
    )
    ready, _ = controller.until("lines", "w1")
    controller.tell("tell", "w1", b'["go"]\n')
    lines, (_, _, code, words) = controller.until("exit", "w1")

    said = (ready + lines).splitlines()
    assert [b'["ready",{}]', b'["start",7]', b'["unsent",1]'] == [line for line in said if len(line) < 100]
    assert [2_000_013] == [len(line) for line in said if len(line) > 100]
    assert (-signal.SIGKILL, {"out": "captured words\n", "err": "Fatal Python error\n"}) == (code, words)


def test_a_child_that_holds_the_line_does_not_hide_a_death(controller: Controller, tmp_path: Path):
    """The process counts, not its line; and what it left in its group is ended with it."""
    left = tmp_path / "left"
    controller.spawn(
        "w1",
        f"""
        import pathlib
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[link_fd])
        pathlib.Path({str(left)!r}).write_text(str(child.pid))
        link.send("start", 1)
        os._exit(3)
        """,
    )
    began = time.monotonic()
    lines, (_, _, code, _) = controller.until("exit", "w1")

    assert (b'["start",1]\n', 3) == (lines, code)
    assert time.monotonic() - began < 10
    assert wait_until(lambda: not is_running(int(left.read_text())))


def test_a_worker_that_stays_stopped_is_ended(controller: Controller):
    """As late as a silent host would be, which is half the time that the agent itself waits for its controller."""
    controller.spawn(
        "w1",
        """
        import os, signal
        os.kill(os.getpid(), signal.SIGSTOP)
    """,
    )
    controller.tell("beat", 4.0)

    _, (*_, code, words) = controller.until("exit", "w1")

    assert -signal.SIGKILL == code
    assert "stopped by a signal" in words["why"]


def test_a_long_test_is_heard_while_it_runs(controller: Controller):
    """What lies in the shared map is picked up without the worker's doing."""
    controller.spawn("w1", 'link.send("start", 5); time.sleep(60)')

    _, message = controller.until("lines", "w1")

    assert ("lines", "w1", b'["start",5]\n') == message
    assert controller.close() < 2


LEAVES = """
atexit.register(lambda: (time.sleep(0.5), open({path!r}, "w").close()))
link.outbox.take_leave()
link.send_now("finished", {{}})
"""


def test_a_worker_whose_session_is_over_may_end_in_peace(controller: Controller, tmp_path: Path):
    """Its ``atexit`` handlers and its threads belong to the suite; goodbye waits for them."""
    path = tmp_path / "cleaned-up"
    controller.spawn("w1", LEAVES.format(path=str(path)))
    controller.until("lines", "w1")

    assert controller.close() < 2.5
    assert path.exists()


def test_nobody_waits_for_a_worker_that_does_not_end(controller: Controller, monkeypatch: pytest.MonkeyPatch):
    """One that closed its line and hangs is ended after a while; the others are heard meanwhile."""
    monkeypatch.setattr(agent_module, "GRACE_S", 0.7)
    controller.spawn("slow", "link._socket.close(); time.sleep(60)")
    controller.spawn("w2", "for n in range(100): link.send_now('n', n); time.sleep(0.02)")
    messages: list[tuple[Any, ...]] = []
    while not messages or messages[-1][:2] != ("exit", "slow"):
        messages.append(controller.channel.heard.get(timeout=15))

    assert -signal.SIGKILL == messages[-1][2]
    arrivals = [message for message in messages if message[:2] == ("lines", "w2")]
    assert len(arrivals) > 8


def test_what_is_written_is_kept_to_its_end_or_forwarded(controller: Controller):
    """The tail for the report of a death; live, everything as it comes."""
    writes = "os.write(1, b'x' * 200_000 + b'end'); os._exit(0)"
    controller.spawn("w1", writes)
    _, (_, _, _, words) = controller.until("exit", "w1")
    assert words["out"].endswith("xend")
    assert len(words["out"]) < 200_000

    controller.tell("live", True)
    controller.spawn("w2", writes)
    forwarded = b""
    while (message := controller.channel.heard.get(timeout=15))[:2] != ("exit", "w2"):
        forwarded += message[3] if message[:3] == ("output", "w2", "out") else b""

    assert b"x" * 200_000 + b"end" == forwarded


def test_a_flood_is_not_passed_on_whole(controller: Controller):
    """What is left out is told, its end is kept for a report, and the worker does not wait for anybody."""
    controller.tell("live", True)
    controller.spawn(
        "w1", "for _ in range(300): os.write(1, b'x' * 99_999 + b'\\n')\nos.write(1, b'the end'); os._exit(0)"
    )
    forwarded = b""
    while (message := controller.channel.heard.get(timeout=15))[:2] != ("exit", "w1"):
        forwarded += message[3] if message[:3] == ("output", "w1", "out") else b""

    assert BURST_BYTES <= len(forwarded) < 30_000_000
    assert b"bytes left out" in forwarded
    assert message[3]["out"].endswith("the end")


def test_a_signal_reaches_the_worker_and_its_children(controller: Controller, tmp_path: Path):
    """As a terminal's Ctrl-C does."""
    mark = tmp_path / "child-heard"
    child = f"""
import time
try:
    print("up", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    open({str(mark)!r}, "w").close()
"""
    controller.spawn(
        "w1",
        f"""
        child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
        child.stdout.readline()
        try:
            link.send_now("ready", {{}})
            time.sleep(60)
        except KeyboardInterrupt:
            child.wait()
            os._exit(5)
        """,
    )
    controller.until("lines", "w1")
    controller.tell("signal", "w1", int(signal.SIGINT))
    _, (_, _, code, _) = controller.until("exit", "w1")

    assert (5, True) == (code, mark.exists())


def test_words_to_the_dead_are_lost_in_silence(controller: Controller):
    """Its exit may be on its way while the controller still speaks to it."""
    controller.spawn("w1", "os._exit(0)")
    controller.until("exit", "w1")
    controller.tell("tell", "w1", b'["go"]\n')
    controller.tell("signal", "w1", 2)
    controller.spawn("w2", "link.send_now('here')")

    lines, _ = controller.until("exit", "w2")

    assert b'["here"]\n' == lines


def worker(package: Path, python: str = sys.executable) -> WorkerProcess:
    env = {"DISTTEST_SCENARIO": "w"}
    return WorkerProcess("w", package_dir=str(package), python=python, flags=[], env=env, claims=0)


def test_a_buried_worker_may_still_be_spoken_to(package: Path):
    """The relay buries it in one thread while another still has it in hand."""
    (package / "w.body").write_text("os._exit(4)")
    one = worker(package)
    assert wait_until(lambda: one.process.poll() is not None)

    assert 4 == one.bury()
    one.send(b"anybody there?\n")
    one.signal(signal.SIGTERM)


@pytest.mark.filterwarnings("error")
def test_an_interpreter_that_cannot_be_started_leaves_nothing_open(package: Path):
    """It is refused with the system's reason."""
    with pytest.raises(FileNotFoundError):
        worker(package, python="/no/such/python")


def test_an_agent_tells_who_it_is(controller: Controller):
    """The first message, before anything is asked of it."""
    kind, facts = controller.channel.heard.get(timeout=15)

    assert "hello" == kind
    assert {"os", "arch", "cpu.processors", "hostname", "python"} <= facts.keys()
