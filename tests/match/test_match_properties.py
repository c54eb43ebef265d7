"""What holds for any demand and any hosts."""

from __future__ import annotations

import json
import re
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from rigs.hardware import (
    alternatives,
    capabilities,
    completed,
    demands,
    fleets,
    kind_of,
    requirements,
    told_capabilities,
)

from pytest_disttest.match import (
    Explainer,
    Standing,
    devices_for,
    devices_wanted,
    eligibility,
    explain,
    explain_host,
    explanation_as_plain,
    explanation_rows,
    fits,
    judge,
    why_not,
)
from pytest_disttest.match.fleet import Fleet
from pytest_disttest.match.relaxing import changed
from pytest_disttest.model import Capabilities, Case, Demand

STATES = ("disabled", "offline", "unprobed", "quarantined", "leased", "busy", "ready", "ready", "ready")
standings = st.dictionaries(
    st.sampled_from("abcdef"),
    st.builds(Standing, st.sampled_from(STATES), st.just("so it is"), capabilities | st.none()),
    max_size=5,
)


# An oracle of its own: facts are compared by the words of the reference, devices by trying every subset of them.


def holds(requirement, facts) -> bool:
    """Whether facts of which nothing is unknown meet one requirement."""
    key, sign, wanted = requirement[:3]
    have = facts.get(key)
    kind = kind_of(key)
    if kind == "set":
        have = tuple(have or ())
        return {
            "exists": bool(have),
            "absent": not have,
            "has": wanted in have,
            "!=": wanted not in have,
            "in": any(word in have for word in wanted) if isinstance(wanted, tuple) else False,
            "not in": not any(word in have for word in wanted) if isinstance(wanted, tuple) else False,
        }[sign]
    if sign in ("exists", "absent") or have is None:
        return (have is None) == (sign == "absent")
    if kind == "level":
        at_least = wanted in have
        own = have[0]
        return {">=": at_least, ">": at_least and wanted != own}.get(sign, plain(sign, own, wanted))
    if key == "python.version":
        have = tuple(map(int, have.split(".")))
        wanted = (
            tuple(tuple(map(int, w.split("."))) for w in wanted) if sign == "in" else tuple(map(int, wanted.split(".")))
        )
    return plain(sign, have, wanted)


def plain(sign, have, wanted) -> bool:
    match sign:
        case "=" | "in":
            return have in wanted if sign == "in" else have == wanted
        case "!=" | "not in":
            return have not in wanted if sign == "not in" else have != wanted
        case "~" | "!~":
            return bool(re.search(wanted, have)) == (sign == "~")
    return {">": have > wanted, ">=": have >= wanted, "<": have < wanted, "<=": have <= wanted}[sign]


def truly_meets(alternative, offered) -> bool:
    """Whether a host of which everything is known meets an alternative."""
    own = [r for r in alternative if not r.key.startswith(("gpu.", "accel."))]
    return all(holds(r, offered.facts) for r in own) and all(
        truly_has(kind, [r for r in alternative if r.key.startswith(f"{kind}.")], alternative, offered)
        for kind in ("gpu", "accel")
    )


def truly_has(kind, asked, alternative, offered) -> bool:
    each = [r for r in asked if r.key != f"{kind}.count"]
    count = [r for r in asked if r.key == f"{kind}.count"]
    renderers = any(r.key == "gpu.kind" for r in alternative)
    devices = [d for d in offered.devices if d.kind == kind and not d.fault]
    devices = [d for d in devices if renderers or d.facts.get("gpu.kind") != "software"]
    if each and not count and all(r.operator == "absent" for r in each):
        return all(holds(r, d.facts) for r in each for d in devices)
    subsets = [set(some) for size in range(len(devices) + 1) for some in combinations(range(len(devices)), size)]
    good = [some for some in subsets if all(holds(r, devices[n].facts) for r in each for n in some)]
    number = max(map(len, good))
    allowed = [n for n in range(20) if all(plain(r.operator, n, r.value) for r in count)]
    if each and any(allowed) and number == 0:
        return False
    return number in allowed


@given(demands, told_capabilities)
def test_a_demand_is_met_exactly_where_trying_everything_finds_a_way(demand, offered):
    """No requirement is satisfied by a host lacking it, and none that is there is missed."""
    truly = any(truly_meets(alternative, offered) for alternative in demand.alternatives)

    assert fits(demand, offered) == (truly and not offered.drained)
    assert judge(demand, offered).status != "unknown"


@given(demands, capabilities, st.data())
def test_whatever_the_unknown_turns_out_to_be(demand, offered, data):
    """Met stays met and unmet stays unmet, whatever the probes could not tell; unknown never matches."""
    whole = data.draw(completed(offered))
    for alternative, verdict in zip(demand.alternatives, judge(demand, offered).alternatives, strict=True):
        if verdict.status != "unknown":
            assert truly_meets(alternative, whole) == (verdict.status == "met")
    assert fits(demand, offered) == (judge(demand, offered).status == "met")


@given(alternatives, capabilities)
def test_the_devices_for_a_test_are_those_that_meet_every_condition(alternative, offered):
    """Each of them meets the alternative as the host's only device of its kind, but for their number."""
    found = devices_for(alternative, offered)
    if fits(Demand((alternative,)), offered):
        assert all(len(found[kind]) >= wanted for kind, wanted in devices_wanted(alternative).items())
    for kind, devices in found.items():
        asked = tuple(r for r in alternative if r.key.startswith(f"{kind}.") and r.key != f"{kind}.count")
        for device in devices:
            alone = Capabilities(devices=(device,))
            assert not device.fault
            assert all(judge(Demand((asked,)), alone).alternatives[0].status == "met" for _ in asked[:1])


@given(demands, fleets)
def test_many_hosts_are_judged_as_each_of_them(demand, hosts):
    """The fleet's shared work gives the single host's answers, three-valued, alone and together."""
    fleet = Fleet(hosts)
    for number, alternative in enumerate(demand.alternatives):
        judged = fleet.judged(alternative)
        software = any(r.key == "gpu.kind" for r in alternative)
        for row, name in enumerate(fleet.names):
            verdict = judge(demand, hosts[name]).alternatives[number]
            assert verdict.status == status_in(judged, row)
            for check in verdict.checks:
                assert check.status == status_in(fleet.alone(check.requirement, software=software), row)


def status_in(judged, row) -> str:
    return "met" if judged.met >> row & 1 else "unknown" if judged.unknown >> row & 1 else "unmet"


@given(st.lists(demands, max_size=6), fleets)
def test_eligible_is_exactly_where_it_fits(suite, hosts):
    """Case by case, against the matcher; a reason exactly where no host fits."""
    cases = [Case(index, f"t{index}", demand=demand) for index, demand in enumerate(suite)]
    eligible, unplaced = eligibility(cases, hosts)

    for case in cases:
        where = {name for name, offered in hosts.items() if fits(case.demand, offered)}
        told = why_not(case.demand, hosts)
        if where == set(hosts) and (hosts or case.demand.alternatives == ((),)):
            assert case.index not in eligible
            assert case.index not in unplaced
        elif where:
            assert eligible[case.index] == where
        else:
            assert unplaced[case.index] == told != ""
        assert bool(where) == (told == "")


@given(demands, standings)
def test_explanation_and_matcher_never_disagree(demand, hosts):
    """It fits exactly on the ready hosts that the matcher takes, and it may come to fit where one could."""
    found = explain(demand, hosts)
    known = {name: each.capabilities for name, each in hosts.items() if each.capabilities is not None}
    meeting = {name for name, offered in known.items() if fits(demand, offered)}

    assert set(found.hosts) == {name for name in meeting if hosts[name].state == "ready"}
    assert (found.verdict == "fits") == bool(found.hosts)
    later = {name for name, _ in found.later}
    assert (found.verdict == "pending") == (not found.hosts and bool(later))
    for name in later:
        told = known.get(name)
        assert hosts[name].state not in ("disabled", "ready") or told is None
        assert told is None or judge(demand, told).status != "unmet"
    for name in meeting - set(found.hosts):
        assert (name in later) == (hosts[name].state != "disabled")
    assert {row.host for row in found.rows if not row.code} == set(found.hosts)
    assert len(hosts) == len(found.hosts) + sum(count for _, count in found.histogram)


@given(demands, standings)
def test_what_is_counted_is_true_by_recount(demand, hosts):
    """Alone, together and in the funnel: each number is that of the hosts that the matcher says."""
    looked = {n: s.capabilities for n, s in hosts.items() if s.capabilities is not None and s.state != "disabled"}
    found = explain(demand, hosts)
    for each in found.alternatives:
        asked = tuple(row.requirement for row in each.conditions)
        software = any(r.key == "gpu.kind" for r in asked)
        for place, row in enumerate(each.conditions):
            told = [
                judge(Demand((asked,)), offered).alternatives[0].checks[place].status for offered in looked.values()
            ]
            assert row.alone == told.count("met")
            assert len(row.unknown) == told.count("unknown")
            before = asked[: place + 1]
            if software == any(r.key == "gpu.kind" for r in before):
                together = [judge(Demand((before,)), offered).alternatives[0].status for offered in looked.values()]
                assert row.cumulative == together.count("met")
        failing = {host.host for host in each.failing}
        assert failing == {n for n, o in looked.items() if judge(Demand((asked,)), o).alternatives[0].status != "met"}
        assert failing.isdisjoint(each.hosts)
    funnel = dict(found.funnel)
    assert funnel["registered"] == len(hosts)
    assert list(funnel.values()) == sorted(funnel.values(), reverse=True)
    assert funnel["ready"] == len(found.hosts)


@given(demands, standings)
def test_every_relaxation_makes_exactly_its_hosts_fit(demand, hosts):
    """None is proposed that does not help, none where a host would do as it is, none that says more than another."""
    for each in explain(demand, hosts).alternatives:
        asked = tuple(row.requirement for row in each.conditions)
        for relaxation in each.relaxations:
            eased = Demand((changed(asked, relaxation.changes),))
            usable = {
                n: s.capabilities for n, s in hosts.items() if s.capabilities is not None and s.state != "disabled"
            }
            assert relaxation.hosts == tuple(sorted(name for name, offered in usable.items() if fits(eased, offered)))
            assert relaxation.hosts
            assert not any(fits(Demand((asked,)), offered) for offered in usable.values())
        places = [{change.place for change in relaxation.changes} for relaxation in each.relaxations]
        assert not any(one < other for one in places for other in places)


@given(demands, fleets)
def test_without_what_it_fails_a_host_would_fit(demand, hosts):
    """And without any one of several conditions it would not: nothing is blamed that is not in the way."""
    for each in explain(demand, ready(hosts)).alternatives:
        asked = tuple(row.requirement for row in each.conditions)
        for host in each.failing:
            offered = hosts[host.host]._replace(drained="")
            places = {failing.place for failing in host.failing}
            if any(r.key == "gpu.kind" for r in asked):
                continue  # without it renderers in software do not count any more, so less asked is not always less
            assert places
            assert fits(without(asked, places), offered)
            if len(places) > 1:
                assert not any(fits(without(asked, {place}), offered) for place in places)


def ready(hosts):
    return {name: Standing("ready", "", offered) for name, offered in hosts.items()}


def without(asked, places) -> Demand:
    return Demand((tuple(r for place, r in enumerate(asked) if place not in places),))


@given(demands, standings, st.randoms())
def test_no_order_changes_an_answer(demand, hosts, random):
    """Neither that of hosts, nor of their devices, nor of a demand's alternatives."""
    names = list(hosts)
    random.shuffle(names)
    mixed = {name: shuffled(hosts[name], random) for name in names}
    turned = demand._replace(alternatives=tuple(random.sample(demand.alternatives, len(demand.alternatives))))
    known = {name: each.capabilities for name, each in hosts.items() if each.capabilities is not None}
    others = {name: each.capabilities for name, each in mixed.items() if each.capabilities is not None}

    assert explanation_as_plain(explain(demand, hosts)) == explanation_as_plain(explain(turned, mixed))
    assert why_not(demand, known) == why_not(turned, others)
    assert eligibility([Case(0, "t", demand=demand)], known) == eligibility([Case(0, "t", demand=turned)], others)


def shuffled(standing, random) -> Standing:
    offered = standing.capabilities
    if offered is None:
        return standing
    devices = random.sample(offered.devices, len(offered.devices))
    return standing._replace(capabilities=offered._replace(devices=tuple(devices)))


@given(st.lists(demands, min_size=1, max_size=5), standings)
def test_explanations_made_together_are_those_made_apart(suite, hosts):
    """What is shared changes nothing, and every one is JSON."""
    together = Explainer(hosts)
    for demand in suite:
        found = together.explain(demand)
        assert found == explain(demand, hosts)
        assert json.loads(json.dumps(explanation_as_plain(found))) == explanation_as_plain(found)
        rows = list(explanation_rows(found))
        assert len({(row.host, row.alternative, row.place) for row in rows}) == len(rows)


@given(st.lists(demands, min_size=1, max_size=5, unique=True), fleets.filter(bool))
def test_the_reverse_view_says_the_same(suite, hosts):
    """A test could run on a host exactly where the matcher takes it, drained or not."""
    name = min(hosts)
    tests = {demand: [f"test_{number}"] for number, demand in enumerate(suite)}
    found = explain_host(name, tests, ready(hosts))
    offered = hosts[name]._replace(drained="")

    assert set(found.run) == {test for demand, (test,) in tests.items() if fits(demand, offered)}
    assert found.elsewhere == len(suite) - len(found.run)
    assert {test for condition in found.conditions for test in condition.tests}.isdisjoint(found.run)


@given(requirements, st.sampled_from(["a", "b"]))
def test_a_host_of_which_nothing_is_known_meets_nothing(requirement, name):
    """Not even what must be absent."""
    families = ("system", "cpu", "memory", "disk", "gpu", "accel", "browser", "python", "tag")
    unknown = Capabilities(unknown=dict.fromkeys(families, "not probed"))

    assert judge(Demand(((requirement,),)), unknown).status == "unknown"
    assert not fits(Demand(((requirement,),)), unknown)
