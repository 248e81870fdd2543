"""The character RNN in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin
from nanonet_benchmarks.models.twins.rnn import CELLS


class CharRnn(nn.Module):
    def __init__(self, config: Any, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, config.embedding)
        self.recurrent = CELLS[config.cell](
            config.embedding,
            config.hidden,
            config.layers,
            batch_first=True,
            dropout=config.dropout if config.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden, vocabulary)

    def forward(self, tokens: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        output, state = self.recurrent(self.dropout(self.embedding(tokens)), state)
        return self.head(self.dropout(output)), state


class CharRnnTwin(Twin):
    def build(self, recipe: Any) -> dict[str, nn.Module]:
        return {"model": CharRnn(recipe.settings.network, recipe.tokenizer.vocab_size)}

    def __init__(self, recipe: Recipe) -> None:
        self.steps = recipe.steps
        super().__init__(recipe)

    def set_up(self) -> None:
        self.optimizer = torch.optim.Adam(self.modules["model"].parameters(), lr=self.settings.lr)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, self.steps)
        self.state: Any = None

    def step(self, batch: Any) -> dict[str, float]:
        x, y, carry = batch
        model = self.modules["model"]
        self.optimizer.zero_grad()
        logits, state = model(x, self.carried(carry))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), self.settings.clip or float("inf"))
        self.optimizer.step()
        self.schedule.step()
        self.state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        return {"loss": loss.item(), "norm": norm.item()}

    def carried(self, carry: torch.Tensor) -> Any:
        """The last window's state, zeros where a stream begins."""
        if self.state is None:
            return None
        keep = carry[None, :, None]
        return tuple(part * keep for part in self.state) if isinstance(self.state, tuple) else self.state * keep
