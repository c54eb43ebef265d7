"""Of what class a failed attempt is: a plugin, the inventory's rows and the table are asked, and all plugins told."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.obituary import SHOWN_CHARACTERS
from pytest_disttest.controller.replay import Story, Told
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Outcome
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.rules import Diagnosis, Failure, Rule, classify

LONGEST: Final = 4000
"""Characters of a message that are looked at."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended under a test: its exit code as the agent has it, and what it wrote last."""

    code: int | None
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def last_words(self) -> str:
        """What it wrote last, and its agent of it: plugins that end a process do not agree to which stream."""
        return "\n".join(self.words.get(stream, "")[-SHOWN_CHARACTERS:] for stream in ("out", "err", "why"))

    @property
    def signal(self) -> str:
        """The name of the signal that killed it, "" for none."""
        try:
            return signal.Signals(-self.code).name if self.code is not None and self.code < 0 else ""
        except ValueError:
            return f"signal {-(self.code or 0)}"


def failure_of(
    run: Run, node: WorkerNode, story: Story, ended: Told, death: Death | None, passed_on: Iterable[str]
) -> Failure:
    """Return what is known of a failed attempt; *passed_on* are the hosts where its test has passed."""
    first: Mapping[str, Any] = next(iter(story.faults), {})
    return Failure(
        nodeid=run.nodeid(story.case),
        host=node.host,
        phase=str(first.get("phase", "call" if ended.outcome is not Outcome.ERROR else "setup")),
        exceptions=tuple(map(str, first.get("exceptions", ()))),
        message=str(first.get("message", ended.message[:LONGEST])),
        signal=death.signal if death is not None else "",
        exit_code=death.code if death is not None and not death.signal else None,
        stderr=death.last_words if death is not None else "",
        passed_on=frozenset(passed_on),
    )


def diagnosis(run: Run, failure: Failure, rules: Iterable[Rule], *, has_expired: bool) -> Diagnosis:
    """Return the class of a failure: what a plugin says, the inventory's *rules*, the table.

    One whose time *has_expired* is a timeout whatever it says.
    """
    if has_expired:
        return Diagnosis(FailureClass.TEST_TIMEOUT, "--hw-timeout")
    said = run.config.hook.pytest_disttest_classify(config=run.config, failure=failure)
    return Diagnosis(FailureClass(said), "a plugin says so") if said else classify(failure, rules)


def tell(run: Run, failure: Failure, failure_class: FailureClass) -> None:
    """Let plugins know of a failed attempt and its class."""
    run.config.hook.pytest_disttest_failed(config=run.config, failure=failure, failure_class=failure_class.value)
