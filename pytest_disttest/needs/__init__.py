"""What a test may ask of its host: the words, their grammar, and how several conditions become one demand."""

from .conditions import combined, from_conditions, from_keywords
from .vocabulary import ALIASES, KEYS, Key, key_of, kind_of_device, normal_arch, normal_os

__all__ = [
    "ALIASES",
    "KEYS",
    "Key",
    "combined",
    "from_conditions",
    "from_keywords",
    "key_of",
    "kind_of_device",
    "normal_arch",
    "normal_os",
]
