"""Question answering in PyTorch: a linear layer of two outputs on BERT, where the answer begins and where it ends."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin
from nanonet_benchmarks.models.twins.bert import Bert


class Answering(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.bert = Bert(config, pooler=False)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        start, end = self.qa_outputs(self.bert(ids, mask, kinds)[0]).unbind(-1)
        return start, end


class QaTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        self.steps = recipe.steps
        return {"model": Answering(recipe.model.config)}

    def set_up(self) -> None:
        model: Any = self.modules["model"]
        s = self.settings
        if s.body != "scratch" and not s.embeddings:
            model.bert.embeddings.requires_grad_(False)
        learned = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(learned, lr=s.lr, weight_decay=s.weight_decay)
        rise = s.warmup * self.steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda step: (step + 1) / (rise + 1) if step < rise else (self.steps - step) / (self.steps - rise),
        )

    def step(self, batch: Any) -> dict[str, float]:
        model = self.modules["model"]
        ids, mask, kinds, first, last = batch
        self.optimizer.zero_grad()
        start, end = model(ids, mask, kinds)
        loss = (F.cross_entropy(start, first) + F.cross_entropy(end, last)) / 2
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item()}
