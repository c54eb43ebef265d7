"""pytest-cov: what all workers measured together is what plain pytest measures, on this machine and over ssh."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rigs.suites import Suite, require

import pytest_disttest

OURS = Path(pytest_disttest.__file__).parent

FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": """
        def price(amount, rebate=False):
            if amount > 10:
                amount = 10
            if rebate:
                return amount - 1
            return amount
        def never():
            return "never"
        """,
    "shop/stock.py": """
        import threading
        def count(items):
            total = 0
            for item in items:
                total += item
            return total
        def in_thread(items):
            found = []
            thread = threading.Thread(target=lambda: found.append(count(items)))
            thread.start()
            thread.join()
            return found[0]
        def open_shop():
            return "open"
        def close_shop():
            return "closed"
        """,
    "shop/unseen.py": "def unseen():\n    return 1\n",
    "conftest.py": """
        import pytest
        from shop import stock
        @pytest.fixture(scope="session", autouse=True)
        def shop():
            yield stock.open_shop()
            stock.close_shop()
        """,
    "test_prices.py": """
        import pytest
        from shop.prices import price
        @pytest.mark.parametrize("amount", [1, 5, 10])
        def test_small(amount): assert price(amount) == amount
        def test_large(): assert price(11) == 10
        """,
    "test_rebate.py": """
        from shop.prices import price
        def test_rebate(): assert price(3, rebate=True) == 2
        def test_fails(): assert price(3, rebate=True) == 3
        """,
    "test_stock.py": """
        from shop import stock
        def test_thread(): assert stock.in_thread([1, 2]) == 3
        def test_nothing(): assert stock.count([]) == 0
        """,
}


@pytest.fixture
def suite(tmp_path):
    """A shop whose tests lie in three files."""
    require("pytest_cov")
    return Suite(tmp_path / "suite", FILES, plugins=["pytest_cov"])


def measured(ran):
    """Return what the run's data file says of each file: lines, arcs, and which test ran which line."""
    from coverage import CoverageData

    rig = f"{ran.directory}/teller.py"
    data = CoverageData(str(ran.directory / ".coverage"))
    data.read()
    facts = {}
    # of our own package, an installed copy is third party to coverage, and a checkout is not
    for file in (file for file in data.measured_files() if not file.startswith((str(OURS), rig))):
        contexts = {line: sorted(names) for line, names in data.contexts_by_lineno(file).items()}
        name = file.removeprefix(f"{ran.directory}/")
        if name in ("conftest.py", "shop/stock.py"):
            contexts = {}  # a session fixture is set up for the first test of each worker
        facts[name] = (sorted(data.lines(file)), sorted(data.arcs(file) or ()), contexts)
    leftovers = sorted(path.name for path in ran.directory.glob(".coverage.*"))
    return facts, leftovers


def total(ran):
    """Return the table that pytest-cov prints, from its heading on."""
    lines = ran.output.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("Name ")), len(lines))
    return [line.split() for line in lines[start:] if line.startswith(("shop", "conftest", "test_"))]


def same_as_plain(suite, args, hosts="local*2"):
    """Measure plainly and distributed, and check that nothing differs; return both runs."""
    plain = suite.plain(*args)
    expected = measured(plain)
    (suite.directory / ".coverage").unlink()
    ours = suite.distributed(*args, f"--hw-hosts={hosts}", workers=1)

    assert plain.outcomes == ours.outcomes, ours
    assert (expected, total(plain)) == (measured(ours), total(ours)), ours
    assert "WARNING" not in ours.output, ours
    return plain, ours


@pytest.mark.parametrize(
    "args",
    [("--cov=shop",), ("--cov=shop", "--cov-branch"), ("--cov", "--cov-context=test")],
    ids=["lines", "branches", "everything, by test"],
)
def test_the_workers_measure_together_what_plain_pytest_does(suite, args):
    """Line for line; files that no test touched count too, and no worker's own file is left behind."""
    plain, _ = same_as_plain(suite, args)

    assert ("shop/unseen.py" in [line[0] for line in total(plain)]) == ("--cov" not in args)


@pytest.mark.parametrize("xdist", ["xdist", "no:xdist"])
def test_it_is_the_same_beside_xdist(suite, xdist):
    """Loaded, or switched off."""
    require("xdist")
    suite.plugins = [*suite.plugins, xdist]

    same_as_plain(suite, ("--cov=shop",))


def test_a_limit_that_is_missed_fails_the_run(suite):
    """By pytest-cov's exit code and words."""
    plain, ours = (
        run("--cov=shop", "--cov-fail-under=100", "-k", "not fails") for run in (suite.plain, suite.distributed)
    )

    assert (plain.exit_code, ours.exit_code) == (1, 1), ours
    assert "Required test coverage of 100" in ours.output


def test_reports_are_written_once_by_the_controller(suite):
    """Here as XML, with the same rate."""
    rates = []
    for run in (suite.plain, suite.distributed):
        run("--cov=shop", "--cov-report=xml")
        rates.append((suite.directory / "coverage.xml").read_text().split('line-rate="')[1].split('"')[0])

    assert rates[0] == rates[1]


def test_a_worker_that_dies_is_named_and_the_others_count(suite):
    """As with xdist: its data are lost, the report is made."""
    suite.write("test_crash.py", "import os\ndef test_crash(): os._exit(1)\n")

    ran = suite.distributed("--cov=shop", "-k", "crash or large", workers=1)

    assert ran.words == {"test_large": "passed", "test_crash": "rerun failed"}, ran
    assert "failed to return coverage data" in ran.output
    assert "shop/prices.py" in [line[0] for line in total(ran)]


@pytest.mark.slow
@pytest.mark.parametrize("args", [["--cov=shop", "--cov-branch"], ["--cov", "--cov-context=test"]], ids=" ".join)
def test_over_ssh_nothing_is_lost_and_paths_are_ours(suite, ssh_hosts, args):
    """Two hosts, each with a copy of the suite in a directory of its own."""
    config = f"config={ssh_hosts[0].ssh_config}"
    hosts = ",".join(f"ssh={host.name};{config};python={sys.executable};dir={host.directory}/cov" for host in ssh_hosts)

    _, ours = same_as_plain(suite, args, hosts=hosts)

    assert "host1" in ours.output and "host2" in ours.output
