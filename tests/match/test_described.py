"""What a host has, from all who tell."""

from __future__ import annotations

from pytest_disttest.match.described import described
from pytest_disttest.model import Capabilities, Host


def test_a_labs_tags_and_the_owners_add_up():
    """Drop-in files on a host say as much as its inventory, before any probe; the owner's pools are his own."""
    hello = {"os": "linux", "lab": {"tag": ["quiet", "lab"], "location": "rack 7", "resource.port": 1}}
    host = Host("a", tags=("lab", "fast"), pools=(("port", 2),))
    told = described(host, hello, None)

    assert ("quiet", "lab", "fast") == told.facts["tag"]
    assert ("rack 7", 2, "linux") == tuple(told.facts[key] for key in ("location", "resource.port", "os"))


def test_what_is_probed_counts_more_than_the_greeting():
    """A probe reads the same files later."""
    found = Capabilities({"tag": ("new",)})

    assert ("new",) == described(Host("a"), {"lab": {"tag": ("old",)}}, found).facts["tag"]
