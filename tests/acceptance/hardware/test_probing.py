"""Real hosts are asked what they have: when a test wants to know, and by `disttest probe` and `disttest hosts`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from acceptance.hardware.conftest import Lab
from rigs.sshd import SshHost

MakeLab = Callable[..., Lab]

ASKING = """
    import pytest
    @pytest.mark.hw(memory="1 MiB")
    def test_memory(): pass
    @pytest.mark.hw(memory="1000 TiB")
    def test_more(): pass
"""


def test_a_host_is_asked_for_what_the_tests_name_and_for_nothing_else(lab: MakeLab):
    """Seen from the store: memory is known, the rest was not looked for."""
    suite = lab(test_it=ASKING)

    ran = suite.distributed("-rs", workers=1)

    assert ran.words == {"test_memory": "passed", "test_more": "skipped"}, ran
    assert "asking 1 host for memory" in ran.output
    (unknown,) = (json.loads(row[0]) for row in suite.asked("SELECT unknown FROM host_profiles"))
    facts = {row[0] for row in suite.asked("SELECT fact FROM host_facts WHERE device = ''")}
    assert {"memory", "os", "cpu.processors"} <= facts
    assert not {"kernel", "cpu.flag", "disk.free"} & facts
    assert unknown["gpu"] == unknown["kernel"] == "not probed"


def test_nobody_is_asked_where_no_test_wants_to_know(lab: MakeLab):
    """What an agent says in greeting is enough for most: no probe runs, and nothing is remembered of the host."""
    suite = lab(
        test_it="""
        import pytest
        @pytest.mark.hw(os="linux", cores=1)
        def test_os(): pass
        def test_plain(): pass
        """
    )

    ran = suite.distributed(workers=1)

    assert ran.words == {"test_os": "passed", "test_plain": "passed"}, ran
    assert "asking" not in ran.output
    assert not (suite.store / "hosts.json").exists()
    assert suite.asked("SELECT count(*) FROM host_profiles") == [(0,)]


def test_a_change_since_the_last_run_is_said(lab: MakeLab):
    """With both values; it is a row of the history, too."""
    suite = lab(test_it=ASKING)
    suite.distributed(workers=1)
    remembered = json.loads((suite.store / "hosts.json").read_text())
    remembered["local"]["profile"]["facts"]["memory"] = 4 << 30
    (suite.store / "hosts.json").write_text(json.dumps(remembered))

    ran = suite.distributed(workers=1)

    assert "host local has changed: memory 4 GiB -> " in ran.output, ran


def test_a_declared_fact_is_checked_on_a_real_host(lab: MakeLab):
    """Where there is less memory than the owner says, nothing runs."""
    suite = lab(test_it="def test_plain(): pass\n")
    suite.write("disttest.toml", '[hosts.local]\nfacts = { memory = "1000 TiB" }\n')

    ran = suite.distributed(workers=1)

    assert ran.words == {}, ran
    assert "is drained: declared memory = 1.024e+06 GiB, but" in ran.output


def test_probe_tells_and_records_what_simulate_takes(lab: MakeLab):
    """The recorded host plans as this machine does."""
    suite = lab(test_it=ASKING)

    shown = suite.command("probe", "--record", "here.json")
    plain = suite.command("probe", "--json")
    ran = suite.run("--dist-hw", "--hw-simulate=here.json", "-rs")

    assert shown.returncode == plain.returncode == 0, (shown, plain)
    assert "cpu.processors" in shown.stdout
    assert "probes (" in shown.stdout
    assert json.loads(plain.stdout)["profile"]["facts"]["os"] == "linux"
    assert ran.words == {"test_memory": "passed", "test_more": "skipped"}, ran


def test_hosts_shows_what_each_has(lab: MakeLab, ssh_hosts: tuple[SshHost, ...]):
    """A host here, one behind ssh, and one that nobody reaches: an answer, and exit code 1."""
    suite = lab(test_it="def test_plain(): pass\n")
    far = ssh_hosts[0]
    suite.write(
        "disttest.toml",
        f'[hosts.local]\n[hosts.far]\naddress = "{far.name}"\nssh_config = "{far.ssh_config}"\n'
        f'python = "{sys.executable}"\ndirectory = "{far.directory / "hosts"}"\nfacts = {{ "gpu.count" = 40 }}\n'
        '[hosts.gone]\naddress = "nobody@127.0.0.9:9"\n',
    )

    before = suite.command("hosts")
    shown = suite.command("hosts", "--probe")
    rows = {row["name"]: row for row in json.loads(suite.command("hosts", "--probe", "--json").stdout)}

    assert before.returncode == 0
    assert before.stdout.count("not seen") == 3, before
    assert shown.returncode == 1
    assert "host far is drained: declared gpu.count = 40, but none found" in shown.stdout, shown
    assert "host gone: " in shown.stdout
    assert rows["local"]["profile"]["facts"]["memory"] > 1 << 20
    assert rows["far"]["state"] == "ready"
    assert rows["gone"]["problem"]


def test_collect_only_asks_this_machine(lab: MakeLab):
    """In this process: no agent is started, and nothing runs."""
    suite = lab(test_it=ASKING)

    ran = suite.run("--dist-hw", "--collect-only", "-q", "--hw-explain")

    assert ran.words == {}
    assert "test_memory" in ran.output
    assert "UNSATISFIABLE" in ran.output
    assert not (suite.store / "history.duckdb").exists()
