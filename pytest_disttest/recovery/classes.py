"""The classes of failure, how grave each is, and whom it speaks against.

Source of the classes: TradeFed's FailureStatus, LAVA's error types and LUCI's ResultDB, brought down to what a rule
can tell apart and a retry policy acts on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple


class Blame(str, Enum):
    """Whom a failure speaks against."""

    TEST = "test"
    HOST = "host"
    USER = "user"
    NOBODY = "nobody"
    US = "us"


class FailureClass(str, Enum):
    """What kind of failure it is; the values are the words that users write in rules."""

    TEST_FAILURE = "test-failure"
    TEST_ERROR = "test-error"
    TEST_TIMEOUT = "test-timeout"
    CRASH = "crash"
    MEMORY = "out-of-memory"
    HOST_LOST = "host-lost"
    DEVICE = "device"
    ENVIRONMENT = "environment"
    CONFIGURATION = "configuration"
    PRECLUDED = "precluded"
    CANCELLED = "cancelled"
    INTERNAL = "internal"

    @property
    def severity(self) -> int:
        """How grave it is, from 0 (nothing is wrong) to 5 (nothing can be trusted)."""
        return NATURES[self].severity

    @property
    def blame(self) -> Blame:
        """Whom it speaks against as long as nothing else is known."""
        return NATURES[self].blame

    @property
    def is_infrastructure(self) -> bool:
        """Whether the test itself has probably nothing to do with it, so that it is tried again unasked."""
        return self in (FailureClass.CRASH, FailureClass.HOST_LOST, FailureClass.DEVICE, FailureClass.ENVIRONMENT)


class Nature(NamedTuple):
    """*severity*, whom the class speaks against, and what it is, in one sentence."""

    severity: int
    blame: Blame
    meaning: str


NATURES: Final[Mapping[FailureClass, Nature]] = MappingProxyType(
    {
        FailureClass.TEST_FAILURE: Nature(2, Blame.TEST, "an assertion or an exception in the test itself"),
        FailureClass.TEST_ERROR: Nature(2, Blame.TEST, "a fixture failed in set-up or teardown"),
        FailureClass.TEST_TIMEOUT: Nature(3, Blame.TEST, "the test took longer than it may"),
        FailureClass.CRASH: Nature(3, Blame.TEST, "the process that ran the test died"),
        FailureClass.MEMORY: Nature(
            3, Blame.NOBODY, "it ran out of memory, as it may beside others or on a small host"
        ),
        FailureClass.HOST_LOST: Nature(4, Blame.HOST, "the host went away while the test ran"),
        FailureClass.DEVICE: Nature(4, Blame.HOST, "a GPU, an accelerator or a browser is gone or broken"),
        FailureClass.ENVIRONMENT: Nature(3, Blame.HOST, "the host lacks what others have: a module, disk space"),
        FailureClass.CONFIGURATION: Nature(3, Blame.USER, "what the user wrote cannot be meant"),
        FailureClass.PRECLUDED: Nature(1, Blame.NOBODY, "something that the test depends on did not pass"),
        FailureClass.CANCELLED: Nature(0, Blame.NOBODY, "the run was called off before the test had ended"),
        FailureClass.INTERNAL: Nature(5, Blame.US, "pytest-disttest itself is at fault"),
    }
)
