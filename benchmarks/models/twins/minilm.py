"""D3's head in PyTorch, on the vectors of MiniLM, or on MiniLM itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin
from nanonet_benchmarks.models.twins.bert import Bert
from nanonet_benchmarks.models.twins.mlp import Mlp


class Classifier(nn.Module):
    """ids, mask (N, T) -> logits (N, 1)."""

    def __init__(self, bert: Bert, head: nn.Module, layers: int) -> None:
        super().__init__()
        self.bert, self.head, self.layers = bert, head, layers

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.bert.embeddings(ids, torch.zeros_like(ids))
        states = []
        for layer in self.bert.encoder.layer:
            x = layer(x, mask.bool()[:, None, None])
            states.append(x)
        hidden = torch.cat(states[-self.layers :], -1)
        real = mask[..., None].to(hidden.dtype)
        return self.head((hidden * real).sum(1) / real.sum(1))


class MinilmTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        if not recipe.settings.finetune:
            return {"model": Mlp(recipe.model.config)}
        theirs = recipe.model.bert
        bert = Bert(theirs.config, pooler=theirs.pooler is not None)
        return {"model": Classifier(bert, Mlp(recipe.model.head.config), recipe.settings.layers)}

    def set_up(self) -> None:
        s = self.settings
        self.optimizer = torch.optim.AdamW(self.modules["model"].parameters(), lr=s.lr, weight_decay=s.weight_decay)

    def step(self, batch: Any) -> dict[str, float]:
        *inputs, y = batch
        self.optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.modules["model"](*inputs)[:, 0], y)
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}
