"""What the pages tell a newcomer to type does what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from pytest_disttest.inventory.described import read_inventory

from .conftest import Product

CHECKOUT = Path(__file__).parents[3]
PAGES = sorted([CHECKOUT / "README.md", *CHECKOUT.glob("docs/**/*.md"), *CHECKOUT.glob("examples/**/*.md")])
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language, without their indentation."""
    return [textwrap.dedent(text) for _, told, text in FENCE.findall(page.read_text("utf-8")) if told == language]


def example(name: str, tmp_path: Path) -> Product:
    """Return a copy of an example suite."""
    directory = tmp_path / name
    shutil.copytree(CHECKOUT / "examples" / name, directory, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    ini = (directory / "pytest.ini").read_text()
    return Product(directory, {"pytest.ini": ini}, autoload=True)


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The suite of the tutorial, and its commands in order."""
    page = CHECKOUT / "docs/tutorial.md"
    files = {text.splitlines()[0].removeprefix("# "): text for text in blocks(page, "python")}
    commands = [line[2:] for text in blocks(page, "console") for line in text.splitlines() if line.startswith("$ ")]
    made = Product(tmp_path_factory.mktemp("tutorial") / "tea", files, autoload=True)
    return made, commands


@pytest.mark.slow
def test_the_tutorial_ends_as_it_says(tutorial):
    """Every command that it shows, in its order; the inventory is written where it says so."""
    made, commands = tutorial
    [inventory] = blocks(CHECKOUT / "docs/tutorial.md", "toml")
    ours = [command.split() for command in commands if "pip install" not in command and "venv" not in command]

    run, plan, kitchen, runs, show = ours
    first, planned = made.run(*run[1:]), made.run(*plan[1:])
    made.write("disttest.toml", inventory)
    last = made.run(*kitchen[1:])

    assert [words[0] for words in ours] == ["pytest"] * 3 + ["disttest"] * 2
    assert (first.exit_code, first.words["test_is_served"]) == (0, "skipped"), first
    assert "tag = porcelain: local does not offer it" in first.output
    assert "test_tea.py::test_brews after test_kettle.py::test_boils" in planned.output, planned
    assert planned.outcomes == first.outcomes
    assert set(last.words.values()) == {"passed"} and len(last.words) == 4, last
    assert len(made.command(*runs[1:]).stdout.splitlines()) == 4
    assert "outcomes  4 passed" in made.command(*show[1:]).stdout


@pytest.mark.slow
def test_the_example_suite_shows_what_its_page_says(tmp_path):
    """Two tests fit nowhere, the run is green, the plan names both; ``--hw-unmatched fail`` makes them errors."""
    mixed = example("mixed", tmp_path)

    ran = mixed.distributed("--hw-plan", "-rsx")
    strict = mixed.distributed("--hw-unmatched", "fail")

    assert ran.exit_code == 0 and "12 passed, 3 skipped, 1 xfailed" in ran.output, ran
    assert strict.exit_code == 1 and "12 passed, 1 skipped, 1 xfailed, 2 errors" in strict.output, strict
    for words in (
        "tests (16): 14 to run, 2 unplaced",
        "@serial-port      4 tests  on one worker, from 1 file",
        "test_billing.py::test_bills_the_order after test_database.py::test_takes_an_order",
        "test_hardware.py::test_trains_on_a_gpu: tag = gpu: local does not offer it",
        "SKIPPED [1] test_hardware.py:24: cores >= 4096: best is",
        "XFAIL test_billing.py::test_rounds_to_cents",
    ):
        assert words in ran.output, words


def test_the_example_suite_runs_plainly(tmp_path):
    """As its page says: there the two tests fail."""
    ran = example("mixed", tmp_path).plain()

    failed = {name for name, word in ran.words.items() if word == "failed"}
    assert failed == {"test_trains_on_a_gpu", "test_fills_a_hall"}


def test_the_commands_of_the_readme_work(tmp_path):
    """On the example suite, those that need no other machine."""
    told = [line for text in blocks(CHECKOUT / "README.md", "console") for line in text.splitlines()]
    commands = [line[2:].split("#")[0].split() for line in told if line.startswith("$ pytest") and "ssh=" not in line]
    mixed = example("mixed", tmp_path)

    codes = [mixed.run(*words[1:]).exit_code for words in commands]

    assert len(commands) >= 2 and set(codes) == {0}, list(zip(commands, codes, strict=True))


def test_the_inventory_of_two_hosts_can_be_listed(tmp_path):
    """``disttest hosts``, and a run on hosts that are not there says what is wrong with each."""
    two = example("two-hosts", tmp_path)

    listed = two.command("hosts").stdout
    ran = two.run("--dist-hw", "--hw-hosts", "tower;config=/dev/null;key=pytest.ini")

    assert "me@bench.example.invalid" in listed and "oscilloscope" in listed and "disttest.toml: hosts.tower" in listed
    assert ran.exit_code == 4 or "host tower: " in ran.output, ran
    assert "Traceback" not in ran.output


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.stem)
def test_every_inventory_shown_can_be_read(page):
    """No key in the pages that the program refuses."""
    for text in blocks(page, "toml"):
        if "[hosts" in text or "[tool.disttest" in text:
            file = "pyproject.toml" if "[tool." in text else "disttest.toml"
            assert read_inventory(text, file=file, base=Path("/suite")).hosts, text


def test_every_mark_shown_can_be_read(tmp_path):
    """The examples of the pages are collected with their marks; what they name may stand elsewhere."""
    pages = [page for page in PAGES if any("@pytest.mark" in text for text in blocks(page, "python"))]
    files = {
        f"test_{page.stem.replace('-', '_').lower()}_{number}.py": f"import pytest\n{text}"
        for page in pages
        for number, text in enumerate(blocks(page, "python"))
        if "@pytest.mark" in text
    }
    made = Product(tmp_path / "shown", files, autoload=True)

    ran = made.run("--dist-hw", "--co", "-q", "--strict-markers")

    assert len(files) >= 4 and ran.exit_code == 0, ran


def test_the_two_commands_of_the_readme_are_shell_scripts():
    """They exist, and every shell can read them; running them whole is the CI's business."""
    scripts = re.findall(r"^\$ sh (\S+)", (CHECKOUT / "README.md").read_text(), re.MULTILINE)

    assert scripts == ["examples/try.sh", "tests/run.sh"]
    for script in scripts:
        done = subprocess.run(["sh", "-n", str(CHECKOUT / script)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
