"""Every recipe's first steps on the device are NumPy's: the networks, their losses, updates and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.cuda.backend import backend
from nanonet.backends.cuda.simulation import SimulatedCuda
from nanonet.data.download import DataUnavailable
from tests import model_promises as promise

assert isinstance(backend, SimulatedCuda)

BERT = {"vocab_size": 60, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
TINY: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": "8", "batch_size": 4, "dropout": 0},
    "cnn": {"network": "lenet", "channels": 1, "batch_size": 2},
    "vae": {"architecture": "dense", "units": 4, "hidden": 4, "latent": 2, "batch_size": 2},
    "gan": {"network": "dense", "channels": 2, "hidden": 8, "latent": 2, "batch_size": 2},
    "rnn": {"hidden": 4, "batch_size": 2},
    "charrnn": {"data": "text", "hidden": 4, "embedding": 3, "batch_size": 2, "window": 5},
    "transformer": {"d_model": 8, "heads": 2, "feedforward": 8, "lines": 20, "batch_size": 2},
    "gpt": {"data": "text", "n_positions": 6, "n_embd": 8, "n_layer": 1, "n_head": 2, "batch_size": 2},
    "bert": {"data": "text", "length": 16, "batch_size": 2, **BERT},
}


@pytest.fixture
def text(tmp_path: Path) -> str:
    """A folder with a little text in several files."""
    for i in range(8):
        lines = [f"line {j} of file {i} says that {j} and {i} are {i + j}.\n" for j in range(40)]
        (tmp_path / f"{i}.txt").write_text("".join(lines))
    return str(tmp_path)


@pytest.mark.parametrize("name", TINY)
def test_a_recipe_trains_on_the_device(name: str, text: str) -> None:
    changes = {key: text if value == "text" else value for key, value in TINY[name].items()}
    losses = []
    for where in ("numpy", "cuda"):
        with nt.use(where):
            try:
                recipe = promise.make(name, steps=2, **changes)
            except (DataUnavailable, ImportError) as error:
                pytest.skip(str(error))
            batches = iter(recipe.loader)
            losses.append([recipe.step(recipe.draw(next(batches)))["loss"] for _ in range(2)])
            assert all(w.device == ("cpu" if where == "numpy" else "cuda") for w in recipe.model.parameters())
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
