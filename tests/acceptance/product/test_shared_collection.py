"""Each file is collected once on a host, and nobody notices."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rigs.suites import Ran, Suite

# Tells of imports during collection; the first two files wait for each other, so that each worker has one.
IMPORTED = """
import os, time
if "RUNNING" not in os.environ:
    with open(os.environ["IMPORTS"], "a") as file:
        file.write(__name__ + "\\n")
    if __name__ in ("test_0", "test_1") and os.environ.get("SHARED"):
        deadline = time.monotonic() + 20
        while not {"test_0", "test_1"} <= set(open(os.environ["IMPORTS"]).read().split()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
"""
PLUGIN = """
import os, pytest
@pytest.hookimpl(wrapper=True)
def pytest_runtestloop():
    os.environ["RUNNING"] = "1"
    return (yield)
"""
TESTS = """
import pytest
@pytest.mark.parametrize("n", range(3))
def test_passes(n): pass
def test_fails(): assert 0
@pytest.mark.skip(reason="no")
def test_skips(): pass
"""


@pytest.fixture
def suite(tmp_path: Path):
    """Return a function that makes a suite whose modules tell when they are imported."""

    def make(files: dict[str, str], count: int = 8) -> Suite:
        modules = {f"test_{number}.py": IMPORTED + TESTS for number in range(count)}
        return Suite(
            tmp_path / "suite",
            files={"told.py": PLUGIN, **modules, **files},
            plugins=["told"],
            environment={"IMPORTS": str(tmp_path / "imports")},
        )

    return make


def shared(suite: Suite, *args: str) -> Ran:
    """Run distributed, each worker with a file of its own at least."""
    environment = suite.environment
    suite.environment = {**environment, "SHARED": "1"}
    try:
        return suite.distributed(*args)
    finally:
        suite.environment = environment


def imports(suite: Suite) -> Counter[str]:
    """Return how often each module was imported, and forget it."""
    told = Path(suite.environment["IMPORTS"])
    found = Counter(told.read_text().split()) if told.exists() else Counter[str]()
    told.unlink(missing_ok=True)
    return found


def same(suite: Suite, *args: str) -> Ran:
    """Run plainly and distributed, compare, and forget the imports of the plain run."""
    plain = suite.plain(*args)
    imports(suite)
    ours = suite.distributed(*args)
    assert (plain.outcomes, plain.exit_code) == (ours.outcomes, ours.exit_code), ours.output
    return ours


@pytest.mark.parametrize("args", [(), ("-k", "fails or passes"), ("--deselect", "test_3.py::test_fails")])
def test_every_file_is_imported_once(suite, args: tuple[str, ...]):
    """Whatever is selected: outcomes and exit code are plain pytest's."""
    made = suite({})
    plain = made.plain(*args)
    imports(made)

    ours = shared(made, "--hw-collect", "sharded", *args)

    assert (plain.outcomes, plain.exit_code) == (ours.outcomes, ours.exit_code), ours.output
    assert {f"test_{number}": 1 for number in range(8)} == imports(made)


@pytest.mark.parametrize(
    "hook",
    [
        "def pytest_collection_modifyitems(items): items.reverse()",
        "def pytest_collection_modifyitems(items): del items[len(items) // 2:]",
        "def pytest_collection_finish(session): assert len(session.items) == 42",
    ],
)
@pytest.mark.parametrize("conftest", ["conftest.py", "sub/conftest.py"])
def test_who_wants_the_whole_list_gets_it(suite, hook: str, conftest: str):
    """A conftest file may be met in the middle of the walk; then what was kept closed is collected after all.

    Where it is known from the start, one worker collects and the other is a fork of it.
    """
    made = suite({conftest: hook, "sub/test_sub.py": "def test_one(): pass\ndef test_two(): pass"})

    same(made)

    assert {1 if conftest == "conftest.py" else 2} == set(imports(made).values())


def test_a_hook_that_marks_one_by_one_may_be_shared_on_request(suite):
    """``--hw-collect sharded`` overrules the caution."""
    hook = "import pytest\ndef pytest_collection_modifyitems(items):\n  for i in items: i.add_marker(pytest.mark.xfail)"
    made = suite({"conftest.py": hook})
    plain = made.plain()
    imports(made)

    ours = shared(made, "--hw-collect", "sharded")

    assert plain.outcomes == ours.outcomes
    assert {1} == set(imports(made).values())


def test_full_collection_on_request(suite):
    """``--hw-collect full``: every worker imports everything."""
    made = suite({})

    made.distributed("--hw-collect", "full")

    assert {2} == set(imports(made).values())


def test_a_test_that_looks_at_all_items_sees_them(suite):
    """``session.items`` is complete on every worker, in plain pytest's order."""
    look = """
    def test_look(request):
        names = [item.nodeid for item in request.session.items]
        assert names == sorted(names) and len(names) == 42, names
        assert len(request.session.items) == 42
    """
    made = suite({"test_7b.py": look, "test_0b.py": look}, count=8)

    same(made)


def test_what_the_import_of_another_file_did_is_there_in_every_worker(suite):
    """click's tests of its pager need a submodule that only the import of another test file loads."""
    users = {
        f"test_u{number}.py": "import time, xml\ndef test_one():\n    time.sleep(0.05)\n    xml.sax.handler\n"
        for number in range(6)
    }

    same(suite({"test_0_loads.py": "import xml.sax.handler\ndef test_loads(): pass", **users}))


def test_two_files_of_one_module_name_are_refused_as_ever(suite):
    """Whoever claims which: the second does not import where the first has been."""
    made = suite({"a/test_same.py": "def test_a(): pass", "b/test_same.py": "def test_b(): pass"})

    ran = same(made)

    assert "import file mismatch" in ran.output


def test_files_find_what_lies_beside_earlier_ones(suite):
    """Directories of closed files are on the path, as they would be had they been imported here."""
    helpers = {f"{name}/helper_{name}.py": "" for name in "abcdef"}
    users = {
        f"{name}/test_{name}.py": f"import time\ndef test_one():\n    time.sleep(0.05)\n    import {', '.join(beside)}"
        for name in "abcdef"
        if (beside := [f"helper_{other}" for other in "abcdef"])
    }

    same(suite({**helpers, **users}))


def test_files_of_a_worker_that_died_while_collecting_are_adopted(suite, tmp_path):
    """One import kills its worker once; all tests run, each once, and the death is told."""
    deadly = f"""
    import os, pathlib
    once = pathlib.Path({str(tmp_path / "once")!r})
    if not once.exists():
        once.touch()
        os._exit(7)
    """
    made = suite({"test_3.py": IMPORTED + "\n" + deadly.replace("\n    ", "\n") + TESTS})
    (tmp_path / "once").touch()
    plain = made.plain()
    (tmp_path / "once").unlink()

    ours = made.distributed()

    assert plain.outcomes == ours.outcomes
    assert "exit code 7" in ours.output


def test_a_file_that_imports_only_once_is_run_by_its_owner(suite, tmp_path):
    """A thief that cannot collect what it took gives it back; no test is red for it."""
    picky = f"""
    import os, pathlib, time
    import pytest
    if os.environ.get("PYTEST_XDIST_WORKER"):
        pathlib.Path({str(tmp_path / "owner")!r}).open("x").close()
    @pytest.mark.parametrize("n", range(12))
    def test_slow(n): time.sleep(0.15)
    """
    made = suite({"test_0.py": picky.replace("\n    ", "\n")}, count=2)

    ours = made.distributed("-k", "slow or passes", "--hw-collect", "sharded")

    assert 0 == ours.exit_code, ours.output
    assert 15 == len(ours.outcomes)
    assert {"passed"} == {word for told in ours.outcomes.values() for word in told}


def test_parameters_that_differ_between_processes_are_found_by_their_place(suite):
    """Random ids: what a thief collects has other names, and is still run, once each."""
    random = """
    import time, uuid
    import pytest
    @pytest.mark.parametrize("n", [uuid.uuid4().hex for _ in range(12)])
    def test_slow(n): time.sleep(0.1)
    """
    made = suite({"test_0.py": random.replace("\n    ", "\n")}, count=2)

    ours = made.distributed("-k", "slow")

    assert (0, 12) == (ours.exit_code, len(ours.outcomes)), ours.output


def test_fixtures_of_a_module_taken_late_behave_as_ever(suite):
    """Package and module fixtures of a file opened late come up, and the earlier ones go down before them."""
    conftest = """
    import pytest
    @pytest.fixture(scope="package", autouse=True)
    def package(): yield "up"
    """
    slow = """
    import time, pytest
    UP = []
    @pytest.fixture(scope="module", autouse=True)
    def module(package):
        UP.append(package)
        yield
        UP.pop()
    @pytest.mark.parametrize("n", range(6))
    def test_slow(n):
        assert UP == ["up"]
        time.sleep(0.1)
    """
    made = suite({"pack/__init__.py": "", "pack/conftest.py": conftest, "pack/test_a.py": slow, "pack/test_b.py": slow})

    same(made)
