"""The character-level CNN in PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class CharCnn(nn.Module):
    def __init__(self, config: Any, vocabulary: int) -> None:
        super().__init__()
        widths = [config.embedding, *config.channels]
        self.embedding = nn.Embedding(vocabulary, config.embedding, padding_idx=0)
        self.convolutions = nn.ModuleList(
            [nn.Conv1d(m, n, config.kernel, padding="same") for m, n in itertools.pairwise(widths)]
        )
        self.pool = nn.MaxPool1d(config.pool)
        self.dense = nn.Linear(widths[-1], config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(config.hidden, config.outputs)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens).transpose(1, 2)
        for convolution in self.convolutions:
            x = self.pool(convolution(x).relu())
        x = self.dropout(x.amax(dim=2))
        return self.output(self.dropout(self.dense(x).relu()))


class CharCnnTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        self.steps = recipe.steps
        return {"model": CharCnn(recipe.model.config, recipe.model.embedding.num_embeddings)}

    def set_up(self) -> None:
        s = self.settings
        self.optimizer = torch.optim.AdamW(self.modules["model"].parameters(), lr=s.lr, weight_decay=s.weight_decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=s.lr, total_steps=self.steps)

    def step(self, batch: Any) -> dict[str, float]:
        tokens, y = batch
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.modules["model"](tokens), y)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item()}
