"""A child process as a stream: nothing is lost, nothing blocks for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from rigs.processes import is_running, wait_until

from pytest_disttest.gateways.process import Outbox, spawned


@pytest.fixture
def start():
    """Return a function that starts a stream; all are ended afterwards."""
    streams = []

    def start_stream(*command):
        streams.append(spawned(command))
        return streams[-1]

    yield start_stream
    for stream in streams:
        stream.discard()


ECHO = "import sys, shutil; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)"


def test_what_is_written_comes_back_in_order_whatever_its_size(start):
    """Small pieces take the direct way, large ones the queue; their order is kept."""
    stream = start(sys.executable, "-c", ECHO)
    pieces = [bytes([number]) * size for number, size in enumerate([1, 300_000, 5, 1_000_000, 7])]

    writer = threading.Thread(target=lambda: [stream.write(piece) for piece in pieces] and stream.close_write())
    writer.start()

    assert [stream.read(len(piece)) for piece in pieces] == pieces
    assert stream.wait() == 0
    with pytest.raises(EOFError):
        stream.read(1)


def test_a_reader_that_stops_does_not_stop_the_writer_before_the_outbox_is_full():
    """The controller goes on with its other hosts."""
    reading, writing = os.pipe()
    outbox = Outbox(os.fdopen(writing, "wb", buffering=0), waiting_bytes=1 << 20, stall_s=0.05)

    started = time.monotonic()
    outbox.put(bytes(1 << 20))
    assert time.monotonic() - started < 1.0
    with pytest.raises(OSError, match="read nothing"):
        for _ in range(3):
            outbox.put(bytes(1 << 20))
    os.close(reading)


def test_writing_to_a_process_that_is_gone_is_refused(start):
    """As OSError, which is what execnet expects of a stream."""
    stream = start(sys.executable, "-c", "")
    stream.wait()

    with pytest.raises(OSError):
        for _ in range(3):
            stream.write(b"x" * 100_000)


def test_the_tail_keeps_the_last_lines_of_stderr(start):
    """And neither all of them nor a line without end."""
    stream = start(sys.executable, "-c", "import sys; [print('line', n, file=sys.stderr) for n in range(9999)]")
    stream.wait()

    assert stream.tail().splitlines()[-1] == "line 9998"
    assert len(stream.tail().splitlines()) < 100


def test_kill_ends_the_process_and_what_it_started(start):
    """ssh's proxy commands and an agent's workers go with it."""
    stream = start("/bin/sh", "-c", "sleep 60 & echo $!; wait")
    child = int(stream.read_line(100))

    stream.kill()

    assert stream.exit_code == -9
    assert wait_until(lambda: not is_running(child))


def test_a_stream_kills_itself_only_once(start):
    """Killing what has ended is harmless."""
    stream = start(sys.executable, "-c", "")
    stream.wait()
    stream.kill()
    stream.kill()

    assert stream.exit_code == 0


def test_a_controller_that_ends_takes_a_start_in_progress_with_it():
    """A session of its own keeps Ctrl-C away, and must not keep the process alive when we go."""
    script = (
        "from pytest_disttest.gateways.process import spawned\n"
        "stream = spawned(['/bin/sh', '-c', 'echo $$; exec sleep 60'])\n"
        "print(int(stream.read_line(20)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}

    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)

    assert wait_until(lambda: not is_running(int(done.stdout)))
