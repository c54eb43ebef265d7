"""What a worker tells of an attempt that failed: the exception's class, and whether the user wants another attempt.

The ``flaky`` mark and the options have pytest-rerunfailures' form, and the mark comes before the options. A test that
this plugin runs again by itself, in the same worker, is left to it. Imported at the first failure.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pytest

from pytest_disttest import wire

MOST_CLASSES = 20
LONGEST = 4000
KEYWORDS = ("reruns", "reruns_delay", "condition", "only_rerun", "rerun_except")


class Request(NamedTuple):
    """How often, and after how many seconds, the user wants the test to be run again."""

    reruns: int = 0
    delay_s: float = 0.0


NO_REQUEST = Request()


def fault(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], phase: str) -> dict[str, Any]:
    """Return what there is to say of an exception, in builtins."""
    asked = requested(item, excinfo)
    return {
        "phase": phase,
        "exceptions": [
            wire.plain(f"{cls.__module__}.{cls.__qualname__}") for cls in excinfo.type.__mro__[:MOST_CLASSES]
        ],
        "message": wire.plain(_words(excinfo.value)[:LONGEST]),
        "reruns": asked.reruns,
        "delay": asked.delay_s,
    }


def requested(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]) -> Request:
    """Return what the user wants for a test that failed so; nothing where pytest-rerunfailures has it in hand."""
    if hasattr(item, "execution_count"):
        return NO_REQUEST
    mark = item.get_closest_marker("flaky")
    if mark is None:
        return _by_options(item.config.option, excinfo)
    words = {**dict(zip(KEYWORDS[:2], mark.args, strict=False)), **mark.kwargs}
    if not set(words) <= set(KEYWORDS):
        return NO_REQUEST  # another plugin's mark of the same name, with other words
    reruns = words.get("reruns", 1)
    if not (reruns and _suits(excinfo, words.get("only_rerun"), words.get("rerun_except"))):
        return NO_REQUEST
    if "condition" in words and not _holds(words["condition"], item, excinfo.value):
        return NO_REQUEST
    return Request(int(reruns), max(0.0, float(words.get("reruns_delay", 0.0))))


def _by_options(option: Any, excinfo: pytest.ExceptionInfo[BaseException]) -> Request:
    if not option.hw_reruns or not _suits(excinfo, option.hw_only_rerun, option.hw_rerun_except):
        return NO_REQUEST
    return Request(int(option.hw_reruns), float(option.hw_reruns_delay or 0.0))


def _suits(excinfo: pytest.ExceptionInfo[BaseException], only: Any, but: Any) -> bool:
    """Whether the exception is one of *only*, if any are named, and none of *but*."""
    return (not only or _is_any(excinfo, only)) and not (but and _is_any(excinfo, but))


def _is_any(excinfo: pytest.ExceptionInfo[BaseException], wanted: Any) -> bool:
    """Whether the exception is of a class, or matches an expression, of those *wanted*."""
    each = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    text = f"{excinfo.type.__name__}: {_words(excinfo.value)}"
    return any(
        issubclass(excinfo.type, one) if isinstance(one, type) else re.search(str(one), text) is not None
        for one in each
    )


def _holds(condition: object, item: pytest.Item, error: BaseException) -> bool:
    """Whether a mark's condition is true: a value, an expression in the test's module, or a function (of the error)."""
    try:
        if callable(condition):
            return bool(condition(error) if _takes_one(condition) else condition())
        if isinstance(condition, str):
            return bool(eval(condition, _names(item, error)))  # as pytest's own skipif does
        return bool(condition)
    except Exception as fault:
        warnings.warn(f"flaky's condition cannot be told: {type(fault).__name__}: {fault}", stacklevel=2)
        return False


def _takes_one(function: Any) -> bool:
    import inspect

    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin that says nothing
        return True
    return True


def _names(item: pytest.Item, error: BaseException) -> dict[str, Any]:
    names: dict[str, Any] = {"os": os, "sys": sys, "platform": platform, "config": item.config}
    module: Mapping[str, Any] = getattr(getattr(item, "obj", None), "__globals__", {})
    return {**names, **module, "error": error}


def make_fresh(item: pytest.Item) -> None:
    """Let an item that failed be run again in this process: a new instance, and another try for its failed fixtures.

    pytest keeps a fixture's exception for all who ask while its scope lasts.
    """
    if getattr(item, "_instance", None) is not None:
        del item._instance  # type: ignore[attr-defined]
        item._obj = None  # type: ignore[attr-defined]
    for definition in _definitions(item):
        result = getattr(definition, "cached_result", None)
        if result is not None and result[2] is not None:
            definition.cached_result = None
            getattr(definition, "_finalizers", []).clear()  # those of an attempt that never came about


def _definitions(item: pytest.Item) -> Iterable[Any]:
    facts = getattr(item, "_fixtureinfo", None)
    return (definition for found in getattr(facts, "name2fixturedefs", {}).values() for definition in found)


def forgive(session: pytest.Session) -> None:
    """Take back that a failure counts for ``--maxfail``: the controller counts those that stand."""
    if session.config.getoption("maxfail", 0):
        session.testsfailed -= 1
        session._shouldfail = False


def _words(value: BaseException) -> str:
    try:
        return str(value)
    except Exception as fault:
        return f"<unprintable {type(value).__name__}: {type(fault).__name__}>"
