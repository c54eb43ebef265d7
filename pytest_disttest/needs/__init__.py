"""What a test may ask of its host: the words, their grammar, and how several conditions become one demand."""

from .asking import families_asked, family_of_key, probed_keys
from .combining import combined
from .conditions import from_conditions
from .demands import WORKLOADS, checked_presets, demand, preset
from .keywords import from_keywords
from .times import seconds_of
from .units import exact_size, shown_size, size_in_bytes
from .values import OPERATORS, read_fact, shown, shown_value
from .versions import version_key
from .vocabulary import (
    ALIASES,
    KEYS,
    OPEN_FAMILIES,
    Key,
    key_of,
    kind_of_device,
    normal_arch,
    normal_os,
    normal_package,
)

__all__ = [
    "ALIASES",
    "KEYS",
    "OPEN_FAMILIES",
    "OPERATORS",
    "WORKLOADS",
    "Key",
    "checked_presets",
    "combined",
    "demand",
    "exact_size",
    "families_asked",
    "family_of_key",
    "from_conditions",
    "from_keywords",
    "key_of",
    "kind_of_device",
    "normal_arch",
    "normal_os",
    "normal_package",
    "preset",
    "probed_keys",
    "read_fact",
    "seconds_of",
    "shown",
    "shown_size",
    "shown_value",
    "size_in_bytes",
    "version_key",
]
