"""A running test asks its host for something, and is skipped in words where it is not there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.one_worker import OneWorker

from pytest_disttest import wire

GIB = 1 << 30
PROFILE = {
    "facts": {"os": "linux", "cpu.processors": 8},
    "devices": [{"kind": "gpu", "id": "GPU-1", "facts": {"gpu.memory": 16 * GIB, "gpu.vendor": "10de"}}],
    "unknown": {"accel": "denied: /dev/accel/accel0"},
}


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Inner runs load our plugin only, and keep what they probe to themselves."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., list[list[Any]]]]:
    """Run one test with this body in a worker that was told a profile of its host; return what it said."""
    workers: list[OneWorker] = []

    def run_one(body: str) -> list[list[Any]]:
        (tmp_path / "test_it.py").write_text(f"def test_it(hw_requires):\n    {body}\n")
        workers.append(OneWorker(tmp_path, workerinput={"hw_profile": PROFILE, "hw_host": "gpu-1"}))
        return workers[-1].run(0)

    yield run_one
    for worker in workers:
        worker.kill()


@pytest.mark.parametrize("asked", ["'gpu.memory >= 16 GiB'", "gpu=1, cores=8", "'os = linux', 'gpu.vendor = 10de'", ""])
def test_who_has_it_runs(run: Callable[..., list[list[Any]]], asked: str):
    """Conditions and keywords of the mark, judged by what the controller knows of this host."""
    assert "pass" in [message[0] for message in run(f"hw_requires({asked})")]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("'gpu.memory >= 80 GiB'", ["host gpu-1 lacks", "gpu.memory >= 80 GiB", "16 GiB"]),
        ("'cores >= 16'", ["cores >= 16", "8"]),
        ("npu=1", ["denied: /dev/accel/accel0"]),
        ("'os = windows'", ["os = windows", "linux"]),
    ],
)
def test_who_lacks_it_is_skipped_in_words(run: Callable[..., list[list[Any]]], asked: str, words: list[str]):
    """The condition, and what there is instead; what is unknown is not there, and says why."""
    told = run(f"hw_requires({asked}); assert 0")

    reports = [wire.restore(message[2]) for message in told if message[0] == "report"]
    skipped = next(report for report in reports if report["outcome"] == "skipped")
    assert [] == [word for word in words if word not in str(skipped["longrepr"])]


def test_it_works_without_distribution(pytester: pytest.Pytester):
    """A plain run probes its own host, for what is asked; the skip points to the test's own line."""
    pytester.makepyfile(
        f"""
        def test_has(hw_requires):
            hw_requires("cores >= 1", os="{"linux" if sys.platform == "linux" else "macos"}")
            hw_requires("memory >= 1 MiB")

        def test_lacks(hw_requires):
            hw_requires("memory >= 1000 TiB")
        """
    )
    result = pytester.runpytest("-p", "pytest_disttest.plugin", "-rs")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*without_distribution.py:6: host local lacks*memory >= 1000 TiB*"])


@pytest.mark.parametrize("asked", ["gpu=1, share=0.5", "exclusive='host'", "on='each'"])
def test_what_can_only_be_granted_before_is_refused(pytester: pytest.Pytester, asked: str):
    """The test has begun: nothing can be kept free for it any more."""
    pytester.makepyfile(f"def test_it(hw_requires): hw_requires({asked})")

    result = pytester.runpytest("-p", "pytest_disttest.plugin")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*hw_requires() takes conditions only*"])


def test_a_word_that_the_mark_does_not_know_is_an_error(pytester: pytest.Pytester):
    """As in the mark, with the nearest one."""
    pytester.makepyfile("def test_it(hw_requires): hw_requires('gpu.memmory >= 1 GiB')")

    result = pytester.runpytest("-p", "pytest_disttest.plugin")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*hw() knows no 'gpu.memmory'*", "*did you mean 'gpu.memory'*"])


def test_what_only_its_owner_can_say_of_a_host_counts(tmp_path: Path):
    """Tags and resources come with the worker's order; what the host says of itself is believed before its owner."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('asked', ['tag = bench', 'resource.jtag >= 1', 'location = attic', 'os = linux'])\n"
        "def test_it(hw_requires, asked):\n    hw_requires(asked)\n"
    )
    owned = {"tag": ["bench"], "resource.jtag": 2, "location": "attic", "os": "plan9"}
    worker = OneWorker(tmp_path, workerinput={"hw_owned": owned})
    try:
        told = worker.run(0, 1, 2, 3)
    finally:
        worker.kill()

    assert ["pass"] * 4 == [message[0] for message in told if message[0] in ("pass", "end")]
