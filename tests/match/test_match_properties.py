"""What holds for any requirements and any hosts."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.match import eligibility, fits, hopeless, unmet, why_not
from pytest_disttest.model import Case, Demand, Requirement

WORDS = ("linux", "windows", "x86_64", "gpu", "rack1")
TEXT = st.sampled_from(WORDS)
NUMBER = st.integers(0, 4)

texts = st.builds(Requirement, st.sampled_from(["os", "arch"]), st.sampled_from(["=", "!=", "~", "!~"]), TEXT)
numbers = st.builds(Requirement, st.just("cpu.processors"), st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), NUMBER)
choices = st.builds(
    Requirement,
    st.sampled_from(["os", "arch", "tag", "cpu.processors"]),
    st.sampled_from(["in", "not in"]),
    st.lists(TEXT | NUMBER, min_size=1, max_size=3).map(tuple),
)
tags = st.builds(Requirement, st.just("tag"), st.sampled_from(["has", "!="]), TEXT)
requirements = st.lists(texts | numbers | choices | tags, max_size=4).map(tuple)
capabilities = st.fixed_dictionaries(
    {},
    optional={
        "os": TEXT,
        "arch": TEXT,
        "cpu.processors": NUMBER,
        "tag": st.lists(TEXT, unique=True, max_size=3).map(tuple),
        "hostname": TEXT,
    },
)
fleets = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), capabilities, max_size=5)


@given(requirements, fleets)
def test_explanation_and_matcher_never_disagree(wants, hosts):
    """A reason exactly where no host fits, and each requirement it calls impossible is unmet on every host."""
    assert (why_not(wants, hosts) == "") == any(fits(wants, offered) for offered in hosts.values())
    assert all(want in unmet(wants, offered) for want in hopeless(wants, hosts) for offered in hosts.values())
    _, unplaced = eligibility([Case(0, "t", demand=Demand((wants,)))], hosts)
    assert unplaced == ({} if not wants or why_not(wants, hosts) == "" else {0: why_not(wants, hosts)})


@given(st.lists(requirements, max_size=6), fleets)
def test_eligible_is_exactly_where_it_fits(suite, hosts):
    """Case by case, against the matcher."""
    cases = [Case(index, f"t{index}", demand=Demand((wants,))) for index, wants in enumerate(suite)]
    eligible, unplaced = eligibility(cases, hosts)

    for case in cases:
        where = {name for name, offered in hosts.items() if fits(case.requirements, offered)}
        if not case.requirements or where == set(hosts) != set():
            assert case.index not in eligible
            assert case.index not in unplaced
        elif where:
            assert eligible[case.index] == where
        else:
            assert case.index in unplaced


@given(requirements, fleets, st.randoms())
def test_the_order_of_hosts_and_cases_changes_no_answer(wants, hosts, random):
    """Nor does the order of requirements change where a case fits."""
    names = list(hosts)
    random.shuffle(names)
    shuffled = {name: hosts[name] for name in names}
    mixed = random.sample(wants, len(wants))

    assert why_not(wants, hosts) == why_not(wants, shuffled)
    assert [bool(unmet(mixed, hosts[name])) for name in names] == [bool(unmet(wants, hosts[name])) for name in names]


@given(texts | numbers, capabilities)
def test_a_host_that_lacks_the_fact_satisfies_nothing_about_it(want, offered):
    """Unknown is not no, and not yes."""
    without = {key: value for key, value in offered.items() if key != want.key}

    assert not fits((want,), without)


@given(tags.filter(lambda want: want.operator == "has"), capabilities)
def test_a_tag_is_had_only_by_who_has_it(want, offered):
    """The plainest form of the promise."""
    assert fits((want,), offered) == (want.value in offered.get("tag", ()))


@given(numbers.filter(lambda want: want.operator == ">="), capabilities)
def test_a_minimum_is_met_only_by_as_much(want, offered):
    """Likewise for numbers."""
    assert fits((want,), offered) == (offered.get("cpu.processors", -1) >= want.value)


def test_ten_thousand_cases_on_fifty_hosts_take_no_time():
    """Each with a requirement of its own, none repeated; generous, because others share the machine."""
    hosts = {f"h{n}": {"os": "linux", "cpu.processors": n, "tag": (f"t{n}",)} for n in range(50)}
    cases = [
        Case(
            n,
            f"t{n}",
            demand=Demand(((Requirement("cpu.processors", ">=", n % 60), Requirement("tag", "!=", f"x{n}")),)),
        )
        for n in range(10_000)
    ]
    began = time.process_time()
    _, unplaced = eligibility(cases, hosts)

    assert len(unplaced) == sum(n % 60 >= 50 for n in range(10_000))
    assert time.process_time() - began < 6.0
