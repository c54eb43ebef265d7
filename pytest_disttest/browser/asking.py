"""Asking an open browser: one question after the other, so that a crash costs the answers after it, not those before.

What comes back is plain, as JSON has it::

    {"version": "156.0.1", "flags": ["--…"], "why": "", "webgpu": {...}, "limits": {...}, "webnn": {...}}

*flags* is what a Chromium was given for computing. *why* says what ended the asking early, "" where nothing did;
*hung* is true where that was the time. A question that was not put has no entry. Each entry is what the page's
function of that name gives; ``failed`` in it is its own.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from pytest_disttest.browser.arithmetic import Question
from pytest_disttest.browser.found import Installed
from pytest_disttest.browser.kinds import BY_NAME
from pytest_disttest.browser.opening import USUAL, Settings, opened

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

Told = dict[str, Any]

CALL: Final = """
const done = arguments[arguments.length - 1], [name, ...given] = [...arguments].slice(0, -1);
window[name](...given).then(done, error => done({failed: {step: name, hung: false, why: String(error)}}));
"""
STEP_SHARE: Final = 0.4
"""Of the time that is left, how much a single step of the page may take: what hangs leaves time for other answers."""


def ask(
    browser: Installed, home: str, address: str, asked: Question, *, limit_s: float, settings: Settings = USUAL
) -> Told:
    """Return what *browser* tells on the page at *address*, within *limit_s*; never raises for what a browser does."""
    end = time.monotonic() + limit_s
    told: Told = {"version": "", "flags": [], "opened": False, "why": "", "hung": False}
    if BY_NAME[browser.kind].engine != "firefox":
        told["flags"] = list(settings.flags)
    try:
        with opened(browser, home, settings, limit_s=limit_s) as driver:
            told["version"] = str(driver.capabilities.get("browserVersion", ""))
            told["opened"] = True
            driver.get(address)
            _put_all(driver, asked, told, end)
    except Exception as fault:  # Selenium's, urllib3's, the system's: whatever a sick browser leads to
        told["hung"] = time.monotonic() >= end
        told["why"] = f"no answer within {limit_s:.3g} s" if told["hung"] else first_line(fault)
    return told


def _put_all(driver: WebDriver, asked: Question, told: Told, end: float) -> None:
    told["webgpu"] = _put(driver, end, "webgpu", asked.side, asked.a, asked.b)
    if told["webgpu"].get("numbers"):
        told["limits"] = _put(driver, end, "webgpuLimits")
    told["webnn"] = _put(driver, end, "webnn", asked.side, asked.a, asked.b, asked.bias)


def _put(driver: WebDriver, end: float, question: str, *given: object) -> dict[str, Any]:
    left_s = max(0.1, end - time.monotonic())
    driver.set_script_timeout(left_s)
    answer = driver.execute_async_script(CALL, question, int(1000 * left_s * STEP_SHARE), *given)
    return answer if isinstance(answer, dict) else {"failed": {"step": question, "hung": False, "why": "no answer"}}


def first_line(fault: BaseException) -> str:
    """Return the fault in one line: Selenium's have a label before their message and a stack after it."""
    with contextlib.suppress(IndexError):
        return f"{type(fault).__name__}: {str(fault).removeprefix('Message: ').splitlines()[0].strip()}"
    return type(fault).__name__
