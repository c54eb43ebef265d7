"""One test takes its hosts with it; those that ran beside it on both do not end for that."""

from __future__ import annotations

import pytest

INVENTORY = "".join(f'[hosts.{name}]\naddress = "local"\nworkers = 3\n' for name in ("ape", "bee"))
TESTS = """
    import os, signal, time
    import pytest
    @pytest.mark.parametrize("number", range(30))
    def test_innocent(number): time.sleep(0.2)
    def test_kills():
        time.sleep(0.1)
        os.kill(os.getppid(), signal.SIGKILL)
    """


@pytest.mark.slow
def test_only_the_one_that_kills_its_hosts_ends_for_it(suite):
    """Whoever ran beside it has a host for itself the next time, and so has the culprit."""
    made = suite({"test_a.py": TESTS, "disttest.toml": INVENTORY})
    ran = made.distributed("--hw-hosts=ape,bee", "--hw-start=spawn", "-rf", workers=None)

    failed = [name for name, told in ran.outcomes.items() if "failed" in told]
    assert ["test_a.py::test_kills"] == failed, ran
    assert 31 == len(ran.outcomes) and 30 == sum(told == ["passed"] for told in ran.outcomes.values()), ran
    assert "the host was lost, and so was another one under this test, though nothing else ran there" in ran.output
    assert 2 == ran.output.count("is lost: "), ran
