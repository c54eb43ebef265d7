"""How long it takes to match and to explain 10,000 tests on 50 hosts: ``python tests/bench/matching.py``.

The hosts are like those of a lab: laptops, servers, GPU machines of several makes, boards, some with browsers, some
whose drivers did not answer. Three suites: few distinct demands, ten thousand, and ten thousand that fit nowhere.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pytest_disttest.match import Explainer, Standing, eligibility
from pytest_disttest.model import Capabilities, Case, Demand, Device, Requirement, Value

GIB = 2**30
CARDS = (
    ("Tesla T4", 15_843_721_216, "7.5"),
    ("NVIDIA A100", 42_949_672_960, "8.0"),
    ("NVIDIA H100", 85_520_809_984, "9.0"),
)
FLAGS = tuple(f"flag{n}" for n in range(120))


def fleet(count: int = 50) -> dict[str, Capabilities]:
    """Return hosts by name; always the same ones."""
    dice = random.Random(50)
    return {f"host-{n:02}": _host(n, dice) for n in range(count)}


def _host(number: int, dice: random.Random) -> Capabilities:
    board = number % 5 == 0
    facts: dict[str, Value] = {
        "os": "windows" if number % 17 == 3 else "linux",
        "arch": "aarch64" if board else "x86_64",
        "kernel": f"6.{dice.randint(1, 12)}.0-{dice.randint(1, 30)}-generic",
        "cpu.processors": dice.choice((4, 8, 16, 32, 64)),
        "cpu.flag": FLAGS[: dice.randint(40, 120)],
        "cpu.level": f"x86_64_v{dice.randint(2, 4)}",
        "memory": dice.choice((8, 16, 64, 256)) * GIB - dice.randint(1, 300) * 2**20,
        "python.version": f"3.{dice.randint(11, 14)}.{dice.randint(0, 9)}",
        "package.numpy": f"2.{dice.randint(0, 4)}.1",
        "hostname": f"host-{number:02}.lab",
        "tag": tuple(dice.sample(("rack1", "rack2", "lab", "fast"), 2)),
        "resource.licence": dice.randint(0, 3),
    }
    devices = [*_gpus(number, dice), *_browsers(number, dice)] if not board else []
    unknown = {"gpu": "NVML library not found"} if number % 13 == 7 else {}
    return Capabilities(facts, tuple(devices), unknown)


def _gpus(number: int, dice: random.Random) -> Iterator[Device]:
    name, memory, capability = dice.choice(CARDS)
    for place in range(dice.choice((0, 0, 1, 2, 4, 8))):
        facts: dict[str, Value] = {
            "gpu.memory": memory,
            "gpu.device-name": name,
            "gpu.vendor-name": "NVIDIA",
            "gpu.compute-capability": capability,
            "gpu.cuda": f"12.{dice.randint(0, 8)}",
            "gpu.kind": "discrete",
            "gpu.api": ("cuda", "vulkan"),
        }
        yield Device("gpu", f"GPU-{number}-{place}", facts, {"gpu.ecc": "not supported"})


def _browsers(number: int, dice: random.Random) -> Iterator[Device]:
    for name in dice.sample(("chrome", "firefox", "edge"), dice.randint(0, 2)):
        facts: dict[str, Value] = {
            "browser.name": name,
            "browser.version": f"{dice.randint(120, 150)}.0",
            "webgpu": dice.random() < 0.6,
            "webgpu.feature": ("shader-f16", "timestamp-query")[: dice.randint(0, 2)],
        }
        yield Device("browser", f"/usr/bin/{name}", facts)


def demand(dice: random.Random, *, hopeless: bool = False) -> Demand:
    """Return what a test may ask for: two to six conditions, sometimes with a choice."""
    common = [
        Requirement("os", "=", "linux", "os = linux"),
        _at_least(dice, "cpu.processors", dice.randint(1, 40)),
        _at_least(dice, "memory", dice.randint(1, 300) * GIB),
    ]
    if hopeless:
        common.append(_at_least(dice, "cpu.processors", dice.randint(100, 100_000)))
    other = dice.choice((_gpu, _gpu, _browser, _plain))
    alternatives = [(*common, *other(dice))]
    if dice.random() < 0.2:
        alternatives.append((*common, *_plain(dice)))
    return Demand(tuple(alternatives))


def _at_least(dice: random.Random, key: str, value: Value) -> Requirement:
    return Requirement(key, ">=", value, f"{key} >= {value}")


def _gpu(dice: random.Random) -> Iterator[Requirement]:
    yield _at_least(dice, "gpu.count", dice.randint(1, 4))
    yield _at_least(dice, "gpu.memory", dice.randint(4, 90) * GIB)
    yield _at_least(dice, "gpu.cuda", f"12.{dice.randint(0, 9)}")


def _browser(dice: random.Random) -> Iterator[Requirement]:
    yield Requirement("browser.name", "in", tuple(sorted(dice.sample(("chrome", "firefox", "edge"), 2))))
    yield _at_least(dice, "browser.version", f"{dice.randint(100, 160)}.{dice.randint(0, 50)}")
    yield Requirement("webgpu", "=", True, "webgpu = true")


def _plain(dice: random.Random) -> Iterator[Requirement]:
    yield _at_least(dice, "python.version", f"3.{dice.randint(11, 15)}.{dice.randint(0, 20)}")
    yield Requirement("cpu.flag", "has", f"flag{dice.randint(0, 130)}")


def suite(distinct: int, *, hopeless: bool = False, tests: int = 10_000) -> list[Case]:
    """Return cases that share *distinct* demands, or a few fewer: dice may fall alike."""
    dice = random.Random(distinct)
    demands = [demand(dice, hopeless=hopeless) for _ in range(distinct)]
    return [Case(n, f"test_{n}", demand=demands[n % distinct]) for n in range(tests)]


def matched_and_explained(cases: list[Case], hosts: dict[str, Capabilities]) -> tuple[int, int]:
    """Match every case, explain in full every demand that fits nowhere; return how many cases, how many demands."""
    _, unplaced = eligibility(cases, hosts)
    explainer = Explainer({name: Standing("ready", "", offered) for name, offered in hosts.items()})
    demands = {cases[index].demand for index in unplaced}
    for each in demands:
        explainer.explain(each)
    return len(unplaced), len(demands)


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's seconds of *work*: others may use the machine meanwhile."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Print one line per suite."""
    hosts = fleet()
    for title, distinct, hopeless in (("few", 300, False), ("many", 10_000, False), ("hopeless", 10_000, True)):
        cases = suite(distinct, hopeless=hopeless)
        found = matched_and_explained(cases, hosts)
        taken = min(seconds(lambda: matched_and_explained(cases, hosts)) for _ in range(2))  # noqa: B023
        asked = f"{len(cases):,} tests with {len({case.demand for case in cases}):,} demands on {len(hosts)} hosts"
        print(f"{title:>8}: {asked}: {taken:.2f} s; {found[0]:,} tests fit nowhere, {found[1]:,} demands explained")


if __name__ == "__main__":
    main()
