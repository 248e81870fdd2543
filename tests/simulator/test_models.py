"""Every recipe's first steps on the device are NumPy's: the networks, their losses, updates and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.cuda.backend import backend
from nanonet.backends.cuda.simulation import SimulatedCuda
from tests import model_promises as promise

assert isinstance(backend, SimulatedCuda)

TINY: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": "8", "batch_size": 4},
}


@pytest.mark.parametrize("name", TINY)
def test_a_recipe_trains_on_the_device(name: str) -> None:
    losses = []
    for where in ("numpy", "cuda"):
        with nt.use(where):
            recipe = promise.make(name, steps=2, **TINY[name])
            batches = iter(recipe.loader)
            losses.append([recipe.step(recipe.draw(next(batches)))["loss"] for _ in range(2)])
            assert all(w.device == ("cpu" if where == "numpy" else "cuda") for w in recipe.model.parameters())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
