"""Grants and questions of running tests on a host behind ssh, which has nothing of ours installed."""

from __future__ import annotations

FILES = {
    "test_it.py": """
        import os, pytest

        @pytest.mark.hw(cores=2, memory="64 MiB")
        def test_granted(hw_grant, hw_host):
            assert (hw_grant.host, hw_grant.cores, hw_grant.memory) == (hw_host, 2.0, 64 << 20)
            assert os.environ["OMP_NUM_THREADS"] == "2"

        def test_plain(hw_grant, hw_host):
            assert (hw_grant.host, hw_grant.cores, hw_grant.devices) == (hw_host, 1.0, ())
            assert "OMP_NUM_THREADS" not in os.environ

        def test_has(hw_requires):
            hw_requires("memory >= 1 MiB", "cores >= 1")

        def test_lacks(hw_requires):
            hw_requires("memory >= 1000 TiB")
    """,
}


def test_grants_and_questions_on_a_host_behind_ssh(project, monkeypatch):
    """The grant arrives there, and what the test asks is answered by that host's own probes."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    project.write_files(FILES)

    ran = project.run("-p", "no:cacheprovider", "-rs", hosts="host1")

    assert ran.code == 0, ran.text
    assert {"test_granted", "test_plain", "test_has"} == ran.named("passed")
    assert {"test_lacks"} == ran.named("skipped")
    assert ran.lines("host host1 lacks what the test asks for: memory >= 1000 TiB")
