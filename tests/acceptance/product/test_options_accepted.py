"""Where tests run is said on the command line, in disttest.toml, in pyproject.toml or in another file."""

from __future__ import annotations

import pytest

# Each test tells which host ran it: tags and the environment come from the inventory.
WHERE = """
import os, pytest, time
@pytest.mark.parametrize("n", range(4))
def test_spread(n): time.sleep(0.02)
@pytest.mark.hw(tags="gpu")
def test_on_the_bench(worker_id):
    assert os.environ.get("BENCH") == "1"
"""
INVENTORY = """
[{0}defaults]
workers = 1
[{0}hosts.bench]
address = "local"
tags = ["gpu"]
environment = {{ BENCH = "1" }}
[{0}hosts.spare]
address = "local"
enabled = false
"""


def ready(ran):
    """Return what the run said of each host that was ready: name to number of workers."""
    lines = [line for line in ran.output.splitlines() if ": ready, " in line]
    return {line.split()[1].rstrip(":"): int(line.split("ready, ")[1].split()[0]) for line in lines}


@pytest.mark.parametrize(
    ("specs", "hosts"),
    [
        (["local*1,local*2", "local"], {"local": 1, "local-2": 2, "local-3": 1}),
        (["bench"], {"bench": 1}),
        (["bench*2,local*1;name=desk;tags=oak"], {"bench": 2, "desk": 1}),
        (["all"], {"bench": 1}),
    ],
    ids=" ".join,
)
def test_hosts_are_named_in_many_ways(suite, specs, hosts):
    """Numbers, comma lists, repeated options, names of the inventory; each host says that it is ready."""
    made = suite({"disttest.toml": INVENTORY.format(""), "test_a.py": WHERE})

    ran = made.run("--dist-hw", *[word for spec in specs for word in ("--hw-hosts", spec)])

    assert ran.exit_code == 0, ran
    assert ready(ran) == hosts, ran
    assert ran.words["test_on_the_bench"] == ("passed" if "bench" in hosts else "skipped"), ran


@pytest.mark.parametrize(
    ("file", "prefix", "options"),
    [
        ("pyproject.toml", "tool.disttest.", []),
        ("conf/hosts.toml", "", ["--hw-inventory", "conf/hosts.toml"]),
    ],
)
def test_the_inventory_may_lie_elsewhere(suite, file, prefix, options):
    """``[tool.disttest]`` of pyproject.toml, or a file that is named."""
    made = suite({file: INVENTORY.format(prefix), "test_a.py": WHERE})

    ran = made.run("--dist-hw", "--hw-hosts=bench", *options)

    assert (ran.exit_code, ready(ran)) == (0, {"bench": 1}), ran
    assert ran.words["test_on_the_bench"] == "passed"


def test_addopts_may_hold_all_options(suite):
    """Then ``pytest`` alone distributes, and ``--hw-workers`` on the line overrules."""
    made = suite({"pytest.ini": "[pytest]\naddopts = --dist-hw --hw-workers 1 -ra\n", "test_a.py": WHERE})

    assert ready(made.run("--hw-workers=3")) == {"local": 3}


def test_the_variable_of_xdist_counts_the_workers_of_this_machine(suite):
    """``PYTEST_XDIST_AUTO_NUM_WORKERS``, which CI set-ups know; ``--hw-workers`` overrules it."""
    made = suite({"test_a.py": WHERE}, environment={"PYTEST_XDIST_AUTO_NUM_WORKERS": "3"})
    wrong = suite({"test_a.py": WHERE}, environment={"PYTEST_XDIST_AUTO_NUM_WORKERS": "x"})

    assert ready(made.run("--dist-hw")) == {"local": 3}
    refused = wrong.run("--dist-hw")
    assert refused.exit_code == 4 and "PYTEST_XDIST_AUTO_NUM_WORKERS: 'x'" in refused.output
    assert "Traceback" not in refused.output


def test_options_of_ours_do_nothing_without_the_switch(suite):
    """So that they may stay in ``addopts``."""
    ini = "[pytest]\naddopts = --hw-workers 2 --hw-hosts nowhere\n"
    made = suite({"pytest.ini": ini, "test_a.py": "def test_a(): pass"})

    ran = made.run()

    assert (ran.exit_code, ran.words) == (0, {"test_a": "passed"}), ran
    assert not (ran.directory / ".disttest").exists()
