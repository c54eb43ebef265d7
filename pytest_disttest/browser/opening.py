"""Opening a browser through Selenium, quietly: no window, no traces outside its home, no word to anybody's servers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pytest_disttest.browser.found import Installed
from pytest_disttest.browser.kinds import BY_NAME

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver

CHROME_FLAGS: Final = (
    "--headless=new",
    # The probe opens nothing but its own page. Root cannot have the sandbox, nor can most containers.
    "--no-sandbox",
    "--disable-dev-shm-usage",  # /dev/shm of a container is 64 MiB
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--no-first-run",
    # One page needs one renderer: a third of a second of processor time less.
    "--renderer-process-limit=1",
    "--disable-site-isolation-trials",
    "--disable-features=SpareRendererForSitePerProcess",
    "--mute-audio",
    # A full Chromium calls four of Google's hosts all the same: nothing but ourselves has an address.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
COMPUTE_FLAGS: Final = (
    "--enable-unsafe-webgpu",  # without it, no adapter on a machine without a GPU, and on Linux mostly none with one
    "--enable-webgpu-developer-features",  # adapters say whether they are a CPU
    "--enable-features=WebMachineLearningNeuralNetwork",
)
# A headless Chromium on Linux takes a GPU only with Vulkan, and ANGLE on Vulkan: seen with 156 on an H200. Where
# there is software Vulkan alone, requestAdapter hangs with these.
GPU_FLAGS: Final = (
    "--enable-unsafe-webgpu",
    "--enable-webgpu-developer-features",
    "--enable-features=WebMachineLearningNeuralNetwork,Vulkan",
    "--use-angle=vulkan",
    "--disable-vulkan-surface",  # there is no screen
)
COMPUTE_PREFERENCES: Final = {"dom.webgpu.enabled": True, "gfx.webgpu.ignore-blocklist": True}
QUIET_PREFERENCES: Final[Mapping[str, Any]] = {
    # Everything but the loopback goes to a proxy at a port where nobody listens.
    "network.proxy.type": 1,
    "network.proxy.socks": "127.0.0.1",
    "network.proxy.socks_port": 9,
    "network.proxy.socks_remote_dns": True,
    "network.proxy.no_proxies_on": "localhost, 127.0.0.1",
}
# Selenium's own downloader stays off the network, and nobody's proxy stands between us and the loopback.
QUIET_ENVIRONMENT: Final = {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true", "NO_PROXY": "*", "no_proxy": "*"}
TIES: Final = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
"""Variables that lead to the user's own files and services."""


class Settings(NamedTuple):
    """How a browser is opened: *flags* of Chromium's line, *preferences* of Firefox, *environment* of the process."""

    flags: tuple[str, ...] = COMPUTE_FLAGS
    preferences: Mapping[str, Any] = COMPUTE_PREFERENCES
    environment: Mapping[str, str] | None = None


USUAL: Final = Settings()


def quiet_environment(environment: Mapping[str, str], home: str) -> dict[str, str]:
    """Return *environment* for a browser that lives in the directory *home* and talks to nobody."""
    kept = {name: value for name, value in environment.items() if name not in TIES and not name.endswith("_PROXY")}
    return {**kept, **QUIET_ENVIRONMENT, "HOME": home, "TMPDIR": home}


@contextlib.contextmanager
def opened(browser: Installed, home: str, settings: Settings = USUAL, *, limit_s: float) -> Iterator[WebDriver]:
    """Yield the open browser; afterwards its driver and their process group are killed, whatever state they are in.

    That happens after *limit_s* in any case, which is the only limit that Selenium's calls keep: what waits for the
    browser fails then. Files go below *home*, which the caller removes. Raises what Selenium and urllib3 raise.
    """
    environment = quiet_environment(settings.environment or os.environ, home)
    engine, service = _engine(browser, environment, settings, home)
    guard = threading.Timer(limit_s, kill_group, (service,))
    guard.daemon = True
    guard.start()
    try:
        yield engine(service)
    finally:
        guard.cancel()
        kill(service)


def kill_group(service: Any) -> None:
    """Kill a driver and what belongs to its process group: its browser."""
    process = getattr(service, "process", None)
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def kill(service: Any) -> None:
    """End a driver and its browser at once: a sick one takes minutes to quit."""
    kill_group(service)
    process, service.process = getattr(service, "process", None), None  # its destructor would ask it to shut down
    if process is not None:
        process.wait()
        process.stdin.close()


def _engine(browser: Installed, environment: dict[str, str], settings: Settings, home: str) -> tuple[Any, Any]:
    """Return how to open the browser with its service, and the service, not yet started."""
    how = {"env": environment, "popen_kw": {"start_new_session": True}}
    if BY_NAME[browser.kind].engine == "firefox":
        return _firefox(browser, settings, how, home)
    return _chrome(browser, settings, how)


def _chrome(browser: Installed, settings: Settings, how: dict[str, Any]) -> tuple[Any, Any]:
    # A driver refuses browsers of another version, which it can talk to for what we ask.
    how = {**how, "service_args": ["--disable-build-check"]}
    options: Any
    service: Any
    engine: Any
    if BY_NAME[browser.kind].engine == "edge":
        from selenium.webdriver.edge.options import Options as EdgeOptions
        from selenium.webdriver.edge.service import Service as EdgeService
        from selenium.webdriver.edge.webdriver import WebDriver as Edge

        options, service, engine = EdgeOptions(), EdgeService(browser.driver, **how), Edge
    else:
        from selenium.webdriver.chrome.options import Options as ChromeOptions
        from selenium.webdriver.chrome.service import Service as ChromeService
        from selenium.webdriver.chrome.webdriver import WebDriver as Chrome

        options, service, engine = ChromeOptions(), ChromeService(browser.driver, **how), Chrome
    options.binary_location = browser.path
    for flag in (*CHROME_FLAGS, *settings.flags):
        options.add_argument(flag)
    return lambda service: engine(options=options, service=service), service


def _firefox(browser: Installed, settings: Settings, how: dict[str, Any], home: str) -> tuple[Any, Any]:
    from selenium.webdriver.firefox.options import Options
    from selenium.webdriver.firefox.service import Service
    from selenium.webdriver.firefox.webdriver import WebDriver as Firefox

    options = Options()
    options.binary_location = browser.path
    options.add_argument("-headless")
    for name, value in {**QUIET_PREFERENCES, **settings.preferences}.items():
        options.set_preference(name, value)
    service = Service(executable(browser.driver, home), **how)
    return lambda service: Firefox(options=options, service=service), service


def executable(driver: str, home: str) -> str:
    """Return *driver*, or a copy below *home* where it lies in a Python package and may not be executed."""
    if os.access(driver, os.X_OK):
        return driver
    copy = os.path.join(home, os.path.basename(driver))
    shutil.copyfile(driver, copy)
    os.chmod(copy, 0o700)
    return copy
