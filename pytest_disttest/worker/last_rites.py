"""Ends an agent that its controller has given up, and the workers below it.

The text of this file is run by ``python -c "import sys;exec(eval(sys.stdin.readline()))"`` on the agent's host, with a
line ``REQUEST = '...json...'`` in front of it: the agent's process id, and when that process began, as it said in its
greeting. A number that another process has by now is left alone. Writes one marked line: how many processes were ended.
Needs Linux's ``/proc``; elsewhere it ends nobody.
"""

import json as _json
import os as _os
import signal as _signal

_MARK = "DISTTEST-ENDED "


def _fields(pid: int) -> list[str]:
    """Return the fields of a process after its name (state, parent, group, ...), none for one that is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _below(pid: int) -> list[int]:
    """Return the processes that *pid* has started, directly or not."""
    children: dict[int, list[int]] = {}
    for other in (int(name) for name in _os.listdir("/proc") if name.isdigit()):
        for parent in _fields(other)[1:2]:
            children.setdefault(int(parent), []).append(other)
    found: list[int] = []
    pending = [pid]
    while pending:
        mine = children.get(pending.pop(), [])
        found += mine
        pending += mine
    return found


def _end(pid: int, started: str) -> int:
    """End *pid*, if that is the process that began at *started*, and all below it; return how many those were."""
    if _fields(pid)[19:20] != [started]:
        return 0
    # An agent that goes on after it was stopped would replace workers: so it goes first, once its own are known.
    victims = [pid, *_below(pid)]
    for victim in victims:
        leads_group = _fields(victim)[2:3] == [str(victim)]
        try:
            (_os.killpg if leads_group else _os.kill)(victim, _signal.SIGKILL)
        except OSError:  # it has ended with the others
            continue
    return len(victims)


if "REQUEST" in globals():
    _asked = _json.loads(globals()["REQUEST"])
    print("\n" + _MARK + str(_end(_asked["pid"], _asked["started"])), flush=True)
