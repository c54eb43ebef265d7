"""The language of --hw-hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.errors import BadOption
from pytest_disttest.inventory import Inventory
from pytest_disttest.inventory.specs import parse_hosts
from pytest_disttest.model import Host

LAB = Host("lab1", "ssh", "me@lab1.example", workers=4, tags=("gpu",), line="disttest.toml: hosts.lab1 (line 1)")
OLD = Host("old", "ssh", "me@old", enabled=False, line="disttest.toml: hosts.old (line 5)")
INVENTORY = Inventory({"lab1": LAB, "old": OLD}, file="disttest.toml")


def hosts(*specs: str, inventory: Inventory = INVENTORY) -> tuple[Host, ...]:
    """Return the hosts without where they were written."""
    return tuple(replace(host, line="") for host in parse_hosts(specs, inventory))


@pytest.mark.parametrize(
    ("spec", "host"),
    [
        ("local", Host("local")),
        ("local*4", Host("local", workers=4)),
        ("ssh=lab9", Host("lab9", "ssh", "lab9")),
        ("ssh=me@lab9:2222*4", Host("lab9", "ssh", "me@lab9", port=2222, workers=4)),
        ("ssh=me@[::1]:22", Host("1", "ssh", "me@::1", port=22)),
        ("lab1", replace(LAB, line="")),
        ("lab1*2", replace(LAB, workers=2, line="")),
        ("lab1;workers=1;name=lab;tags=rack1+gpu", replace(LAB, name="lab", workers=1, tags=("gpu", "rack1"), line="")),
        (
            " ssh=me@lab9*4; python=/opt/py/bin/python ;config=ssh_config;key=id;dir=/scratch/a=b ",
            Host("lab9", "ssh", "me@lab9", 0, 4, "/opt/py/bin/python", "ssh_config", "id", "/scratch/a=b"),
        ),
    ],
)
def test_a_word_names_a_host(spec, host):
    """Whole values, as the run will see them."""
    assert hosts(spec) == (host,)


def test_all_is_every_enabled_host_of_the_inventory():
    """And nothing else: not this machine, not the disabled."""
    assert hosts("all*2") == (replace(LAB, workers=2, line=""),)


def test_the_inventory_may_describe_this_machine():
    """Then ``local`` means what it says there."""
    here = Host("local", tags=("laptop",))

    assert hosts("local*2", inventory=Inventory({"local": here})) == (replace(here, workers=2),)


def test_lists_and_repetition_add_up_and_names_stay_apart():
    """A number is given to the later ones, and never one that somebody else was given."""
    found = hosts("local,local", "ssh=a;name=local-2,local")

    assert [host.name for host in found] == ["local", "local-3", "local-2", "local-4"]


def test_a_host_knows_where_it_was_written():
    """For messages about it later on."""
    assert [host.line for host in parse_hosts(["local*2", "lab1*2"], INVENTORY)] == ["--hw-hosts local*2", LAB.line]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("loacl", "'loacl': 'loacl' is no host\n  hint: did you mean 'local'?"),
        ("lab2", "'lab2': 'lab2' is no host\n  hint: did you mean 'lab1'?"),
        ("zzz", "'zzz': 'zzz' is no host\n  hint: known: all, lab1, local, old, ssh=user@host"),
        ("me@lab1", "'me@lab1': 'me@lab1' is no host\n  hint: say 'ssh=me@lab1'"),
        ("shh=me@lab1", "'shh=me@lab1': 'shh=me@lab1' is no host\n  hint: say 'ssh=me@lab1'"),
        ("popen", "'popen': 'popen' is no host\n  hint: say 'local*4' for four workers on this machine"),
        ("4*local", "'4*local': 'local' is no number of workers\n  hint: say 'local*4'"),
        ("4*popen", "'4*popen': 'popen' is no number of workers\n  hint: say 'local*4'"),
        ("local*0", "'local*0': '0' is no number of workers\n  hint: say 'local*4'"),
        ("local*", "'local*': '' is no number of workers\n  hint: say 'local*4'"),
        ("local,", "'': a host is missing\n  hint: known: all, lab1, local, old, ssh=user@host"),
        ("old", "'old': host 'old' is disabled\n  hint: set enabled = true (disttest.toml: hosts.old (line 5))"),
        ("ssh=", "'ssh=': '' is no address\n  hint: say ssh=user@host or ssh=user@host:2222"),
        ("ssh=-oX", "'ssh=-oX': '-oX' is no address\n  hint: say ssh=user@host or ssh=user@host:2222"),
        ("ssh=a:70000", "'ssh=a:70000': 'a:70000' is no address\n  hint: say ssh=user@host or ssh=user@host:2222"),
        ("local;pyhton=x", "'local;pyhton=x': 'pyhton' is no setting\n  hint: did you mean 'python'?"),
        ("local;python", "'local;python': python has no value\n  hint: say python=…"),
        ("local;key=x", "'local;key=x': key is for hosts behind ssh, and 'local' is local\n  hint: drop it"),
        ("local;name=a b", "'local;name=a b': 'a b' cannot be a host's name\n  hint: use letters, digits, - . and _"),
        ("local;tags=a++b", "'local;tags=a++b': '' is no tag\n  hint: say tags=gpu+rack1"),
    ],
)
def test_what_names_no_host_is_answered_with_the_right_word(spec, told):
    """The option, the word, the fact, the way out."""
    with pytest.raises(BadOption) as caught:
        parse_hosts([spec], INVENTORY)

    assert str(caught.value) == f"--hw-hosts: {told}"


def test_all_of_nothing_is_an_error():
    """Not an empty run."""
    with pytest.raises(BadOption, match="'all' needs an inventory with an enabled host"):
        parse_hosts(["all"], Inventory())


@given(st.lists(st.sampled_from(["local", "local*2", "lab1", "ssh=a", "local;name=local-2", "local;name=lab1-2"])))
def test_every_host_has_a_name_of_its_own(words):
    """Whatever is repeated, the first of a name keeps it, and order is kept."""
    found = hosts(",".join(words)) if words else ()

    assert len({host.name for host in found}) == len(words)
    asked = [host.name for word in words for host in hosts(word)]
    assert all(host.name == asked[i] for i, host in enumerate(found) if asked.index(asked[i]) == i)


@given(st.text(max_size=30))
def test_any_text_is_a_host_or_a_clear_refusal(text):
    """Never another exception, and never an address that ssh would take for an option."""
    try:
        found = parse_hosts([text], INVENTORY)
    except BadOption as refused:
        found, told = (), (refused.place, bool(refused.hint))
    else:
        told = ("--hw-hosts", True)

    assert told == ("--hw-hosts", True)
    assert all(not host.address.startswith("-") for host in found)
