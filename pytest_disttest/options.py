"""The options of a run: one row each, and the frozen settings they become.

Shipped to hosts: workers parse the same command line, so they register the same rows. Values stay text
here and are read when the settings are made (`inventory.make_settings`), where a wrong one can be
answered with its place and the nearest right word; argparse would only say "invalid value".

Other plugins (pytest-cov among them) look at xdist's ``option.dist`` as early as
``pytest_load_initial_conftests`` to learn that tests run in other processes, so ``--dist-hw`` sets it
while the line is parsed. xdist itself starts only when ``option.tx`` is filled too, which we never do.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from .model import Host


class OurDist(str):
    """The word that ``--dist-hw`` leaves in ``option.dist``: equal to xdist's, yet told from a user's own."""

    __slots__ = ()


OUR_DIST: Final = OurDist("load")


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option: its flag, its help, and what argparse needs besides."""

    flag: str
    help: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dest(self) -> str:
        """The attribute of ``config.option`` that holds the value: ``hw_workers`` for ``--hw-workers``."""
        return self.flag.lstrip("-").replace("-", "_")


@dataclass(frozen=True, slots=True)
class IniRow:
    """One setting of the ini file: its name, pytest's word for its type, its help."""

    name: str
    type: str
    help: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for, read and checked.

    *workers* is the number for hosts that do not say their own, None where nobody named one. *others* are hosts of
    the inventory that take no part.
    *plan_file* is where the plan is to be drawn, *events_file* where what happens is told, "" for nowhere.
    *max_worker_restarts* None means no limit of the user's. *sync_ignore* are patterns in
    ``.gitignore``'s form. *inventory_file* is "" where no inventory was found. *start* is how workers
    on this machine come to be. *unmatched* is a word; with ``wait`` comes *wait_s*. *explain* is None, or the beginning
    of the node ids to explain ("" for all); *explain_host* a host's name. *defaults* are conditions that every test
    has, *presets* keywords of ``hw()`` by name. *reruns* is how often a test that fails is run again, *crash_reruns*
    one that killed its worker; *timeout_s* is how long a test may take, 0.0 for ever; *failures* are the inventory's
    rows that say of what class a failure is. *strategy* is a name, *deadline_s* how long the run may take (0.0: for
    ever), *max_in_flight* how many tests run at a time (0: as many as there are workers); *hedge* lets idle hosts try
    what takes too long elsewhere. *resume* is None, or the beginning of the id of the run to go on with ("" for the
    last one). *reconnects* is how often a host that was lost is tried again.
    """

    workers: int | None = None
    hosts: tuple[Host, ...] = ()
    others: tuple[Host, ...] = ()
    show_plan: bool = False
    plan_file: str = ""
    events_file: str = ""
    heartbeat_s: float = 30.0
    unmatched: str = "skip"
    collect: str = "auto"
    max_worker_restarts: int | None = None
    ignore_unknown_dependency: bool = False
    sync_ignore: tuple[str, ...] = ()
    inventory_file: str = ""
    start: str = "auto"
    wait_s: float = 0.0
    explain: str | None = None
    explain_host: str = ""
    probe_timeout_s: float = 60.0
    verify: bool = False
    steal: bool = False
    defaults: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reruns: int = 0
    crash_reruns: int = 1
    timeout_s: float = 0.0
    failures: tuple[Mapping[str, Any], ...] = ()
    strategy: str = "adaptive"
    deadline_s: float = 0.0
    max_in_flight: int = 0
    hedge: bool = False
    resume: str | None = None
    reconnects: int = 6


def claim_distribution(options: argparse.Namespace) -> None:
    """Tell other plugins that tests are distributed, unless the user already told xdist something."""
    if getattr(options, "dist", None) in (None, "no"):
        options.dist = OUR_DIST


class ClaimDistribution(argparse.Action):
    """The action of ``--dist-hw``: remember it, and let plugins that only know xdist see it too."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, True)
        claim_distribution(namespace)


OPTION_ROWS: Final = (
    OptionRow(
        "--dist-hw",
        "Run the tests on worker processes, on this machine or on the hosts of --hw-hosts.",
        {"action": ClaimDistribution, "nargs": 0, "default": False},
    ),
    OptionRow(
        "--hw-workers",
        "Workers on each host that does not say its own number: a number, or 'auto' (default): one per "
        "processor. 'logical' is xdist's word for the same.",
        {"metavar": "N|auto|logical"},
    ),
    OptionRow(
        "--hw-hosts",
        "Where to run, repeatable, comma lists: 'local', 'local*4', 'ssh=user@host:port*4', a name from the "
        "inventory, or 'all' of it. Settings follow after ';': 'ssh=me@lab1;python=/opt/py/bin/python'. "
        "Default: this machine.",
        {"metavar": "SPEC", "action": "append"},
    ),
    OptionRow(
        "--hw-inventory",
        "File that describes the hosts. Default: disttest.toml in the rootdir, else [tool.disttest] in its "
        "pyproject.toml.",
        {"metavar": "FILE"},
    ),
    OptionRow(
        "--hw-start",
        "How workers on this machine come to be: 'fork' copies of this process, made before your code is loaded; "
        "'spawn' new interpreters; 'auto' (default) forks where that is safe.",
        {"metavar": "auto|fork|spawn"},
    ),
    OptionRow(
        "--hw-strategy",
        "By what it is decided which test runs next, and where: 'adaptive' (default), 'simple', 'max-parallel', "
        "'resource-aware', 'deadline', 'historical', 'workload', 'learned', or a plugin's. Ini: hw_strategy.",
        {"metavar": "NAME"},
    ),
    OptionRow(
        "--hw-deadline",
        "When the run has to be over: seconds from its start, or '15 min', '1h 30min'. What has not ended by then is "
        "not run, and the run fails. Default: no limit.",
        {"metavar": "TIME"},
    ),
    OptionRow(
        "--hw-max-in-flight",
        "How many tests of the whole run may run at a time. Default: as many as there are workers.",
        {"metavar": "N"},
    ),
    OptionRow(
        "--hw-hedge",
        "At the end of a run, let an idle host run a copy of a test that takes far longer than ever on another one; "
        "the first result counts. Never for tests marked no_hedge.",
        {"action": "store_true"},
    ),
    OptionRow(
        "--hw-plan",
        "Print what would run where, in which order and for how long; '=FILE.html' or '=FILE.svg' draws it instead.",
        {"metavar": "FILE", "nargs": "?", "const": ""},
    ),
    OptionRow(
        "--hw-events",
        "Tell in FILE, or in a pipe, what happens when it happens: a line of JSON each.",
        {"metavar": "FILE"},
    ),
    OptionRow(
        "--hw-unmatched",
        "What becomes of a test that no host of the run can satisfy: 'skip' (default), 'fail', 'error' (refuse the run "
        "before anything runs), or 'wait:SECONDS' for hosts that are away and may come back, then skip.",
        {"metavar": "skip|fail|error|wait:SECONDS"},
    ),
    OptionRow(
        "--hw-explain",
        "Say of each test that asks for something where it fits and why not elsewhere; with '=NODEID' of these tests "
        "only. Works with --collect-only, too.",
        {"metavar": "NODEID", "nargs": "?", "const": ""},
    ),
    OptionRow(
        "--hw-explain-host",
        "Say which tests the host NAME cannot run, and for the lack of what.",
        {"metavar": "NAME"},
    ),
    OptionRow(
        "--hw-probe-timeout",
        "Seconds that hosts have to find out what they are asked for. Default: 60.",
        {"metavar": "SECONDS"},
    ),
    OptionRow(
        "--hw-verify",
        "Let the devices that tests ask for calculate before the run: one that gives no right numbers is left out.",
        {"action": "store_true"},
    ),
    OptionRow(
        "--hw-simulate",
        "JSON file of recorded or invented hosts, in the place of real ones; `disttest probe --record` writes one.",
        {"metavar": "FILE"},
    ),
    OptionRow(
        "--hw-steal",
        "Take devices from other runs that hold them: for leases whose owner hangs.",
        {"action": "store_true"},
    ),
    OptionRow(
        "--hw-collect",
        "How the workers of a host collect: 'auto' (default), 'sharded' (each file once, by one of them) or 'full' "
        "(each of them everything). auto shares the files unless a plugin or option needs the whole list of tests.",
        {"metavar": "auto|full|sharded"},
    ),
    OptionRow(
        "--hw-heartbeat",
        "Seconds of silence after which a host counts as lost. Default: 30.",
        {"metavar": "SECONDS"},
    ),
    OptionRow(
        "--hw-reconnect",
        "How often a host that was lost while tests ran is tried again, after growing waits; 0 never. Default: 6.",
        {"metavar": "N"},
    ),
    OptionRow(
        "--hw-max-worker-restart",
        "How many crashed workers are replaced in the whole run; 0 replaces none. Default: no limit.",
        {"metavar": "N"},
    ),
    OptionRow(
        "--hw-reruns",
        "How often a test that fails is run again; it is FLAKY if it passes then. A flaky mark counts more.",
        {"metavar": "N"},
    ),
    OptionRow("--hw-reruns-delay", "Seconds before such a test is run again. Default: 0.", {"metavar": "SECONDS"}),
    OptionRow(
        "--hw-only-rerun",
        "Run a test again only for errors that match this regular expression, such as 'TypeError: .*'; repeatable.",
        {"metavar": "REGEX", "action": "append"},
    ),
    OptionRow(
        "--hw-rerun-except",
        "Do not run a test again for errors that match this regular expression; repeatable.",
        {"metavar": "REGEX", "action": "append"},
    ),
    OptionRow(
        "--hw-crash-reruns",
        "1 (default): a test that killed its worker is run once more, first in a fresh worker; 0: it counts at once.",
        {"metavar": "0|1"},
    ),
    OptionRow(
        "--hw-timeout",
        "Seconds that a test may take, its fixtures included. Then its worker tells the stacks of all threads and "
        "is killed, and another one takes its place. Default: the ini's hw_timeout, else no limit.",
        {"metavar": "SECONDS"},
    ),
    OptionRow(
        "--hw-resume",
        "Go on with the last run that was cut off, or with the one whose id begins with '=RUN': its results are "
        "reported again, and only what is missing runs.",
        {"metavar": "RUN", "nargs": "?", "const": ""},
    ),
    OptionRow(
        "--hw-ignore-unknown-dependency",
        "Run tests whose dependency names no test, instead of refusing the run.",
        {"action": "store_true"},
    ),
)

INI_ROWS: Final = (
    IniRow("hw_defaults", "linelist", "What every test asks of its host, one condition a line, as in hw()."),
    IniRow("hw_strategy", "string", "The strategy, where --hw-strategy does not name one."),
    IniRow("hw_timeout", "string", "Seconds that a test may take, its fixtures included."),
    IniRow("hw_sync_ignore", "linelist", "Files that are not copied to remote hosts, one .gitignore pattern a line."),
)


def add_options(parser: pytest.Parser) -> None:
    """Register every row with pytest: on the controller, and on each worker that parses the same line."""
    group = parser.getgroup("disttest", "distribution over hosts (pytest-disttest)")
    for row in OPTION_ROWS:
        group.addoption(row.flag, dest=row.dest, help=row.help, **row.kwargs)
    for ini in INI_ROWS:
        parser.addini(ini.name, ini.help, type=ini.type)  # type: ignore[arg-type]  # a Literal that grows by version


def conflicts(values: Mapping[str, Any], args: Sequence[str]) -> str | None:
    """Return what to do about options that cannot stand beside ``--dist-hw``, or None when there are none.

    *values* are the parsed options by dest, *args* the command line as typed: what is not there came
    from ``addopts`` or PYTEST_ADDOPTS, and only the ini file's owner could drop it.
    """
    advice = [text for text in (rule(values, args) for rule in _RULES) if text]
    return f"--dist-hw distributes the tests itself: {'; '.join(advice)}" if advice else None


def _number(values: Mapping[str, Any], args: Sequence[str]) -> str | None:
    asked = values.get("numprocesses")
    if not asked:  # None without xdist, 0 for -n0
        return None
    overrule = "" if _typed(args, "-n", "--numprocesses") else " (it comes from addopts: -n0 overrules it)"
    return f"drop -n {asked} and say --hw-workers {asked}{overrule}"


def _mode(values: Mapping[str, Any], args: Sequence[str]) -> str | None:
    mode = values.get("dist")
    # xdist writes "load" itself once it has read -n or -d, which have their own advice.
    if mode in (None, "no") or isinstance(mode, OurDist) or values.get("numprocesses") or values.get("distload"):
        return None
    overrule = "" if _typed(args, "--dist") else " (it comes from addopts: --dist no overrules it)"
    return f"drop --dist {mode}, --dist-hw decides where tests run and honours xdist_group{overrule}"


def _balance(values: Mapping[str, Any], _args: Sequence[str]) -> str | None:
    return "drop -d, --dist-hw balances the load" if values.get("distload") else None


def _environments(values: Mapping[str, Any], _args: Sequence[str]) -> str | None:
    named = [flag for flag in ("tx", "px") if values.get(flag)]
    if not named or values.get("numprocesses"):  # xdist turns -n into --tx
        return None
    return f"drop {' and '.join('--' + flag for flag in named)} and name the hosts with --hw-hosts"


def _looping(values: Mapping[str, Any], _args: Sequence[str]) -> str | None:
    return "drop -f (--looponfail)" if values.get("looponfail") else None


def _debugger(values: Mapping[str, Any], _args: Sequence[str]) -> str | None:
    named = [flag for flag, dest in (("--pdb", "usepdb"), ("--trace", "trace")) if values.get(dest)]
    if not named:
        return None
    return f"{' and '.join(named)} cannot reach a worker's terminal, so debug that test without --dist-hw"


_RULES: Final[tuple[Callable[[Mapping[str, Any], Sequence[str]], str | None], ...]] = (
    _number,
    _mode,
    _balance,
    _environments,
    _looping,
    _debugger,
)


def _typed(args: Sequence[str], *flags: str) -> bool:
    """Whether one of *flags* stands on the command line, with its value apart, after ``=`` or joined (-n4)."""
    return any(
        arg == flag or arg.startswith(flag + "=") or (len(flag) == 2 and arg.startswith(flag))
        for arg in args
        for flag in flags
    )
