"""Workers of one host that share its collection: their shares become one, and each learns what it did not collect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_disttest.controller.forks import Forks
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.shares import Share, Whole, agree, combine, unowned

WORTH_A_FORK_S = 0.2
"""How long the collection of one worker must have taken before the others become forks of it.

Forks take some 50 ms to be made; what took less to collect is collected again by whoever takes tests of it.
"""


class Sharing:
    """Gathers the shares of each host. *tell* sends a worker a message."""

    def __init__(self, run: Run, forks: Forks, tell: Callable[..., None]) -> None:
        self._run = run
        self._forks = forks
        self._tell = tell
        self._shares: dict[str, dict[str, Share]] = defaultdict(dict)
        self._wholes: dict[str, Whole] = {}
        self._objections: dict[str, str] = {}
        self._rows: dict[str, dict[int, int]] = {}
        self._hosts_without: set[str] = set()

    def add(self, node: WorkerNode, facts: dict[str, Any], *tables: Any) -> None:
        """Take what a worker collected; a later share of the same worker holds all of the earlier one."""
        places, table, unselected_places, deselected, lines = tables
        if node.host in self._wholes:  # a latecomer: it knows how to walk, and holds nothing
            node.digest = _digest(node.host)
            return
        if node.host in self._hosts_without:
            self._ask_for_all(node)
            return
        owned = frozenset(facts["owned"])
        quick = facts["seconds"] < WORTH_A_FORK_S
        self._objections[node.id] = facts["objection"] or ("it would take longer than to collect" if quick else "")
        self._shares[node.host][node.id] = Share(
            node.id, facts["files"], facts["digest"], owned, places, table, unselected_places, deselected, lines,
            facts["whole"],
        )  # fmt: skip
        self.combine_when_complete(node.host)

    def whole(self, node: WorkerNode) -> None:
        """A worker has collected everything by itself: then all of its host have to."""
        if node.host in self._hosts_without or node.host in self._wholes:
            return
        self._hosts_without.add(node.host)
        self._shares.pop(node.host, None)
        for other in self._run.roster.on(node.host):
            if other.shares:
                self._ask_for_all(other)

    def way_of_latecomers(self, host: str) -> str:
        """Return how a worker that starts now is to collect."""
        if host in self._wholes:
            return "late" if self._run.settings.collect == "auto" else "late-sharded"
        return "full" if host in self._hosts_without else self._run.settings.collect

    def cases_of(self, node: WorkerNode) -> list[int]:
        """Return the cases of a worker by its own numbers."""
        places = self._run.collected.cases_on(node.host, node.digest)
        rows = self._wholes[node.host].numbering.get(node.id, [])
        return [places[row] if row >= 0 else -1 for row in rows]

    def teach(self, node: WorkerNode, case: int) -> None:
        """Tell a worker of the file that *case* lies in, and give numbers to its cases."""
        whole = self._wholes[node.host]
        cases = self._run.collected.cases_on(node.host, node.digest)
        place = whole.places[self._row(node.host, case)]
        first, keys = whole.first[place], whole.keys[place]
        assert node.cases is not None
        unknown = [number for number in range(len(keys)) if cases[first + number] not in node.items]
        for number in unknown:
            node.items[cases[first + number]] = len(node.cases)
            node.cases.append(cases[first + number])
        self._tell(node, "learn", place, [keys[number] for number in unknown])

    def _row(self, host: str, case: int) -> int:
        rows = self._rows.get(host)
        if rows is None:
            cases = self._run.collected.cases_on(host, _digest(host))
            rows = self._rows[host] = {known: row for row, known in enumerate(cases)}
        return rows[case]

    def combine_when_complete(self, host: str) -> None:
        """Once every worker has told: see that they speak of the same files and that none is missing, then merge."""
        members = self._run.roster.on(host)
        if host not in self._shares or not members or not all(node.has_collected for node in members):
            return
        shares = list(self._shares[host].values())
        if not agree(shares):
            self.whole(members[0])
            return
        if self._can_be_forked(members, shares):
            return
        missing = unowned(shares)
        if missing:
            members[0].has_collected = False
            self._tell(members[0], "adopt", missing)
            return
        self._merge(host, shares)

    def _can_be_forked(self, members: Sequence[WorkerNode], shares: Sequence[Share]) -> bool:
        """Where one worker was fast enough to claim every file, the others may as well become forks of it."""
        holders = [share for share in shares if share.owned]
        if len(members) < 2 or len(holders) != 1 or len(holders[0].owned) != holders[0].files:
            return False
        holder = next((node for node in members if node.id == holders[0].worker), None)
        if holder is None or self._objections[holder.id] or not holders[0].whole:
            return False
        del self._shares[holder.host]
        self._take_whole(holder, holders[0])
        for node in members:
            if node is not holder:
                node.has_collected = node.shares = False
                self._forks.waiting(node)
        self._forks.collected(holder, "")
        return True

    def _take_whole(self, holder: WorkerNode, share: Share) -> None:
        """A share that is the whole suite counts as the table of all that a worker would tell, were it asked."""
        self._hosts_without.add(holder.host)
        self._run.counts[holder.host] = (len(share.table["rows"]), len(share.deselected["rows"]))
        for part in (share.table, share.deselected):
            bring_home(self._run, holder.host, part["rows"])
        holder.digest, holder.shares = share.whole, False
        self._run.collected.add(share.whole, share.table, share.deselected, share.lines)

    def _merge(self, host: str, shares: list[Share]) -> None:
        whole = self._wholes[host] = combine(shares)
        del self._shares[host]
        self._run.counts[host] = (len(whole.table["rows"]), len(whole.deselected["rows"]))
        bring_home(self._run, host, whole.table["rows"])
        bring_home(self._run, host, whole.deselected["rows"])
        self._run.collected.add(_digest(host), whole.table, whole.deselected, shares[0].lines)
        for node in self._run.roster.on(host):
            node.digest = _digest(host)
        whole.table = whole.deselected = {}

    def _ask_for_all(self, node: WorkerNode) -> None:
        node.has_collected = node.shares = False
        self._tell(node, "whole")


def _digest(host: str) -> str:
    """Return the name of a collection that its workers share: no worker alone could tell a fingerprint of it."""
    return f"shared by {host}"


def bring_home(run: Run, host: str, rows: Iterable[list[Any]]) -> None:
    """Name cases as here: a parameter's id may hold the path of the suite's copy on the host."""
    link, root = run.fleet.links[host], str(run.config.rootpath)
    there = link.directory
    if link.is_local or not there:
        return
    for row in rows:
        if there in row[0]:
            row[0] = row[0].replace(there, root)
