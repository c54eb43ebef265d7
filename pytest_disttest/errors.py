"""The family of errors: each states a fact, carries its data, and ends in what to do next."""

from __future__ import annotations

from collections.abc import Iterable


class DisttestError(Exception):
    """Anything this package refuses.

    ``hint`` says what to do next; ``exit_code`` is pytest's meaning of the failure
    (4 = usage, 3 = internal, 1 = the run itself failed).
    """

    hint: str = ""
    exit_code: int = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UsageFault(DisttestError):
    """The user wrote something that cannot be meant; *place* names where (an option, FILE:KEY, a test)."""

    exit_code = 4

    def __init__(self, message: str, *, place: str = "", hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}" if place else message, hint=hint)
        self.place = place


class BadOption(UsageFault):
    """A command-line option or its value is wrong."""


class BadInventory(UsageFault):
    """The inventory file holds something that is no host description."""


class BadMarker(UsageFault):
    """A marker in a test file cannot be read."""


class BadPlan(UsageFault):
    """The dependencies of the suite cannot be ordered or resolved."""


class HostUnusable(DisttestError):
    """A host cannot take part in the run; *host* is its name, *reason* one of a short, stable set of words."""

    exit_code = 1

    def __init__(self, host: str, reason: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"host {host}: {message}", hint=hint)
        self.host = host
        self.reason = reason


class NoHostFits(UsageFault):
    """Tests ask for what no host of the run has, and the user wants no run then."""

    hint = "`disttest hosts --probe` shows what each host has; --hw-unmatched=skip runs the others"


class NoHostLeft(DisttestError):
    """Every host of the run is unusable or lost."""

    exit_code = 1


class ProtocolFault(DisttestError):
    """A message from a host does not fit the protocol: a bug, or an incompatible version."""


class StoreFault(DisttestError):
    """The result store cannot be read or written."""

    exit_code = 1


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a sentence that names the words of *known* nearest to *word*, or all when few, or ""."""
    import difflib  # every pytest run imports this module, few need to guess

    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=3, cutoff=0.55)
    if near:
        # "linx" is a slip of "linux"; that "win" is not far either helps nobody
        likeness = [difflib.SequenceMatcher(None, each, word).ratio() for each in near]
        near = [each for each, like in zip(near, likeness, strict=True) if like > likeness[0] - 0.2]
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"known: {', '.join(words)}" if 0 < len(words) <= 12 else ""
