"""Sizes carry their unit, in one of two families, and are shown in both."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.needs import exact_size, shown_size, size_in_bytes
from pytest_disttest.needs.units import IEC, SI, UNITS


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8 GiB", 8 * 1024**3),
        ("8GB", 8_000_000_000),
        (" 1.5 GiB ", 1_610_612_736),
        ("0.5 kB", 500),
        ("7 KB", 7_000),
        ("0 B", 0),
        ("1 PiB", 1024**5),
        ("99999999999999999999 PB", 99999999999999999999 * 10**15),
        ("0.1 KiB", 102),
    ],
)
def test_sizes_are_read_exactly(text, size):
    """1024 for IEC, 1000 for SI, fractions to the nearest byte, and no bound but good sense."""
    assert size_in_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("8", '\'8\' has no unit: say "8 GiB" (1024) or "8 GB" (1000)'),
        ("1.5", '\'1.5\' has no unit: say "1.5 GiB" (1024) or "1.5 GB" (1000)'),
        ("-8 GiB", "'-8 GiB' is negative"),
        ("8 G", "'G' is no unit of size: say KiB MiB GiB TiB PiB (1024) or kB MB GB TB PB (1000)"),
        ("8 Gb", "'Gb' is no unit of size: say KiB MiB GiB TiB PiB (1024) or kB MB GB TB PB (1000)"),
        ("0.5 B", "'0.5 B' is no whole number of bytes"),
        ("GiB", '\'GiB\' is no size: write it as "8 GiB" (1024) or "8 GB" (1000)'),
        ("1e3 GiB", '\'1e3 GiB\' is no size: write it as "8 GiB" (1024) or "8 GB" (1000)'),
        ("nan GiB", '\'nan GiB\' is no size: write it as "8 GiB" (1024) or "8 GB" (1000)'),
        ("٣ GiB", '\'٣ GiB\' is no size: write it as "8 GiB" (1024) or "8 GB" (1000)'),
    ],
)
def test_what_is_no_size_is_refused(text, told):
    """A bare number names both spellings, since nobody can know which was meant."""
    with pytest.raises(ValueError, match=re.escape(told)):
        size_in_bytes(text)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (81559 * 1024**2, "79.6 GiB (85.5 GB)"),
        (16 * 1024**3, "16 GiB (17.1 GB)"),
        (10**9, "953.6 MiB (1 GB)"),
        (1024, "1 KiB (1 kB)"),
        (1023, "1023 B"),
        (0, "0 B"),
        (3 * 1024**6, "3072 PiB (3458.7 PB)"),
    ],
)
def test_sizes_are_shown_in_both_families(size, shown):
    """An 80 GB card has 79.6 GiB, and both numbers are there to be seen."""
    assert shown_size(size) == shown


@given(st.integers(1024, 10**18))
def test_what_is_shown_is_there(size):
    """Whoever copies a figure into a condition asks for no more than the host has, and hardly for less."""
    iec, si = re.fullmatch(r"(.*) \((.*)\)", shown_size(size)).groups()

    for text in (iec, si):
        assert size_in_bytes(text) <= size + 1  # rounded to whole bytes
        assert size_in_bytes(text) > size * 0.9


@given(st.integers(0, 10**24))
def test_an_exact_size_is_read_back(size):
    """In one unit, whichever says it in the fewest digits."""
    assert size_in_bytes(exact_size(size)) == size


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)))
def test_a_unit_is_a_factor(number, unit):
    """Twice as many are twice as much, in every unit."""
    assert size_in_bytes(f"{number}{unit}") == number * size_in_bytes(f"1 {unit}")


def test_the_families_differ_at_every_step():
    """The n-th IEC unit is (1024/1000)^n SI units: never the same."""
    powers = zip(IEC.values(), sorted(set(SI.values())), strict=True)

    assert all(iec**1 > si and iec * 1000**n == si * 1024**n for n, (iec, si) in enumerate(powers, 1))
