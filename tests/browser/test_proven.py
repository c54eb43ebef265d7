"""A flag is true where numbers are right, false where the browser cannot, unknown where it did not say."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.browser.arithmetic import layer, product, question, together
from pytest_disttest.browser.proven import SILENT, adapter_type, proof
from pytest_disttest.needs.vocabulary import KEYS, key_of

ASKED = question(Random(1))
WRONG = [0.5] * len(product(ASKED))
HUNG = {"step": "requestAdapter", "hung": True, "why": "no answer within 2 s"}
GONE = {"step": "requestDevice", "hung": False, "why": "OperationError: no device"}


def webgpu(**changes: Any) -> dict[str, Any]:
    """What a page with WebGPU answers."""
    info = {"vendor": "acme", "architecture": "gen-9", "type": "discrete GPU", "fallback": False}
    right = {"secure": True, "api": True, "adapter": True, "info": info, "features": ["shader-f16", "bgra8"]}
    return {**right, "numbers": product(ASKED), **changes}


def limits(**changes: Any) -> dict[str, Any]:
    promised = {
        "maxBufferSize": 1 << 30,
        "maxStorageBufferBindingSize": 1 << 20,
        "maxTextureDimension2D": 8192,
        "maxComputeInvocationsPerWorkgroup": 4,
        "maxBindGroups": 4,
    }
    tried = {"buffer": 1 << 28, "texture": True, "invocations": 4, "seen": together(4)}
    return {"secure": True, "limits": promised, **tried, **changes}


def webnn(*runs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"secure": True, "api": True, "ops": ["relu", "add"], "runs": list(runs), **changes}


def run(hint: str = "", devices: list[str] | None = None, numbers: list[float] | None = None) -> dict[str, Any]:
    return {"hint": hint, "devices": devices, "numbers": layer(ASKED) if numbers is None else numbers}


def test_right_numbers_prove_webgpu():
    """With the adapter's words, its features sorted, and the limits that were tried in the place of the promised."""
    found = proof({"webgpu": webgpu(), "limits": limits(), "webnn": {"secure": True, "api": False}}, ASKED)

    assert {
        "webgpu": True,
        "webgpu.vendor": "acme",
        "webgpu.architecture": "gen-9",
        "webgpu.adapter-type": "discrete",
        "webgpu.feature": ("bgra8", "shader-f16"),
        "webgpu.limit.maxBufferSize": 1 << 28,
        "webgpu.limit.maxStorageBufferBindingSize": 1 << 20,
        "webgpu.limit.maxTextureDimension2D": 8192,
        "webgpu.limit.maxComputeInvocationsPerWorkgroup": 4,
        "webgpu.limit.maxBindGroups": 4,
        "webnn": False,
    } == found.facts
    assert {} == found.unknown


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"api": False}, "no navigator.gpu"),
        ({"adapter": False}, "requestAdapter finds no adapter"),
        ({"numbers": WRONG}, "a compute shader gives wrong numbers"),
    ],
)
def test_webgpu_that_cannot_is_false(changes: dict[str, Any], why: str):
    """No interface, no adapter, wrong numbers: a plain no, with its reason, and no facts of an adapter."""
    found = proof({"webgpu": webgpu(**changes)}, ASKED)

    assert {"webgpu": False} == found.facts
    assert [f"webgpu: {why}"] == found.remarks


def test_an_error_on_the_way_is_a_no():
    """The browser's own words are the reason."""
    answer = webgpu(failed=GONE)
    del answer["numbers"]

    found = proof({"webgpu": answer}, ASKED)

    assert {"webgpu": False} == found.facts
    assert ["webgpu: requestDevice: OperationError: no device"] == found.remarks


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"webgpu": {"secure": True, "api": True, "failed": HUNG}}, "requestAdapter: no answer within 2 s"),
        ({"webgpu": {"secure": False, "api": False}}, "asked outside a secure context, where no browser has it"),
        ({"why": "WebDriverException: tab crashed"}, "WebDriverException: tab crashed"),
    ],
)
def test_what_was_not_told_is_unknown(told: dict[str, Any], why: str):
    """A hang, a crash, a page where no browser would have it: nobody knows."""
    found = proof(told, ASKED)

    assert why == found.unknown["webgpu"]
    assert "webgpu" not in found.facts


def test_limits_that_do_not_hold_are_unknown():
    """A promise that was broken in the trial is no fact."""
    answers = {"webgpu": webgpu(), "limits": limits(buffer=0, texture=False, seen=[1, 1, 1, 1])}

    found = proof(answers, ASKED)

    assert {
        "webgpu.limit.maxBufferSize",
        "webgpu.limit.maxStorageBufferBindingSize",
        "webgpu.limit.maxTextureDimension2D",
        "webgpu.limit.maxComputeInvocationsPerWorkgroup",
        "webnn",
    } == set(found.unknown)
    assert ["webgpu.limit.maxBindGroups"] == [key for key in found.facts if ".limit." in key]


def test_limits_that_nobody_could_ask_for_are_unknown_as_a_family():
    """The tab crashed at the trial: what was proven before stays proven."""
    found = proof({"webgpu": webgpu(), "why": "WebDriverException: tab crashed"}, ASKED)

    assert found.facts["webgpu"] is True
    assert "WebDriverException: tab crashed" == found.unknown["webgpu.limit"]


def test_an_adapter_that_says_nothing_of_itself_is_unknown():
    """Firefox gives empty strings."""
    found = proof({"webgpu": webgpu(info={"vendor": "", "architecture": ""}), "limits": limits()}, ASKED)

    assert dict.fromkeys(("webgpu.vendor", "webgpu.architecture", "webgpu.adapter-type"), SILENT).items() <= (
        found.unknown.items()
    )


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({"fallback": True}, "software"),
        ({"architecture": "swiftshader", "type": "discrete GPU"}, "software"),
        ({"description": "llvmpipe (LLVM 15.0.6, 256 bits)"}, "software"),
        ({"type": "CPU"}, "software"),
        ({"type": "integrated GPU"}, "integrated"),
        ({"vendor": "nvidia", "type": "discrete GPU"}, "discrete"),
        ({"vendor": "nvidia", "type": None}, ""),
        ({}, ""),
    ],
)
def test_what_an_adapter_really_is(info: dict[str, Any], kind: str):
    """Software is software, whatever else it says."""
    assert kind == adapter_type(info)


def test_right_numbers_prove_webnn_and_graphs_say_where():
    """The devices of all graphs whose numbers are right; what was asked for does not count."""
    runs = run("", ["cpu"]), run("gpu", ["gpu", "cpu"]), run("npu", ["cpu"])

    found = proof({"webgpu": webgpu(), "limits": limits(), "webnn": webnn(*runs)}, ASKED)

    assert (True, ("cpu", "gpu"), ("add", "relu")) == tuple(
        found.facts[key] for key in ("webnn", "webnn.device-type", "webnn.op")
    )


def test_a_gpu_without_a_gpu_does_not_count():
    """Chromium's graphs name its GPU process."""
    software = webgpu(info={"fallback": True})

    found = proof({"webgpu": software, "limits": limits(), "webnn": webnn(run("gpu", ["gpu", "cpu"]))}, ASKED)

    assert ("cpu",) == found.facts["webnn.device-type"]
    assert "webnn: graphs name a gpu, but no adapter is one" in found.remarks


def test_devices_of_wrong_numbers_do_not_count():
    """A run that failed, or computed wrongly, is a remark."""
    runs = run("", ["cpu"]), run("gpu", ["gpu"], WRONG), {"hint": "npu", "why": "NotSupportedError: no"}

    found = proof({"webgpu": webgpu(), "limits": limits(), "webnn": webnn(*runs)}, ASKED)

    assert ("cpu",) == found.facts["webnn.device-type"]
    assert ["webnn: asked for gpu: wrong numbers", "webnn: asked for npu: NotSupportedError: no"] == found.remarks


def test_graphs_that_do_not_say_where_they_ran():
    """Older browsers have no graph.devices: the flag is true, the place unknown."""
    found = proof({"webnn": webnn(run())}, ASKED)

    assert (True, SILENT) == (found.facts["webnn"], found.unknown["webnn.device-type"])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"secure": True, "api": False}, "no navigator.ml"),
        (webnn(failed={**GONE, "step": "createContext"}), "createContext: OperationError: no device"),
        (webnn(run(numbers=WRONG)), "a graph gives wrong numbers"),
    ],
)
def test_webnn_that_cannot_is_false(answer: dict[str, Any], why: str):
    """An interface without a backend is no WebNN."""
    found = proof({"webnn": answer}, ASKED)

    assert {"webnn": False} == found.facts
    assert [f"webnn: {why}"] == found.remarks


ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        "secure": st.booleans(),
        "api": st.booleans(),
        "adapter": st.booleans(),
        "info": st.none() | st.fixed_dictionaries({}, optional={"vendor": st.text(), "fallback": st.booleans()}),
        "features": st.none() | st.lists(st.text(), max_size=2),
        "numbers": st.sampled_from([product(ASKED), layer(ASKED), WRONG, [], None, "text", 0]),
        "runs": st.lists(
            st.sampled_from([run(), run("gpu", ["gpu"]), run("npu", [], WRONG), {"hint": "", "why": "no"}]), max_size=3
        ),
        "limits": st.just({}) | st.just(limits()["limits"]),
        "buffer": st.integers(0, 1 << 31),
        "seen": st.sampled_from([[], together(4), None]),
        "invocations": st.sampled_from([0, 4]),
        "failed": st.sampled_from([HUNG, GONE]),
    },
)


@given(st.fixed_dictionaries({}, optional={"webgpu": ANSWERS, "limits": ANSWERS, "webnn": ANSWERS, "why": st.text()}))
def test_nothing_is_proven_without_its_numbers(told: dict[str, Any]):
    """Whatever a page answers: true needs right numbers in a secure context; a flag is true, false or unknown."""
    found = proof(told, ASKED)

    for flag in ("webgpu", "webnn"):
        assert (flag in found.facts) != (flag in found.unknown)
        answer = told.get(flag, {})
        if found.facts.get(flag) is True:
            numbers = [answer.get("numbers")] if flag == "webgpu" else [r.get("numbers") for r in answer["runs"]]
            assert (product(ASKED) if flag == "webgpu" else layer(ASKED)) in numbers
            assert answer["secure"]
        else:
            assert not any(key.startswith(f"{flag}.") for key in (*found.facts, *found.unknown))
    assert all(key in KEYS or key_of(key) for key in found.facts)
