"""A real run on this machine and two hosts behind sshd comes near to what no run can undercut, and says so."""

from __future__ import annotations

import json
import re

import pytest
from acceptance.hosts.bench import Project, Ran

WORKERS = 3
DURATIONS_S = [round(20.0 / rank**1.1, 3) for rank in range(1, 301)]
"""A tail as heavy as it gets: one test of 20 s, half of all under 80 ms."""
BOUND_S = max(sum(DURATIONS_S) / WORKERS, *DURATIONS_S)

VERDICT = re.compile(
    r"took ([\d.]+) s, ([\d.]+) s of it before the first test; predicted ([\d.]+) s for the tests; "
    r"bound ([\d.]+) s \((\d+) % above, the tests alone (\d+) %\)"
)


def suite() -> dict[str, str]:
    """Return ten files of sleeps, the longest of all at the end of the last one."""
    files = {}
    for number in range(10):
        of_file = sorted(DURATIONS_S[9 - number :: 10])
        bodies = [f"def test_{place:03}():\n    sleep({s})\n" for place, s in enumerate(of_file)]
        files[f"test_{number}.py"] = "from time import sleep\n\n\n" + "\n\n".join(bodies)
    return files


@pytest.mark.slow
@pytest.mark.hw(exclusive="host")
def test_the_second_run_is_within_a_tenth_of_its_bound_and_says_so(project: Project):
    """Wall time of the whole command, start-up included; the end tells prediction, bound, and what it came to.

    What other programs do on this machine is no fault of the run: one of three has to be that good.
    """
    project.write_files(suite())
    first = project.run("-p", "no:cacheprovider")
    again: list[Ran] = []
    while len(again) < 3 and not any(ran.seconds <= 1.1 * BOUND_S for ran in again):
        again.append(project.run("-p", "no:cacheprovider"))
    best = min(again, key=lambda ran: ran.seconds)

    assert [0] * (1 + len(again)) == [ran.code for ran in (first, *again)], best.text
    told = VERDICT.search(best.out)
    assert told, best.text
    took_s, start_s, predicted_s, bound_s, above, _ = map(float, told.groups())
    assert best.seconds <= 1.1 * BOUND_S, (BOUND_S, [(ran.seconds, VERDICT.findall(ran.out)) for ran in again])
    assert abs(bound_s - BOUND_S) <= 0.02 * BOUND_S
    assert abs(predicted_s - (took_s - start_s)) <= 0.05 * BOUND_S
    assert took_s <= best.seconds and above <= 10
    assert not VERDICT.search(first.out), "a first run has no prediction"


@pytest.mark.slow
def test_what_was_predicted_stands_beside_what_happened(project: Project, tmp_path):
    """In the terminal, as a page, as a picture, and for programs; of a run on three hosts."""
    project.write(
        test_a="import time, pytest\n\n@pytest.mark.parametrize('n', range(6))\ndef test_sleeps(n):\n"
        "    time.sleep(0.2 + n / 10)\n\ndef test_fails():\n    time.sleep(0.2)\n    assert not 'as it should be'\n"
    )
    project.run("-p", "no:cacheprovider")
    ran = project.run("-p", "no:cacheprovider", f"--hw-plan={tmp_path / 'plan.svg'}")

    assert f"the plan is drawn in {tmp_path / 'plan.svg'}" in ran.out, ran.text
    assert "predicted" in (tmp_path / "plan.svg").read_text()
    page = tmp_path / "run.html"
    shown = project.command_line("show", "last", "--gantt", "--html", str(page))
    assert {"local", "host1", "host2"} <= {line.split()[0] for line in shown.splitlines() if "█" in line}, shown
    assert "test_a.py::test_fails" in page.read_text() and "failed after" in page.read_text()
    blocks = json.loads(project.command_line("show", "last", "--gantt", "--json"))
    assert {"", "passed", "failed"} == {block["outcome"] for block in blocks}
    assert 14 == len(blocks)
