"""The MLP in PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class Mlp(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        sizes = (config.inputs, *config.hidden, config.outputs)
        self.layers = nn.ModuleList([nn.Linear(m, n) for m, n in itertools.pairwise(sizes)])
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = self.dropout(torch.relu(layer(x)))
        return self.layers[-1](x)


class MlpTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        return {"model": Mlp(recipe.settings.network)}

    def set_up(self) -> None:
        self.optimizer = torch.optim.Adam(self.modules["model"].parameters(), lr=self.settings.lr)

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.modules["model"](x), y)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}
