"""Tests that do harm themselves."""

from __future__ import annotations

from campaign.fault import Fault

EXITS = """
def test_exits():
    ran("exits", 0)
    os._exit(3)
"""

KILLS_PARENT = """
import signal
def test_kills_parent():
    ran("kills", 0)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(0.2)
"""

CLOSES = """
def test_closes():
    ran("closes", 0)
    os.closerange(0, 1024)
"""

FLOODS = """
def test_floods(capfd):
    ran("floods", 0)
    with capfd.disabled():
        for _ in range({pieces}):
            os.write(1, b"y" * 99_999 + b"\\n")
"""

PRINTS = """
def test_prints():
    ran("prints", 0)
    for _ in range({pieces}):
        print("x" * 99_999)
"""

SPEAKS = """
def test_speaks():
    ran("speaks", 0)
    raise ValueError("z" * {size})
"""

CLOCK = """
def test_clock():
    ran("clock", 0)
    before = time.time, time.monotonic, time.perf_counter
    time.time = lambda: before[0]() + {jump}
    time.monotonic = lambda: before[1]() + {jump}
    time.perf_counter = lambda: before[2]() + {jump}
"""

FAULTS = (
    Fault("a test that calls os._exit", victims=EXITS, harm=1, words=(r"exit code 3",)),
    Fault("a test that kills its parent", victims=KILLS_PARENT, harm=1, ends=True, words=(r"lost|died|crashed",)),
    Fault("a test that closes all descriptors", victims=CLOSES, harm=1, words=(r"test_closes",)),
    Fault("1 GB past the capture", victims=FLOODS.format(pieces=10_000), limit_s=90),
    Fault("1 GB printed", victims=PRINTS.format(pieces=10_000), limit_s=90),
    Fault("a report of 100 MB", victims=SPEAKS.format(size=100_000_000), harm=1, words=(r"test_speaks",), limit_s=90,
          options=("--tb=line",)),
    Fault("a clock that jumps ahead", victims=CLOCK.format(jump=86_400.0)),
    Fault("a clock that jumps back", victims=CLOCK.format(jump=-86_400.0)),
)  # fmt: skip
