"""The plan as plain text, for ``--hw-plan``: short for a big suite, whole for a small one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from pytest_disttest.model import Capabilities, Case, Demand, Plan, Unit, Value
from pytest_disttest.needs import shown, shown_size

SHOWN = 10

HostOffers = Sequence[str] | Mapping[str, Capabilities]

# What tells hosts apart at a glance, with their custom resources; a probe finds far more.
_TOLD = ("arch", "cpu.processors", "hostname", "location", "memory", "os", "tag")


def render_plan(plan: Plan, cases: Sequence[Case], hosts: HostOffers, *, width: int = 100) -> str:
    """Return *plan* as lines of at most *width* columns, without colour, ending in no newline.

    *hosts* are names, or names with what each offers. A list longer than ten ends in "... and N more".
    """
    by_index = {case.index: case for case in cases}
    sections = (
        _section("hosts", len(hosts), _hosts(hosts)),
        [_counts(plan, cases)],
        _section("units", len(plan.units), _units(plan.units, cases)),
        _section("dependencies", sum(map(len, plan.prerequisites.values())), _levels(plan, by_index)),
        _requirements(plan, cases, hosts),
        _section("unplaced", len(plan.unplaced), _reasons(plan.unplaced, by_index)),
        _section("blocked", len(plan.blocked), _reasons(plan.blocked, by_index)),
    )
    return "\n".join(piece for lines in sections for line in lines for piece in _fitted(line, width))


def _section(title: str, count: int, lines: Iterable[str]) -> list[str]:
    return [f"{title} ({count})", *lines] if count else []


def _hosts(hosts: HostOffers) -> Iterator[str]:
    names = list(hosts)[:SHOWN]
    columns = _column(names)
    for name in names:
        offered = ", ".join(_offer(hosts[name])) if isinstance(hosts, Mapping) else ""
        yield f"  {name:<{columns}}  {offered}"
    yield from _more(len(hosts))


def _offer(capabilities: Capabilities) -> Iterator[str]:
    """Yield what a host has in short: what every host has, then its devices, then why it is not used."""
    for key, value in sorted(capabilities.facts.items()):
        if value != () and (key in _TOLD or key.startswith("resource.")):
            yield f"{key} {_shown(key, value)}"
    kinds = Counter(device.kind for device in capabilities.devices if not device.fault)
    yield from (_plural(count, kind) for kind, count in sorted(kinds.items()))
    if capabilities.drained:
        yield f"not used: {capabilities.drained}"


def _counts(plan: Plan, cases: Sequence[Case]) -> str:
    runnable = sum(len(unit.cases) for unit in plan.units)
    deselected = sum(case.deselected for case in cases)
    parts = [f"{runnable} to run"]
    parts += [
        f"{count} {word}"
        for word, count in (
            ("blocked", len(plan.blocked)),
            ("unplaced", len(plan.unplaced)),
            ("deselected", deselected),
        )
        if count
    ]
    return f"tests ({len(cases)}): {', '.join(parts)}"


def _units(units: Sequence[Unit], cases: Sequence[Case]) -> Iterator[str]:
    files = {case.index: case.file for case in cases}
    columns = _column(unit.key for unit in units[:SHOWN])
    for unit in units[:SHOWN]:
        spread = len({files[index] for index in unit.cases})
        bound = f"  on one worker, from {_plural(spread, 'file')}" if unit.binding else ""
        yield f"  {unit.key:<{columns}}  {_plural(len(unit.cases), 'test')}{bound}"
    yield from _more(len(units))


def _levels(plan: Plan, cases: Mapping[int, Case]) -> Iterator[str]:
    """Yield the dependents by how long the longest chain before them is."""
    levels: defaultdict[int, list[int]] = defaultdict(list)
    for index, level in _depths(plan.prerequisites).items():
        if level:
            levels[level].append(index)
    for level in sorted(levels)[:SHOWN]:
        found = sorted(levels[level])
        yield f"  level {level}: {_plural(len(found), 'test')}"
        yield from _capped_lines(
            [f"{cases[i].nodeid} after {_names(plan.prerequisites[i], cases)}" for i in found[:SHOWN]], len(found)
        )
    if len(levels) > SHOWN:
        yield f"  ... and {len(levels) - SHOWN} more levels"


def _names(indexes: Sequence[int], cases: Mapping[int, Case], shown: int = 3) -> str:
    more = f" and {len(indexes) - shown} more" if len(indexes) > shown else ""
    return ", ".join(cases[index].nodeid for index in indexes[:shown]) + more


def _depths(prerequisites: Mapping[int, tuple[int, ...]]) -> dict[int, int]:
    """Return the length of the longest chain before each case; without recursion, chains can be long.

    Dependents of one group share a tuple (see build_plan), so each tuple is walked once.
    """
    depth: dict[int, int] = {}
    after: dict[int, int] = {}
    stack = sorted(prerequisites, reverse=True)
    while stack:
        index = stack[-1]
        before = prerequisites.get(index, ())
        if id(before) not in after:
            missing = [other for other in before if other not in depth]
            if missing:
                stack += missing
                continue
            after[id(before)] = 1 + max((depth[other] for other in before), default=-1)
        depth[index] = after[id(before)]
        stack.pop()
    return depth


def _requirements(plan: Plan, cases: Sequence[Case], hosts: HostOffers) -> list[str]:
    """Return one line per distinct demand: how many tests have it, and where they fit."""
    everywhere = frozenset(hosts)
    found: Counter[tuple[str, frozenset[str]]] = Counter()
    for case in cases:
        if any(case.demand.alternatives) and not case.deselected and case.index not in plan.blocked:
            fits = frozenset() if case.index in plan.unplaced else plan.eligible.get(case.index, everywhere)
            found[_asked(case.demand), fits] += 1
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0][0], sorted(item[0][1])))
    lines = []
    for (text, fits), count in ranked[:SHOWN]:
        where = "every host" if fits == everywhere else ", ".join(_capped(sorted(fits))) or "no host"
        lines.append(f"  {text}: {_plural(count, 'test')} on {where}")
    return _section("requirements", len(found), [*lines, *_more(len(found))])


def _asked(demand: Demand) -> str:
    """Return what every alternative asks for, then what one of them must: ``os = linux, and either a or b``."""
    common = demand.requirements
    choices = [", ".join(map(shown, (r for r in each if r not in common))) for each in demand.alternatives]
    if len(choices) == 1:
        return ", ".join(map(shown, common))
    either = f"either {' or '.join(choice or 'nothing more' for choice in choices)}"
    return f"{', '.join(map(shown, common))}, and {either}" if common else either


def _reasons(reasons: Mapping[int, str], cases: Mapping[int, Case]) -> Iterator[str]:
    """Yield reasons with the tests they hold for; the same words for many tests are said once."""
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for index in sorted(reasons):
        alike[reasons[index]].append(index)
    for reason, indexes in list(alike.items())[:SHOWN]:
        yield f"  {cases[indexes[0]].nodeid}{_others(len(indexes) - 1)}: {reason}"
    yield from _more(len(alike))


def _others(count: int) -> str:
    return f" and {count} more" if count else ""


def _capped(words: Sequence[str]) -> list[str]:
    return [*words[:SHOWN], *(line.strip() for line in _more(len(words)))]


def _capped_lines(shown: Sequence[str], count: int) -> list[str]:
    return [f"    {line}" for line in shown] + [f"  {line}" for line in _more(count)]


def _more(count: int) -> list[str]:
    return [f"  ... and {count - SHOWN} more"] if count > SHOWN else []


def _shown(key: str, value: Value) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if key == "memory" and isinstance(value, int):
        return shown_size(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _column(names: Iterable[str]) -> int:
    return min(max(map(len, names), default=0), 48)


def _fitted(line: str, width: int) -> list[str]:
    """Break *line* where it is too wide, at spaces if it has any, and indent what follows."""
    if len(line) <= width:
        return [line.rstrip()]
    indent = " " * (len(line) - len(line.lstrip()))
    return wrap(line.strip(), width, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False)
