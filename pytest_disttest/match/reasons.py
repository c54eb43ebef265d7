"""Why no host fits, in one line: each condition that nobody meets, with the best value seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pytest_disttest.model import Capabilities, Demand, Requirement

from .fleet import Fleet, bits
from .groups import Alternative, alternatives_of, speaks_of_kind
from .operators import ORDER, owner_of
from .shown import condition, names
from .survey import Survey

_MOST_ALTERNATIVES: Final = 3


def why_not(demand: Demand, hosts: Mapping[str, Capabilities]) -> str:
    """Return one line that says why no host meets *demand*, "" when one does.

    The requirements that nobody meets, each with the best value seen; where each alone is met by somebody, who meets
    which. Of several alternatives those with the fewest such requirements come first.
    """
    fleet = Fleet(hosts)
    return "" if fleet.fitting(alternatives_of(demand)) else reason(demand, Survey(fleet))


def reason(demand: Demand, survey: Survey) -> str:
    """Return why no host of a fleet meets *demand*: call it only where that is so."""
    fleet = survey.fleet
    if not fleet.names:
        return "there is no host in this run"
    told = _drained(demand, fleet)
    if told:
        return told
    ordered = sorted((len(_hopeless(each, fleet)), _reason(each, survey)) for each in alternatives_of(demand))
    more = len(ordered) - _MOST_ALTERNATIVES
    text = "; or else ".join(line for _, line in ordered[:_MOST_ALTERNATIVES])
    return f"{text}; and {more} more alternatives" if more > 0 else text


def _drained(demand: Demand, fleet: Fleet) -> str:
    """Return who would fit if only it might be used."""
    met = 0
    for alternative in alternatives_of(demand):
        met |= fleet.judged(alternative).met
    told = (f"{fleet.names[row]} would fit, but {fleet.capabilities[row].drained}" for row in bits(met & fleet.drained))
    return "; ".join(told)


def _hopeless(alternative: Alternative, fleet: Fleet) -> tuple[Requirement, ...]:
    """Return the requirements that no host satisfies, whatever the others say, in the order given."""
    return tuple(r for r in alternative if not fleet.alone(r, software=speaks_of_kind(alternative)).met)


def _reason(alternative: Alternative, survey: Survey) -> str:
    fleet = survey.fleet
    impossible = _hopeless(alternative, fleet)
    if impossible:
        return "; ".join(f"{condition(r)}: {best_seen(r, alternative, survey)}" for r in impossible)
    alone = {r: fleet.alone(r, software=speaks_of_kind(alternative)).met for r in alternative}
    text = "; ".join(f"{condition(r)} (met by {names(fleet.named(met))})" for r, met in alone.items())
    return f"no host meets all of these at once: {text}{_apart(alternative, alone.values(), fleet)}"


def _apart(alternative: Alternative, alone: Iterable[int], fleet: Fleet) -> str:
    """Return that it is the devices that are apart, where a host meets each requirement alone."""
    together = fleet.everywhere
    for met in alone:
        together &= met
    if not together:
        return ""
    kinds = sorted({owner_of(r.key) for r in alternative} - {""})
    return f"; on {names(fleet.named(together))} not on the same {' and '.join(kinds)}"


def best_seen(requirement: Requirement, alternative: Alternative, survey: Survey) -> str:
    """Return what comes nearest: the best number, else who offers what; the unknown is named apart."""
    fleet = survey.fleet
    judged = fleet.alone(requirement, software=speaks_of_kind(alternative))
    known = fleet.everywhere & ~judged.unknown
    told = [_nearest(requirement, alternative, survey, known)] if known else []
    whys: dict[str, list[str]] = {}
    for row in bits(judged.unknown):
        whys.setdefault(survey.why_unknown(requirement, row), []).append(fleet.names[row])
    return ", ".join([*told, *(f"unknown on {names(hosts)} ({why})" for why, hosts in sorted(whys.items()))])


def _nearest(requirement: Requirement, alternative: Alternative, survey: Survey, known: int) -> str:
    fleet = survey.fleet
    hosts = names(fleet.named(known))
    if requirement.operator == "has":
        return f"offered by none of {hosts}" if known.bit_count() > 1 else f"{hosts} does not offer it"
    found = [
        (have, rows & known)
        for have, rows in survey.seen(requirement, software=speaks_of_kind(alternative))
        if rows & known
    ]
    if found and requirement.operator in ORDER:
        have, rows = found[0]
        return f"best is {have.text} ({names(fleet.named(rows))})"
    nowhere = known
    for _, rows in found:
        nowhere &= ~rows
    offers = [f"{have.text} ({names(fleet.named(rows))})" for have, rows in found]
    if nowhere:
        offers.append(f"nothing ({names(fleet.named(nowhere))})")
    return f"there is {', '.join(sorted(offers))}"
