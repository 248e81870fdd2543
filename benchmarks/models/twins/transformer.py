"""The Transformer in PyTorch: torch.nn's encoder and decoder; for rotary positions, with another self-attention."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class RotaryAttention(nn.MultiheadAttention):
    """Queries and keys as complex numbers, multiplied by e^{i t ω}."""

    def forward(self, query: Any, key: Any, value: Any, attn_mask: Any = None, key_padding_mask: Any = None, **_: Any):  # type: ignore[override]
        N, T, D = query.shape
        q, k, v = (
            part.view(N, T, self.num_heads, self.head_dim).transpose(1, 2)
            for part in nn.functional.linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        )
        hidden = torch.zeros(1, 1, 1, 1, dtype=torch.bool)
        for mask, shape in ((attn_mask, (1, 1, T, T)), (key_padding_mask, (N, 1, 1, T))):
            if mask is not None:
                hidden = hidden | ((mask != 0) if mask.is_floating_point() else mask).view(shape)
        y = nn.functional.scaled_dot_product_attention(self.turn(q), self.turn(k), v, attn_mask=~hidden)
        return self.out_proj(y.transpose(1, 2).reshape(N, T, D)), None

    def turn(self, x: torch.Tensor) -> torch.Tensor:
        omega = 1e4 ** (-torch.arange(0, self.head_dim, 2, dtype=torch.float64) / self.head_dim)
        angles = torch.outer(torch.arange(x.shape[2], dtype=torch.float64), omega)
        turns = torch.polar(torch.ones_like(angles), angles).to(x.dtype.to_complex())
        return torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous()) * turns).flatten(-2)


class EncoderDecoder(nn.Module):
    def __init__(self, config: Any, vocabulary: int) -> None:
        super().__init__()
        self.kind, D = config.positions, config.d_model
        options: dict[str, Any] = {"dropout": config.dropout, "batch_first": True, "norm_first": True}
        encoder = nn.TransformerEncoderLayer(D, config.heads, config.feedforward, **options)
        decoder = nn.TransformerDecoderLayer(D, config.heads, config.feedforward, **options)
        if self.kind == "rotary":
            for layer in (encoder, decoder):
                layer.self_attn = RotaryAttention(D, config.heads, config.dropout, batch_first=True)
        self.embedding = nn.Embedding(vocabulary, D)
        if self.kind == "learned":
            self.positions = nn.Embedding(config.length, D)
        self.encoder = nn.TransformerEncoder(encoder, config.layers, nn.LayerNorm(D), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, config.layers, nn.LayerNorm(D))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(D, vocabulary)

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embedding(tokens)
        T, D = x.shape[1:]
        if self.kind == "learned":
            x = x + self.positions(torch.arange(T))
        elif self.kind == "sinusoidal":
            x = x + torch.tensor(waves(T, D), dtype=x.dtype)
        return self.dropout(x)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        padding = source == 0
        future = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        memory = self.encoder(self.embed(source), src_key_padding_mask=padding)
        y = self.decoder(self.embed(target), memory, tgt_mask=future, memory_key_padding_mask=padding)
        return self.head(y)


def waves(length: int, width: int) -> np.ndarray:
    """Vaswani et al. 2017, section 3.5, number by number."""
    table = np.zeros((length, width))
    for t in range(length):
        for i in range(0, width, 2):
            table[t, i] = math.sin(t / 10000 ** (i / width))
            table[t, i + 1] = math.cos(t / 10000 ** (i / width))
    return table


class TransformerTwin(Twin):
    def __init__(self, recipe: Recipe) -> None:
        self.steps = recipe.steps
        super().__init__(recipe)

    def build(self, recipe: Any) -> dict[str, nn.Module]:
        return {"model": EncoderDecoder(recipe.settings.network, len(recipe.alphabet))}

    def set_up(self) -> None:
        settings = self.settings
        self.optimizer = torch.optim.Adam(self.modules["model"].parameters(), lr=settings.lr, betas=(0.9, 0.98))
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, settings.lr, self.steps, pct_start=settings.warmup, cycle_momentum=False
        )

    def step(self, batch: Any) -> dict[str, float]:
        source, given, wanted = batch
        model = self.modules["model"]
        self.optimizer.zero_grad()
        logits = model(source, given)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=0)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), self.settings.clip or float("inf"))
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item(), "norm": norm.item()}
