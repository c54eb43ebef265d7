"""The rows of the table of issue 3: each measures its case and says what it should be."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping

from bench import generated, variants
from bench.generated import Suite
from bench.measured import Line, Target, makespan_s, ratio_targets
from bench.variants import all_four, ours, ours_on, plain, xdist
from bench.workbench import Series, Workbench
from rigs.sshd import SshHost, loopback_hosts

LOCAL_LIMITS = {"plain": 0.57, "xdist": 0.43, "bistra": 1.0}
SYNCED = re.compile(r"host (\S+): ready.*; synced (.*), (\d+\.\d+) s")

TWO_WORKERS = {"plain": "plain", "xdist": "xdist-2", "bistra": "bistra-2", "ours": "ours-2"}
"""The variant of each runner that a line shows, by label."""


def walls(
    case: str,
    series: Series,
    limits: Mapping[str, float],
    *,
    shown: Mapping[str, str] = TWO_WORKERS,
    targets: tuple[Target, ...] = (),
    notes: tuple[str, ...] = (),
) -> Line:
    """Return a line of median wall times, whose *limits* bound ours as parts of other runners'."""
    there = {runner: label for runner, label in shown.items() if series.has(label)}
    medians = {runner: series.wall_s(label) for runner, label in there.items()}
    cpu = "CPU of all processes: " + ", ".join(f"{runner} {series.cpu_s(at):.2f} s" for runner, at in there.items())
    bound = {peer: limit for peer, limit in limits.items() if peer in medians}
    return Line(
        case,
        medians,
        targets=(*ratio_targets(medians, bound), *targets),
        wrong={runner: series.wrong[label] for runner, label in there.items() if label in series.wrong},
        notes=(*notes, cpu, *series.notes),
        samples={label: tuple(run.wall_s for run in runs) for label, runs in series.runs.items()},
    )


def one_file(bench: Workbench) -> list[Line]:
    """Trivial functions in one file."""
    suite = generated.one_file(bench.scaled(10_000))
    series = bench.measure(suite, all_four())
    return [walls(f"{suite.tests:,} trivial tests in one file", series, {"plain": 0.78, "xdist": 0.58})]


def one_function(bench: Workbench) -> list[Line]:
    """One function, parametrised."""
    suite = generated.one_function(bench.scaled(10_000))
    series = bench.measure(suite, all_four())
    return [walls(f"one function parametrised {suite.tests:,} times", series, {"plain": 0.62})]


def many_files(bench: Workbench) -> list[Line]:
    """Many files of twenty tests."""
    series = bench.measure(_many(bench), all_four())
    return [walls(_many_case(bench), series, LOCAL_LIMITS)]


def guarded(bench: Workbench) -> list[Line]:
    """What it costs a healthy run to be ready for failures: processor time, which others disturb less."""
    lines = []
    for case, suite in (
        (_many_case(bench), _many(bench)),
        ("tests that print a line", generated.printing(bench.scaled(5_000))),
    ):
        series = bench.measure(suite, (ours(), variants.unguarded()))
        medians = {"unguarded": series.cpu_s("unguarded-2"), "ours": series.cpu_s("ours-2")}
        target = Target(medians["ours"] / medians["unguarded"], 1.02, "of the run without recovery")
        samples = {label: tuple(run.cpu_s for run in runs) for label, runs in series.runs.items()}
        title = f"{case}: CPU of all processes, ready for failures or not"
        wrong = {"ours": "; ".join(series.wrong.values())} if series.wrong else {}
        lines.append(Line(title, medians, targets=(target,), wrong=wrong, notes=series.notes, samples=samples))
    return lines


def imports(bench: Workbench) -> list[Line]:
    """The same where each file imports something of its own."""
    suite = generated.with_imports(bench.scaled(500), 20, turns=generated.calibrated_turns(0.002))
    series = bench.measure(suite, all_four())
    return [walls(f"{_many_case(bench)}, an own import of 2 ms each", series, LOCAL_LIMITS)]


def eight_workers(bench: Workbench) -> list[Line]:
    """More workers than cores."""
    series = bench.measure(_many(bench), (plain(), xdist(2), xdist(8), ours(2), ours(8)))
    of_two = Target(series.wall_s("ours-8") / series.wall_s("ours-2"), 1.15, "of ours with 2")
    notes = ()
    if series.has("xdist-8"):
        notes = (f"xdist with 8 workers: {series.wall_s('xdist-8') / series.wall_s('xdist-2'):.2f} of its own with 2",)
    eight = walls(
        f"{_many_case(bench)}, 8 workers",
        series,
        {},
        shown={"plain": "plain", "xdist": "xdist-8", "ours": "ours-8"},
        targets=(of_two,),
        notes=notes,
    )
    return [walls(f"{_many_case(bench)}, 2 workers", series, {}), eight]


def cpu(bench: Workbench) -> list[Line]:
    """Tests that compute."""
    suite = generated.cpu_bound(bench.scaled(2_000), turns=generated.calibrated_turns(0.005))
    series = bench.measure(suite, all_four())
    return [walls(f"{suite.tests:,} tests of 5 ms CPU", series, {"plain": 0.57, "xdist": 0.87})]


def tail(bench: Workbench) -> list[Line]:
    """Sleeps with a heavy tail, when their durations are known from one earlier run."""
    durations_s = generated.tail_durations_s(bench.scale)
    counts = (2, 4)
    chosen = (plain(), *(make(count) for count in counts for make in (xdist, variants.bistra, ours)))
    started = bench.measure(generated.two_tests(), chosen, flags=("-q",), is_second_run=True)
    series = bench.measure(generated.tail(durations_s), chosen, flags=("-q",), is_second_run=True)
    return [_tail_line(series, started, durations_s, count) for count in counts]


def _tail_line(series: Series, started: Series, durations_s: tuple[float, ...], workers: int) -> Line:
    label, bound_s = f"ours-{workers}", makespan_s(durations_s, workers)
    start_s = started.wall_s(label)
    took = (series.wall_s(label) - start_s) / bound_s
    target = Target(took, 1.05, "of the bound, start-up taken off", least=0.9)  # noise in the start-up may be 0.1
    shown = {"plain": "plain", **{runner: f"{runner}-{workers}" for runner in ("xdist", "bistra", "ours")}}
    note = f"bound {bound_s:.2f} s, start-up {start_s:.2f} s, sum of the sleeps {sum(durations_s):.2f} s"
    case = f"{len(durations_s)} sleeps with a heavy tail, second run, {workers} workers"
    return walls(case, series, {}, shown=shown, targets=(target,), notes=(note,))


def two_tests(bench: Workbench) -> list[Line]:
    """Nothing but start-up."""
    series = bench.measure(generated.two_tests(), (*all_four(), xdist(8), variants.bistra(8), ours(8)))
    eight = {"plain": "plain", "xdist": "xdist-8", "bistra": "bistra-8", "ours": "ours-8"}
    return [
        walls("2 tests, 2 workers asked", series, {"plain": 1.6}),
        walls("2 tests, 8 workers asked", series, {"plain": 1.8}, shown=eight),
    ]


def controller(bench: Workbench) -> list[Line]:
    """What a test costs the one process that cannot be doubled."""
    chosen, suite = (plain(), xdist(), ours()), _many(bench)
    few = bench.measure(generated.two_tests(), chosen, measures_controller=True)
    many = bench.measure(suite, chosen, measures_controller=True)
    labels = {runner: TWO_WORKERS[runner] for runner in ("plain", "xdist", "ours") if many.has(TWO_WORKERS[runner])}
    per_test = {
        runner: 1e6 * (many.number(label) - few.number(label)) / (suite.tests - 2) for runner, label in labels.items()
    }
    return [
        Line(
            "controller's CPU per trivial test (plain: all that it does)",
            per_test,
            unit="µs",
            targets=(Target(per_test["ours"], 100, "µs"),),
            wrong={runner: many.wrong[label] for runner, label in labels.items() if label in many.wrong},
            notes=many.notes,
            samples={label: tuple(found) for label, found in many.numbers.items()},
        )
    ]


def hundred_thousand(bench: Workbench) -> list[Line]:
    """Ten times as many."""
    suite = generated.one_function(bench.scaled(100_000))
    series = bench.measure(suite, (plain(), xdist(), ours()), samples_pss=True)
    line = walls(f"{suite.tests:,} parametrised trivial tests", series, {"plain": 0.65})
    memory = {runner: series.pss_mb(label) for runner, label in TWO_WORKERS.items() if series.has(label)}
    notes = (f"xdist: {memory['xdist'] / memory['plain']:.2f} of plain",) if "xdist" in memory else ()
    return [
        line,
        Line(
            "the same, peak of the summed PSS",
            memory,
            unit="MB",
            targets=ratio_targets(memory, {"plain": 1.5}),
            wrong=line.wrong,
            notes=notes,
            samples={label: tuple(run.pss_bytes / 1e6 for run in runs) for label, runs in series.runs.items()},
        ),
    ]


def hosts(bench: Workbench) -> list[Line]:
    """Two hosts behind ssh, instead of two local workers."""
    suite = _many(bench)
    with loopback_hosts(bench.place / "sshd", 2) as machines:
        inventory = bench.place / "hosts.toml"
        inventory.write_text("".join(map(_host_entry, machines)), encoding="utf-8")
        remote = ours_on([machine.name for machine in machines], inventory)
        series = bench.measure(suite, (plain(), ours(2), remote))
        synced = SYNCED.findall(bench.run_once(suite, remote, "-p", "no:cacheprovider").output)
    targets = [Target(series.wall_s("ours-hosts") / series.wall_s("ours-2"), 1.25, "of two local workers")]
    if synced:
        targets.append(Target(max(float(seconds) for *_, seconds in synced), 0.3, "s to sync when nothing changed"))
    notes = tuple(f"{host} synced {files}, {seconds} s" for host, files, seconds in synced) or ("no sync was told of",)
    shown = {"plain": "plain", "ours": "ours-hosts"}
    return [
        walls(f"{suite.tests:,} trivial tests, two local workers", series, {}),
        walls("the same, two sshd hosts with one", series, {}, shown=shown, targets=tuple(targets), notes=notes),
    ]


def tail_on_hosts(bench: Workbench) -> list[Line]:
    """Sleeps with a heavy tail on this machine and two hosts behind ssh, start-up counted."""
    durations_s = generated.tail_durations_s(5 * bench.scale, 300)
    bound_s = makespan_s(durations_s, 3)
    with loopback_hosts(bench.place / "sshd", 2) as machines:
        inventory = bench.place / "tail-hosts.toml"
        inventory.write_text("[hosts.local]\nworkers = 1\n\n" + "".join(map(_host_entry, machines)), encoding="utf-8")
        spread = ours_on(["local", *(machine.name for machine in machines)], inventory)
        series = bench.measure(generated.tail(durations_s), (spread,), flags=("-q",), is_second_run=True)
    took_s = series.wall_s("ours-hosts")
    return [
        walls(
            f"{len(durations_s)} sleeps with a heavy tail, second run, here and on two sshd hosts",
            series,
            {},
            shown={"ours": "ours-hosts"},
            targets=(Target(took_s / bound_s, 1.10, "of the bound, start-up counted", least=1.0),),
            notes=(f"bound {bound_s:.2f} s, sum of the sleeps {sum(durations_s):.2f} s",),
        )
    ]


def _host_entry(machine: SshHost) -> str:
    words = {
        "address": machine.name,
        "ssh_config": machine.ssh_config,
        "directory": machine.directory / "files",
        "python": sys.executable,
    }
    lines = "".join(f'{key} = "{value}"\n' for key, value in words.items())
    return f"[hosts.{machine.name}]\nworkers = 1\n{lines}\n"


def _many(bench: Workbench) -> Suite:
    return generated.many_files(bench.scaled(500), 20)


def _many_case(bench: Workbench) -> str:
    return f"{bench.scaled(500)} files of 20 tests"


ROWS: dict[str, Callable[[Workbench], list[Line]]] = {
    "one-file": one_file,
    "one-function": one_function,
    "many-files": many_files,
    "guarded": guarded,
    "imports": imports,
    "eight-workers": eight_workers,
    "cpu": cpu,
    "tail": tail,
    "two-tests": two_tests,
    "controller": controller,
    "hundred-thousand": hundred_thousand,
    "hosts": hosts,
    "tail-on-hosts": tail_on_hosts,
}
"""By the names that ``--rows`` takes, in the order of the issue's table."""
