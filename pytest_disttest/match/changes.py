"""What is different about a host since it was last asked, in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pytest_disttest.model import Capabilities, Device, Value
from pytest_disttest.needs import key_of

from .operators import as_number, listed

VOLATILE: Final = frozenset({"disk.free"})
"""Facts that differ from hour to hour and mean nothing by it."""
_SLACK: Final = 0.01
"""Sizes that differ by less are the same: a kernel keeps a little more or less of the memory."""
_MOST_WORDS: Final = 6


class Change(NamedTuple):
    """A fact that differs; *before* or *after* is "" where there is none. *device* is "" for the host's own."""

    fact: str
    before: str
    after: str
    device: str = ""

    def __str__(self) -> str:
        where = f" ({self.device})" if self.device else ""
        if not self.before:
            return f"{self.fact} is new: {self.after}{where}"
        if not self.after:
            return f"{self.fact} {self.before} is gone{where}"
        return f"{self.fact} {self.before} -> {self.after}{where}"


def changes(before: Capabilities, after: Capabilities) -> tuple[Change, ...]:
    """Return what differs between two looks at a host, as far as both looked, in the order of the keys.

    What one of them could not tell, or did not ask, is no change. A difference that all devices of a kind share is
    told once.
    """
    return (*_on_host(before, after), *_on_devices(before, after))


def _on_host(before: Capabilities, after: Capabilities) -> Iterator[Change]:
    for key in sorted({*before.facts, *after.facts} - VOLATILE):
        was, is_now = before.facts.get(key), after.facts.get(key)
        if was is None and (before.facts.keys().isdisjoint(_kin(key, after.facts)) or _is_unknown(key, before)):
            continue  # nobody asked for any of it then
        if is_now is None and (after.facts.keys().isdisjoint(_kin(key, before.facts)) or _is_unknown(key, after)):
            continue
        if not _alike(key, was, is_now):
            yield _change(key, was, is_now)


def _on_devices(before: Capabilities, after: Capabilities) -> Iterator[Change]:
    for kind in sorted({device.kind for device in (*before.devices, *after.devices)}):
        if kind in before.unknown or kind in after.unknown:
            continue
        were, are = _of_kind(kind, before), _of_kind(kind, after)
        if len(were) != len(are):
            yield Change(f"{kind}.count", str(len(were)), str(len(are)))
        found = Counter(
            change for name in sorted(were.keys() & are.keys()) for change in _on_device(were[name], are[name])
        )
        common = len(were.keys() & are.keys())
        named = {
            change: name for name in sorted(were.keys() & are.keys()) for change in _on_device(were[name], are[name])
        }
        for change, count in found.items():
            yield change if count == common else change._replace(device=named[change])


def _on_device(before: Device, after: Device) -> Iterator[Change]:
    if before.fault != after.fault:
        yield Change(f"{after.kind}.fault", before.fault or "none", after.fault or "none")
    for key in sorted(before.facts.keys() & after.facts.keys() - VOLATILE):
        if not _alike(key, before.facts[key], after.facts[key]):
            yield _change(key, before.facts[key], after.facts[key])


def _of_kind(kind: str, capabilities: Capabilities) -> dict[str, Device]:
    return {device.id: device for device in capabilities.devices if device.kind == kind}


def _kin(key: str, facts: Mapping[str, Value]) -> set[str]:
    """Return the keys of *facts* that are asked for together with *key*: those of its family."""
    family = key.partition(".")[0]
    return {other for other in facts if other.partition(".")[0] == family}


def _is_unknown(key: str, capabilities: Capabilities) -> bool:
    return key in capabilities.unknown or key.partition(".")[0] in capabilities.unknown


def _alike(key: str, was: Value | None, is_now: Value | None) -> bool:
    if was is None or is_now is None:
        return was is is_now
    known = key_of(key)
    if known is not None and known.kind == "set":
        return set(listed(was)) == set(listed(is_now))
    mine, theirs = as_number(was), as_number(is_now)
    if known is not None and known.kind == "size" and mine is not None and theirs is not None:
        return abs(mine - theirs) <= _SLACK * max(mine, theirs)
    return was == is_now


def _change(key: str, was: Value | None, is_now: Value | None) -> Change:
    known = key_of(key)
    if known is not None and known.kind == "set" and was is not None and is_now is not None:
        gone, new = set(listed(was)) - set(listed(is_now)), set(listed(is_now)) - set(listed(was))
        return Change(key, _shown(key, tuple(gone)), _shown(key, tuple(new)))
    return Change(key, _shown(key, was), _shown(key, is_now))


def _shown(key: str, value: Value | None) -> str:
    if value is None:
        return ""
    known = key_of(key)
    number = as_number(value)
    if known is not None and known.kind == "size" and number is not None:
        return f"{number / (1 << 30):.4g} GiB"
    if known is not None and known.kind == "level":
        return str(listed(value)[0]) if listed(value) else ""
    words = sorted(map(str, listed(value)))
    more = len(words) - _MOST_WORDS
    return ", ".join(words) if more <= 0 else f"{', '.join(words[:_MOST_WORDS])} and {more} more"
