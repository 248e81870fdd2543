"""Do the recipe and its twin, from the same weights on the same batches, have the same loss at every step?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.recipes import Recipe, find
from nanonet_benchmarks.models import twins
from nanonet_benchmarks.models.twin import as_torch

RTOL = {"float32": 1e-3, "float64": 1e-8}


@dataclass(frozen=True)
class Agreement:
    """Both sides' figures of each step."""

    dtype: str
    ours: list[dict[str, float]]
    theirs: list[dict[str, float]]

    @property
    def worst(self) -> float:
        """The largest relative difference of a figure (against at least 1e-3 of its largest value in the run)."""
        worst = 0.0
        for name in self.ours[0]:
            a, b = (np.array([row[name] for row in rows]) for rows in (self.ours, self.theirs))
            worst = max(worst, float((abs(a - b) / np.maximum(abs(b), 1e-3 * abs(b).max() + 1e-300)).max()))
        return worst

    @property
    def holds(self) -> bool:
        return self.worst <= RTOL[self.dtype]


def agree(name: str, changes: dict[str, Any], dtype: str, steps: int = 50) -> Agreement:
    """Both for `steps` steps. `changes` are settings; dropout must be 0: the two libraries draw other masks."""
    cls = find(name)
    recipe = cls(cls.Settings().replace(**changes), dtype)
    twin = twins.find(name)(recipe)
    ours, theirs = [], []
    for batch in drawn(recipe, steps):
        theirs.append(twin.step(as_torch(batch)))
        ours.append(recipe.step(batch))
    return Agreement(dtype, ours, theirs)


def drawn(recipe: Recipe, steps: int) -> Iterator[Any]:
    """`steps` batches, epoch after epoch."""
    done = 0
    while done < steps:
        for batch in recipe.loader:
            yield recipe.draw(batch)
            done += 1
            if done == steps:
                return
