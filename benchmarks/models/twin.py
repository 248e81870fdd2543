"""What a twin is: the recipe's network, loss and optimizer once more, in PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch

from nanonet.device import on_host
from nanonet.recipes import Recipe
from nanonet.tensor import Tensor


class Twin(ABC):
    """Begins with the recipe's weights, in its dtype; takes the batches that the recipe drew.

    modules     {part: torch module}, for each of the recipe's parts that is a Module, with the same state_dict
    """

    modules: dict[str, torch.nn.Module]

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.settings
        self.dtype = torch.float64 if recipe.dtype == np.float64 else torch.float32
        self.modules = self.build(recipe)
        for part, module in self.modules.items():
            module.to(self.dtype)
            module.load_state_dict(part_of(recipe.weights(), part))
        self.set_up()

    @abstractmethod
    def build(self, recipe: Recipe) -> dict[str, torch.nn.Module]:
        """The networks, with the sizes of the recipe's settings; their weights are copied afterwards."""

    @abstractmethod
    def set_up(self) -> None:
        """The optimizers and schedules, after the weights are there."""

    @abstractmethod
    def step(self, batch: Any) -> dict[str, float]:
        """One step on a batch of torch tensors (see `as_torch`), as the recipe's `step`."""

    def weights(self) -> dict[str, np.ndarray]:
        """For `recipe.load_weights`."""
        return {
            f"{part}.{name}": value.detach().cpu().numpy().copy()
            for part, module in self.modules.items()
            for name, value in module.state_dict().items()
        }


def part_of(weights: dict[str, np.ndarray], part: str) -> dict[str, torch.Tensor]:
    """The state_dict of one part."""
    start = f"{part}."
    return {name[len(start) :]: torch.tensor(w) for name, w in weights.items() if name.startswith(start)}


def as_torch(batch: Any) -> Any:
    """A drawn batch with torch tensors for nanonet's."""
    if isinstance(batch, dict):
        return {name: as_torch(part) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        return tuple(as_torch(part) for part in batch)
    return torch.from_numpy(np.ascontiguousarray(on_host(batch.array))) if isinstance(batch, Tensor) else batch
