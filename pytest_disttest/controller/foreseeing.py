"""How long a run would take that is only looked at: ``--collect-only --hw-plan`` on this machine."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pytest_disttest.controller import forecast, prospect
from pytest_disttest.controller.experience import Experience, expected
from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import NOTHING, Capabilities, Case, Host, Plan
from pytest_disttest.plan import seams
from pytest_disttest.schedule import Scheduler


def foretold(
    plan: Plan,
    cases: Sequence[Case],
    hosts: Sequence[Host],
    offers: Mapping[str, Capabilities],
    *,
    store: Path,
    plan_file: str = "",
) -> list[str]:
    """Return what is to be said of the time that *plan* takes on *hosts*, and draw it in *plan_file* if there is one.

    *store* tells how long tests took. Nothing runs, and nothing is kept.
    """
    members = [prospect.Member(host.name, host.workers or 1, offers[host.name]) for host in hosts]
    experience = Experience(store, several=len(members) > 1)
    lessons = experience.lessons
    classes = {one.name: one.capabilities.hw_class or one.name for one in members} if lessons is not None else {}
    workers = Counter[str]()
    for one in members if classes else ():
        workers[classes[one.name]] += one.workers
    known = expected(cases, experience.durations(), lessons, workers)
    found = prospect.prospect_on(members, plan, cases, known, classes)
    if not found.work.cases:
        return []
    record = None
    if len(found.work.cases) <= prospect.MOST_SIMULATED:
        demands = {case.index: case.demand for case in cases if case.demand is not NOTHING and case.demand}
        scheduler = Scheduler(
            plan,
            seams=partial(seams, cases),
            predicted=known.everywhere,
            demands=demands,
            ledgers={m.name: Ledger(m.name, m.capabilities, workers=m.workers) for m in members} if demands else {},
            predicted_on=known.on_class,
            classes=classes,
            reliability=lessons.reliability() if lessons is not None else None,
            weights=lessons.weights if lessons is not None else None,
        )
        record = prospect.simulated(found.work, scheduler, offers)
    lines = prospect.time_lines(found, record, cases)
    if plan_file and record is not None:
        drawn = forecast.forecast(found, record, cases, lessons, at=time.time())
        return [*lines, forecast.draw(plan_file, "What is expected of a run", drawn, cases)]
    return lines + prospect.chart_lines(found, record, cases)
