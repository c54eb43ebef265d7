"""Which class a failure is of: a table of rules, the first that fits decides; users' rows come before ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from pytest_disttest.errors import BadInventory, did_you_mean

from .classes import FailureClass

PHASES: Final = ("setup", "call", "teardown")


class Failure(NamedTuple):
    """What is known of an attempt that did not pass.

    *exceptions* are the dotted names of the exception's class and of its bases, the class itself first; empty where
    none is known. *signal* (``SIGSEGV``) or *exit_code* say how the process ended, if it did, *stderr* what it wrote
    last, to its standard output too. *passed_on* are the hosts where the same test has passed in this run.
    """

    nodeid: str = ""
    host: str = ""
    phase: str = "call"
    exceptions: tuple[str, ...] = ()
    message: str = ""
    signal: str = ""
    exit_code: int | None = None
    stderr: str = ""
    passed_on: frozenset[str] = frozenset()

    @property
    def has_died(self) -> bool:
        """Whether the process that ran the test ended with it."""
        return bool(self.signal) or self.exit_code is not None


class Rule(NamedTuple):
    """Failures that fit each condition given are of the class *becomes*.

    *exception* is the name of a class or of one of its bases, with or without its module. *message* and *stderr* are
    searched as regular expressions; *signal*, *exit_code* and *phase* must be equal. "" and None ask for nothing.
    """

    name: str
    becomes: FailureClass
    exception: str = ""
    message: str = ""
    stderr: str = ""
    signal: str = ""
    exit_code: int | None = None
    phase: str = ""

    def fits(self, failure: Failure) -> bool:
        """Whether *failure* meets every condition."""
        return (
            (not self.exception or any(_is_named(self.exception, name) for name in failure.exceptions))
            and (not self.message or re.search(self.message, failure.message) is not None)
            and (not self.stderr or re.search(self.stderr, failure.stderr) is not None)
            and self.signal in ("", failure.signal)
            and self.exit_code in (None, failure.exit_code)
            and self.phase in ("", failure.phase)
        )


class Diagnosis(NamedTuple):
    """A failure's class, and the rule that told it."""

    failure_class: FailureClass
    rule: str


_GONE: Final = (
    r"GPU is lost|GPU_IS_LOST|fallen off the bus|\bXid\b|uncorrectable ECC|ECC_UNCORRECTABLE"
    r"|CUDA_ERROR_(?:NO_DEVICE|DEVICE_UNAVAILABLE|SYSTEM_NOT_READY|ECC_UNCORRECTABLE|UNKNOWN)"
    r"|no CUDA-capable device is detected|all CUDA-capable devices are busy or unavailable"
    r"|hipErrorNoDevice|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_REMOVED"
)
_BROWSER: Final = r"chrome not reachable|disconnected: |browser (?:process )?(?:has )?(?:crashed|exited|closed)"

# What is no rule's is told by the phase. A device-side assert or "out of memory" of CUDA is the test's own doing.
RULES: Final = (
    Rule("pytest-timeout", FailureClass.TEST_TIMEOUT, message=r"Timeout\b.*from pytest-timeout"),
    Rule("pytest-timeout's thread", FailureClass.TEST_TIMEOUT, exit_code=1, stderr=r"\+ Timeout \+"),
    Rule("MemoryError", FailureClass.MEMORY, exception="MemoryError"),
    Rule("no memory to allocate", FailureClass.MEMORY, exception="OSError", message=r"Cannot allocate memory"),
    Rule("no memory for the worker", FailureClass.MEMORY, exit_code=71),  # worker.outbox.OUT_OF_MEMORY
    Rule("the kernel's OOM killer", FailureClass.MEMORY, signal="SIGKILL", stderr=r"the kernel had no memory left"),
    Rule("device is gone", FailureClass.DEVICE, message=_GONE),
    Rule("device is gone", FailureClass.DEVICE, stderr=_GONE),
    Rule("browser does not start", FailureClass.DEVICE, exception="SessionNotCreatedException"),
    Rule("browser is gone", FailureClass.DEVICE, exception="WebDriverException", message=_BROWSER),
    Rule("no such module", FailureClass.ENVIRONMENT, exception="ImportError"),
    Rule("disk is full", FailureClass.ENVIRONMENT, exception="OSError", message=r"No space left on device"),
    Rule("read-only disk", FailureClass.ENVIRONMENT, exception="OSError", message=r"Read-only file system"),
    Rule("no shared library", FailureClass.ENVIRONMENT, exception="OSError", message=r"cannot open shared object file"),
    Rule("disk fails", FailureClass.ENVIRONMENT, exception="OSError", message=r"\[Errno 5\]"),
)


def classify(failure: Failure, rules: Iterable[Rule] = ()) -> Diagnosis:
    """Return the class of *failure*; *rules* are the user's, and come before the table's."""
    for rule in (*rules, *RULES):
        if rule.fits(failure):
            return Diagnosis(rule.becomes, rule.name)
    if failure.has_died:
        return Diagnosis(FailureClass.CRASH, "the process died")
    if failure.phase == "call":
        return Diagnosis(FailureClass.TEST_FAILURE, "it failed in its call")
    return Diagnosis(FailureClass.TEST_ERROR, f"it failed in its {failure.phase}")


_TEXTS: Final = ("exception", "message", "stderr", "signal", "phase", "name")
_KEYS: Final = (*_TEXTS, "exit_code", "class")


def read_rule(row: Mapping[str, Any], place: str) -> Rule:
    """Return a user's *row* as a rule; *place* is where it stands.

    Raises BadInventory for an unknown key, class or phase, a value of the wrong type, an expression that does not
    compile, and for a row that would fit every failure.
    """
    for key, value in row.items():
        if key not in _KEYS:
            raise BadInventory(f"{key!r} is no key of a rule", place=place, hint=did_you_mean(key, _KEYS))
        wanted = int if key == "exit_code" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise BadInventory(f"{key} = {value!r} is no {'number' if wanted is int else 'text'}", place=place)
    texts = {key: row[key] for key in _TEXTS if key in row}
    if not set(row) - {"class", "name"}:
        raise BadInventory("names no condition, and would fit every failure", place=place, hint="say message = '…'")
    for key in ("message", "stderr"):
        _check_expression(texts.get(key, ""), key, place)
    _check_word(texts.get("phase", PHASES[0]), PHASES, "phase", place)
    words = [each.value for each in FailureClass]
    _check_word(row.get("class", ""), words, "class", place)
    return Rule(**{"name": place, **texts}, becomes=FailureClass(row["class"]), exit_code=row.get("exit_code"))


def _check_expression(text: str, key: str, place: str) -> None:
    try:
        re.compile(text)
    except re.error as fault:
        raise BadInventory(f"{key} = {text!r} is no regular expression: {fault}", place=place) from None


def _check_word(word: str, known: Iterable[str], key: str, place: str) -> None:
    if word not in known:
        raise BadInventory(f"{key} = {word!r} is not known", place=place, hint=did_you_mean(word, known))


def _is_named(wanted: str, name: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")
