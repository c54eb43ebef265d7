"""The next item, asked for only when pytest asks.

pytest looks at ``nextitem`` first in the teardown phase, to learn which fixtures the next item still
needs. So a test can start before its successor is known, and the answer arrives while it runs: no test
is ever glued to another one on the same worker (pytest-xdist #339, #894).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class Ahead:
    """Stands for an item that is not known yet; *resolve* blocks until it is, and may say there is none."""

    __slots__ = ("_item", "_known", "_resolve")

    def __init__(self, resolve: Callable[[], Any]) -> None:
        self._resolve = resolve
        self._known = False
        self._item: Any = None

    def _actual(self) -> Any:
        if not self._known:
            self._item = self._resolve()
            self._known = True
        return self._item

    def __bool__(self) -> bool:
        return self._actual() is not None

    def __eq__(self, other: object) -> bool:
        return bool(self._actual() == other)

    def __hash__(self) -> int:
        return hash(self._actual())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._actual(), name)


class Held:
    """A next item that needs everything the present one shares: only the item itself is torn down.

    Used while nobody can say what comes next (the next case waits for another worker's result); what
    turns out not to be needed is torn down later, see ``runner.Runner``.
    """

    __slots__ = ("_item",)

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    @property
    def nodeid(self) -> str:
        """The id of what both belong to: plugins that compare ids must not take it for the item itself."""
        return str(self._item.parent.nodeid) if self._item.parent is not None else ""

    def listchain(self) -> list[Any]:
        return list(self._item.listchain()[:-1])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)
