"""Real runs, listened to by a program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rigs.processes import wait_until

from pytest_disttest import aio

ROOT = Path(__file__).parents[2]
LOADING = ["-p", "pytest_disttest.plugin", "-p", "no:cacheprovider"]
SUITE = {
    "test_a.py": """
        import time
        def test_passes(): pass
        def test_fails(): assert "left" == "right"
        def test_takes_time(): time.sleep(0.5)
        """
}
SLOW = {
    "test_slow.py": """
        import pathlib, pytest, time
        @pytest.fixture
        def torn():
            yield
            pathlib.Path("torn").touch()
        def test_sleeps(torn):
            pathlib.Path("started").touch()
            time.sleep(60)
        def test_another():
            time.sleep(60)
        """
}


@pytest.fixture
def project(tmp_path):
    """Return a function that writes files, and what a run in that directory needs."""

    def make(files: dict[str, str]) -> dict[str, object]:
        for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
            (tmp_path / name).write_text(textwrap.dedent(text))
        environment = {
            **os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT), "AIO_MARK": str(tmp_path),
        }  # fmt: skip
        return {"cwd": tmp_path, "environment": environment}

    return make


def left_over(mark: Path) -> list[int]:
    """Return the processes of a project's runs that still live; no zombies."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"AIO_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


async def listened(*args: str, **how: object) -> list[aio.Event]:
    """Return all events of a run."""
    return [event async for event in aio.run([*LOADING, *args], **how)]  # type: ignore[arg-type]


def of_kind(events: list[aio.Event], kind: type) -> list:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def test_a_run_is_told_as_it_happens(project, tmp_path):
    """Hosts, tests, output, and at last the summary; every test begins before it ends."""
    events = asyncio.run(listened("--hw-workers=2", "--hw-plan", **project(SUITE)))

    assert [("local", 2)] == [(event.host, event.workers) for event in of_kind(events, aio.HostOpened)]
    assert [(3, 0)] == [(event.cases, event.deselected) for event in of_kind(events, aio.CasesCollected)]
    ended = {event.nodeid.rpartition("::")[2]: event for event in of_kind(events, aio.CaseEnded)}
    assert {"test_passes": "passed", "test_fails": "failed", "test_takes_time": "passed"} == {
        name: event.outcome for name, event in ended.items()
    }
    assert "assert 'left' == 'right'" in ended["test_fails"].message
    assert ended["test_takes_time"].duration_s >= 0.5
    for nodeid in {event.nodeid for event in of_kind(events, aio.CaseEnded)}:
        about = [type(event) for event in events if getattr(event, "nodeid", "") == nodeid]
        assert [aio.CaseStarted, aio.CaseEnded] == about
    assert any("1 failed, 2 passed" in event.text for event in of_kind(events, aio.Said))
    [finished] = of_kind(events, aio.RunFinished)
    assert events[-1] is finished
    assert (1, {"passed": 2, "failed": 1}) == (finished.exit_status, dict(finished.outcomes))
    assert (tmp_path / f".disttest/runs/{finished.run_id}.ndjson").exists()
    assert wait_until(lambda: not left_over(tmp_path), timeout_s=5), left_over(tmp_path)


def test_what_pytest_refuses_is_said_not_raised(project):
    """Exit status 4, and the words; nothing ran."""
    events = asyncio.run(listened("--hw-workers=0", **project(SUITE)))

    assert aio.RunFinished(4, {}) == events[-1]
    assert any("0 workers can run nothing" in event.text for event in of_kind(events, aio.Said))


def test_an_interpreter_that_is_not_there_is_an_error(project):
    """No event comes of it."""
    with pytest.raises(FileNotFoundError):
        asyncio.run(listened(python="/nowhere/python", **project(SUITE)))


@pytest.mark.parametrize("how", ["cancel", "break", "leave"])
def test_who_stops_listening_ends_the_run(project, tmp_path, how):
    """By cancelling the task or leaving the loop: what runs is torn down, and no process is left.

    Who leaves it without closing it, at the end of the program, has it ended by force; but ended.
    """

    async def listen(events: AsyncIterator[aio.Event]) -> None:
        async for event in events:
            if isinstance(event, aio.CaseStarted) and how != "cancel":
                await asyncio.to_thread(wait_until, (tmp_path / "started").exists, timeout_s=20)
                return

    async def begin() -> None:
        if how == "leave":
            await listen(aio.run([*LOADING, "--hw-workers=2"], **project(SLOW)))
            return
        async with contextlib.aclosing(aio.run([*LOADING, "--hw-workers=2"], **project(SLOW))) as events:
            await listen(events)

    async def main() -> None:
        listening = asyncio.create_task(begin())
        if how == "cancel":
            assert await asyncio.to_thread(wait_until, (tmp_path / "started").exists, timeout_s=20)
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening
        else:
            await listening

    asyncio.run(main())

    assert (tmp_path / "torn").exists() or how == "leave"
    assert wait_until(lambda: not left_over(tmp_path), timeout_s=5), left_over(tmp_path)


def test_a_run_that_is_killed_has_finished(project, tmp_path):
    """By a negative exit status; its workers go with it."""

    async def main() -> aio.Event:
        event: aio.Event | None = None
        async for event in aio.run([*LOADING, "--hw-workers=2"], **project(SLOW)):
            if isinstance(event, aio.CaseStarted):
                controllers = [pid for pid in left_over(tmp_path) if os.getpgid(pid) == pid and _is_child(pid)]
                os.kill(controllers[0], signal.SIGKILL)
        assert event is not None
        return event

    assert -signal.SIGKILL == asyncio.run(main()).exit_status
    assert wait_until(lambda: not left_over(tmp_path), timeout_s=10), left_over(tmp_path)


def _is_child(pid: int) -> bool:
    return f"\nPPid:\t{os.getpid()}\n" in Path(f"/proc/{pid}/status").read_text()
