"""The MLP in PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin

LOSSES = {"multiclass": nn.CrossEntropyLoss, "binary": nn.BCEWithLogitsLoss, "regression": nn.MSELoss}


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
        self.criterion = LOSSES[recipe.data.task]()  # type: ignore[attr-defined]
        return {"model": Mlp(recipe.model.config)}

    def set_up(self) -> None:
        s = self.settings
        cls = {"adam": torch.optim.AdamW, "sgd": torch.optim.SGD}[s.optimizer]
        self.optimizer = cls(self.modules["model"].parameters(), lr=s.lr, weight_decay=s.weight_decay)

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.optimizer.zero_grad()
        loss = self.criterion(self.modules["model"](x), y)
        matrices = [w for name, w in self.modules["model"].named_parameters() if name.endswith("weight")]
        l1 = sum(w.abs().sum() for w in matrices)
        l2 = sum(w.square().sum() for w in matrices)
        (loss + self.settings.l1 * l1 + self.settings.l2 * l2).backward()
        self.optimizer.step()
        return {"loss": loss.item()}
