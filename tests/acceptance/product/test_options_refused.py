"""A wrong option: exit code 4, one line that names the place, one that says what to write, no traceback."""

from __future__ import annotations

import pytest

INVENTORY = """
[hosts.bench]
address = "local"
workers = 1

[hosts.off]
address = "me@off.example"
enabled = false
"""

# option as typed -> what both lines must hold
WRONG = {
    "--hw-workers=fuor": ["--hw-workers: 'fuor' is no number of workers", "hint: say a whole number from 1, or auto"],
    "--hw-workers=auot": ["--hw-workers: 'auot'", "auto"],
    "--hw-workers=0": ["--hw-workers: 0 workers can run nothing", "hint: "],
    "--hw-workers=-3": ["--hw-workers: '-3'", "hint: say a whole number"],
    "--hw-workers=2.5": ["--hw-workers: '2.5'", "hint: say a whole number"],
    "--hw-workers=": ["--hw-workers: ''", "hint: say a whole number"],
    "--hw-hosts=locl": ["--hw-hosts: 'locl'", "hint: did you mean 'local'?"],
    "--hw-hosts=bnech": ["--hw-hosts: 'bnech'", "hint: did you mean 'bench'?"],
    "--hw-hosts=off": ["--hw-hosts: 'off': host 'off' is disabled", "disttest.toml: hosts.off (line 6)"],
    "--hw-hosts=local*x": ["--hw-hosts: 'local*x'", "hint: say 'local*4'"],
    "--hw-hosts=local*0": ["--hw-hosts: 'local*0'", "hint: say 'local*4'"],
    "--hw-hosts=local*": ["--hw-hosts: 'local*'", "hint: say 'local*4'"],
    "--hw-hosts=4*popen": ["--hw-hosts: '4*popen'", "hint: say 'local*4'"],
    "--hw-hosts=popen": ["--hw-hosts: 'popen'", "hint: say 'local*4'"],
    "--hw-hosts=me@lab": ["--hw-hosts: 'me@lab'", "hint: say 'ssh=me@lab'"],
    "--hw-hosts=ssh=": ["--hw-hosts: 'ssh='", "hint: say ssh=user@host"],
    "--hw-hosts=ssh=me@lab:99999": ["'me@lab:99999' is no address", "hint: say ssh=user@host"],
    "--hw-hosts=local;pyhton=x": ["'pyhton' is no setting", "hint: did you mean 'python'?"],
    "--hw-hosts=local;python=": ["python has no value", "hint: say python="],
    "--hw-hosts=local;key=x": ["key is for hosts behind ssh", "hint: drop it"],
    "--hw-hosts=ssh=lab;key=/nowhere": ["there is no file /nowhere", "hint: "],
    "--hw-hosts=": ["--hw-hosts: ", "a host is missing", "hint: known: all, bench, local, off"],
    "--hw-hosts=local,": ["--hw-hosts: ", "a host is missing", "hint: known: "],
    "--hw-inventory=nope.toml": ["nope.toml", "No such file", "hint: "],
    "--hw-inventory=pytest.ini": ["pytest.ini: ", "hint: "],
    "--hw-unmatched=fial": ["--hw-unmatched: 'fial' is no choice", "hint: did you mean 'fail'?"],
    "--hw-unmatched=": ["--hw-unmatched: ''", "hint: known: error, fail, skip"],
    "--hw-heartbeat=soon": ["--hw-heartbeat: 'soon' is no time", "hint: say seconds, such as 30"],
    "--hw-heartbeat=0": ["--hw-heartbeat: '0'", "hint: say seconds"],
    "--hw-max-worker-restart=many": ["--hw-max-worker-restart: 'many'", "hint: say a whole number from 0"],
    "--hw-strategy=simpel": ["--hw-strategy: no strategy is called 'simpel'", "hint: did you mean 'simple'?"],
    "--hw-deadline=soon": ["--hw-deadline: 'soon' is no time", "hint: say seconds, or '15 min'"],
    "--hw-deadline=0": ["--hw-deadline: '0'", "hint: say seconds"],
    "--hw-max-in-flight=0": ["--hw-max-in-flight: '0' is no number", "hint: say a whole number from 1"],
    # beside others
    "-n2": ["drop -n 2 and say --hw-workers 2"],
    "--dist=load": ["drop --dist load"],
    "--dist=loadgroup": ["drop --dist loadgroup", "xdist_group"],
    "-d": ["drop -d"],
    "--tx=popen": ["drop --tx", "--hw-hosts"],
    "-f": ["drop -f"],
    "--pdb": ["--pdb", "without --dist-hw"],
    "--trace": ["--trace", "without --dist-hw"],
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(shared_suite):
    """The answers to every wrong option, by the option."""
    made = shared_suite({"disttest.toml": INVENTORY, "test_a.py": "def test_a(): pass"})
    lines = [({}, ["--dist-hw", option]) for option in WRONG]
    return dict(zip(WRONG, made.answers(lines), strict=True))


@pytest.mark.parametrize("option", WRONG)
def test_a_wrong_option_is_explained(refused, option):
    """The place, the nearest right word or what to do instead, and nothing else."""
    code, said = refused[option]

    assert code == 4, said
    for words in WRONG[option]:
        assert words in said
    assert said.startswith("ERROR: ") and len(said.strip().splitlines()) <= 2, said


def test_addopts_are_told_apart_from_what_was_typed(suite):
    """What stands in the ini file cannot be dropped by the user, but overruled."""
    made = suite({"test_a.py": "def test_a(): pass"})
    ini = "[pytest]\naddopts = {}\n"

    number, mode, ours = made.answers(
        [
            ({"pytest.ini": ini.format("-n 3")}, ["--dist-hw"]),
            ({"pytest.ini": ini.format("--dist loadfile")}, ["--dist-hw"]),
            ({"pytest.ini": ini.format("--dist-hw --hw-workers=fuor")}, []),
        ]
    )

    assert number[0] == mode[0] == ours[0] == 4
    assert "say --hw-workers 3 (it comes from addopts: -n0 overrules it)" in number[1]
    assert "(it comes from addopts: --dist no overrules it)" in mode[1]
    assert "--hw-workers: 'fuor'" in ours[1]


@pytest.mark.parametrize("xdist", ["-n0", "--dist=no"])
def test_what_switches_xdist_off_may_stay(suite, xdist):
    """So that a user can overrule ``addopts``."""
    made = suite({"pytest.ini": "[pytest]\naddopts = -n 2 --dist loadfile\n" if xdist == "-n0" else "[pytest]\n",
                  "test_a.py": "def test_a(): pass"})  # fmt: skip

    ran = made.distributed(xdist, *(["--dist=no"] if xdist == "-n0" else []), workers=1)

    assert (ran.exit_code, ran.words) == (0, {"test_a": "passed"}), ran


BAD_FILES = {
    "[hosts.lab]\naddres = 'x'": ["disttest.toml: hosts.lab.addres (line 2)", "did you mean 'address'?"],
    "[hosts.lab]\nworkers = 2": ["disttest.toml: hosts.lab", "address", "is missing"],
    "[hosts.lab]\naddress = 'x'\nworkers = 'two'": ["hosts.lab.workers (line 3)", "a whole number from 1"],
    "[host.lab]\n": ["host", "did you mean 'hosts'?"],
    "[hosts.all]\naddress = 'local'": ["'all' cannot be a host's name"],
    "[hosts.lab\n": ["disttest.toml: is no TOML", "line 1"],
}


@pytest.fixture(scope="module")
def bad_files(shared_suite):
    """The answers to every wrong inventory, as disttest.toml and in pyproject.toml."""
    made = shared_suite({"test_a.py": "def test_a(): pass"})
    answers = made.answers([({"disttest.toml": text}, ["--dist-hw"]) for text in BAD_FILES])
    return dict(zip(BAD_FILES, answers, strict=True))


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_wrong_inventory_is_explained(bad_files, text):
    """File, key, line, and the nearest right key."""
    code, said = bad_files[text]

    assert code == 4 and "Traceback" not in said, said
    for words in BAD_FILES[text]:
        assert words in said


def test_the_table_in_pyproject_is_named_as_it_is_written(suite):
    """``tool.disttest.hosts.lab`` stands in the user's file, so the message can be found there."""
    made = suite({"test_a.py": "def test_a(): pass"})
    text = '[tool.disttest.hosts.lab]\naddress = "x"\nprot = 1\n'

    [(code, said)] = made.answers([({"pyproject.toml": text}, ["--dist-hw"])])

    assert code == 4
    assert "pyproject.toml: hosts.lab.prot (line 3)" in said and "did you mean 'port'?" in said
