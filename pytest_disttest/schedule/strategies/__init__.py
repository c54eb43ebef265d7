"""The strategies by name, one small file each; plugins add theirs through ``pytest_disttest_strategies``."""

from typing import Final

from pytest_disttest.registry import Registry

DEFAULT: Final = "adaptive"

STRATEGIES: Final = Registry(
    "strategy",
    {
        "adaptive": "pytest_disttest.schedule.strategies.adaptive:guide",
        "deadline": "pytest_disttest.schedule.strategies.deadline:guide",
        "historical": "pytest_disttest.schedule.strategies.historical:guide",
        "learned": "pytest_disttest.schedule.strategies.learned:guide",
        "max-parallel": "pytest_disttest.schedule.strategies.max_parallel:guide",
        "resource-aware": "pytest_disttest.schedule.strategies.resource_aware:guide",
        "simple": "pytest_disttest.schedule.strategies.simple:guide",
        "workload": "pytest_disttest.schedule.strategies.workload:guide",
    },
)
