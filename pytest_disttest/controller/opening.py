"""The first thing that a run does: its hosts begin to open while everything else is still being imported."""

from __future__ import annotations

import os
import random
import sys
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_disttest.controller.hosts import Fleet
from pytest_disttest.controller.orders import prelude_for
from pytest_disttest.options import Settings
from pytest_disttest.store import has_quarantine, store_directory
from pytest_disttest.worker.zygote import Zygote

if TYPE_CHECKING:
    from pytest_disttest.controller.quarantine import Quarantine


class Opening:
    """The hosts of a run that opens. *run_uid* is shared by its workers, *hash_seed* too, "" where that is settled."""

    def __init__(
        self, config: pytest.Config, settings: Settings, sys_path: Sequence[str], zygote: Zygote | None = None
    ) -> None:
        self.run_uid = uuid.uuid4().hex
        self.hash_seed = shared_hash_seed() if zygote is None else ""
        self.sys_path = sys_path
        self.fleet = Fleet(
            settings.hosts,
            root=config.rootpath,
            sys_path=sys_path,
            ignore=settings.sync_ignore,
            zygote=zygote,
            hash_seed=self.hash_seed,
            prelude=partial(prelude_for, config, run_uid=self.run_uid, sys_path=sys_path),
        )
        self.quarantine: Quarantine | None = None
        if has_quarantine(store := store_directory(config.rootpath)):
            from pytest_disttest.controller.quarantine import Quarantine

            self.quarantine = Quarantine(store, list(self.fleet.links), now=time.time())
            for name, link in self.fleet.links.items():
                link.barred = self.quarantine.barred(name)
        self.fleet.open()


def shared_hash_seed() -> str:
    """Return a hash seed for all workers; "" when the user has chosen one."""
    if os.environ.get("PYTHONHASHSEED") or not sys.flags.hash_randomization:
        return ""
    return str(random.SystemRandom().randrange(1, 2**32 - 1))
