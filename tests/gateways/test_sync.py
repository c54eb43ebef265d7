"""The suite's files on a host behind a real sshd: changed files only, deletions too, nothing else touched."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from pytest_disttest.errors import HostUnusable
from pytest_disttest.gateways import sync
from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.gateways.sync import sync_tree
from pytest_disttest.gateways.uplink import SteadyFile


@pytest.fixture(scope="module")
def connection(ssh_hosts):
    """Return one connection for all tests of this file: trees are told apart by their root."""
    opened = open_connection(ssh_hosts[0].host(python=sys.executable), sys_path=(), start_timeout_s=20)
    yield opened
    opened.close()


@pytest.fixture
def root(tmp_path):
    """Return an empty project."""
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def send(connection, root):
    """Return a function that syncs the project and returns the summary and the tree on the host."""

    def send_tree(**words):
        summary = sync_tree(connection, root, controller_id="me", **words)
        return summary, Path(connection.directory)

    return send_tree


def content(tree):
    """Return the files below *tree*: their text or link target, permissions and time, by path."""
    found = {}
    for path in sorted(tree.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(tree))] = ("link", os.readlink(path))
        elif path.is_file():
            status = path.stat()
            found[str(path.relative_to(tree))] = (path.read_bytes(), status.st_mode & 0o777, status.st_mtime_ns)
    return found


def test_the_first_sync_brings_everything_as_it_is_here(send, root):
    """Content, permissions, times, links, odd names, empty and large files."""
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "test_a.py").write_text("def test(): pass\n")
    (root / "sub" / "größe [1].txt").write_text("ä")
    (root / os.fsdecode(b"raw\xff")).write_text("bytes")
    (root / ("long" * 60)).write_text("x")
    (root / "sub" / "empty").touch()
    (root / "sub" / "deep" / "large.bin").write_bytes(random.Random(1).randbytes(3_000_001))
    (root / "zeros").write_bytes(bytes(5_000_000))
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("sub/deep")

    summary, tree = send()

    assert content(tree) == content(root)
    assert (summary.files, summary.sent_files, summary.deleted) == (9, 9, 0)
    assert summary.bytes > 8_000_000 > summary.sent_bytes > 3_000_000


def test_hard_links_travel_as_files(send, root):
    """tar would send the second one as a reference to the first."""
    (root / "a").write_text("same")
    os.link(root / "a", root / "b")

    _, tree = send()

    assert (tree / "b").read_text() == "same"


def test_a_second_sync_sends_nothing_and_is_quick(send, root):
    """One round trip on the open connection."""
    for number in range(300):
        (root / f"test_{number}.py").write_text(f"x = {number}")
    send()

    summary, _ = send()

    assert (summary.files, summary.sent_files, summary.sent_bytes, summary.deleted) == (300, 0, 0, 0)
    assert summary.seconds < 0.3


def test_changes_and_deletions_follow_and_the_rest_stays(send, root):
    """Also a change that keeps the size, and one of the permissions alone."""
    for name in ("same", "edited", "chmodded", "deleted", "gone/with/directory"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1")
    _, tree = send()
    same_before = (tree / "same").stat().st_ino
    (root / "edited").write_text("2")
    (root / "chmodded").chmod(0o755)
    (root / "deleted").unlink()
    shutil.rmtree(root / "gone")
    (root / "new").write_text("3")

    summary, _ = send()

    assert content(tree) == content(root)
    assert (summary.sent_files, summary.deleted) == (3, 2)
    assert not (tree / "gone").exists()
    assert (tree / "same").stat().st_ino == same_before


def test_what_tests_made_on_the_host_is_kept_and_what_they_broke_is_mended(send, root):
    """Only files that we put there are ours to delete."""
    (root / "data").mkdir()
    (root / "data" / "golden.txt").write_text("gold")
    (root / "test_a.py").write_text("x")
    _, tree = send()
    (tree / "data" / "golden.txt").write_text("lead")
    (tree / "test_a.py").unlink()
    (tree / "made_by_test.txt").write_text("keep")
    (tree / "data" / "__pycache__").mkdir()

    summary, _ = send()

    assert (tree / "data" / "golden.txt").read_text() == "gold"
    assert (tree / "test_a.py").exists() and (tree / "made_by_test.txt").exists()
    assert (summary.sent_files, summary.deleted) == (2, 0)


def test_files_and_directories_may_change_places(send, root):
    """A file becomes a directory, a directory a file, both with leftovers of a run in them."""
    (root / "one").write_text("file")
    (root / "two").mkdir()
    (root / "two" / "inner").write_text("x")
    _, tree = send()
    (tree / "two" / "left_by_a_test").touch()
    (root / "one").unlink()
    (root / "one").mkdir()
    (root / "one" / "inner").write_text("y")
    shutil.rmtree(root / "two")
    (root / "two").symlink_to("one")

    send()

    assert content(tree) == content(root)


def test_nothing_is_written_through_a_link_that_a_test_made(send, root, tmp_path):
    """A test that replaced a directory by a link out of the tree must not lead the next sync there."""
    (root / "data").mkdir()
    (root / "data" / "a").write_text("1")
    _, tree = send()
    outside = tmp_path / "outside"
    outside.mkdir()
    shutil.rmtree(tree / "data")
    (tree / "data").symlink_to(outside)
    (root / "data" / "a").write_text("22")

    send()

    assert list(outside.iterdir()) == []
    assert content(tree) == content(root)


def test_a_directory_left_with_compiled_modules_only_goes_too(send, root):
    """Or an importable namespace package would outlive its source."""
    (root / "pkg").mkdir()
    (root / "pkg" / "a.py").write_text("")
    _, tree = send()
    (tree / "pkg" / "__pycache__").mkdir()
    (tree / "pkg" / "__pycache__" / "a.cpython-311.pyc").touch()
    shutil.rmtree(root / "pkg")

    send()

    assert not (tree / "pkg").exists()


def test_a_sync_that_broke_off_is_taken_up_again(send, connection, root, monkeypatch):
    """What had arrived stays, and what it had put there is still known to be ours."""
    for number in range(40):
        (root / f"f{number:02}").write_bytes(random.Random(number).randbytes(100_000))
    monkeypatch.setattr(sync.Uplink, "_add_file", failing_after(sync.Uplink._add_file, 30))
    with pytest.raises(ZeroDivisionError):
        send()
    monkeypatch.undo()
    (root / "f00").unlink()

    summary, tree = send()

    assert content(tree) == content(root)
    assert summary.sent_files < 39
    assert summary.deleted == 1


def failing_after(method, count):
    """Return *method* that fails when called more often than *count*."""
    calls = iter(range(count))

    def guarded(*words):
        if next(calls, None) is None:
            raise ZeroDivisionError("pulled the plug")
        return method(*words)

    return guarded


def test_files_that_vanish_while_we_read_are_noted(send, root, monkeypatch):
    """The rest arrives, and the next sync looks again."""
    (root / "stays").write_text("x")
    (root / "vanishes").write_text("x")
    take = sync.take_manifest

    def take_and_remove(*words):
        manifest = take(*words)
        (root / "vanishes").unlink()
        return manifest

    monkeypatch.setattr(sync, "take_manifest", take_and_remove)

    summary, tree = send()

    assert summary.notes == ("vanishes could not be read and was not sent (No such file or directory)",)
    assert list(content(tree)) == ["stays"]
    monkeypatch.undo()
    assert send()[0].deleted == 0


def test_a_file_that_shrinks_while_we_read_keeps_the_stream_whole(tmp_path):
    """Missing bytes become zeros, and it is known that they did."""
    path = tmp_path / "shrinking"
    path.write_bytes(b"abcdef")
    with SteadyFile(open(path, "rb", buffering=0)) as steady:
        os.truncate(path, 2)

        assert (steady.size, steady.read(4), steady.read(4), steady.read(4)) == (6, b"ab\0\0", b"\0\0", b"")
        assert steady.fell_short


def test_gitignored_files_and_secrets_are_not_on_the_host(send, root):
    """The rules of the listing apply to what arrives."""
    (root / ".gitignore").write_text("*.log\n")
    for name in ("a.log", ".env", "test_a.py", "extra.txt"):
        (root / name).write_text("x")

    summary, tree = send(ignore=["extra.*"], include=["a.log"])

    assert sorted(content(tree)) == [".gitignore", "a.log", "test_a.py"]
    assert ".env" in summary.notes[0]


def test_the_tree_lies_below_the_hosts_directory_and_is_private(send, root, ssh_hosts):
    """Named after the project, closed to other users."""
    (root / "a").touch()

    _, tree = send()

    assert tree.name == "tree" and tree.parent.name.startswith("project-")
    assert tree.parent.parent == (ssh_hosts[0].directory / "files").resolve()
    assert tree.parent.stat().st_mode & 0o077 == 0


def test_a_run_waits_for_another_that_syncs_into_the_same_tree(send, root):
    """Two runs at once do not mix their files."""
    (root / "a").write_text("1")
    _, tree = send()
    (root / "a").write_text("2")
    holder = open(tree.parent / "lock", "a+b")  # noqa: SIM115 - closed by the timer
    fcntl.flock(holder, fcntl.LOCK_EX)
    threading.Timer(0.4, holder.close).start()

    started = time.monotonic()
    send()

    assert time.monotonic() - started >= 0.3
    assert (tree / "a").read_text() == "2"


def test_a_lock_that_is_never_given_back_is_reported(send, root, monkeypatch):
    """With the directory that is locked."""
    (root / "a").write_text("1")
    _, tree = send()
    monkeypatch.setattr(sync, "LOCK_TIMEOUT_S", 0.2)
    with open(tree.parent / "lock", "a+b") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(HostUnusable, match=rf"another run.*{tree.parent.name}") as caught:
            send()

    assert caught.value.reason == "directory"


def test_a_full_disk_is_reported_and_the_connection_lives_on(connection, ssh_hosts, root, tmp_path):
    """A small file system stands for the full disk."""
    (root / "large").write_bytes(random.Random(2).randbytes(12_000_000))
    small = ssh_hosts[0].directory / "files" / sync.tree_name(root, "me")
    small.mkdir(parents=True)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)]).returncode:
        pytest.skip("needs root to mount a small file system")
    try:
        with pytest.raises(HostUnusable, match="No space left") as caught:
            sync_tree(connection, root, controller_id="me")
        assert caught.value.reason == "directory"
        (root / "large").write_bytes(b"small now")
        sync_tree(connection, root, controller_id="me")
        assert Path(connection.directory, "large").read_bytes() == b"small now"
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_broken_record_on_the_host_costs_time_but_no_file(send, root):
    """The files themselves are looked at."""
    (root / "a").write_text("1")
    _, tree = send()
    (tree.parent / "state.json").write_text("{broken")

    summary, _ = send()

    assert summary.sent_files == 0
    assert json.loads((tree.parent / "state.json").read_text())["entries"].keys() == {"a"}


@pytest.mark.parametrize("packed", [b"junk", zlib.compress(b"[-1]"), zlib.compress(b"[7]"), zlib.compress(b'["x"]')])
def test_a_host_cannot_ask_for_a_file_outside_the_list(connection, root, packed):
    """Wanted files are places in our list, checked before anything is read."""
    (root / "a").touch()
    manifest = sync.take_manifest(root, ["a"])
    uplink = sync.Uplink(connection, connection)

    with pytest.raises(HostUnusable) as caught:
        sync.wanted_paths(uplink, manifest, packed)

    assert caught.value.reason == "protocol"


@pytest.mark.slow
def test_many_files_take_one_round_trip_when_nothing_changed(send, root):
    """5000 files on loopback: what costs is looking at them on both ends (0.1 s on a free machine)."""
    for number in range(5000):
        path = root / f"d{number % 50}" / f"f{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number}\n" * 20)
    first, _ = send()

    again = [send()[0] for _ in range(3)]

    assert (first.sent_files, [summary.sent_files for summary in again]) == (5000, [0, 0, 0])
    assert min(summary.seconds for summary in again) < 1.0


def test_a_sync_while_the_agent_runs_uses_a_channel_of_its_own(ssh_hosts, root):
    """The agent may start first and get its files later."""
    from queue import Queue

    from rigs.stand_in import stand_in_shipment

    (root / "a").touch()
    connection, messages = open_connection(ssh_hosts[1].host(python=sys.executable), sys_path=()), Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())

    assert sync_tree(connection, root, controller_id="me").sent_files == 1
    assert messages.get(timeout=5)[1]["is_main_thread"]
    connection.close()
