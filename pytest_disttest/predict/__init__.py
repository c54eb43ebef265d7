"""How long tests will take: learned from earlier runs, told as a median and a ninth decile, with what it rests on.

Pure: durations come in as values, and what was learned goes out as plain builtins. In contrast to other pure rooms,
the order of the input counts, for it is time: what came last is believed most.
"""

from __future__ import annotations

from pytest_disttest.predict.observation import FixtureCost, Observation, Prediction
from pytest_disttest.predict.predictor import Predictor
from pytest_disttest.predict.sharing import openings

__all__ = ["FixtureCost", "Observation", "Prediction", "Predictor", "openings"]
