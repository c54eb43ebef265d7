"""Why tests run where they do, or nowhere: explanations as lines of text, for a terminal and for a log alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_disttest.match import AlternativeRow, ConditionRow, Explanation, Failing, HostExplanation, HostRow
from pytest_disttest.reports.wording import plural, printable

WORDS: Mapping[str, str] = {
    "fits": "FITS",
    "pending": "PENDING",
    "unsatisfiable": "UNSATISFIABLE",
}
MOST_TESTS = 3
MOST_NAMES = 6
MOST_HOSTS = 20
_STEP = ("step", "alone", "together", "condition", "best value seen")


def explanation_lines(explanation: Explanation, tests: Sequence[str] = ()) -> list[str]:
    """Return everything about one demand: its *tests*, the verdict, the stages, the conditions, each host.

    Lines are as long as they must be; what is shown of a host stays on one line.
    """
    lines = [_headline(explanation, tests), f"  hosts: {_funnel(explanation)}"]
    many = len(explanation.alternatives) > 1
    for number, alternative in enumerate(explanation.alternatives):
        if many:
            lines.append(f"  {'one way' if not number else 'or else'}, on {plural(len(alternative.hosts), 'host')}:")
        lines += _conditions(alternative)
        lines += _unknowns(alternative)
        lines += _relaxations(alternative)
        lines += _failing(alternative)
    lines += [f"  could, but not now: {host} ({reason})" for host, reason in explanation.later]
    lines += [f"  would fit, but is not used: {_host(row)}" for row in explanation.rows if _is_kept_out(row)]
    return [printable(line) for line in [*lines, f"  summary: {explanation.summary}"]]


def unmatched_lines(explained: Iterable[tuple[Explanation, Sequence[str]]]) -> list[str]:
    """Return three lines for each demand that fits nowhere now: its tests, what they ask for, what is in the way.

    Demands of the most tests come first.
    """
    waiting = [(told, tests) for told, tests in explained if told.verdict != "fits"]
    waiting.sort(key=lambda each: (-len(each[1]), each[0].verdict, each[1][:1]))
    lines = []
    for told, tests in waiting:
        lines += [f"{WORDS[told.verdict]}  {_named(tests)}", f"  {_asked(told)}", f"  {told.summary}{_hint(told)}"]
    return [printable(line) for line in lines]


def host_lines(explanation: HostExplanation) -> list[str]:
    """Return the reverse view: how many tests could run on one host, and what keeps the others from it."""
    total = len(explanation.run) + explanation.elsewhere
    state = f"{explanation.state}: {explanation.reason}" if explanation.reason else explanation.state
    lines = [f"{explanation.host} ({state}): {len(explanation.run)} of {plural(total, 'test')} could run here"]
    width = max((len(str(len(each.tests))) for each in explanation.conditions), default=0)
    for each in explanation.conditions:
        have = "unknown" if each.unknown else each.have or "nothing"
        lines.append(f"  {len(each.tests):>{width}} cannot: {each.text} (here: {have})")
    return [printable(line) for line in lines]


def _headline(explanation: Explanation, tests: Sequence[str]) -> str:
    count = f"({len(explanation.hosts)} of {plural(len(explanation.rows), 'host')})"
    codes = f"  {' '.join(explanation.codes)}" if explanation.codes else ""
    where = f": {_names(explanation.hosts)}" if explanation.hosts else ""
    return f"{_named(tests)}  {WORDS[explanation.verdict]}  {count}{where}{codes}".strip()


def _named(tests: Sequence[str]) -> str:
    more = len(tests) - MOST_TESTS
    shown = ", ".join(tests[:MOST_TESTS])
    return f"{shown} and {more} more" if more > 0 else shown


def _names(hosts: Sequence[str]) -> str:
    more = len(hosts) - MOST_NAMES
    shown = ", ".join(hosts[:MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


def _asked(explanation: Explanation) -> str:
    ways = [", ".join(row.text for row in each.conditions) or "nothing" for each in explanation.alternatives]
    return " or else ".join(ways)


def _funnel(explanation: Explanation) -> str:
    """Return the stages; those in which nothing happens and which not everybody knows are left out."""
    stages = dict(explanation.funnel)
    if stages["usable"] == stages["probed"]:
        del stages["usable"]
    if stages["ready"] == stages["match"]:
        del stages["ready"]
    return " -> ".join(f"{count} {stage}" for stage, count in stages.items())


def _conditions(alternative: AlternativeRow) -> list[str]:
    """Return the table of the conditions; the columns of numbers stand right."""
    rows = [
        (f"[{place}]", str(row.alone), str(row.cumulative), row.text, _best(row))
        for place, row in enumerate(alternative.conditions)
    ]
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(_STEP, *rows, strict=True)]
    return [f"  {_aligned(cells, widths)}" for cells in (_STEP, *rows)]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    step, alone, together, condition, best = cells
    numbers = f"{alone:>{widths[1]}}  {together:>{widths[2]}}"
    return f"{step:<{widths[0]}}  {numbers}  {condition:<{widths[3]}}  {best}".rstrip()


def _best(row: ConditionRow) -> str:
    """Return the best value on a host that does not meet the condition; nothing where all do."""
    if row.nearest is None:
        return ""
    shown = f"{_names(row.nearest.hosts)}: {row.nearest.text}"
    if not row.near_misses:
        return shown
    return f"{shown}  <- near miss, {_percent(row.near_misses[0].gap)} short"


def _percent(part: float) -> str:
    return "just" if not part else f"{max(part * 100, 0.1):.1f} %"


def _unknowns(alternative: AlternativeRow) -> Iterator[str]:
    """Yield the hosts on which something could not be told, by the reason, with the keys it is about."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in alternative.conditions:
        for host, why in row.unknown:
            found.setdefault((host, why), []).append(row.requirement.key)
    for (host, why), keys in found.items():
        yield f"  unknown: {host} {', '.join(dict.fromkeys(keys))} ({why})"


def _relaxations(alternative: AlternativeRow) -> Iterator[str]:
    for place, each in enumerate(alternative.relaxations):
        yield f"  {'would fit with' if not place else 'or with':<14}  {each.text} -> {_names(each.hosts)}"


def _failing(alternative: AlternativeRow) -> Iterator[str]:
    """Yield what each host lacks; hosts that lack the same stand on one line."""
    alike: dict[str, list[str]] = {}
    for each in alternative.failing:
        alike.setdefault(", ".join(_lacking(each.failing, alternative)), []).append(each.host)
    for lacking, hosts in list(alike.items())[:MOST_HOSTS]:
        yield f"  {_names(hosts)} {'fails' if len(hosts) == 1 else 'fail'} {lacking}"
    if len(alike) > MOST_HOSTS:
        yield f"  ... and {len(alike) - MOST_HOSTS} more"


def _lacking(failing: Sequence[Failing], alternative: AlternativeRow) -> Iterator[str]:
    for each in failing:
        key = alternative.conditions[each.place].requirement.key
        have = "unknown" if each.unknown else each.have or "nothing"
        yield f"[{each.place}] {key.rpartition('.')[2]} {have}"


def _is_kept_out(row: HostRow) -> bool:
    return row.code in ("DISABLED", "DRAINED") and row.status == "met"


def _host(row: HostRow) -> str:
    word = "drained" if row.code == "DRAINED" else row.state
    return f"{row.host} ({word}: {row.reason})" if row.reason else f"{row.host} ({word})"


def _hint(explanation: Explanation) -> str:
    """Return the smallest change that would help, in short."""
    best = next((each for way in explanation.alternatives for each in way.relaxations), None)
    return "" if best is None else f"; would fit with {best.text} -> {_names(best.hosts)}"
