"""Whether a test, and the commit that it is of, are still the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytest_disttest.controller.commit import commit_of
from pytest_disttest.controller.fingerprints import fingerprints, is_changed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a directory with two test files and a conftest file above one of them."""
    for name, text in {"a/conftest.py": "one", "a/test_a.py": "two", "b/test_b.py": "three"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


FILES = ("a/test_a.py", "b/test_b.py")


def test_only_what_exists_has_a_fingerprint_and_its_time_is_no_part_of_it(tree):
    """A fresh checkout has the same content, and every file is of today."""
    before = fingerprints(tree, [*FILES, "no/file.py"])
    os.utime(tree / "a/test_a.py", (1, 1))

    assert list(before) == ["a/conftest.py", "a/test_a.py", "b/test_b.py"]
    assert before == fingerprints(tree, FILES)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("a/test_a.py", ["a/test_a.py"]),
        ("a/conftest.py", ["a/test_a.py"]),
        ("conftest.py", ["a/test_a.py", "b/test_b.py"]),
        ("a/other.py", []),
    ],
)
def test_a_test_is_another_when_its_file_or_a_conftest_above_it_is(tree, name, changed):
    """Edited, come or gone; what lies beside it is not looked at."""
    before = fingerprints(tree, FILES)
    (tree / name).write_text("new")
    edited = fingerprints(tree, FILES)
    (tree / name).unlink()
    gone = fingerprints(tree, FILES)

    assert changed == [file for file in FILES if is_changed(file, before, edited)]
    assert changed == [file for file in FILES if is_changed(file, edited, gone)]
    assert not any(is_changed(file, before, before) for file in FILES)


def git(directory: Path, *words: str) -> str:
    """Run git where no setting of the user's has a say."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = {f"GIT_{role}_{what}": "x@y" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | quiet | who
    command = ["git", "-C", str(directory), *words]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_the_one_that_git_tells(tmp_path):
    """On a branch, below the top, packed, detached, and in a work tree of its own."""
    main, beside, below = tmp_path / "main", tmp_path / "beside", tmp_path / "main/below"
    below.mkdir(parents=True)
    assert commit_of(below) in ("", commit_of(tmp_path))
    git(main, "init", "-q")
    assert commit_of(main) == ""
    git(main, "commit", "-q", "--allow-empty", "-m", "one")
    git(main, "worktree", "add", "-q", "-b", "other", str(beside))
    git(beside, "commit", "-q", "--allow-empty", "-m", "two")
    told = git(main, "rev-parse", "HEAD"), git(beside, "rev-parse", "HEAD")

    assert told[0] != told[1]
    assert (commit_of(below), commit_of(beside)) == told
    git(main, "pack-refs", "--all")
    assert (commit_of(below), commit_of(beside)) == told
    git(main, "checkout", "-q", "--detach")
    assert commit_of(main) == told[0]
