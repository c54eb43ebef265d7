"""Which key a word means, and what to say when it means none."""

from __future__ import annotations

from typing import Final

from pytest_disttest.errors import BadMarker, did_you_mean

from .vocabulary import ACCELERATORS, ALIASES, KEYS, OPEN_FAMILIES, Key, key_of

DEVICES: Final = ("gpu", "accel", "browser")
WHERE: Final = "all keys: docs/reference/markers.md"
# A Python keyword has neither dots nor dashes, so cpu_model_name= stands for cpu.model-name.
_UNDERSCORED: Final = {
    word.replace(".", "_").replace("-", "_"): word for word in (*KEYS, *ALIASES) if "." in word or "-" in word
}


def named(word: str, place: str) -> Key:
    """Return the key that *word* means; raises BadMarker that names the nearest words."""
    key = key_of(word) or key_of(_UNDERSCORED.get(word, word))
    if key is None:
        raise unknown(word, place)
    return key


def unknown(word: str, place: str, *, prefix: str = "") -> BadMarker:
    """Return the error of a word that is no key; *prefix* is the family in which it was looked for."""
    families = (*DEVICES, *ACCELERATORS, *OPEN_FAMILIES)
    if word in families or any(name.startswith(f"{word}.") for name in KEYS):
        example = f"{word}.NAME >= 1" if word == "resource" else f"{word}.NAME = …"
        return BadMarker(f"hw(): {word!r} is a family of keys", place=place, hint=f"name one: {example} ({WHERE})")
    near = did_you_mean(word, [*KEYS, *ALIASES, *families])
    if prefix:
        last_parts = [name.removeprefix(prefix) for name in KEYS if name.startswith(prefix)]
        near = did_you_mean(word, last_parts)
    within = f" in {prefix.rstrip('.')}" if prefix else ""
    return BadMarker(f"hw() knows no {word!r}{within}", place=place, hint=f"{near} ({WHERE})" if near else WHERE)
