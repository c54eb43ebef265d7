"""The hosts of a run: what the inventory file describes, what the command line picks, the settings of both.

What reads an inventory file or ``--hw-hosts`` is imported where there is one: most runs have neither.
"""

from .chosen import make_settings
from .found import load_inventory
from .listed import Inventory

__all__ = ["Inventory", "load_inventory", "make_settings"]
