"""The sentiment classifier in PyTorch: guessing hidden tokens, then classifying."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nanonet_benchmarks.models.twin import Twin
from nanonet_benchmarks.models.twins.bert import Bert, Heads


class Bag(nn.Module):
    ratio: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size, 1))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("ratio", torch.zeros(size, 1))

    def forward(self, numbers: Tensor) -> Tensor:
        terms = F.embedding_bag(numbers, self.weight * self.ratio, mode="sum").squeeze(1)
        return self.scale * terms / (1 + (numbers > 0).sum(1)).to(terms.dtype).sqrt()


class Classifier(nn.Module):
    def __init__(self, c: Any, pooling: str, units: int, ngrams: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.bert = Bert(c, pooler=False)
        self.cls = Heads(c, pairs=False)
        self.dense = nn.Linear(c.hidden_size * len(pooling.split("+")), units)
        self.output = nn.Linear(units, 1)
        self.dropout = nn.Dropout(c.hidden_dropout_prob)
        self.bag = Bag(ngrams) if ngrams else None

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor, numbers: Tensor | None) -> Tensor:
        x, _ = self.bert(ids, mask, kinds)
        padding = ~mask.bool()[:, :, None]
        pooled = {
            "mean": x.masked_fill(padding, 0).sum(1) / mask.sum(1, keepdim=True),
            "max": x.masked_fill(padding, -torch.inf).amax(1),
            "cls": x[:, 0],
        }
        p = self.dropout(torch.cat([pooled[how] for how in self.pooling.split("+")], dim=1))
        y = self.output(self.dropout(torch.relu(self.dense(p)))).squeeze(1)
        return y if self.bag is None or numbers is None else y + self.bag(numbers)

    def guess(self, ids: Tensor, mask: Tensor, kinds: Tensor, at: Tensor) -> Tensor:
        x, _ = self.bert(ids, mask, kinds)
        return self.cls.predictions(x.flatten(0, 1)[at], self.bert.embeddings.word_embeddings.weight)


class SentimentTwin(Twin):
    def build(self, recipe: Any) -> dict[str, nn.Module]:
        self.steps, self.first = recipe.steps, recipe.pretraining
        ngrams = 0 if recipe.model.bag is None else len(recipe.model.bag.ratio)
        return {"model": Classifier(recipe.model.config, self.settings.pooling, self.settings.units, ngrams)}

    def set_up(self) -> None:
        model: Any = self.modules["model"]
        s = self.settings
        groups: list[dict[str, Any]] = [{"params": [p for n, p in model.named_parameters() if "bag." not in n]}]
        if model.bag is not None:
            groups.append({"params": list(model.bag.parameters()), "lr": s.ngram_lr / s.lr, "weight_decay": 0.0})
        self.optimizer = torch.optim.AdamW(groups, lr=1.0, weight_decay=s.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self.rate)

    def rate(self, step: int) -> float:
        """For each of the two parts: up in a straight line, then down to 0."""
        s = self.settings
        begin, end, top = (0, self.first, s.pretrain_lr) if step < self.first else (self.first, self.steps, s.lr)
        rise = s.warmup * (end - begin)
        done = step - begin
        return top * (done / rise if done < rise else max(0.0, (end - begin - done) / (end - begin - rise)))

    def step(self, batch: Any) -> dict[str, float]:
        model: Any = self.modules["model"]
        self.optimizer.zero_grad()
        inputs = batch["ids"], batch["mask"], batch["kinds"]
        if "targets" in batch:
            loss = F.cross_entropy(model.guess(*inputs, batch["at"]), batch["targets"])
        else:
            logits = model(*inputs, batch.get("numbers"))
            loss = F.binary_cross_entropy_with_logits(logits, batch["labels"])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item()}
