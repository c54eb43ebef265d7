"""A run in a process of its own, listened to from here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pytest_disttest.aio.events import Event, RunFinished, Said
from pytest_disttest.aio.telling import Telling

GRACE_S: Final = 10.0
LAST_WORDS_S: Final = 2.0
CHUNK: Final = 1 << 16


async def run(
    args: Sequence[str],
    *,
    cwd: str | Path | None = None,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    grace_s: float = GRACE_S,
) -> AsyncGenerator[Event, None]:
    """Yield what ``pytest --dist-hw`` with *args* does, until ``RunFinished``, which is always the last.

    It is started with *python* in *cwd*, with *environment* (both default to this process's own). A run that is not
    listened to until its end is interrupted, and has *grace_s* seconds to tear down what runs; then it is killed. Use
    ``contextlib.aclosing`` where the loop may be left early, or it ends when the generator is collected as garbage.
    Raises OSError where *python* cannot be started. What pytest refuses is no exception: exit status 4, and ``Said``.
    """
    hearing, speaking = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-m", "pytest", "--dist-hw", f"--hw-events=/dev/fd/{speaking}", *args,
            cwd=cwd, env=environment, pass_fds=(speaking,), start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except BaseException:
        os.close(hearing)
        raise
    finally:
        os.close(speaking)
    queue: asyncio.Queue[Event] = asyncio.Queue()  # without a limit: the run must not wait for whoever listens
    listening = asyncio.create_task(_listen(process, hearing, queue))
    try:
        while True:
            event = await _next(queue, listening)
            yield event
            if isinstance(event, RunFinished):
                return
    finally:
        try:
            await _end(process, grace_s)
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


async def _next(queue: asyncio.Queue[Event], listening: asyncio.Task[None]) -> Event:
    """Return the next event; raises what broke *listening*, which would otherwise leave us waiting for ever."""
    getting = asyncio.create_task(queue.get())
    try:
        await asyncio.wait((getting, listening), return_when=asyncio.FIRST_COMPLETED)
        if not getting.done() and queue.empty():
            listening.result()
        return await getting
    finally:
        getting.cancel()


async def _listen(process: asyncio.subprocess.Process, hearing: int, queue: asyncio.Queue[Event]) -> None:
    """Put all that a run tells into *queue*, and at last that it has finished."""
    telling = Telling()
    assert process.stdout is not None
    pumps = [
        asyncio.create_task(_hear(hearing, telling, queue)),
        asyncio.create_task(_overhear(process.stdout, queue)),
    ]
    try:
        exit_status = await process.wait()
        await asyncio.wait(pumps, timeout=LAST_WORDS_S)  # somebody may have inherited the other ends
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
    queue.put_nowait(telling.finished(exit_status))


async def _hear(hearing: int, telling: Telling, queue: asyncio.Queue[Event]) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(hearing, "rb", buffering=0)
    )
    try:
        async for line in _lines(reader):
            for event in telling.events(line):
                queue.put_nowait(event)
    finally:
        transport.close()


async def _overhear(reader: asyncio.StreamReader, queue: asyncio.Queue[Event]) -> None:
    async for line in _lines(reader):
        queue.put_nowait(Said(line.decode("utf-8", "replace").rstrip("\r")))


async def _lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length; StreamReader's own know a limit."""
    rest = b""
    while chunk := await reader.read(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """End a run that still goes on: as Ctrl-C, as a second Ctrl-C, and by force."""
    try:
        for patience_s in (grace_s, LAST_WORDS_S):
            if process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), patience_s)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
