"""What becomes of a worker's words on the controller: outcomes, warnings, reports of death."""

from __future__ import annotations

import sys
import types
import warnings
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.controller.gathering import errors_of_all
from pytest_disttest.controller.obituary import cause_of_death, crash_report
from pytest_disttest.controller.replay import Told, _warning_message, outcome_of, told
from pytest_disttest.model import Outcome, PhaseTime
from pytest_disttest.worker import recorder

SKIP = ("test_a.py", 3, "Skipped: no reason")


def report(when: str, outcome: str = "passed", longrepr: Any = None, duration: float = 0.0, **extra: Any) -> Any:
    """Return a report as pytest makes it."""
    place = ("test_a.py", 1, "test_a")
    return pytest.TestReport(
        "test_a.py::test_a",
        place,
        {},
        outcome,
        longrepr,
        when,
        duration=duration,
        **extra,  # type: ignore[arg-type]
    )


SETUP, CALL, TEARDOWN = report("setup"), report("call"), report("teardown")
DIED = crash_report("n", ("f", 1, "n"), keywords={}, worker="gw0", host="local", cause="SIGSEGV", words={})


@pytest.mark.parametrize(
    ("reports", "outcome", "message"),
    [
        ([SETUP, CALL, TEARDOWN], Outcome.PASSED, ""),
        ([SETUP, report("call", "failed", "boom\nmore"), TEARDOWN], Outcome.FAILED, "boom"),
        ([report("setup", "failed", "no fixture"), TEARDOWN], Outcome.ERROR, "no fixture"),
        ([SETUP, CALL, report("teardown", "failed", "left over")], Outcome.ERROR, "left over"),
        ([SETUP, report("call", "failed", "boom"), report("teardown", "failed", "too")], Outcome.FAILED, "boom"),
        ([report("setup", "skipped", SKIP), TEARDOWN], Outcome.SKIPPED, "Skipped: no reason"),
        ([SETUP, report("call", "skipped", SKIP), TEARDOWN], Outcome.SKIPPED, "Skipped: no reason"),
        ([SETUP, report("call", "skipped", "x", wasxfail="why"), TEARDOWN], Outcome.XFAILED, "x"),
        ([report("setup", "skipped", "x", wasxfail="not run"), TEARDOWN], Outcome.XFAILED, "x"),
        ([SETUP, report("call", wasxfail="why"), TEARDOWN], Outcome.XPASSED, ""),
        ([SETUP, report("call", "failed", "[XPASS(strict)] why"), TEARDOWN], Outcome.FAILED, "[XPASS(strict)] why"),
        ([SETUP, report("call", wasxfail=""), report("teardown", "failed", "t")], Outcome.ERROR, "t"),
        ([SETUP, DIED], Outcome.CRASHED, "worker 'gw0' crashed while running 'n': SIGSEGV"),
        ([DIED], Outcome.CRASHED, "worker 'gw0' crashed while running 'n': SIGSEGV"),
        # subtests come before the report of the test around them
        ([SETUP, report("call", "skipped", SKIP), CALL, TEARDOWN], Outcome.PASSED, ""),
        ([SETUP, report("call", "failed", "sub"), CALL, TEARDOWN], Outcome.FAILED, "sub"),
        # reruns, as pytest-rerunfailures reports them
        ([SETUP, report("call", "rerun", "flaky"), TEARDOWN, SETUP, CALL, TEARDOWN], Outcome.PASSED, ""),
        ([report("setup", "rerun", "x"), TEARDOWN, report("setup", "failed", "y"), TEARDOWN], Outcome.ERROR, "y"),
        ([SETUP, report("call", "failed", None), TEARDOWN], Outcome.FAILED, ""),
        ([SETUP, report("call", "failed", "\n"), TEARDOWN], Outcome.FAILED, ""),
    ],
)
def test_the_outcome_of_a_case(reports: list[Any], outcome: Outcome, message: str):
    """The worst of its phases, with the words of that phase."""
    found = told(reports, 5.0)

    assert (outcome, message, 5.0) == (found.outcome, found.message, found.started_at)


def test_durations_are_summed_by_phase():
    """A rerun counts too; the case took all of it."""
    phases = (("setup", 1.0), ("call", 2.0), ("call", 4.0), ("teardown", 8.0))
    reports = [report(when, duration=seconds) for when, seconds in phases]

    assert Told(Outcome.PASSED, 0.0, PhaseTime(1.0, 6.0, 8.0), "", "") == told(reports, 0.0)
    assert 15.0 == told(reports, 0.0).duration_s


def test_only_a_verdict_ends_a_case():
    """A case that is cut off after its setup has none."""
    assert [None, Outcome.PASSED, None] == [outcome_of(one) for one in (SETUP, CALL, TEARDOWN)]


# warnings


class Argumentative(UserWarning):
    """Cannot be made from a text."""

    def __init__(self, code: int, *, where: str) -> None:
        self.code, self.where = code, where
        super().__init__(f"{code} at {where}")

    def __str__(self) -> str:
        return f"{self.code} at {self.where}"


class Particular(UserWarning):
    def __new__(cls, first: int, second: int) -> Self:  # noqa: ARG004 - a class that wants other arguments
        return super().__new__(cls)


def travelled(warning: Warning) -> warnings.WarningMessage:
    """Record *warning*, tell it as a worker does, and make it anew."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn(warning, stacklevel=1)
    return _warning_message(recorder.warning(caught[0]))


@pytest.mark.parametrize(
    "warning",
    [UserWarning("a"), pytest.PytestWarning("b"), DeprecationWarning(""), RuntimeWarning("\udcff"), Warning(1, "x")],
    ids=repr,
)
def test_a_known_warning_arrives_as_it_was(warning: Warning):
    """Its class, its text, its place."""
    found = travelled(warning)

    assert (type(warning), str(warning)) == (found.category, str(found.message))
    assert __file__ == found.filename
    assert found.lineno > 0


@pytest.mark.parametrize("warning", [Argumentative(4, where="x"), Particular(1, 2)], ids=["init", "new"])
def test_a_warning_that_cannot_be_made_from_text_keeps_its_text_and_class(warning: Warning):
    """``__init__`` is not called, and neither ``__new__`` nor ``__str__`` may spoil the run."""
    found = travelled(warning)

    assert (type(warning), str(warning)) == (found.category, str(found.message))


def test_an_unknown_class_is_imitated():
    """Of the same name, module and nearest builtin; shown as it would have been there."""
    data = recorder.warning(
        warnings.WarningMessage("text", type("Odd", (FutureWarning,), {"__module__": "not_here"}), "f.py", 7)
    )

    found = _warning_message(data)

    assert ("Odd", "not_here") == (found.category.__name__, found.category.__module__)
    assert issubclass(found.category, FutureWarning)
    assert "not_here" not in sys.modules


def test_nothing_is_imported_on_a_hosts_word(monkeypatch: pytest.MonkeyPatch):
    """Not even by a loaded package that would fetch the name on demand; and no class but a warning is taken."""
    lazy = types.ModuleType("lazy")
    fetched: list[str] = []
    lazy.__getattr__ = fetched.append  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "lazy", lazy)
    words = {"text": "t", "filename": "f", "lineno": 1, "line": None, "source": None}

    odd = _warning_message({**words, "category": "Odd", "module": "lazy", "bases": ["SystemExit", "no such"]})
    popen = _warning_message({**words, "category": "Popen", "module": "subprocess", "bases": []})

    assert [] == fetched
    assert (Warning,) == odd.category.__bases__ == popen.category.__bases__


# deaths and collection


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-11, "killed by SIGSEGV"),
        (-9, "killed by SIGKILL"),
        (-200, "killed by signal 200"),
        (137, "exit code 137 (SIGKILL?)"),
        (3, "exit code 3"),
        (0, "exit code 0"),
        (70, "exit code 70 (its line to the agent was closed: did the test close descriptors?)"),
        (None, "lost with its host"),
    ],
)
def test_a_death_is_told_in_words(code: int | None, words: str):
    """The signal by name, where there was one."""
    assert words == cause_of_death(code)


def test_last_words_stand_in_the_report():
    """The end of them, each stream apart, an empty one left out; a remote host is named."""
    found = crash_report(
        "n", ("f", 1, "n"), keywords={"k": 1}, worker="gw1", host="lab", cause="exit code 3",
        words={"out": "\n", "err": "x" * 20_000 + "the end\n"},
    )  # fmt: skip

    assert "worker 'gw1' on host 'lab' crashed while running 'n': exit code 3" == found.longrepr
    ((title, text),) = found.sections
    assert ("Captured stderr of the crashed worker", 10_000, True) == (title, len(text), text.endswith("the end"))


def failed(nodeid: str, outcome: str = "failed") -> Any:
    return pytest.CollectReport(nodeid, outcome, "why", [])  # type: ignore[arg-type]


def test_an_error_of_all_hosts_is_shown_once():
    """One that some hosts only have is told apart; a skipped module is shown once, whoever skipped it."""
    everywhere, here_only, skipped = failed("a.py"), failed("b.py"), failed("c.py", "skipped")
    reports = [(host, f"gw{n}", r, 0) for n, host in enumerate("xxy") for r in (everywhere, skipped)]

    shown, partial = errors_of_all([*reports, ("x", "gw0", here_only, 0)], ["x", "y"])

    assert ({"a.py", "c.py"}, 2, {"b.py": ["x"]}) == ({r.nodeid for r in shown}, len(shown), partial)


def test_workers_that_share_the_collection_tell_of_different_collectors():
    """A module and its doctests have one node id and two places in the walk; what both workers met counts once."""
    module, doctests = failed("a.py"), failed("a.py")
    met_by_both = [("x", worker, failed("sub", "skipped"), 1) for worker in ("gw0", "gw1")]

    shown, partial = errors_of_all([("x", "gw1", doctests, 3), *met_by_both, ("x", "gw0", module, 2)], ["x"])

    assert ["sub", "a.py", "a.py"] == [report.nodeid for report in shown]
    assert [module, doctests] == shown[1:]
    assert partial == {}


@given(st.lists(st.tuples(st.sampled_from("xy"), st.sampled_from(["a", "b"]), st.sampled_from(["failed", "skipped"]))))
def test_no_collection_failure_is_lost(told_by: list[tuple[str, str, str]]):
    """Each failed collector is either shown or named with the hosts that it failed on."""
    shown, partial = errors_of_all([(host, host, failed(nodeid, how), 0) for host, nodeid, how in told_by], ["x", "y"])

    broken = {nodeid for _, nodeid, how in told_by if how == "failed"}
    assert broken == {r.nodeid for r in shown if r.failed} | partial.keys()
