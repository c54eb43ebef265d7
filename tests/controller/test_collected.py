"""Tables of real suites, told by a worker and merged into the run's cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller.collection import Collected
from pytest_disttest.model import Case, Dependency, FixtureUse, Requirement
from pytest_disttest.worker.census import census, digest

PLUGIN = ("-p", "pytest_disttest.plugin")

pytestmark = pytest.mark.usefixtures("no_autoload")

CONFTEST = """
import pytest

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".twice":
        return Twice.from_parent(parent, path=file_path)

class Twice(pytest.File):
    def collect(self):
        for number in range(2):
            yield Line.from_parent(self, name="line")

class Line(pytest.Item):
    def runtest(self): pass
"""

SUITE = """
import pytest

@pytest.fixture(scope="module", params=["x", "y"])
def server(request): return request.param

@pytest.fixture(scope="class")
def table(): pass

@pytest.mark.parametrize("n", [1, 2], ids=["one two", "ü::[z"])
def test_param(n): pass

@pytest.mark.hw("cpu.processors >= 4", os="linux")
class TestK:
    @pytest.mark.dependency(name="base", group="db")
    def test_base(self, table): pass

    @pytest.mark.dependency(depends=["base", "group:db"])
    @pytest.mark.xdist_group("net")
    def test_on_top(self, server): pass

def documented():
    '''
    >>> 1
    1
    '''
"""


def told(items: list[pytest.Item]) -> dict[str, Any]:
    """Return the table of *items* after its way over the wire."""
    return json.loads(wire.pack(["table", census(items)]))[1]  # type: ignore[no-any-return]


def merged(*collections: list[pytest.Item], deselected: list[pytest.Item] | None = None) -> Collected:
    """Merge the tables of several workers, which are told apart by their digest."""
    collected = Collected()
    for items in collections:
        collected.add(digest(items), told(items), told(deselected or []), [["a line"]])
    return collected


@pytest.fixture
def items(pytester: pytest.Pytester) -> list[pytest.Item]:
    """A suite with parameters, a class, a doctest and items whose ids are equal."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**{"pkg/__init__": "", "pkg/test_it": SUITE})
    pytester.maketxtfile(notes="")
    pytester.path.joinpath("some.twice").touch()
    found, _ = pytester.inline_genitems(*PLUGIN, "--doctest-modules")
    return sorted(found, key=lambda item: item.nodeid)


def by_id(collected: Collected) -> dict[str, Case]:
    return {case.nodeid: case for case in collected.cases}


def test_every_item_becomes_a_case_in_its_place(items: list[pytest.Item]):
    """Index, id and occurrence, in the order of collection; equal ids are told apart by number."""
    collected = merged(items)

    assert [(i, item.nodeid) for i, item in enumerate(items)] == [(c.index, c.nodeid) for c in collected.cases]
    assert [("some.twice::line", 0), ("some.twice::line", 1)] == [
        (case.nodeid, case.occurrence) for case in collected.cases if "twice" in case.nodeid
    ]
    assert {0} == {case.occurrence for case in collected.cases if "twice" not in case.nodeid}
    assert ["a line"] == collected.status_lines


def test_a_case_knows_its_owners(items: list[pytest.Item]):
    """File, class and package, as node ids; the file of a custom item is the custom file."""
    cases = by_id(merged(items))

    inside = cases["pkg/test_it.py::TestK::test_base"]
    assert ("pkg/test_it.py", "pkg/test_it.py::TestK", "pkg") == (inside.file, inside.cls, inside.package)
    outside = cases["pkg/test_it.py::test_param[one two]"]
    assert ("pkg/test_it.py", "") == (outside.file, outside.cls)
    assert "some.twice" == cases["some.twice::line"].file
    assert "pkg/test_it.py" in {case.file for nodeid, case in cases.items() if "documented" in nodeid}


def test_marks_become_nouns(items: list[pytest.Item]):
    """What a class asks for holds for its tests; the closest dependency mark names and depends."""
    cases = by_id(merged(items))

    base = cases["pkg/test_it.py::TestK::test_base"]
    assert {("cpu.processors", ">=", 4), ("os", "=", "linux")} == {
        (r.key, r.operator, r.value) for r in base.requirements
    }
    assert all(isinstance(requirement, Requirement) for requirement in base.requirements)
    assert (("db",), True) == (base.groups, ("module", "base") in base.provides)
    on_top = next(case for nodeid, case in cases.items() if "test_on_top" in nodeid)
    assert (Dependency("base"), Dependency("db", "session", is_group=True)) == on_top.depends
    assert "net" == on_top.together


def test_wide_fixtures_are_named_with_their_owner(items: list[pytest.Item]):
    """Those of the suite only, with the instance of a parametrised one."""
    cases = by_id(merged(items))
    file, cls = "pkg/test_it.py", "pkg/test_it.py::TestK"

    assert (FixtureUse("class", "table", cls),) == cases[f"{cls}::test_base"].fixtures
    assert {(FixtureUse("module", "server", file, "0"),), (FixtureUse("module", "server", file, "1"),)} == {
        case.fixtures for nodeid, case in cases.items() if "test_on_top" in nodeid
    }
    assert () == cases[f"{file}::test_param[one two]"].fixtures


def test_what_cases_have_in_common_is_kept_once(pytester: pytest.Pytester):
    """Of 100,000 cases, copies of the same words would be tens of megabytes."""
    pytester.makepyfile(test_it="import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_it(n): pass")
    items, _ = pytester.inline_genitems()
    collected = merged(items)
    first, second = collected.cases

    assert first.location == ("test_it.py", None, "test_it[1]")
    assert first.location[0] is first.file and first.location[2] is collected.names[0]
    assert first.fixtures is second.fixtures
    assert collected.keywords[0] is collected.keywords[1]
    assert [dict.fromkeys(item.keywords, 1) for item in items] == [collected.keywords_of(case) for case in (0, 1)]


def test_keywords_are_those_of_the_item(items: list[pytest.Item]):
    """Reports carry them: plugins select by them."""
    collected = merged(items)

    assert [set(item.keywords) for item in items] == [set(collected.keywords_of(i)) for i in range(len(items))]


def test_the_same_cases_in_another_order_are_mapped_by_id(items: list[pytest.Item]):
    """A worker names cases by its own numbers; equal ids keep their order among themselves."""
    other = items[::-1]
    collected = merged(items, other)

    mapping = collected.maps[digest(other)]
    assert len(items) == len(collected.cases)
    assert [item.nodeid for item in other] == [collected.cases[case].nodeid for case in mapping]
    twice = [case for case in mapping if "twice" in collected.cases[case].nodeid]
    assert sorted(twice) == twice


def test_random_parameter_ids_are_matched_by_their_place(pytester: pytest.Pytester):
    """Each worker sees other ids of the same tests: the n-th of a function is the n-th there too."""
    pytester.makepyfile(
        test_r="""
        import pytest, uuid
        @pytest.mark.parametrize("v", [uuid.uuid4().hex for _ in range(3)])
        def test_v(v): pass
        def test_between(): pass
        @pytest.mark.parametrize("w", [uuid.uuid4().hex for _ in range(2)])
        def test_w(w): pass
        """
    )
    first, _ = pytester.inline_genitems()
    second, _ = pytester.inline_genitems()
    assert first[0].nodeid != second[0].nodeid

    collected = merged(first, second)

    assert [0, 1, 2, 3, 4, 5] == collected.maps[digest(second)]
    assert 6 == len(collected.cases)


def test_cases_that_only_another_worker_has_are_appended(pytester: pytest.Pytester):
    """A module that one host can import and the first cannot adds its cases at the end."""
    pytester.makepyfile(test_a="def test_a(): pass", test_b="def test_b(): pass")
    both, _ = pytester.inline_genitems()

    collected = merged(both[:1], both)

    assert [(0, "test_a.py::test_a"), (1, "test_b.py::test_b")] == [(c.index, c.nodeid) for c in collected.cases]
    assert {digest(both[:1]): [0], digest(both): [0, 1]} == collected.maps
    assert {"test_b", "test_b.py"} <= set(collected.keywords_of(1))
    assert (1, None) == (collected.number_of("test_b.py::test_b"), collected.number_of("test_c.py::test_c"))


def test_deselected_cases_are_kept_where_somebody_may_depend_on_them(items: list[pytest.Item]):
    """Their numbers are out of the way; those that nobody can name are dropped."""
    gone = [item for item in items if "TestK" in item.nodeid or "param" in item.nodeid]
    kept = [item for item in items if item not in gone]

    collected = merged(kept, deselected=gone)

    assert {item.nodeid for item in gone if "TestK" in item.nodeid} == {case.nodeid for case in collected.deselected}
    assert all(case.deselected and case.index >= 1_000_000_000 for case in collected.deselected)


def test_an_empty_collection_is_one_too():
    """Nothing collected, nothing known."""
    collected = merged([])

    assert ([], {digest([]): []}) == (collected.cases, collected.maps)


def test_digests_tell_order_apart(items: list[pytest.Item]):
    """Equal fingerprints need one table: the order belongs to it."""
    assert digest(items) == digest(list(items))
    assert digest(items) != digest(items[::-1])
