"""The reference page of the options is complete, and what it shows works."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_disttest.inventory import make_settings
from pytest_disttest.inventory.described import read_inventory
from pytest_disttest.inventory.specs import SETTING_NAMES, parse_hosts
from pytest_disttest.options import INI_ROWS, OPTION_ROWS

DOCS = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (DOCS / "options.md").read_text("utf-8")


def test_every_option_has_its_section():
    """One heading per row."""
    assert [row.flag for row in OPTION_ROWS if f"\n### `{row.flag}" not in PAGE] == []


def test_every_ini_setting_has_its_section():
    """One heading per row."""
    assert [row.name for row in INI_ROWS if f"\n### `{row.name}" not in PAGE] == []


def test_no_option_is_invented():
    """What the page calls an option is one."""
    named = set(re.findall(r"--(?:dist-hw|hw-[a-z-]+)", PAGE))

    assert named == {row.flag for row in OPTION_ROWS}


def test_every_setting_of_a_spec_is_listed():
    """The table of settings after ";" is complete."""
    assert [name for name in SETTING_NAMES if f"\n| `{name}" not in PAGE] == []


def test_every_spec_shown_is_read(tmp_path):
    """Each --hw-hosts on the page names hosts, against the inventory that its own page shows."""
    inventory = read_inventory(
        re.search(r"```toml\n(.*?)```", (DOCS / "inventory.md").read_text("utf-8"), re.DOTALL)[1],
        file="disttest.toml",
        base=tmp_path,
    )
    specs = re.findall(r"^--hw-hosts '?([^'\s]+)'?$", PAGE, re.MULTILINE)

    assert len(specs) >= 5
    for spec in specs:
        assert parse_hosts([spec], inventory) != (), spec


def test_the_defaults_shown_are_the_defaults(tmp_path):
    """The page's numbers are the code's."""
    settings = make_settings({}, rootdir=tmp_path)

    assert (settings.heartbeat_s, settings.unmatched) == (30.0, "skip")
    assert "Default: `30`" in PAGE
    assert "Default: `skip`" in PAGE
