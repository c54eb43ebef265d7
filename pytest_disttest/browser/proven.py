"""What a browser's answers prove: facts, what remains unknown, and why. Pure: answers in, a device out.

A flag is true only where numbers came out right, false where the browser cannot (no interface, no adapter, an error,
wrong numbers), and unknown where it did not say (it hung, it crashed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_disttest.browser.arithmetic import Question, agree, layer, product, together

ADAPTER_TYPES: Final = {"CPU": "software", "discrete GPU": "discrete", "integrated GPU": "integrated"}
"""The words of Dawn, Chromium's WebGPU, for the types of adapters."""
SOFTWARE: Final = ("swiftshader", "llvmpipe", "lavapipe", "basic render")
HARDWARE: Final = ("discrete", "integrated", "virtual")
SILENT: Final = "the browser does not say"
TEXTURE: Final = "webgpu.limit.maxTextureDimension2D"
WORKGROUP: Final = "webgpu.limit.maxComputeInvocationsPerWorkgroup"
BUFFERS: Final = ("webgpu.limit.maxBufferSize", "webgpu.limit.maxStorageBufferBindingSize")


@dataclass(slots=True)
class Proof:
    """What is proven so far: *facts* and *unknown* by key, *remarks* for the reader."""

    facts: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def cannot(self, flag: str, why: str) -> None:
        """The browser cannot: a plain no, with its reason for the reader."""
        self.facts[flag] = False
        self.remarks.append(f"{flag}: {why}")

    def put(self, key: str, value: Any) -> None:
        """A fact, or, where the browser left it empty, something unknown."""
        if value in (None, "", (), []):
            self.unknown[key] = SILENT
        else:
            self.facts[key] = value


def proof(told: Mapping[str, Any], asked: Question) -> Proof:
    """Return what the answers of a browser that was asked *asked* prove about ``webgpu*`` and ``webnn*``."""
    found = Proof()
    if _is_right(found, "webgpu", told, lambda answer: _refusal(answer, asked)):
        _adapter(found, told["webgpu"])
        _limits(found, told.get("limits"), told.get("why", ""))
    if _is_right(found, "webnn", told, lambda answer: _layers_refusal(answer, asked)):
        _layers(found, told["webnn"], asked)
    return found


def _is_right(found: Proof, flag: str, told: Mapping[str, Any], refusal: Any) -> bool:
    """Set the flag, or why it is unknown; returns whether it is true."""
    answer = told.get(flag)
    if answer is None:
        found.unknown[flag] = told.get("why") or "not asked"
    elif not answer.get("secure"):
        found.unknown[flag] = _failure(answer) or "asked outside a secure context, where no browser has it"
    elif answer.get("failed", {}).get("hung"):
        found.unknown[flag] = _failure(answer)
    elif why := refusal(answer):
        found.cannot(flag, why)
    else:
        found.facts[flag] = True
        return True
    return False


def _refusal(answer: Mapping[str, Any], asked: Question) -> str:
    """Return why WebGPU is of no use there, "" where its numbers are right."""
    if not answer.get("api"):
        return "no navigator.gpu"
    if "adapter" in answer and not answer["adapter"]:
        return "requestAdapter finds no adapter"
    if "numbers" not in answer:
        return _failure(answer) or "no numbers"
    return "" if agree(answer["numbers"], product(asked)) else "a compute shader gives wrong numbers"


def _layers_refusal(answer: Mapping[str, Any], asked: Question) -> str:
    """Return why WebNN is of no use there, "" where the numbers of a graph are right."""
    if not answer.get("api"):
        return "no navigator.ml"
    runs = [run for run in answer.get("runs", ()) if "numbers" in run]
    if not runs:
        return _failure(answer) or "no graph ran"
    return "" if any(agree(run["numbers"], layer(asked)) for run in runs) else "a graph gives wrong numbers"


def _failure(answer: Mapping[str, Any]) -> str:
    failed = answer.get("failed")
    return f"{failed.get('step', '?')}: {failed.get('why', '?')}" if failed else ""


def _adapter(found: Proof, answer: Mapping[str, Any]) -> None:
    info = answer.get("info") or {}
    found.put("webgpu.vendor", info.get("vendor"))
    found.put("webgpu.architecture", info.get("architecture"))
    found.put("webgpu.adapter-type", adapter_type(info))
    found.facts["webgpu.feature"] = tuple(sorted(answer.get("features") or ()))


def adapter_type(info: Mapping[str, Any]) -> str:
    """Return ``software``, ``discrete``, ``integrated`` by what the adapter says of itself, "" where it does not."""
    words = " ".join(str(info.get(key) or "") for key in ("vendor", "architecture", "device", "description")).lower()
    if info.get("fallback") or any(word in words for word in SOFTWARE):
        return "software"
    return ADAPTER_TYPES.get(info.get("type") or "", "")


def _limits(found: Proof, answer: Mapping[str, Any] | None, why: str) -> None:
    if answer is None or "limits" not in answer:
        found.unknown["webgpu.limit"] = _failure(answer or {}) or why or "not asked"
        return
    for name, value in answer["limits"].items():
        found.facts[f"webgpu.limit.{name}"] = int(value)
    tries = _failure(answer)
    if not agree(answer.get("seen"), together(answer.get("invocations", 0))):
        _doubt(found, (WORKGROUP,), tries or "a workgroup of that size gives wrong numbers")
    if not answer.get("texture"):
        _doubt(found, (TEXTURE,), tries or "such a texture cannot be made")
    if not answer.get("buffer"):
        _doubt(found, BUFFERS, tries or "no buffer of a sixteenth of it can be made")
        return
    for key in BUFFERS:
        found.facts[key] = min(found.facts[key], int(answer["buffer"]))


def _doubt(found: Proof, keys: tuple[str, ...], why: str) -> None:
    for key in keys:
        found.facts.pop(key, None)
        found.unknown[key] = why


def _layers(found: Proof, answer: Mapping[str, Any], asked: Question) -> None:
    found.put("webnn.op", tuple(sorted(answer.get("ops") or ())))
    runs = answer["runs"]
    right = [run for run in runs if agree(run.get("numbers"), layer(asked))]
    found.remarks += [
        f"webnn: asked for {run['hint'] or 'any device'}: {run.get('why') or 'wrong numbers'}"
        for run in runs
        if run not in right
    ]
    where = {device for run in right for device in run.get("devices") or ()}
    if "gpu" in where and found.facts.get("webgpu.adapter-type") not in HARDWARE:
        # Chromium's graphs say "gpu" for its GPU process, which works without a GPU too.
        where.remove("gpu")
        found.remarks.append("webnn: graphs name a gpu, but no adapter is one")
    found.put("webnn.device-type", tuple(sorted(where)))
