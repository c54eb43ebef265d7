"""What a fault is: when it strikes, how, and what must hold afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from campaign.scene import DISTTEST, XDIST, Scene


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the table.

    *strike* does the harm and returns whether it hit anything; it comes when a seeded share of the tests has begun
    (*early*: maybe also while hosts open and tests are collected), or, *before*, while the scene is set. *victims* is
    the text of tests that do the harm themselves. At most *harm* tests may end other than passed, and the
    run must say something that each pattern of *words* finds. *ends* allows that the run gives up, with the tests that
    it did not run counted and named. *resumes* says that the run is killed and continued by a second one.
    *rig* is ``ssh`` or ``netns``, "" for this machine alone; *clears_s* is how long what is left of the run may need to
    end by itself. *needs* says why the fault cannot be made on this machine, "" where it can. What fits a pattern of
    *never* must not be said. *is_stored* is false where the fault takes the journal's disk.
    """

    name: str
    strike: Callable[[Scene], bool] | None = None
    before: Callable[[Scene], None] | None = None
    rig: str = "ssh"
    hosts: str = "local,host1"
    victims: str = ""
    harm: int = 0
    words: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    ends: bool = False
    resumes: bool = False
    leased: bool = False
    early: bool = False
    options: tuple[str, ...] = ()
    tests: int = 40
    pace_s: float = 0.04
    limit_s: float = 45.0
    clears_s: float = 10.0
    engines: tuple[str, ...] = (DISTTEST, XDIST)
    needs: Callable[[], str] = lambda: ""
    is_stored: bool = True
    after: Callable[[Scene], str] | None = None
