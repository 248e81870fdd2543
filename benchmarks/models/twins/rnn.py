"""The reader of digits in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Classifier(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.recurrent = CELLS[config.cell](
            config.inputs,
            config.hidden,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden, config.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output, _ = self.recurrent(x)
        return self.head(self.dropout(output[:, -1, :]))


class RnnTwin(Twin):
    def __init__(self, recipe: Recipe) -> None:
        self.steps = recipe.steps
        super().__init__(recipe)

    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        return {"model": Classifier(recipe.settings.network)}

    def set_up(self) -> None:
        self.optimizer = torch.optim.Adam(self.modules["model"].parameters(), lr=self.settings.lr)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, self.steps)

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        model = self.modules["model"]
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), self.settings.clip or float("inf"))
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item(), "norm": norm.item()}
