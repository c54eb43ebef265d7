"""The forms of events that most runs have none of; imported where one is met."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pytest_disttest.store import failures, hardware, plans, recoveries, stream

Event: TypeAlias = hardware.Event | plans.Event | recoveries.RecoveryTried | failures.FailureTold | stream.CaseBegan
PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {
    **hardware.PACK,
    **plans.PACK,
    **recoveries.PACK,
    **failures.PACK,
    **stream.PACK,
}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    **hardware.UNPACK,
    **plans.UNPACK,
    **recoveries.UNPACK,
    **failures.UNPACK,
    **stream.UNPACK,
}
