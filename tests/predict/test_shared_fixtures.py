"""Wide fixtures are counted apart from the tests that share them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Case, FixtureUse
from pytest_disttest.predict import Observation, Predictor, openings

SERVER = FixtureUse("module", "server", "a.py")
TABLE = FixtureUse("class", "table", "a.py::K")
NET = FixtureUse("session", "net", "")
LOOSE = FixtureUse("class", "loose", "")


def case(nodeid: str, *fixtures: FixtureUse, package: str = "") -> Case:
    """Return a case that uses *fixtures*; only its names matter."""
    return Case(0, nodeid, file=nodeid.partition("::")[0], package=package, fixtures=fixtures)


def test_the_first_opens_and_the_last_closes():
    """A fixture lives from its first user to the last test of its owner, whether that uses it or not."""
    run = [
        case("a.py::K::test_1", TABLE, SERVER),
        case("a.py::K::test_2", TABLE),
        case("a.py::test_3", SERVER, NET),
        case("a.py::test_4"),
        case("b.py::test_5"),
    ]

    assert [
        ((TABLE, SERVER), ()),
        ((), (TABLE,)),
        ((NET,), ()),
        ((), (SERVER,)),
        ((), (NET,)),
    ] == list(openings(run))


def test_another_parameter_is_another_opening():
    """The old one goes down in the set-up of the new one, whose price it is then a part of."""
    one, two = SERVER._replace(param="0"), SERVER._replace(param="1")

    assert [((one,), ()), ((two,), (two,))] == list(
        openings([case("a.py::test_1[0]", one), case("a.py::test_1[1]", two)])
    )


def test_a_file_that_is_left_is_opened_again():
    """A worker that comes back to a file sets its fixtures up once more."""
    run = [case("a.py::test_1", SERVER), case("b.py::test_2"), case("a.py::test_3", SERVER)]

    assert [((SERVER,), (SERVER,)), ((), ()), ((SERVER,), (SERVER,))] == list(openings(run))


def test_a_class_scope_outside_of_classes_lives_for_one_test():
    """pytest gives each function its own."""
    run = [case("a.py::test_1", LOOSE), case("a.py::test_2", LOOSE)]

    assert [((LOOSE,), (LOOSE,))] * 2 == list(openings(run))


def test_a_package_is_left_with_its_last_test():
    """Packages inside count."""
    data = FixtureUse("package", "data", "p")
    run = [case("p/a.py::test_1", data, package="p"), case("p/q/b.py::test_2", package="p/q"), case("r/c.py::test_3")]

    assert [((data,), ()), ((), (data,)), ((), ())] == list(openings(run))


@given(
    st.lists(
        st.builds(
            lambda place, uses: case(f"{'ab'[place % 2]}.py::test_{place}", *uses),
            st.integers(0, 9),
            st.sets(st.sampled_from((SERVER, TABLE, NET, LOOSE, SERVER._replace(param="1")))),
        ),
        max_size=12,
    )
)
def test_nothing_is_opened_twice_or_left_open(run: list[Case]):
    """Openings and closings alternate, and at the end all is closed but what another parameter has replaced."""
    alive: set[FixtureUse] = set()
    for each, (opens, closes) in zip(run, openings(run), strict=True):
        assert not alive & set(opens)
        assert set(opens) <= set(each.fixtures)
        names = {use[:3] for use in opens}
        alive = {use for use in alive if use[:3] not in names} | set(opens)
        assert alive >= set(closes)
        alive -= set(closes)
    assert not alive


def seen(place: int, setup_s: float, *, first: bool = False, last: bool = False, hw_class: str = "") -> Observation:
    """Return an observation of a test of a.py whose call takes 0.1 s; the teardown of the server takes a second."""
    return Observation(
        f"a.py::test_{place}",
        "a.py",
        hw_class=hw_class,
        setup_s=setup_s,
        call_s=0.1,
        teardown_s=1.01 if last else 0.01,
        opens=(SERVER,) if first else (),
        closes=(SERVER,) if last else (),
    )


def test_a_first_user_is_not_slow():
    """What it paid for others is the fixture's, and so is what the last one paid."""
    predictor = Predictor()
    for run in range(4):  # each time another test is the first, and another one the last
        for turn in range(4):
            place = (run + turn) % 4
            predictor.learn(seen(place, 5.02 if turn == 0 else 0.02, first=turn == 0, last=turn == 3))

    told = [predictor.predict(f"a.py::test_{place}", "a.py").q50_s for place in range(4)]
    cost = predictor.predict_fixture(SERVER)

    assert [0.13] * 4 == pytest.approx(told, rel=0.05)
    assert 5.0 == pytest.approx(cost.setup.q50_s, rel=0.05)
    assert 1.0 == pytest.approx(cost.teardown.q50_s, rel=0.05)
    assert 6.0 == pytest.approx(cost.q50_s, rel=0.05)
    assert 4 == cost.setup.n


def test_a_test_keeps_its_own_set_up():
    """A test that sets up for two seconds by itself does so as a first user, too."""
    predictor = Predictor()
    for run in range(4):
        predictor.learn(seen(1, 2.5 if run == 3 else 2.0, first=run == 3))

    assert 2.11 == pytest.approx(predictor.predict("a.py::test_1", "a.py").q50_s, rel=0.02)
    assert 0.5 == pytest.approx(predictor.predict_fixture(SERVER).setup.q50_s, rel=0.1)


def test_fixtures_opened_together_share_by_what_is_known_of_them():
    """The set-up of two fixtures is dealt out as they took when each was opened alone."""
    predictor = Predictor()
    for _ in range(3):
        predictor.learn(Observation("a.py::test_1", "a.py", setup_s=3.0, opens=(SERVER,)))
        predictor.learn(Observation("a.py::K::test_2", "a.py", "a.py::K", setup_s=1.0, opens=(TABLE,)))
    predictor.learn(Observation("a.py::K::test_3", "a.py", "a.py::K", setup_s=4.0, opens=(SERVER, TABLE)))

    found = [predictor.predict_fixture(use).setup for use in (SERVER, TABLE)]

    assert [3.0, 1.0] == pytest.approx([told.q50_s for told in found], rel=0.05)
    assert [4, 4] == [told.n for told in found]


def test_a_fixture_that_was_never_opened_is_a_guess():
    """It says so, and an unknown parameter is guessed from the others."""
    predictor = Predictor()
    for param in "012":
        predictor.learn(Observation("a.py::test_1", "a.py", setup_s=2.0, opens=(SERVER._replace(param=param),)))

    known, unknown = (predictor.predict_fixture(use).setup for use in (SERVER._replace(param="9"), NET))

    assert (0, "function") == (known.n, known.source)
    assert 2.0 == pytest.approx(known.q50_s, rel=0.05)
    assert (0, "suite") == (unknown.n, unknown.source)
    assert "nothing" == Predictor().predict_fixture(NET).setup.source


def test_hosts_differ_for_fixtures_as_well():
    """A server that starts in one second here takes ten there."""
    predictor = Predictor()
    for _ in range(3):
        predictor.learn(seen(1, 1.0, first=True, hw_class="fast"))
        predictor.learn(seen(1, 10.0, first=True, hw_class="slow"))

    assert [1.0, 10.0] == pytest.approx(
        [predictor.predict_fixture(SERVER, name).setup.q50_s for name in ("fast", "slow")], rel=0.05
    )
