"""How many retries there may be: for a test, for a run, for a host; none once too many tests fail."""

from __future__ import annotations

from typing import Final, NamedTuple

MOST_TOKENS: Final = 10.0
EARNED: Final = 0.1


class TokenBucket(NamedTuple):
    """What a host has left: each failure of its takes a token, each test that passes there gives a tenth of one.

    Retries are allowed while more than half of the tokens are there, so that a host on which everything fails is not
    tried twice for every test. Source: gRPC's retry throttling (proposal A6).
    """

    tokens: float = MOST_TOKENS

    @property
    def allows(self) -> bool:
        """Whether what failed on this host may be tried again."""
        return self.tokens > MOST_TOKENS / 2

    def spent(self) -> TokenBucket:
        """Return the bucket after a failure."""
        return TokenBucket(max(0.0, self.tokens - 1.0))

    def earned(self, passed: int) -> TokenBucket:
        """Return the bucket after so many tests that passed."""
        return TokenBucket(min(MOST_TOKENS, self.tokens + EARNED * passed))


class Limits(NamedTuple):
    """How many retries nobody asked for a test may have and a run may have, and how many failures end them all.

    *crashes* is how often a test may kill its worker before it counts as failed: the second time at the latest;
    *host_losses* how often its host may be lost under it, *doublings* how often one that ran out of memory is given
    twice as much.
    """

    per_test: int = 2
    per_run: int = 20
    too_many: int = 20
    crashes: int = 2
    host_losses: int = 2
    doublings: int = 2


def limits_for(cases: int, *, crashes: int = 2) -> Limits:
    """Return the limits of a run of so many *cases*: 20 retries or a twentieth of them, 20 failures or a tenth."""
    return Limits(per_run=max(20, cases // 20), too_many=max(20, cases // 10), crashes=crashes)
