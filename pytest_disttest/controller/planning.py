"""From collected cases to a plan, and from the plan to the scheduler."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.collection import is_partial
from pytest_disttest.controller.demands import demands_of
from pytest_disttest.controller.experience import Expected, Experience, expected
from pytest_disttest.controller.fingerprints import fingerprints
from pytest_disttest.controller.guiding import strategy_of
from pytest_disttest.controller.places import places_on, told_apart
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import NoHostFits
from pytest_disttest.match import eligibility
from pytest_disttest.model import NOTHING, Capabilities, Outcome, Plan
from pytest_disttest.plan import build_plan, render_plan, seams
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.guidance import Briefing, Times
from pytest_disttest.schedule.urgency import CAUTION
from pytest_disttest.store.layout import has_needed

if TYPE_CHECKING:
    from pytest_disttest.controller.forecast import Ahead
    from pytest_disttest.controller.lessons import Lessons
    from pytest_disttest.controller.resuming import Resuming
    from pytest_disttest.match.ledger import Ledger


def make_plan(run: Run, resuming: Resuming | None = None) -> Plan:
    """Return the plan of the run; hooks and the journal hear of it, and the screen where the user asked.

    What is known from a run that is *resuming* is not in it.
    """
    collected = run.collected
    files = fingerprints(run.config.rootpath, (case.file for case in collected.cases))
    run.planned = len(collected.cases)
    offers = {link.host.name: link.capabilities for link in run.ready_links}
    fitting, unplaced = eligibility(collected.cases, offers)
    eligible = {**fitting, **{case: frozenset({host}) for case, host in collected.homes.items()}}
    if resuming is not None:
        resuming.compare(files)
        unplaced = resuming.still(unplaced)
    plan = build_plan(
        [*collected.cases, *collected.deselected],
        eligible=only_where_collected(eligible, run),
        unplaced=unplaced,
        ignore_unknown=run.settings.ignore_unknown_dependency,
        partial=is_partial(run.config),
    )
    if resuming is not None:
        plan = resuming.narrowed(plan)
    run.config.hook.pytest_disttest_plan(config=run.config, plan=plan)
    run.journal.cases(collected.cases)
    run.journal.files(files)
    if run.settings.show_plan and not run.settings.plan_file:
        show(plan, run, offers)
    return plan


def explanations(plan: Plan, run: Run) -> list[str]:
    """Keep, and where asked for show, where tests fit and why not elsewhere; return what is to be said at the end.

    Raises NoHostFits where a test has no host and the user wants no run then. Nothing is imported where no test asks
    for anything and nobody wants to know.
    """
    settings = run.settings
    wants = settings.explain is not None or settings.explain_host
    if not (wants or demands_of(run.collected.cases)):
        return []
    from pytest_disttest.controller import explaining

    hosts = explaining.standings(run)
    explained = explaining.explain_cases(run.collected.cases, hosts, explaining.leases_of(run))
    explaining.keep(run, explained)
    for line in explaining.leased_lines(explained):
        run.screen.note(line)
    if wants:
        explaining.show_asked(run, explained, hosts)
    if settings.unmatched == "error" and plan.unplaced:
        raise NoHostFits("\n".join(explaining.unmatched_lines(explained)))
    return explaining.summary_lines(explained)


def show(plan: Plan, run: Run, offers: Mapping[str, Capabilities]) -> None:
    """Print the plan, line by line."""
    for line in render_plan(plan, run.collected.cases, offers).splitlines():
        run.screen.note(line)


def report_not_runnable(plan: Plan, run: Run, cases: CaseWork) -> None:
    """Report the cases that no host fits, and those whose prerequisite will not run."""
    as_failure = run.settings.unmatched == "fail"
    for case, reason in sorted(plan.unplaced.items()):
        cases.not_run(case, Outcome.UNPLACED, reason, as_failure=as_failure)
    for case, reason in sorted(plan.blocked.items()):
        cases.not_run(case, Outcome.BLOCKED, reason)


class Known(NamedTuple):
    """What earlier runs say of this one: seconds of its cases, classes of its hosts, and what else was learned.

    *by* gives the seconds as ``median`` or ``model`` have them.
    """

    expected: Expected
    classes: Mapping[str, str]
    lessons: Lessons | None
    by: Callable[[str], Expected]


def know(run: Run, experience: Experience) -> Known:
    """Return what earlier runs taught of the cases and hosts of this one."""
    lessons = experience.lessons
    classes = experience.classes(run) if lessons is not None else {}
    workers = Counter[str]()
    for link in run.ready_links if classes else ():
        workers[classes[link.host.name]] += link.workers
    by = partial(expected, run.collected.cases, experience.durations(), lessons, workers)
    return Known(by("best"), classes, lessons, by)


def make_scheduler(plan: Plan, run: Run, known: Known, *, began: float) -> Scheduler:
    """Return the dispatcher of the plan, which goes by what is *known*; *began* is the run's beginning on its clock."""
    cases, lessons = run.collected.cases, known.lessons
    demands = {case.index: case.demand for case in cases if case.demand is not NOTHING and case.demand}
    if has_needed(run.journal.path.parents[1]):
        from pytest_disttest.controller.roominess import remembered
        from pytest_disttest.store.needed import read_needed

        demands |= remembered(run, read_needed(run.journal.path.parents[1]))
    places = {place: name for host, name in known.classes.items() for place in places_on(run, host)}
    guidance = strategy_of(run.config, run.settings.strategy)(
        Briefing(
            plan,
            {link.host.name: link.workers for link in run.ready_links},
            places,
            demands,
            lambda source: Times(*(known.expected if source == "best" else known.by(source))),
            {case: began + seconds for case, seconds in run.collected.deadlines.items()},
            began + run.elapsed_s,
        )
    )
    scheduler = Scheduler(
        told_apart(plan, run),
        seams=partial(seams, cases),
        predicted=guidance.times.everywhere,
        demands={**demands, **guidance.demands},
        ledgers=partial(ledgers_of, run, guidance.pools),
        predicted_on=guidance.times.on_class,
        classes=places,
        reliability=lessons.reliability() if lessons is not None else None,
        weights=lessons.weights if lessons is not None else None,
        guidance=guidance,
    )
    if run.settings.hedge:
        from pytest_disttest.schedule.hedging import Hedging, candidates

        apart = run.collected.unhedged.union(demands, run.collected.flaky)
        hedged = candidates(plan, cautious_of(guidance.times), apart)
        scheduler.hedge(Hedging(hedged, places))
    scheduler.limit(run.settings.max_in_flight)
    scheduler.keep_workers_for(range(len(cases)) if run.settings.reruns else run.collected.flaky)
    return scheduler


def cautious_of(times: Times) -> dict[int, float]:
    """Return the seconds that will hardly be exceeded, of the cases of which it is known how long they take."""
    return {case: times.cautious.get(case, CAUTION * seconds) for case, seconds in times.everywhere.items()}


def look_ahead(plan: Plan, run: Run, known: Known) -> Ahead | None:
    """Return what the run has to do, where its end is to be judged by that; with ``--hw-plan`` say how long it takes.

    What is expected is kept in the journal where it was asked for, or costs next to nothing against the run. None, and
    nothing is imported, in a run on one host without ``--hw-plan``.
    """
    settings = run.settings
    if not settings.show_plan and known.lessons is None:
        return None
    from pytest_disttest.controller import forecast, prospect

    found, cases = prospect.prospect_of(run, plan, known.expected, known.classes), run.collected.cases
    if not found.work.cases:
        return None
    is_played = settings.show_plan or forecast.pays(found)
    record = None
    if is_played and len(found.work.cases) <= prospect.MOST_SIMULATED:
        offers = {link.host.name: link.capabilities for link in run.ready_links}
        record = prospect.simulated(found.work, make_scheduler(plan, run, known, began=-run.elapsed_s), offers)
    if settings.show_plan:
        lines = prospect.time_lines(found, record, cases)
        if not settings.plan_file:
            lines += prospect.chart_lines(found, record, cases)
        for line in lines:
            run.screen.note(line)
    if record is None:
        return forecast.Ahead(found.work, 0.0)
    planned = forecast.forecast(found, record, cases, known.lessons, at=time.time())
    run.journal.plan(planned)
    if settings.plan_file:
        run.screen.note(forecast.draw(settings.plan_file, "What is expected of this run", planned, cases))
    has_expectations = found.unknown < len(found.work.cases)
    return forecast.Ahead(found.work, record.makespan_s if has_expectations else 0.0)


def ledgers_of(run: Run, pools: Mapping[str, Mapping[str, int]]) -> dict[str, Ledger]:
    """Return what each host has to give, with *pools* besides, by host and by the other places of its workers."""
    from pytest_disttest.match.ledger import Ledger

    books: dict[str, Ledger] = {}
    for link in run.ready_links:
        capabilities = link.capabilities
        more = {f"resource.{name}": units for name, units in pools.get(link.host.name, {}).items()}
        if more:
            capabilities = capabilities._replace(facts={**capabilities.facts, **more})
        ledger = Ledger(link.host.name, capabilities, workers=link.workers)
        books |= dict.fromkeys(places_on(run, link.host.name), ledger)
    return books


def only_where_collected(eligible: Mapping[int, frozenset[str]], run: Run) -> dict[int, frozenset[str]]:
    """Take from each case the hosts that did not collect it: a module may fail to import on some."""
    narrowed = dict(eligible)
    hosts = frozenset(link.host.name for link in run.ready_links)
    for host in hosts:
        digests = {node.digest for node in run.roster.on(host) if node.digest in run.collected.maps}
        maps = [run.collected.cases_on(host, digest) for digest in digests]
        mine = set[int]().union(*maps)
        if len(mine) < len(run.collected.cases) - run.collected.spread:
            missing = (case.index for case in run.collected.cases if case.index not in mine)
            narrowed |= {case: narrowed.get(case, hosts) - {host} for case in missing}
    return narrowed
