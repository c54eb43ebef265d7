"""Whether one host meets a demand, condition by condition, and with which of its devices.

The single host is judged here, plainly; many hosts and many demands at once are the matter of `fleet`, which gives
the same answers from shared work (a property test holds them together).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from pytest_disttest.model import Capabilities, Demand, Device, Requirement, Value

from .groups import Alternative, Group, alternatives_of, is_count, parted, speaks_of_kind, unlimited
from .lookup import MET, UNKNOWN, UNMET, Answer, answer, devices_of, why_unknown
from .operators import Test, as_number, kind_of, owner_of, tester


class Check(NamedTuple):
    """One requirement on its own: *have* is the value seen (of a device the one that comes nearest, *device*)."""

    requirement: Requirement
    status: str
    have: Value | None = None
    device: str = ""
    why: str = ""


class GroupVerdict(NamedTuple):
    """What is asked of one kind of device, together: the ids of *devices* that meet it, and that may (*unsure*)."""

    kind: str
    status: str
    devices: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()
    why: str = ""


class AlternativeVerdict(NamedTuple):
    """One alternative: each requirement alone, the kinds of device together, and what follows."""

    status: str
    checks: tuple[Check, ...] = ()
    groups: tuple[GroupVerdict, ...] = ()


class Verdict(NamedTuple):
    """Whether a host meets a demand: ``met``, ``unmet`` or ``unknown``; *drained* says why it must not be used."""

    status: str
    alternatives: tuple[AlternativeVerdict, ...]
    drained: str = ""


def judge(demand: Demand, capabilities: Capabilities) -> Verdict:
    """Return what a host meets of a demand; of a drained host as if it were not, but for the status."""
    alternatives = tuple(_alternative(alternative, capabilities) for alternative in alternatives_of(demand))
    status = UNMET if capabilities.drained else _best(each.status for each in alternatives)
    return Verdict(status, alternatives, capabilities.drained)


def fits(demand: Demand, capabilities: Capabilities) -> bool:
    """Whether a host meets a demand: one alternative of it, as a whole. What is unknown meets nothing."""
    return not capabilities.drained and any(
        meets_alternative(alternative, capabilities) for alternative in alternatives_of(demand)
    )


def meets_alternative(alternative: Alternative, capabilities: Capabilities) -> bool:
    """Whether a host, drained or not, meets every requirement of an alternative."""
    own, groups = parted(alternative)
    told = (capabilities.unknown,)
    return all(answer(r, _tester(r), capabilities.facts, told).status == MET for r in own) and all(
        _group(group, capabilities).status == MET for group in groups
    )


def devices_for(alternative: Alternative, capabilities: Capabilities) -> dict[str, tuple[Device, ...]]:
    """Return by kind the devices that meet what *alternative* asks of one, in the host's order.

    A kind that the alternative does not ask for (it says nothing of it, or only what must not be there) is absent. A
    faulty device is never among them, a renderer in software only where ``gpu.kind`` is spoken of.
    """
    return {
        group.kind: tuple(d for d in _counted(group, capabilities) if _on_device(group, d, capabilities) == MET)
        for group in parted(alternative)[1]
        if group.least
    }


def devices_wanted(alternative: Alternative) -> dict[str, int]:
    """Return by kind how many devices an alternative asks for at least: 1 where it only says what one must be."""
    return {group.kind: group.least for group in parted(alternative)[1] if group.least}


@lru_cache(maxsize=4096)
def _tester(requirement: Requirement) -> Test:
    return tester(requirement)


def _best(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return MET if MET in found else UNKNOWN if UNKNOWN in found else UNMET


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return UNMET if UNMET in found else UNKNOWN if UNKNOWN in found else MET


def _alternative(alternative: Alternative, capabilities: Capabilities) -> AlternativeVerdict:
    software = speaks_of_kind(alternative)
    checks = tuple(_check(requirement, capabilities, software=software) for requirement in alternative)
    groups = tuple(_group(group, capabilities) for group in parted(alternative)[1])
    statuses = [check.status for check in checks if not owner_of(check.requirement.key)]
    return AlternativeVerdict(_worst([*statuses, *(group.status for group in groups)]), checks, groups)


def _check(requirement: Requirement, capabilities: Capabilities, *, software: bool) -> Check:
    """Judge one requirement as if it stood alone."""
    kind = owner_of(requirement.key)
    if not kind:
        found = answer(requirement, _tester(requirement), capabilities.facts, (capabilities.unknown,))
        return Check(requirement, found.status, found.have, "", found.why)
    (group,) = parted((requirement,), software=software)[1]
    verdict = _group(group, capabilities)
    counted = _counted(group, capabilities)
    if is_count(requirement):
        return Check(requirement, verdict.status, len(counted), "", verdict.why)
    nearest, device = _nearest(requirement, counted, capabilities)
    return Check(requirement, verdict.status, nearest.have, device, nearest.why or verdict.why)


def _nearest(requirement: Requirement, devices: tuple[Device, ...], capabilities: Capabilities) -> tuple[Answer, str]:
    """Return the answer of the device that comes nearest, and its id."""
    kind, less = kind_of(requirement.key), requirement.operator in ("<", "<=")

    def closeness(found: tuple[Answer, str]) -> tuple[int, float, str]:
        number = as_number(found[0].have) if kind in ("number", "size") and found[0].have is not None else None
        return (UNMET, UNKNOWN, MET).index(found[0].status), (-1 if less else 1) * (number or 0), found[1]

    answers = ((_answer(requirement, device, capabilities), device.id) for device in devices)
    return max(answers, key=closeness, default=(Answer(UNMET), ""))


def _counted(group: Group, capabilities: Capabilities) -> tuple[Device, ...]:
    return devices_of(capabilities, group.kind, software=group.software)


def _answer(requirement: Requirement, device: Device, capabilities: Capabilities) -> Answer:
    return answer(requirement, _tester(requirement), device.facts, (device.unknown, capabilities.unknown))


def _on_device(group: Group, device: Device, capabilities: Capabilities) -> str:
    return _worst(_answer(r, device, capabilities).status for r in group.each)


def _group(group: Group, capabilities: Capabilities) -> GroupVerdict:
    """Judge all that is asked of one kind of device: on which devices it holds, and whether those are enough."""
    found = [(device.id, _on_device(group, device, capabilities)) for device in _counted(group, capabilities)]
    met = tuple(name for name, status in found if status == MET)
    unsure = tuple(name for name, status in found if status == UNKNOWN)
    # Where nobody could look for devices there may be any number of them beside those that are known.
    why = why_unknown(f"{group.kind}.count", group.kind, (capabilities.unknown,))
    if group.is_ban:
        status = _worst([*(status for _, status in found), UNKNOWN if why else MET])
    else:
        possible = len(met) + len(unsure)
        status = group.enough(len(met), unlimited(possible) if why else possible)
    return GroupVerdict(group.kind, status, met, unsure, why if status == UNKNOWN else "")
