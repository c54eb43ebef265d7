"""Versions are ordered as PEP 440 orders them, and by their first numbers where they do not follow it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from pytest_disttest.needs import version_key
from pytest_disttest.needs.versions import versions_below


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("8.9", "8.10"),
        ("3.13.0rc1", "3.13"),
        ("3.12.9", "3.13.0a1"),
        ("3.12.dev0", "3.12.0a1"),
        ("6.1.0-13-amd64", "6.1.1"),
        ("OpenCL 2.2", "OpenCL 3.0 CUDA"),
        ("20H2", "21H1"),
        ("1!1.0", "1!2.0"),
        ("2024.1", "1!0.1"),
        ("1.0", "1.0.post1"),
        ("535.104.05", "550"),
    ],
)
def test_one_version_is_less_than_another(less, more):
    """Part by part, as numbers."""
    assert version_key(less) < version_key(more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12", "12.0"),
        ("1.0", "v1.0.0"),
        ("2.1.0", "2.1.0+cu121"),
        ("3.0", "OpenCL 3.0"),
        ("6.1.0", "6.1.0-13-amd64"),
        ("1.0c1", "1.0-RC.1"),
        ("0", "0.0"),
    ],
)
def test_two_ways_to_write_one_version(one, other):
    """Closing zeros, names in front and builds behind are no difference."""
    assert version_key(one) == version_key(other)


@pytest.mark.parametrize("text", ["", "new", "x.y", "--", "٣"])
def test_a_text_without_a_number_is_no_version(text):
    """It has no place among versions."""
    assert version_key(text) is None


numbers = st.integers(0, 40).map(str)
releases = st.lists(numbers, min_size=1, max_size=4).map(".".join)
versions = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "1!", "v"]),
    releases,
    st.one_of(st.just(""), st.builds("{}{}{}".format, st.sampled_from(["", ".", "-", "_"]),
              st.sampled_from(["a", "beta", "rc", "c", "preview", "Alpha"]), st.one_of(st.just(""), numbers))),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from([".post", "-", "rev", ".r"]), numbers)),
    st.one_of(st.just(""), st.builds("{}{}".format, st.sampled_from([".dev", "dev", "-dev"]), numbers)),
)  # fmt: skip


@given(versions, versions)
def test_versions_of_pep_440_are_ordered_as_packaging_orders_them(one, other):
    """The whole order, epochs, pre-, post- and development releases included."""
    try:
        mine, theirs = Version(one), Version(other)
    except InvalidVersion:
        assume(False)

    assert (version_key(one) < version_key(other), version_key(one) == version_key(other)) == (
        mine < theirs,
        mine == theirs,
    )


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_texts_can_be_compared(one, other):
    """What a strange host says of itself stops nothing."""
    left, right = version_key(one), version_key(other)

    if left is not None and right is not None:
        assert (left < right) + (left == right) + (left > right) == 1


@given(releases, st.lists(numbers, max_size=3), st.sampled_from(["", "a1", "rc2", ".post1", ".dev3"]))
def test_what_begins_with_a_release_lies_below_it(release, more, end):
    """``3.11.*`` holds 3.11.4 and 3.11.4rc1, and of 3.12 not even the first alpha."""
    least, past = map(version_key, versions_below(f"{release}.*"))
    inner = version_key(".".join([release, *more, "1"]) + end)

    assert least < inner < past
    assert not least < version_key(past_of(release) + "a1") < past


def past_of(release):
    """Return the next release with as many parts."""
    *first, last = release.split(".")
    return ".".join([*first, str(int(last) + 1)])
