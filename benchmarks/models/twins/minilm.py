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

    def __init__(self, bert: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.bert, self.head = bert, head

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden, _ = self.bert(ids, mask, torch.zeros_like(ids))
        real = mask[..., None].to(hidden.dtype)
        return self.head(F.normalize((hidden * real).sum(1) / real.sum(1)))


class MinilmTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        head = Mlp(recipe.settings.network)
        if not recipe.settings.finetune:
            return {"model": head}
        config = recipe.model.bert.config
        return {"model": Classifier(Bert(config, pooler=recipe.model.bert.pooler is not None), head)}

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
