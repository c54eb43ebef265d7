"""The forms of events that most runs have none of; imported where one is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pytest_disttest.store import hardware, plans, recoveries, stream

Event: TypeAlias = hardware.Event | plans.Event | recoveries.RecoveryTried | stream.CaseBegan
PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {
    **hardware.PACK,
    **plans.PACK,
    **recoveries.PACK,
    **stream.PACK,
}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    **hardware.UNPACK,
    **plans.UNPACK,
    **recoveries.UNPACK,
    **stream.UNPACK,
}
