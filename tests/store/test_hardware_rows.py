"""Hardware in the store: what hosts have, what tests asked for and what they were given, and what changed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import duckdb

from pytest_disttest.model import Attempt, Case, DeviceGrant, Grant, Outcome
from pytest_disttest.store import Journal, ingest
from pytest_disttest.store.hardware import DemandExplained, Given, HostProfiled, rows_of_grant
from pytest_disttest.store.known_hosts import known_hosts, remember_hosts


def run(directory: Path, run_id: str, write: Callable[[Journal], None]) -> None:
    """Leave a journal of one finished run in the store."""
    journal = Journal.create(directory, run_id, started_at=1.0, rootdir="/p", args=[], version="0")
    write(journal)
    journal.finish(exit_status=0, ended_at=2.0)
    journal.close()


def asked(directory: Path, question: str) -> list[tuple[object, ...]]:
    """Return the rows of a question to the ingested history."""
    assert not ingest(directory).messages
    with duckdb.connect(str(directory / "history.duckdb"), read_only=True) as connection:
        return connection.execute(question).fetchall()


def profile(driver: str, memory: int = 1024) -> HostProfiled:
    return HostProfiled(
        "lab",
        {
            "facts": {"memory": memory, "cpu.flag": ["avx", "avx2"]},
            "devices": [{"kind": "gpu", "id": "GPU-1", "facts": {"gpu.driver-version": driver}}],
            "degraded": ["PCI shows 2 GPUs, NVML 1"],
            "unknown": {"accel": "not probed"},
            "hw_class": "c-1",
            "host_id": "h-1",
            "sw_env": "s-1",
        },
    )


def test_facts_of_hosts_and_devices_become_rows(tmp_path: Path):
    """One row per fact; the number of devices of a kind is a fact of the host."""
    run(tmp_path, "20260101-000000-aaaaaa", lambda journal: journal.hardware(profile("550")))

    assert asked(tmp_path, "SELECT device, fact, value FROM host_facts ORDER BY ALL") == [
        ("", "cpu.flag", '["avx", "avx2"]'),
        ("", "gpu.count", "1"),
        ("", "memory", "1024"),
        ("GPU-1", "gpu.driver-version", '"550"'),
    ]
    assert asked(tmp_path, "SELECT host, hw_class, drained, degraded FROM host_profiles") == [
        ("lab", "c-1", "", ["PCI shows 2 GPUs, NVML 1"])
    ]


def test_a_change_between_runs_is_a_row(tmp_path: Path):
    """A new driver is told with the value before; what stayed is not told."""
    run(tmp_path, "20260101-000000-aaaaaa", lambda journal: journal.hardware(profile("550")))
    run(tmp_path, "20260102-000000-aaaaaa", lambda journal: journal.hardware(profile("560")))

    assert asked(tmp_path, "SELECT run_id, device, fact, before, after FROM host_changes") == [
        ("20260102-000000-aaaaaa", "GPU-1", "gpu.driver-version", '"550"', '"560"')
    ]


def test_the_last_profile_of_a_host_in_a_run_counts(tmp_path: Path):
    """A host that is asked again for more is one row, not two."""

    def write(journal: Journal) -> None:
        journal.hardware(profile("550", memory=1))
        journal.hardware(profile("550", memory=2))

    run(tmp_path, "20260101-000000-aaaaaa", write)

    assert asked(tmp_path, "SELECT value FROM host_facts WHERE fact = 'memory'") == [("2",)]


def test_explanations_are_found_by_node_id(tmp_path: Path):
    """Tests that ask for the same share one row, and the view gives each its own."""

    def write(journal: Journal) -> None:
        journal.cases([Case(0, "t.py::a"), Case(1, "t.py::b")])
        journal.hardware(DemandExplained("gpu.count >= 1", "unsatisfiable", "no gpu", (), (0, 1), {"steps": []}))

    run(tmp_path, "20260101-000000-aaaaaa", write)

    assert asked(tmp_path, "SELECT nodeid, verdict, summary, explanation FROM case_explain ORDER BY nodeid") == [
        ("t.py::a", "unsatisfiable", "no gpu", '{"steps": []}'),
        ("t.py::b", "unsatisfiable", "no gpu", '{"steps": []}'),
    ]


def test_grants_are_rows_of_their_attempt(tmp_path: Path):
    """Each device and each counted thing has its own row, joined to the attempt by case and number."""
    grant = Grant("lab", 2.0, 1024, (DeviceGrant("gpu", "GPU-1", 0.5),), (("jtag", 1),), exclusive=True)

    def write(journal: Journal) -> None:
        journal.hardware(Given(0, 1, "lab", "gw0", rows_of_grant(grant)))
        journal.attempt(Attempt(0, 1, "lab", "gw0", Outcome.PASSED, 1.0))

    run(tmp_path, "20260101-000000-aaaaaa", write)

    joined = "SELECT kind, device, amount FROM grants JOIN attempts USING (run_id, case_index, number) ORDER BY ALL"
    assert asked(tmp_path, joined) == [
        ("cpu.processors", "", 2.0),
        ("gpu", "GPU-1", 0.5),
        ("host", "", 1.0),
        ("memory", "", 1024.0),
        ("resource.jtag", "", 1.0),
    ]


def test_a_history_of_version_1_gets_the_tables_that_it_lacks(tmp_path: Path):
    """Nobody has to move a file away: its rows stay, and what is new is added."""
    before = (files("pytest_disttest.store") / "schema.sql").read_text("utf-8")
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        connection.execute(before)
        connection.execute("INSERT INTO schema_version VALUES (1, '0.1.0')")
        connection.execute("INSERT INTO notes VALUES ('r', NULL, 'k', 'kept', '', '')")
    run(tmp_path, "20260101-000000-aaaaaa", lambda journal: journal.hardware(profile("550")))

    assert asked(tmp_path, "SELECT text FROM notes") == [("kept",)]
    assert asked(tmp_path, "SELECT max(version), count(*) FROM schema_version") == [(5, 2)]
    assert asked(tmp_path, "SELECT count(*) FROM host_facts") == [(4,)]


def test_hosts_are_remembered_between_runs(tmp_path: Path):
    """A later profile replaces that of its host and leaves the others."""
    remember_hosts(tmp_path, {"a": {"facts": {"os": "linux"}}, "b": {"facts": {}}}, now=1.0)
    remember_hosts(tmp_path, {"a": {"facts": {"os": "macos"}}}, now=2.0)

    assert {name: (host.seen_at, host.profile) for name, host in known_hosts(tmp_path).items()} == {
        "a": (2.0, {"facts": {"os": "macos"}}),
        "b": (1.0, {"facts": {}}),
    }


def test_damaged_memories_of_hosts_are_no_memories(tmp_path: Path):
    """Whatever stands in the file, a run begins."""
    for text in ("", "[1]", '{"a": 1}', '{"a": {"seen_at": "x", "profile": {}}}', "\x00"):
        (tmp_path / "hosts.json").write_text(text)
        assert known_hosts(tmp_path) == {}
