"""Failures get their class from a table; users' rows come before ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.errors import BadInventory
from pytest_disttest.recovery.classes import NATURES, Blame, FailureClass
from pytest_disttest.recovery.rules import PHASES, RULES, Diagnosis, Failure, Rule, classify, read_rule
from pytest_disttest.worker.oom import KILLED
from pytest_disttest.worker.outbox import OUT_OF_MEMORY

IMPORT = ("builtins.ModuleNotFoundError", "builtins.ImportError", "builtins.Exception")
OS_ERROR = ("builtins.OSError", "builtins.Exception")

FAILURES = st.builds(
    Failure,
    phase=st.sampled_from(PHASES),
    exceptions=st.sampled_from(((), IMPORT, OS_ERROR, ("builtins.AssertionError",))),
    message=st.sampled_from(("", "assert 1 == 2", "No space left on device", "GPU is lost", "Timeout (>1.0s)")),
    signal=st.sampled_from(("", "SIGSEGV", "SIGKILL")),
    exit_code=st.sampled_from((None, 0, 3)),
    stderr=st.text(max_size=20),
)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure(message="assert 1 == 2", exceptions=("builtins.AssertionError",)), FailureClass.TEST_FAILURE),
        (Failure(phase="setup", exceptions=("builtins.ValueError",)), FailureClass.TEST_ERROR),
        (Failure(phase="teardown"), FailureClass.TEST_ERROR),
        (Failure(exceptions=IMPORT, message="No module named 'cupy'"), FailureClass.ENVIRONMENT),
        (Failure(exceptions=OS_ERROR, message="[Errno 28] No space left on device: 'x'"), FailureClass.ENVIRONMENT),
        (Failure(exceptions=OS_ERROR, message="[Errno 2] No such file"), FailureClass.TEST_FAILURE),
        (Failure(message="CUDA error: no CUDA-capable device is detected"), FailureClass.DEVICE),
        (Failure(message="CUDA error: device-side assert triggered"), FailureClass.TEST_FAILURE),
        (Failure(signal="SIGABRT", stderr="NVRM: GPU 0000:01:00.0: GPU has fallen off the bus"), FailureClass.DEVICE),
        (Failure(exceptions=("numpy._ArrayMemoryError", "builtins.MemoryError")), FailureClass.MEMORY),
        (Failure(exceptions=OS_ERROR, message="[Errno 12] Cannot allocate memory"), FailureClass.MEMORY),
        (Failure(signal="SIGKILL", stderr=f"...\n{KILLED}"), FailureClass.MEMORY),
        (Failure(exit_code=OUT_OF_MEMORY), FailureClass.MEMORY),
        (Failure(signal="SIGKILL"), FailureClass.CRASH),
        (Failure(signal="SIGSEGV"), FailureClass.CRASH),
        (Failure(exit_code=0), FailureClass.CRASH),
        (Failure(message="Failed: Timeout (>0.5s) from pytest-timeout."), FailureClass.TEST_TIMEOUT),
        (Failure(exit_code=1, stderr="+++++ Timeout +++++"), FailureClass.TEST_TIMEOUT),
        (Failure(exceptions=("selenium.common.exceptions.SessionNotCreatedException",)), FailureClass.DEVICE),
    ],
)
def test_the_table_tells_the_class(failure: Failure, expected: FailureClass):
    """By exception, message, end of the process, last words, and phase."""
    assert expected is classify(failure).failure_class


def test_a_users_rule_comes_first_and_names_itself():
    """A lab's own word for a broken board."""
    rule = Rule("board hangs", FailureClass.DEVICE, exception="BoardError", message="no answer")

    told = classify(Failure(exceptions=("lab.BoardError", "builtins.Exception"), message="no answer in 3 s"), [rule])

    assert Diagnosis(FailureClass.DEVICE, "board hangs") == told
    assert FailureClass.TEST_FAILURE is classify(Failure(exceptions=("lab.BoardError",)), [rule]).failure_class


@given(FAILURES)
def test_every_failure_has_a_class_and_only_the_dead_crash(failure: Failure):
    """Nothing falls through the table; a crash is a process that ended."""
    found = classify(failure)

    assert found.rule
    assert failure.has_died or found.failure_class is not FailureClass.CRASH


@given(FAILURES, st.sampled_from(FailureClass))
def test_a_rule_for_all_of_a_phase_wins_in_it(failure: Failure, becomes: FailureClass):
    """Conditions are joined by "and", and each counts."""
    found = classify(failure, [Rule("mine", becomes, phase="setup")])

    assert (found == Diagnosis(becomes, "mine")) == (failure.phase == "setup")


def test_each_class_has_its_nature():
    """Severity, blame and meaning stand in one table; what a host is to blame for is graver than a red test."""
    assert set(NATURES) == set(FailureClass)
    assert all(each.meaning and 0 <= each.severity <= 5 for each in NATURES.values())
    hosts = [each.severity for each in FailureClass if each.blame is Blame.HOST]
    assert min(hosts) > FailureClass.TEST_FAILURE.severity
    assert all(rule.name for rule in RULES)


def test_a_row_of_the_inventory_is_a_rule():
    """Its place is its name where it has none."""
    row = {"exception": "BoardError", "message": "no answer", "class": "device", "phase": "setup"}

    assert read_rule(row, "disttest.toml: failures[0]") == Rule(
        "disttest.toml: failures[0]", FailureClass.DEVICE, exception="BoardError", message="no answer", phase="setup"
    )
    assert read_rule({"exit_code": 3, "class": "crash", "name": "licence"}, "x").exit_code == 3


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"mesage": "x", "class": "device"}, "did you mean 'message'?"),
        ({"message": "x", "class": "devise"}, "did you mean 'device'?"),
        ({"message": "x"}, "class = '' is not known"),
        ({"message": "(", "class": "device"}, "no regular expression"),
        ({"class": "device"}, "would fit every failure"),
        ({"exit_code": "3", "class": "device"}, "no number"),
        ({"exit_code": True, "class": "device"}, "no number"),
        ({"message": 3, "class": "device"}, "no text"),
        ({"message": "x", "class": "device", "phase": "cal"}, "did you mean 'call'?"),
    ],
)
def test_a_row_that_cannot_be_meant_is_refused(row: dict[str, object], said: str):
    """With its place, and the nearest right word."""
    with pytest.raises(BadInventory) as refused:
        read_rule(row, "disttest.toml: failures[2]")

    assert "disttest.toml: failures[2]" in str(refused.value) and said in str(refused.value)
