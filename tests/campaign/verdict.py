"""What must hold after a trial, looked at from outside: the reports, the exit status, the machine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from campaign.fault import Fault
from campaign.scene import DISTTEST, Scene

from pytest_disttest.model import Attempt
from pytest_disttest.store.events import CasesPassed, CasesSeen, from_line
from pytest_disttest.worker.leases import read_leases

COUNTS = re.compile(r"(\d+) (passed|failed|skipped|error|errors|xfailed|xpassed|flaky)\b")
LAST_LINE = re.compile(r"^=*\s*((?:\d+ \w+(?:, )?)+) in [\d.]+s")


@dataclass
class Verdict:
    """What a trial showed. Each list holds sentences; an empty one is good."""

    fault: str
    engine: str
    seed: int
    seconds: float = 0.0
    struck: bool = True
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    status: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether everything held."""
        return not (self.lost or self.twice or self.hung or self.left or self.unclear or self.status)

    def __str__(self) -> str:
        names = ("lost", "twice", "hung", "left", "unclear", "status")
        told = [f"{name}: {sentence}" for name in names for sentence in getattr(self, name)]
        return f"{self.fault} ({self.engine}, seed {self.seed}): " + ("; ".join(told) or "good")


def judge(verdict: Verdict, fault: Fault, scene: Scene, *, total: int, code: int | None) -> None:
    """Look at everything that a trial of *total* tests left and note in *verdict* what is wrong."""
    text = scene.screen.read_text(errors="replace")
    told = outcomes_of(scene.junit)
    judge_outcomes(verdict, fault, told, text, total=total)
    if scene.engine == DISTTEST and fault.is_stored:
        judge_journal(verdict, fault, scene, told, total=total)
    judge_status(verdict, fault, told, code, total=total)
    judge_words(verdict, fault, text)
    judge_leases(verdict, scene)
    if fault.after is not None and scene.engine == DISTTEST and (why := fault.after(scene)):
        verdict.unclear.append(why)


def judge_outcomes(verdict: Verdict, fault: Fault, told: Counter[tuple[str, str]], text: str, *, total: int) -> None:
    """Each test has one outcome in the JUnit report, and the terminal counts as many."""
    by_name = Counter(name for name, _ in told.elements())
    verdict.twice += [f"{name} has {count} results" for name, count in by_name.items() if count > 1]
    missing = total - len(by_name)
    if missing and not (fault.ends and names_the_missing(text, missing)):
        verdict.lost.append(f"{missing} of {total} tests have no result")
    counted = terminal_count(text)
    if counted is None:
        verdict.lost.append("the terminal has no last line")
    elif counted != sum(told.values()):
        word = verdict.twice if counted > sum(told.values()) else verdict.lost
        word.append(f"the terminal counts {counted} results, JUnit {sum(told.values())}")
    bad = [name for (name, outcome), count in told.items() if outcome != "passed"]
    if len(bad) > fault.harm:
        verdict.unclear.append(f"{len(bad)} tests did not pass ({', '.join(sorted(bad)[:3])}), {fault.harm} may fail")


def judge_journal(verdict: Verdict, fault: Fault, scene: Scene, told: Counter[tuple[str, str]], *, total: int) -> None:
    """The journal, as far as there is one, has the same end of each test as the JUnit report."""
    ends = journal_ends(scene.root / ".disttest")
    if not ends:
        return
    passed = sum(outcome == "passed" for outcome in ends.values())
    shown = sum(count for (_, outcome), count in told.items() if outcome == "passed")
    if passed != shown:
        verdict.lost.append(f"the journal knows of {passed} that passed, JUnit of {shown}")
    if len(ends) != len({name for name, _ in told}):
        verdict.lost.append(f"the journal has ends of {len(ends)} tests, JUnit of {len({name for name, _ in told})}")


def judge_status(
    verdict: Verdict, fault: Fault, told: Counter[tuple[str, str]], code: int | None, *, total: int
) -> None:
    """The exit status says whether all passed."""
    complete = len({name for name, _ in told}) == total
    all_passed = all(outcome == "passed" for _, outcome in told)
    if complete:
        expected: Sequence[int] = (0,) if all_passed else (1,)
    else:
        expected = (1, 2, 3) if fault.ends else ()
    if expected and code not in expected:
        verdict.status.append(f"exit status {code} instead of {' or '.join(map(str, expected))}")


def judge_words(verdict: Verdict, fault: Fault, text: str) -> None:
    """The fault is named on the screen, and nothing of ours broke."""
    if verdict.engine != DISTTEST:
        return
    if verdict.struck:
        verdict.unclear += [f"nothing says /{word}/" for word in fault.words if not re.search(word, text)]
    verdict.unclear += [f"it says /{word}/" for word in fault.never if re.search(word, text)]
    verdict.unclear += [f"the screen shows {word}" for word in ("INTERNALERROR", "Traceback (most") if word in text]


def judge_leases(verdict: Verdict, scene: Scene) -> None:
    """Nobody holds a device any more."""
    rows = read_leases(scene.place / "leases")
    verdict.left += [f"a lease on {row['kind']} {row['id']} is held by {row['holders']}" for row in rows]


def names_the_missing(text: str, missing: int) -> bool:
    """Whether the run says how many tests did not run."""
    return bool(re.search(rf"\b{missing} tests? (did|still|have)", text)) or f"{missing} did not run" in text


def outcomes_of(report: Path) -> Counter[tuple[str, str]]:
    """Return the results in a JUnit report as (test, outcome); none where it is missing or broken off."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return Counter()
    return Counter((f"{case.get('classname')}.{case.get('name')}", _outcome(case)) for case in cases)


def _outcome(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    return next((kind for kind in ("failure", "error", "skipped") if kind in kinds), "passed")


def terminal_count(text: str) -> int | None:
    """Return how many results the last line of the (last) run counts, None where there is none."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    for line in reversed(plain.splitlines()):
        if found := LAST_LINE.match(line):
            return sum(int(number) for number, _ in COUNTS.findall(found[1]))
        if re.match(r"^=*\s*no tests ran in", line):
            return 0
    return None


def journal_ends(store: Path) -> dict[str, str]:
    """Return how each test of the newest run ended, by node id; nothing where no journal was kept."""
    journals = sorted([*store.glob("runs/*.ndjson"), *store.glob("runs/done/*.ndjson")], key=lambda path: path.name)
    if not journals:
        return {}
    names: dict[int, str] = {}
    ends: dict[int, tuple[int, str]] = {}
    for line in journals[-1].read_bytes().splitlines():
        try:
            event = from_line(line)
        except ValueError:
            continue
        if isinstance(event, CasesSeen):
            names |= {case.index: case.nodeid for case in event.cases}
        elif isinstance(event, CasesPassed):
            for row in event.rows:
                ends[row[0]] = max(ends.get(row[0], (0, "")), (row[1], "passed"))
        elif isinstance(event, Attempt) and event.number >= ends.get(event.case, (0, ""))[0]:
            ends[event.case] = (event.number, event.outcome.value)
    return {names[case]: outcome for case, (_, outcome) in ends.items()}
