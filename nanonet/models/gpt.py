"""GPT: the decoder-only Transformer that continues a text (D3), in GPT-2's form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nanonet import functional as F
from nanonet.creation import arange, tensor
from nanonet.device import on_host
from nanonet.models.config import Config
from nanonet.nn import Dropout, Embedding, LayerNorm, Linear, Module, ModuleList, init
from nanonet.tensor import Tensor
from nanonet.variable import no_grad

ACTIVATIONS = {
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu": F.gelu,
    "relu": F.relu,
}


@dataclass(frozen=True)
class GPTConfig(Config):
    """The sizes of a GPT, by the names of GPT-2's config.json.

    vocab_size              tokens there are
    n_positions             tokens that it sees at once
    n_embd                  features of a token
    n_layer                 blocks
    n_head                  heads of attention, which share the features
    n_inner                 hidden units of a block's perceptron; none: 4 n_embd
    activation_function     gelu_new (GPT-2's: by tanh), gelu (exact) or relu
    layer_norm_epsilon      added to the variance in layer normalisation
    initializer_range       standard deviation of the initial weights
    embd_pdrop              dropout after the embedding
    resid_pdrop             dropout of what a block adds
    attn_pdrop              dropout of the attention weights
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    activation_function: Literal["gelu_new", "gelu", "relu"] = "gelu_new"
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    embd_pdrop: float = 0.0
    resid_pdrop: float = 0.0
    attn_pdrop: float = 0.0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            self.expect(name, getattr(self, name) >= 1, "at least 1")
        self.expect("n_inner", self.n_inner is None or self.n_inner >= 1, "at least 1, or none")
        self.expect("n_head", self.n_embd % self.n_head == 0, f"a divisor of n_embd ({self.n_embd})")
        self.expect("layer_norm_epsilon", 0 < self.layer_norm_epsilon < 1, "above 0 and below 1")
        self.expect("initializer_range", 0 < self.initializer_range < 10, "above 0 and below 10")
        for name in ("embd_pdrop", "resid_pdrop", "attn_pdrop"):
            self.expect(name, 0 <= getattr(self, name) < 1, "a share from 0 to below 1")


class KVCache:
    """The keys and values of the tokens seen so far, of each layer: what attention needs of the past.

    With it, a further token costs one pass of that token alone.
    """

    def __init__(self, config: GPTConfig) -> None:
        self.layers: list[tuple[Tensor, Tensor] | None] = [None] * config.n_layer

    def __len__(self) -> int:
        """Tokens seen, T."""
        first = self.layers[0]
        return 0 if first is None else first[0].shape[2]

    def extended(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """All keys and values (N, heads, T, D) of a layer, with those of new tokens at the end, which are kept."""
        before = self.layers[layer]
        if before is not None:
            k, v = (F.concatenate(pair, axis=2) for pair in zip(before, (k, v), strict=True))
        self.layers[layer] = (k.detach(), v.detach())
        return k, v

    def select(self, rows: Sequence[int] | np.ndarray) -> None:
        """Go on with these rows of the batch, in this order; a row may come several times (beam search)."""
        chosen = np.asarray(rows, np.int64)
        self.layers = [pair and (pair[0][chosen], pair[1][chosen]) for pair in self.layers]


class CausalSelfAttention(Module):
    """y = softmax(q kᵀ / √D + mask) v, in n_head heads: a token attends to itself and those before it.

    x (N, T, C) -> y (N, T, C). c_attn gives q, k and v side by side. D4 divides exp(q kᵀ/√D) by itself; it is the
    softmax, whose sum runs over the keys.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.c_attn = Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = Linear(config.n_embd, config.n_embd)
        self.dropout = config.attn_pdrop

    def forward(self, x: Tensor, layer: int, cache: KVCache | None) -> Tensor:
        N, T, C = x.shape
        qkv = F.reshape(self.c_attn(x), (N, T, 3, self.n_head, C // self.n_head))
        q, k, v = (F.swapaxes(qkv[:, :, i], 1, 2) for i in range(3))  # (N, heads, T, D)
        if cache is not None:
            k, v = cache.extended(layer, k, v)
        past = k.shape[2] - T
        mask = None
        if past and T > 1:  # query i is token past + i
            mask = F.less_equal(arange(past + T), F.expand_dims(arange(past, past + T), 1)).to(x.device)
        y = F.scaled_dot_product_attention(q, k, v, mask, self.dropout if self.training else 0.0, is_causal=past == 0)
        return self.c_proj(F.reshape(F.swapaxes(y, 1, 2), (N, T, C)))


class Perceptron(Module):
    """y = f(x W₁ + b₁) W₂ + b₂, for each token by itself. x (N, T, C) -> y (N, T, C)."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        hidden = config.n_inner or 4 * config.n_embd
        self.c_fc = Linear(config.n_embd, hidden)
        self.c_proj = Linear(hidden, config.n_embd)
        self.activation = ACTIVATIONS[config.activation_function]

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.activation(self.c_fc(x)))


class Block(Module):
    """x ← x + attention(norm(x));  x ← x + perceptron(norm(x)). The norm comes first, so that a path without any
    operation leads through all blocks."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.mlp = Perceptron(config)
        self.dropout = Dropout(config.resid_pdrop)

    def forward(self, x: Tensor, layer: int, cache: KVCache | None) -> Tensor:
        x = x + self.dropout(self.attn(self.ln_1(x), layer, cache))
        return x + self.dropout(self.mlp(self.ln_2(x)))


class GPT(Module):
    """Logits of the next token at every place: tokens ids (N, T) -> (N, T, vocab_size).

    x = wte[ids] + wpe[0 … T-1];  x ← block(x), n_layer times;  logits = norm(x) wteᵀ: the embedding is the output's
    weight too. Weights start as N(0, 0.02²), those that end a residual branch as N(0, 0.02² / (2 n_layer)), so that
    the sum over the branches keeps its size; biases start at 0.

    Names are GPT-2's. Its files have the four matrices of a block transposed; see `nanonet.models.gpt2_format`.
    Source: Radford et al. 2018 and 2019 (GPT, GPT-2).
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.wpe = Embedding(config.n_positions, config.n_embd)
        self.dropout = Dropout(config.embd_pdrop)
        self.h = ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = LayerNorm(config.n_embd, eps=config.layer_norm_epsilon)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """New random weights."""
        std = self.config.initializer_range
        for name, w in self.named_parameters():
            if name.endswith("bias"):
                init.zeros_(w)
            elif w.ndim == 2:
                ends_branch = name.endswith("c_proj.weight")
                init.normal_(w, std=std / math.sqrt(2 * self.config.n_layer) if ends_branch else std)

    def forward(self, ids: Tensor, cache: KVCache | None = None) -> Tensor:
        """With a cache, ids (N, T) are the tokens after those that it has seen, and it sees them too.

        Raises ValueError for more tokens than n_positions, those in the cache included.
        """
        past = 0 if cache is None else len(cache)
        self._refuse(ids, past)
        x = self.wte(ids) + self.wpe.weight[past : past + ids.shape[1]]
        x = self.dropout(x)
        for layer, block in enumerate(self.h):
            x = block(x, layer, cache)
        return F.linear(self.ln_f(x), self.wte.weight)

    def _refuse(self, ids: Tensor, past: int) -> None:
        if ids.ndim != 2 or not ids.shape[1]:
            raise ValueError(f"GPT: expected tokens (N, T) with T of at least 1, got shape {ids.shape}")
        length, most = past + ids.shape[1], self.config.n_positions
        if length > most:
            raise ValueError(
                f"GPT: expected at most {most} tokens (n_positions), got a sequence of {length}; "
                "give the last ones only, or train with a larger n_positions"
            )


class Reader:
    """The logits that follow a text, read on from where it was: `reader(ids)`, tokens ids (N, T) -> (N, V), arrays.

    Each call's ids are those of the call before with further tokens at the end, or with `rows`, row i goes on from row
    rows[i]. Only the new tokens pass through the model; `cached=False` computes all anew, for comparison. A text
    longer than n_positions is seen through a window, see `window_start`: where that moves, it is read anew.
    """

    def __init__(self, model: GPT, cached: bool = True) -> None:
        if model.training:
            raise ValueError("Reader: the model is in training mode, with dropout; call model.eval() first")
        self.model, self.cached = model, cached
        self.cache: KVCache | None = None
        self.start = 0

    def __call__(self, ids: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        ids = np.asarray(ids, np.int64)
        start = window_start(ids.shape[1], self.model.config.n_positions)
        if self.cache is None or start != self.start or not self.cached:
            self.cache, self.start = KVCache(self.model.config), start
        elif rows is not None:
            self.cache.select(rows)
        new = tensor(ids[:, start + len(self.cache) :], device=self.model.wte.weight.device)
        with no_grad():
            return on_host(self.model(new, self.cache)[:, -1].array).astype(np.float64)


def window_start(length: int, n_positions: int) -> int:
    """Where the window begins through which a text of `length` tokens is seen.

    It moves on by half a window whenever it is full, so that at least the last n_positions // 2 tokens are seen, and
    a cache of keys and values, which depend on their position, is of use in between.
    """
    stride = n_positions - n_positions // 2
    return max(0, -(-(length - n_positions) // stride)) * stride


def next_token_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """-1/(NT) Σ log p(target), in nats: logits (N, T, V), targets (N, T), each the token after its place."""
    return F.cross_entropy(F.reshape(logits, (-1, logits.shape[-1])), F.reshape(targets, (-1,)))


def decayed(model: Module) -> tuple[list[Tensor], list[Tensor]]:
    """(matrices and embeddings, biases and gains): weight decay is for the first."""
    parameters = list(model.parameters())
    return [w for w in parameters if w.ndim >= 2], [w for w in parameters if w.ndim < 2]
