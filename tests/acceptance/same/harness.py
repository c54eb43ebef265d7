"""Run a suite twice, by plain pytest and distributed, and compare what reporter plugins were told.

The two runs have a copy of the suite each, side by side, so that they neither share a cache nor wait for
each other; the places where they lie are the same text after ``<root>`` is put in.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

OURS = ("--dist-hw", "--hw-workers", "2")
LIMIT_S = 100
OWN = "disttest"
# pytest's own reporter writes the progress of a unittest's subtest into what it captures of the test around it
PROGRESS_OF_SUBTESTS = ["Captured stdout call", "u"]
BEGIN = re.compile(r"^=+ (ERRORS|FAILURES|PASSES|XFAILURES|warnings summary|short test summary info)")
FIELDS = ("kind", "location", "keywords", "sections", "user_properties", "longrepr")
DURATION = re.compile(r" in [\d.]+s( \([\d:]+\))?")


def others_blocked() -> str:
    """Return the options that keep other installed plugins out: what they do is another folder's matter."""
    names = {entry.name for found in distributions() for entry in found.entry_points if entry.group == "pytest11"}
    return " ".join(f"-p no:{name}" for name in sorted(names - {OWN}))


@dataclass(frozen=True)
class Ran:
    """One run: its exit code, its output, and what the recorder saw (None where no session ended)."""

    code: int
    out: str
    err: str
    seen: Mapping[str, Any] | None

    @cached_property
    def stories(self) -> list[tuple[str, list[Mapping[str, Any]]]]:
        """(node id, its reports) of each test, in the order shown."""
        assert self.seen is not None, self.out + self.err
        return [(nodeid, reports) for nodeid, _, reports in self.seen["stories"]]

    @property
    def ids(self) -> list[str]:
        """The node ids that ran, in the order shown."""
        return [nodeid for nodeid, _ in self.stories]

    @property
    def labels(self) -> dict[str, list[str]]:
        """The labels of each node id's reports; for suites without equal ids."""
        return {nodeid: [report["label"] for report in reports] for nodeid, reports in self.stories}

    @property
    def counts(self) -> str:
        """The last line of the terminal, its time aside."""
        lines = [DURATION.sub("", line).strip("= ") for line in self.out.splitlines() if DURATION.search(line)]
        return lines[-1] if lines else ""

    @property
    def summary(self) -> list[str]:
        """What the terminal shows from the first section of the end on: failures, warnings, short summary; sorted."""
        lines = self.out.splitlines()
        start = next((number for number, line in enumerate(lines) if BEGIN.match(line)), len(lines))
        kept = without_our_table(DURATION.sub("", line).strip("= ") for line in lines[start:])
        return sorted(line.rstrip() for line in kept if line.strip())


def without_our_table(lines: Iterator[str]) -> Iterator[str]:
    """Leave out the table of hosts, and pytest's line that names a report's worker."""
    in_table = False
    for line in lines:
        in_table = line.startswith("host   workers") or (in_table and line.startswith("local "))
        if not in_table and not re.match(r"\[gw\d+\] \w+ -- Python", line):
            yield line


@dataclass(frozen=True)
class Pair:
    """The same suite and arguments, run both ways."""

    plain: Ran
    ours: Ran

    def differences(self, *, but: Sequence[str] = ()) -> dict[str, Any]:
        """Return what differs, each part with (only in plain, only in ours); *but* names parts that may."""
        mine, theirs = parts(self.plain), parts(self.ours)
        found = {}
        if not (self.plain.seen and self.ours.seen):
            mine, theirs = basics(self.plain), basics(self.ours)
        for part in [part for part in mine | theirs if part not in but]:
            one, other = mine.get(part, "nothing"), theirs.get(part, "nothing")
            if isinstance(one, Counter) and isinstance(other, Counter):
                one, other = list((one - other).elements()), list((other - one).elements())
            if one != other:
                found[part] = one, other
        return found

    def assert_same(self, *, but: Sequence[str] = ()) -> None:
        """Fail with what differs."""
        found = self.differences(but=but)
        lines = [f"{part}:\n{shown('plain', one)}\n{shown('ours', other)}" for part, (one, other) in found.items()]
        assert not found, "\n".join([*lines, "--- ours wrote:", self.ours.out[-6000:], self.ours.err[-3000:]])


def shown(side: str, value: Any) -> str:
    """Return what one side has of a part, an element a line."""
    return "\n".join(f"  {side}: {item!r}" for item in (value if isinstance(value, list) else [value]))


def basics(ran: Ran) -> dict[str, Any]:
    """Return what even a run without a session has."""
    session = "ended" if ran.seen is not None else "none"
    return {"session": session, "code": ran.code, "counts": ran.counts, "summary": Counter(ran.summary)}


def parts(ran: Ran) -> dict[str, Any]:
    """Return everything that must be equal, by name; what has no order as a Counter."""
    found = basics(ran)
    if ran.seen is None:
        return found
    seen = ran.seen
    stories = [story for story in seen["stories"] if story[2]]  # a run that ends early may have begun another test
    found |= {name: seen[name] for name in ("exitstatus", "testscollected", "testsfailed", "deselected")}
    found["outcomes"] = Counter((nodeid, tuple(r["label"] for r in reports)) for nodeid, _, reports in stories)
    found["starts"] = Counter((nodeid, frozen(place)) for nodeid, place, _ in stories)
    for name in FIELDS:
        found[name] = Counter(
            (report["nodeid"], report["label"], frozen(report[name])) for _, _, reports in stories for report in reports
        )
    found["outside"] = Counter(map(frozen, seen["outside"]))
    found["collect"] = Counter(map(frozen, seen["collect"]))
    found["warnings"] = Counter(map(frozen, seen["warnings"]))
    found["internal_errors"] = len(seen["internal_errors"])
    return found


def frozen(value: Any) -> Any:
    """Return JSON's value as something that a Counter can hold."""
    if value == [PROGRESS_OF_SUBTESTS]:
        return ()
    if isinstance(value, dict):
        return tuple((key, frozen(item)) for key, item in value.items())
    return tuple(map(frozen, value)) if isinstance(value, list) else value


@dataclass
class Twice:
    """Two copies of one suite below *base*; *recorder* is the directory of ``same_recorder``."""

    base: Path
    recorder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def roots(self) -> tuple[Path, Path]:
        """Where the copies lie: of plain pytest, and of ours. Equal names, for they are keywords of each test."""
        return self.base / "1" / "suite", self.base / "2" / "suite"

    def write(self, files: Mapping[str, str]) -> None:
        """Write *files* (relative path to text, indented as in the test) into both copies."""
        for root in self.roots:
            for name, content in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(textwrap.dedent(content).lstrip("\n"), encoding="utf-8")

    def run(
        self,
        *args: str,
        cwd: str = ".",
        env: Mapping[str, str] | None = None,
        ours: Sequence[str] = OURS,
        mine: Sequence[str] = (),
    ) -> Pair:
        """Run both copies with *args* at the same time; *mine* goes to plain pytest only, *ours* to the other.

        ``{root}`` in an argument or in a variable becomes the copy's root.
        """
        processes = [
            self.start(root, [*extra, *args], cwd, dict(env or {}))
            for root, extra in zip(self.roots, (mine, ours), strict=True)
        ]
        plain, spread = (self._end(process, root) for process, root in zip(processes, self.roots, strict=True))
        return Pair(plain, spread)

    def start(self, root: Path, args: Sequence[str], cwd: str, env: dict[str, str]) -> subprocess.Popen[str]:
        """Start pytest in one of the *roots*, and return the process with its output as text."""
        with contextlib.suppress(FileNotFoundError):
            self._record(root).unlink()
        variables = {name: value.replace("{root}", str(root)) for name, value in (self.env | env).items()}
        addopts = f"{others_blocked()} {variables.pop('PYTEST_ADDOPTS', '')}"
        path = os.pathsep.join(filter(None, [str(self.recorder), variables.pop("PYTHONPATH", "")]))
        command = [sys.executable, "-m", "pytest", "-p", "same_recorder", *args]
        return subprocess.Popen(
            [argument.replace("{root}", str(root)) for argument in command],
            cwd=root / cwd,
            env={
                **os.environ,
                "SAME_RECORD": str(self._record(root)),
                "PYTEST_ADDOPTS": addopts,
                "PYTHONPATH": path,
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )

    def _end(self, process: subprocess.Popen[str], root: Path) -> Ran:
        try:
            out, err = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            out += f"\nKILLED after {LIMIT_S} s"
        record = self._record(root)
        seen = json.loads(normal(record.read_text(encoding="ascii"), root)) if record.exists() else None
        return Ran(process.returncode, normal(out, root), normal(err, root), seen)

    def _record(self, root: Path) -> Path:
        return root.with_suffix(".json")


def normal(text: str, root: Path) -> str:
    """Return *text* without what differs between any two runs: the copy's place and addresses of objects."""
    return re.sub(r"0x[0-9a-f]{6,}", "0x…", text.replace(str(root), "<root>"))
