"""Options and inventory together as the settings of a run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_disttest.errors import BadInventory, BadOption
from pytest_disttest.inventory import make_settings
from pytest_disttest.model import Host
from pytest_disttest.options import Settings

LABS = '[defaults]\nworkers = 3\n[hosts.own]\naddress = "own"\nworkers = 5\n[hosts.shy]\naddress = "shy"\n'


def test_with_nothing_said_this_machine_runs_it(tmp_path):
    """As many workers as it has processors, and an inventory changes nothing of that: its hosts take no part."""
    expected = Settings(hosts=(Host("local", workers=2, line="--hw-hosts local"),))

    assert make_settings({}, rootdir=tmp_path, processors=2) == expected
    (tmp_path / "disttest.toml").write_text('[hosts.lab1]\naddress = "lab1"\n')
    others = (Host("lab1", "ssh", "lab1", line="disttest.toml: hosts.lab1 (line 1)"),)
    described = replace(expected, inventory_file="disttest.toml", others=others)
    assert make_settings({}, rootdir=tmp_path, processors=2) == described


def test_everything_said_is_in_the_settings(tmp_path):
    """Texts become what they mean."""
    values = {
        "hw_workers": "4",
        "hw_hosts": ["local", "ssh=me@lab1*2"],
        "hw_plan": "plan.svg",
        "hw_events": "told.ndjson",
        "hw_unmatched": "fail",
        "hw_heartbeat": "2.5",
        "hw_max_worker_restart": "0",
        "hw_ignore_unknown_dependency": True,
    }

    assert make_settings(values, rootdir=tmp_path, processors=2, sync_ignore=["*.iso"]) == Settings(
        workers=4,
        hosts=(
            Host("local", workers=4, line="--hw-hosts local"),
            Host("lab1", "ssh", "me@lab1", workers=2, line="--hw-hosts ssh=me@lab1*2"),
        ),
        show_plan=True,
        plan_file=str(tmp_path / "plan.svg"),
        events_file=str(tmp_path / "told.ndjson"),
        heartbeat_s=2.5,
        unmatched="fail",
        max_worker_restarts=0,
        ignore_unknown_dependency=True,
        sync_ignore=("*.iso",),
    )


def test_a_plan_is_printed_or_drawn(tmp_path):
    """A path that pytest took for the file to draw in is refused, and the hint says what to do."""
    printed = make_settings({"hw_plan": ""}, rootdir=tmp_path)

    assert (True, "") == (printed.show_plan, printed.plan_file)
    with pytest.raises(BadOption, match=r"'tests' is no drawing(.|\n)*--hw-plan after the paths"):
        make_settings({"hw_plan": "tests"}, rootdir=tmp_path)
    with pytest.raises(BadOption, match="there is no directory"):
        make_settings({"hw_plan": "no/plan.html"}, rootdir=tmp_path)


@pytest.mark.parametrize(
    ("values", "env", "workers"),
    [
        ({"hw_hosts": ["own,shy,local"]}, {}, [5, 3, 3]),
        ({"hw_hosts": ["own,shy,local"], "hw_workers": "7"}, {}, [5, 7, 7]),
        ({"hw_hosts": ["own*1,shy,local"], "hw_workers": "auto"}, {}, [1, 3, 3]),
        (
            {"hw_hosts": ["own*1,shy,local*9"], "hw_workers": "logical"},
            {"PYTEST_XDIST_AUTO_NUM_WORKERS": "6"},
            [1, 3, 9],
        ),
    ],
)
def test_the_nearest_word_gives_the_number_of_workers(tmp_path, values, env, workers):
    """A host's own, the option, the inventory's default, in this order."""
    (tmp_path / "disttest.toml").write_text(LABS)
    found = make_settings(values, rootdir=tmp_path, processors=2, env=env)

    assert [host.workers for host in found.hosts] == workers


def test_automatic_means_this_machines_processors_only_here(tmp_path):
    """Behind ssh the agent knows better, and xdist's variable overrules the processors of this machine."""
    values = {"hw_hosts": ["local", "ssh=a"]}
    plain = make_settings(values, rootdir=tmp_path, processors=2)
    told = make_settings(values, rootdir=tmp_path, processors=2, env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "6"})

    assert [[host.workers for host in found.hosts] for found in (plain, told)] == [[2, 0], [6, 0]]


def test_pytest_dependencys_own_option_means_the_same(tmp_path):
    """Where that plugin is installed, its option is on the line."""
    assert make_settings({"ignore_unknown_dependency": True}, rootdir=tmp_path).ignore_unknown_dependency


def test_ssh_files_are_found_from_where_pytest_was_started(tmp_path):
    """And a missing one is told before ssh fails on it."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "id").write_text("")
    found = make_settings({"hw_hosts": ["ssh=a;key=id"]}, rootdir=tmp_path, invocation_dir=tmp_path / "here")

    assert found.hosts[0].ssh_key == str(tmp_path / "here" / "id")
    with pytest.raises(BadOption, match=r"--hw-hosts ssh=a;key=id: host 'a': there is no file .*id"):
        make_settings({"hw_hosts": ["ssh=a;key=id"]}, rootdir=tmp_path)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"hw_workers": "two"},
            "--hw-workers: 'two' is no number of workers\n  hint: say a whole number from 1, or auto",
        ),
        (
            {"hw_workers": "-1"},
            "--hw-workers: '-1' is no number of workers\n  hint: say a whole number from 1, or auto",
        ),
        ({"hw_workers": "0"}, "--hw-workers: 0 workers can run nothing\n  hint: drop --dist-hw to run in one process"),
        ({"hw_unmatched": "skp"}, "--hw-unmatched: 'skp' is no choice\n  hint: did you mean 'skip'?"),
        ({"hw_heartbeat": "nan"}, "--hw-heartbeat: 'nan' is no time\n  hint: say seconds, such as 30"),
        ({"hw_heartbeat": "0"}, "--hw-heartbeat: '0' is no time\n  hint: say seconds, such as 30"),
        ({"hw_heartbeat": "30s"}, "--hw-heartbeat: '30s' is no time\n  hint: say seconds, such as 30"),
        (
            {"hw_max_worker_restart": "many"},
            "--hw-max-worker-restart: 'many' is no number\n  hint: say a whole number from 0",
        ),
    ],
)
def test_a_wrong_value_names_its_option_and_the_right_word(tmp_path, values, told):
    """A usage error, exit code 4."""
    with pytest.raises(BadOption) as caught:
        make_settings(values, rootdir=tmp_path)

    assert (str(caught.value), caught.value.exit_code) == (told, 4)


def test_a_wrong_variable_is_named(tmp_path):
    """The environment is an input like any other."""
    with pytest.raises(BadOption, match="PYTEST_XDIST_AUTO_NUM_WORKERS: 'x' is no number of workers"):
        make_settings({}, rootdir=tmp_path, env={"PYTEST_XDIST_AUTO_NUM_WORKERS": "x"})


def test_a_named_inventory_must_exist(tmp_path):
    """The option's file is not optional."""
    with pytest.raises(BadInventory, match="cannot be read"):
        make_settings({"hw_inventory": "no.toml"}, rootdir=tmp_path)
