"""What is promised of every recipe, as functions that the tests of each call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.recipes import Recipe, find


def make(name: str, dtype: str = "float32", **changes: Any) -> Recipe:
    cls = find(name)
    return cls(cls.Settings().replace(**changes), dtype)


def overfits(recipe: Recipe, steps: int, below: float, figure: str = "loss") -> None:
    """The loss on one batch, again and again, falls below `below`."""
    batch = recipe.draw(next(iter(recipe.loader)))
    figures = [recipe.step(batch)[figure] for _ in range(steps)]
    assert figures[-1] < below < figures[0], f"from {figures[0]:.4f} to {figures[-1]:.4f} in {steps} steps"


def repeats(name: str, steps: int, **changes: Any) -> None:
    """Two runs from one seed have the same figures, to the last bit; another seed has others."""
    runs = [make(name, steps=steps, seed=seed, **changes).loop(verbose=0).run() for seed in (3, 3, 4)]
    first, second, other = [{k: v for k, v in run.items() if k != "seconds"} for run in runs]
    assert first == second
    assert first["loss"] != other["loss"]


def resumes(name: str, steps: int, folder: Any, **changes: Any) -> None:
    """A run that was stopped half way and goes on ends in the weights of one that was not stopped."""
    whole = make(name, steps=steps, **changes)
    whole.loop(verbose=0).run()
    half = make(name, steps=steps, **changes)
    loop = half.loop(verbose=0, folder=folder)
    loop.steps = steps // 2
    loop.run()
    rest = make(name, steps=steps, **changes)
    rest.loop(verbose=0, folder=folder).run(resume=True)
    for key, w in whole.weights().items():
        np.testing.assert_array_equal(rest.weights()[key], w, err_msg=key)


def agrees(name: str, steps: int = 50, **changes: Any) -> None:
    """The losses are the PyTorch twin's at every step: rtol 1e-3 in float32, 1e-8 in float64."""
    pytest.importorskip("torch", reason="the twin is written in PyTorch")
    from nanonet_benchmarks.models.agreement import agree

    for dtype in ("float32", "float64"):
        found = agree(name, changes, dtype, steps)
        assert found.holds, f"{dtype}: {found.worst:.2e}"


def travels_losslessly(name: str, **changes: Any) -> None:
    """Weights in the twin, and the twin's (after steps of its own) back here, are the same to the last bit."""
    pytest.importorskip("torch", reason="the twin is written in PyTorch")
    from nanonet_benchmarks.models import twins
    from nanonet_benchmarks.models.twin import as_torch

    recipe = make(name, **changes)
    twin = twins.find(name)(recipe)
    before = recipe.weights()
    same(twin.weights(), before)
    twin.step(as_torch(recipe.draw(next(iter(recipe.loader)))))
    assert any((w != before[key]).any() for key, w in twin.weights().items())
    recipe.load_weights(twin.weights())
    same(recipe.weights(), twin.weights())


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].dtype == b[key].dtype, key
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def same_on_numba(name: str, steps: int = 3, rtol: float = 2e-4, **changes: Any) -> None:
    """The numba backend's losses are NumPy's."""
    import nanonet as nt

    losses = []
    for backend in ("numpy", "numba"):
        with nt.use(backend):
            losses.append(make(name, steps=steps, **changes).loop(verbose=0, every=1).run()["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=rtol)
