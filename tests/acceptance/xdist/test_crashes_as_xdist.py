"""Behaviours that pytest-xdist's own tests state, of workers that die and of interruptions; here for ``--dist-hw``."""

from __future__ import annotations

import os
import signal

import pytest
from rigs.processes import is_running, wait_until
from rigs.suites import Suite


@pytest.fixture
def suite(tmp_path):
    """Return a function that makes a suite of the files given as keywords."""
    return lambda **files: Suite(tmp_path / "suite", {f"{name}.py": text for name, text in files.items()})


def test_a_terminated_worker_costs_one_test(suite):
    """test_dist_tests_with_crash: what others did before and do after it counts."""
    tests = """
        import pytest
        def test_fail0(): assert 0
        def test_fail1(): raise ValueError()
        def test_ok(): pass
        def test_skip(): pytest.skip("hello")
        def test_crash():
            import time, os, signal
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGTERM)
        def test_afterwards(): pass
    """

    ran = suite(test_a=tests).distributed()

    assert "3 failed, 2 passed, 1 skipped" in ran.output, ran
    assert "SIGTERM" in ran.output and "test_crash" in ran.output


@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
def test_a_crash_in_any_phase_is_one_failure(suite, phase):
    """test_crashing_item; there, a test whose teardown crashed counts as passed, too."""
    die = {name: "os._exit(1)" if name == phase else "pass" for name in ("setup", "call", "teardown")}
    tests = f"""
        import os, pytest
        @pytest.fixture
        def fix():
            {die["setup"]}
            yield
            {die["teardown"]}
        def test_crash(fix):
            {die["call"]}
        def test_ok(): pass
    """

    assert "1 failed, 1 passed" in suite(test_a=tests).distributed().output


@pytest.mark.parametrize("crashes", [1, 3])
@pytest.mark.parametrize("workers", [1, 2])
def test_all_others_run_after_crashes(suite, crashes, workers):
    """TestNodeFailure.test_load_single, test_load_multiple: each once, under any plan; here, what crashed once more."""
    dying = "".join(f"def test_{number}(): os._exit(1)\n" for number in range(crashes))
    tests = f"import os\ndef test_a(): pass\n{dying}def test_y(): pass\ndef test_z(): pass\n"

    ran = suite(test_a=tests, test_b="def test_elsewhere(): pass\n").distributed(workers=workers)

    assert f"{crashes} failed, 4 passed" in ran.output, ran
    assert sorted(ran.words.values()) == ["passed"] * 4 + ["rerun failed"] * crashes


GROUPED = """
    import os, pytest
    pytestmark = pytest.mark.xdist_group("{name}")
    def test_before(): pass
    def test_crash(): os._exit(1)
    def test_after(): pass
"""


def test_a_crash_in_a_group_ends_with_one_failure(suite):
    """Where xdist's loadgroup, loadfile and loadscope run the crashed test again, or hang (its #784, #1323)."""
    files = {f"test_{name}": GROUPED.format(name=name) for name in "abc"}

    ran = suite(**files).distributed()

    assert "3 failed, 6 passed" in ran.output, ran


EXITS = "import os\n" + "".join(f"def test_{name}(): os._exit(1)\n" for name in "abcdefghij")


@pytest.mark.parametrize("workers", [1, 2])
def test_no_worker_is_replaced_where_none_may_be(suite, workers):
    """test_disable_restart, test_max_worker_restart_die: the run ends, and says why."""
    ran = suite(test_a=EXITS).distributed("--hw-max-worker-restart=0", workers=workers)

    assert "INTERNALERROR" not in ran.output
    assert "--hw-max-worker-restart" in ran.output, ran
    assert list(ran.words.values()) == ["failed"] * workers and ran.exit_code != 0


def test_only_so_many_are_replaced(suite):
    """test_max_worker_restart, test_max_worker_restart_tests_queued: tests that are left do not pass unseen."""
    ran = suite(test_a=EXITS, test_b="def test_last(): pass\n").distributed(
        "--hw-max-worker-restart=3", "--hw-crash-reruns=0", workers=1
    )

    assert "INTERNALERROR" not in ran.output
    assert list(ran.words.values()).count("failed") == 4, ran
    assert ran.exit_code != 0


def test_keyboard_interrupt_in_a_test_ends_the_run_in_order(suite):
    """test_keyboardinterrupt_hooks_issue79: finish hooks run, the exit code is 2."""
    conftest = """
        def pytest_sessionfinish(session):
            where = "worker" if hasattr(session.config, "workeroutput") else "controller"
            with open("finished", "a") as file:
                print(where, file=file)
    """
    ran = suite(
        conftest=conftest, test_a="def test_x(): raise KeyboardInterrupt\n", test_b="def test_y(): pass\n"
    ).distributed(workers=1)

    assert ran.exit_code == 2 and "KeyboardInterrupt" in ran.output, ran
    assert {"worker", "controller"} == set((ran.directory / "finished").read_text().split())


def test_an_interrupt_on_the_keyboard_ends_the_run_in_order(suite):
    """test_keyboard_interrupt_dist: exit code 2, what ran is reported, and no worker stays."""
    tests = """
        import os, time
        def test_quick(): pass
        def test_sleeps():
            with open("pid", "w") as file:
                file.write(str(os.getpid()))
            os.rename("pid", "asleep")
            time.sleep(60)
    """
    some = suite(test_a=tests)
    process = some.start("--dist-hw", "--hw-workers=1")
    asleep = some.directory / "asleep"
    assert wait_until(asleep.exists, timeout_s=30)

    os.kill(process.pid, signal.SIGINT)
    ran = some.end(process)

    assert ran.exit_code == 2, ran
    assert "KeyboardInterrupt" in ran.output and "1 passed" in ran.output
    assert wait_until(lambda: not is_running(int(asleep.read_text())))


def test_an_error_in_a_workers_hook_is_shown(suite):
    """test_internal_errors_propagate_to_controller."""
    ran = suite(
        conftest="def pytest_collection_modifyitems(): raise RuntimeError('Some runtime error')\n",
        test_a="def test_a(): pass\n",
    ).distributed()

    assert "RuntimeError: Some runtime error" in ran.output and ran.exit_code == 3, ran
