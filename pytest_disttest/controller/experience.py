"""What earlier runs say about this one, read in the background while hosts open."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pytest_disttest.store import durations
from pytest_disttest.store.known_hosts import known_hosts

if TYPE_CHECKING:
    from pytest_disttest.controller.lessons import Lessons
    from pytest_disttest.controller.run import Run
    from pytest_disttest.model import Case


class Expected(NamedTuple):
    """Seconds of cases: on the average worker, and by case and class of hosts. A case that is unknown is in neither.

    *cautious* are those that nine in ten attempts do not exceed, where more than medians is known.
    """

    everywhere: dict[int, float]
    on_class: dict[tuple[int, str], float]
    cautious: Mapping[int, float] = MappingProxyType({})


class Experience:
    """How long cases took, and what choices taught; the latter only where *several* hosts take part."""

    def __init__(self, store: Path, *, several: bool = False) -> None:
        self._known: Mapping[str, float] = {}
        self._lessons: Lessons | None = None
        self._classes_seen: dict[str, str] = {}
        self._several = several
        self._thread = threading.Thread(target=self._read, args=(store,), name="disttest-experience", daemon=True)
        self._thread.start()

    def durations(self) -> Mapping[str, float]:
        """Return the median seconds of each case by node id, once: they are not kept. Waits until they are read."""
        self._thread.join()
        known, self._known = self._known, {}
        return known

    @property
    def lessons(self) -> Lessons | None:
        """What runs on several hosts taught; None in a run on one. Waits until it is read."""
        self._thread.join()
        return self._lessons

    def classes(self, run: Run) -> dict[str, str]:
        """Return the class of each host that took part: what identical machines have in common, else its own name."""
        return {
            link.host.name: link.capabilities.hw_class or self._classes_seen.get(link.host.name, link.host.name)
            for link in run.fleet.links.values()
            if link.state in ("ready", "gone")
        }

    def _read(self, store: Path) -> None:
        self._known = durations(store)
        if self._several:
            from pytest_disttest.controller.lessons import Lessons

            seen = known_hosts(store)
            self._classes_seen = {name: str(host.profile.get("hw_class") or name) for name, host in seen.items()}
            self._lessons = Lessons.read(store)


def expected(
    cases: Collection[Case],
    known: Mapping[str, float],
    lessons: Lessons | None,
    workers: Mapping[str, int],
    by: str = "best",
) -> Expected:
    """Return how long *cases* may take, *workers* being how many there are of each class of hosts.

    What was learned of a test counts first, then the median of its last times, then a guess by what is around it.
    *by* is ``model`` or ``median`` where only one is to be asked; a median is of the test itself, never a guess.
    """
    if lessons is None or not len(lessons.predictor):
        return Expected({case.index: known[case.nodeid] for case in cases if case.nodeid in known} if known else {}, {})
    cautious: dict[int, float] = {}
    found = Expected({}, {}, cautious)
    everybody = sum(workers.values())
    for case in cases:
        told = {name: lessons.predictor.predict(case.nodeid, case.file, case.cls, name, by=by) for name in workers}
        if by != "model" and case.nodeid in known and not any(one.n for one in told.values()):
            found.everywhere[case.index] = known[case.nodeid]
        elif by == "median" and not any(one.n for one in told.values()):
            continue
        elif all(one.source != "nothing" for one in told.values()):
            found.on_class.update({(case.index, name): one.q50_s for name, one in told.items()})
            found.everywhere[case.index] = sum(one.q50_s * workers[name] for name, one in told.items()) / everybody
            cautious[case.index] = sum(one.q90_s * workers[name] for name, one in told.items()) / everybody
    return found
