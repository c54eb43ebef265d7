"""A family in one keyword: ``gpu=2``, ``gpu="cuda >= 12, memory >= 16 GiB"``, ``npu=1``, ``browser="firefox"``.

Within the text the family's name is understood, so that keys are said by their last part. A single word means what
each family is mostly asked for: a table says what.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Requirement

from .conditions import counted, divided, leading, stated
from .naming import unknown
from .splitting import conditions_in, quoted
from .values import BARE
from .vocabulary import ACCELERATORS, OPEN_FAMILIES, key_of

BROWSERS: Final = ("chrome", "chromium", "edge", "firefox", "safari", "webkit")
_VENDORS: Final = ("nvidia", "amd", "intel", "apple", "qualcomm", "arm")
_APIS: Final = ("cuda", "rocm", "level-zero", "metal", "vulkan", "opencl")
_KINDS: Final = ("discrete", "integrated", "virtual", "software")
_COUNTED: Final = ("gpu", "accel", "browser", *ACCELERATORS)
_FLAGS: Final = ("webgpu", "webnn")


def is_family(word: str) -> bool:
    """Whether a keyword called *word* may hold a text of conditions on what belongs to it."""
    return word in _COUNTED or word in _FLAGS or word in OPEN_FAMILIES or word == "cpu"


def from_family(family: str, value: object, place: str) -> list[Requirement] | None:
    """Return what ``FAMILY=value`` asks for; None where the value is one of a plain key of that name.

    A number or a truth value counts devices, a text (or a list of texts) is conditions and single words.
    """
    if isinstance(value, bool | int) and family in _COUNTED:
        return _number(family, value, place)
    if isinstance(value, list | tuple | set | frozenset):
        if family == "browser" or not all(isinstance(each, str) for each in value):
            return None  # a list of browsers is one of names
        return [found for each in sorted(value) for found in _text(family, each, place)]
    return _text(family, value, place) if isinstance(value, str) else None


def _number(family: str, value: int, place: str) -> list[Requirement]:
    sign = ">=" if value else "="
    return counted(family, sign, int(value), place, origin=f"{family}.count {sign} {int(value)}")


def _text(family: str, text: str, place: str) -> list[Requirement]:
    if family in _COUNTED and text.isascii() and text.isdigit():
        return _number(family, int(text[:40]), place)
    limit = leading(text)
    if limit is not None and family in _COUNTED:
        return counted(family, limit[0], limit[1], place, origin=f"{family}.count {limit[0]} {limit[1]}")
    found = [r for part in conditions_in(text) for r in _part(family, part, place)]
    if family in _FLAGS:
        found += stated(family, "=", "true", place=place, origin=f"{family} = true")
    elif family in ACCELERATORS:
        found += stated("accel.type", "=", family, place=place, origin=f"accel.type = {family}")
    return found


def _part(family: str, part: str, place: str) -> list[Requirement]:
    """Return what one condition or word within a family's text asks for."""
    condition = divided(part)
    if condition is None:
        return _word(family, part, place)
    word, operator, rest = condition
    if family == "browser" and word.lower() in BROWSERS and operator not in BARE:
        name = stated("browser.name", "=", word, place=place, origin=f"browser.name = {word}")
        return name + _stated("browser.version", operator, rest, place)
    return _stated(_within(family, word, place), operator, rest, place)


def _within(family: str, word: str, place: str) -> str:
    """Return the whole name of *word* in *family*; a whole name of the same owner stays as it is."""
    owner = "accel" if family in ACCELERATORS else family
    inner = key_of(f"{owner}.{word}")
    if inner is not None:
        return inner.name
    outer = key_of(word)
    # a browser's text may speak of WebGPU and WebNN, which are the browser's
    if outer is not None and (outer.name.startswith(f"{owner}.") or outer.owner == owner):
        return outer.name
    raise unknown(word, place, prefix=f"{owner}.")


def _stated(word: str, operator: str, rest: str, place: str) -> list[Requirement]:
    return stated(word, operator, rest, place=place, origin=f"{word} {operator} {rest}".strip())


def _word(family: str, word: str, place: str) -> list[Requirement]:
    """Return what a single word asks of *family*."""
    meant = _MEANT[family](word) if family in _MEANT and _WORD.fullmatch(word) else None
    if meant is None:
        known = {"gpu": f"one of {', '.join((*_VENDORS[:3], *_APIS, *_KINDS))}, or "}.get(family, "")
        raise BadMarker(
            f"hw({family}={word!r}) says nothing that {family} knows",
            place=place,
            hint=f"say {known}a condition such as {_EXAMPLES.get(family, 'KEY = VALUE')!r}",
        )
    return _stated(*meant, place)


_WORD: Final = re.compile(r"\w[\w. -]*")
_EXAMPLES: Final = {"gpu": "device-name ~ H100", "accel": "memory >= 4 GiB", "cpu": "flag = avx2"}
Meaning = tuple[str, str, str]


def _gpu(word: str) -> Meaning | None:
    if word.lower() in _APIS:
        return "gpu.api", "=", word.lower()
    if word.lower() in _VENDORS:
        return "gpu.vendor-name", "~", f'"(?i)^{word.lower()}"'  # whatever a driver adds ("Intel Corporation")
    return ("gpu.kind", "=", word) if word in _KINDS else None


def _accel(word: str) -> Meaning | None:
    return ("accel.type", "=", word) if word.isalnum() else None


def _browser(word: str) -> Meaning | None:
    return (word, "=", "true") if word in _FLAGS else ("browser.name", "=", quoted(word))


_MEANT: Final[dict[str, Callable[[str], Meaning | None]]] = {
    "gpu": _gpu,
    "accel": _accel,
    "browser": _browser,
    "webgpu": lambda word: ("webgpu.feature", "=", quoted(word)),
    "webnn": lambda word: ("webnn.device-type", "=", quoted(word)),
    "package": lambda word: (f"package.{word}", "exists", ""),
    "fact": lambda word: (f"fact.{word}", "exists", ""),
    "resource": lambda word: (f"resource.{word}", ">=", "1"),
}
