"""Real browsers tell the truth about WebGPU and WebNN."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rigs.browsers import (
    CHECKOUT,
    LAVAPIPE,
    SWIFTSHADER,
    Probed,
    chromium,
    firefox,
    headless_shell,
    probed,
    webnn_chromium,
    wrapped,
)
from rigs.recorded import laid_out

from pytest_disttest.browser import probe
from pytest_disttest.browser.arithmetic import Question
from pytest_disttest.browser.found import Installed
from pytest_disttest.browser.opening import COMPUTE_FLAGS, GPU_FLAGS, Settings
from pytest_disttest.browser.proven import Proof

NOTHING_LEFT = ()
LANES = {
    "headless-shell": headless_shell,
    "chromium": chromium,
    "webnn-chromium": webnn_chromium,
    "firefox": firefox,
}


def expect_software_webgpu(found: Probed) -> None:
    """What holds for every browser that computes on the processor."""
    assert {"browser.headless": True, "webgpu": True, "webgpu.adapter-type": "software"}.items() <= found.facts.items()
    assert "core-features-and-limits" in found.facts["webgpu.feature"]
    assert NOTHING_LEFT == found.left
    assert found.level == "verified"


def expect_limits_that_were_tried(found: Probed) -> None:
    assert found.facts["webgpu.limit.maxBufferSize"] == 256 * 1024 * 1024
    assert found.facts["webgpu.limit.maxComputeInvocationsPerWorkgroup"] >= 128
    assert found.facts["webgpu.limit.maxTextureDimension2D"] >= 8192


def test_a_chromium_with_webnn_has_both(home: Path):
    """WebGPU and WebNN are true, the numbers being right, and the graph ran on the processor, whatever was asked."""
    found = probed(webnn_chromium(), directory=home)

    expect_software_webgpu(found)
    expect_limits_that_were_tried(found)
    assert {"browser.name": "chromium", "webgpu.vendor": "google", "webnn": True}.items() <= found.facts.items()
    assert found.facts["webgpu.architecture"] == "swiftshader"
    assert found.facts["webnn.device-type"] == ["cpu"]
    assert {"matmul", "conv2d", "relu"} <= set(found.facts["webnn.op"])
    assert {} == found.unknown


def test_debians_chromium_has_the_interface_of_webnn_and_nothing_behind_it(home: Path):
    """WebGPU is true; WebNN is false, with the browser's own words."""
    found = probed(chromium(), directory=home)

    expect_software_webgpu(found)
    expect_limits_that_were_tried(found)
    assert found.facts["webnn"] is False
    assert "shader-f16" not in found.facts["webgpu.feature"]
    assert any("webnn: createContext: NotSupportedError" in remark for remark in found.remarks)


def test_without_an_adapter_webgpu_is_false(home: Path, tmp_path: Path):
    """The interface alone is no WebGPU."""
    bare = wrapped(chromium(), tmp_path, ["--disable-software-rasterizer"])

    found = probed(bare, directory=home)

    assert found.facts["webgpu"] is False
    assert any("requestAdapter finds no adapter" in remark for remark in found.remarks)
    assert not any(key.startswith("webgpu.") for key in found.facts)
    assert NOTHING_LEFT == found.left


def test_without_flags_a_browser_on_a_machine_without_a_gpu_has_no_adapter(home: Path):
    """What the probe finds depends on the flags, which the guide names."""
    found = probed(chromium(), directory=home, flags=())

    assert (False, False) == (found.facts["webgpu"], found.facts["webnn"])


INSECURE = """
import json, sys
from random import Random
from pytest_disttest.browser.arithmetic import question
from pytest_disttest.browser.asking import ask
from pytest_disttest.browser.found import Installed
from pytest_disttest.browser.keeping import kept
from pytest_disttest.browser.opening import COMPUTE_FLAGS, Settings
from pytest_disttest.browser.page import page, served
from pytest_disttest.browser.proven import proof

asked = question(Random())
settings = Settings(flags=(*COMPUTE_FLAGS, "--host-resolver-rules=MAP insecure.example 127.0.0.1"))

def work(directory, send):
    with served(page()) as address:
        there = address.replace("127.0.0.1", "insecure.example")
        told = ask(Installed(*sys.argv[1:]), directory, there, asked, limit_s=60.0, settings=settings)
    send(json.dumps(told).encode())

(told,) = kept(work, limit_s=60.0)
print(json.dumps(proof(json.loads(told), asked).unknown))
"""


def test_outside_a_secure_context_nobody_knows():
    """The page under another name than the loopback's: both are hidden there, which says nothing of the browser."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", INSECURE, *webnn_chromium()]

    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    why = "asked outside a secure context, where no browser has it"
    assert {"webgpu": why, "webnn": why} == json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("driver", [LAVAPIPE, SWIFTSHADER], ids=["lavapipe", "swiftshader"])
def test_firefox_has_webgpu_with_the_features_of_its_adapter(driver: Path, home: Path):
    """Mesa's software adapter has half-precision shaders, SwiftShader has not; neither has WebNN."""
    chromium()  # which brings SwiftShader
    found = probed(firefox(), directory=home, environment={"VK_ICD_FILENAMES": str(driver)})

    expect_software_webgpu(found)
    assert ("shader-f16" in found.facts["webgpu.feature"]) == (driver == LAVAPIPE)
    assert found.facts["webnn"] is False
    assert found.unknown == dict.fromkeys(("webgpu.vendor", "webgpu.architecture"), "the browser does not say")


def test_firefox_as_it_comes_has_neither(home: Path):
    """WebGPU is a preference there."""
    found = probed(firefox(), directory=home, preferences={})

    assert (False, False) == (found.facts["webgpu"], found.facts["webnn"])
    assert any("no navigator.gpu" in remark for remark in found.remarks)
    assert NOTHING_LEFT == found.left


def test_browsers_side_by_side_give_the_answers_they_give_alone(home: Path):
    """Each has its own home, port and time."""
    found = probed(webnn_chromium(), chromium(), firefox(), directory=home)

    assert [(True, True), (True, False), (True, False)] == [
        (device["facts"]["webgpu"], device["facts"]["webnn"]) for device in found.devices
    ]
    assert NOTHING_LEFT == found.left


@pytest.mark.slow
@pytest.mark.hw(exclusive="host")
@pytest.mark.parametrize("lane", LANES)
def test_twenty_cold_probes_agree(lane: str, home: Path, record_property: Callable[[str, object], None]):
    """Every one of 20 gives the same facts and leaves nothing behind; how long they took is told, not judged."""
    program: Installed = LANES[lane]()

    found = [probed(program, directory=home) for _ in range(20)]

    assert [found[0].devices] * 20 == [each.devices for each in found]
    assert (True, lane == "webnn-chromium") == (found[0].facts["webgpu"], found[0].facts["webnn"])
    assert [NOTHING_LEFT] * 20 == [each.left for each in found]
    median_s = statistics.median(each.seconds for each in found)
    record_property("median_s", median_s)
    print(f"{lane}: median of 20 cold probes {median_s:.2f} s")


def test_where_vulkan_has_no_hardware_a_browser_is_opened_in_the_usual_way(home: Path):
    """With the flags for GPUs this Chromium hangs on software Vulkan: that costs time, and no answer."""
    found = probed(chromium(), directory=home, limit_s=16.0, ways=(GPU_FLAGS, ()))

    assert (True, "software") == (found.facts["webgpu"], found.facts["webgpu.adapter-type"])
    assert list(COMPUTE_FLAGS) == list(found.facts["browser.flag"])
    assert () == found.left


def test_a_browser_that_computes_on_hardware_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The first way does where it gives a GPU."""
    opened: list[Settings] = []

    def answer(program: object, home: str, address: str, asked: Question, *, limit_s: float, settings: Settings) -> Any:
        opened.append(settings)
        return {"flags": list(settings.flags)}

    ways = (Settings(flags=GPU_FLAGS), Settings())
    monkeypatch.setattr(probe, "ask", answer)
    asking = probe.Asking({}, probe.question(Random(1)), 10.0, ways)
    for adapter, count in (("discrete", 1), ("software", 2)):
        opened.clear()
        monkeypatch.setattr(probe, "proof", lambda told, asked, kind=adapter: Proof({"webgpu.adapter-type": kind}))
        home = str(tmp_path / adapter)
        assert list(ways[count - 1].flags) == asking._told_by(Installed("chromium", "", ""), home, "")["flags"]
        assert list(ways[:count]) == opened
    opened.clear()
    asking._told_by(Installed("firefox", "", ""), str(tmp_path / "fox"), "")
    assert [ways[-1]] == opened


@pytest.mark.parametrize(
    ("row", "has"),
    [
        ("class=030000 vendor=10de device=2335 driver=nvidia", True),
        ("class=030200 vendor=1002 device=74a1 driver=amdgpu", True),
        ("class=030000 vendor=1af4 device=1050 driver=virtio-pci", False),
        ("class=030000 vendor=10de device=2335", False),
        ("class=010802 vendor=10de device=2335 driver=nvidia", False),
    ],
)
def test_a_gpu_with_a_driver_is_worth_a_try(row: str, has: bool, tmp_path: Path):
    """What the bus shows decides which flags are tried first."""
    assert has == probe.has_gpu(laid_out(f"pci 0000:01:00.0 {row}\n", tmp_path))
