"""The Transformer: an encoder reads a sequence, a decoder writes another. Source: Vaswani et al. 2017; D3, D4."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nanonet import functional as F
from nanonet.creation import arange, tensor
from nanonet.device import on_host
from nanonet.models.attention import Attention, KeysValues
from nanonet.models.config import Config
from nanonet.models.positions import LearnedPositions, SinusoidalPositions
from nanonet.nn import Dropout, Embedding, LayerNorm, Linear, Module, ModuleList, init
from nanonet.tensor import Tensor

PAD, BEGIN, END = 0, 1, 2  # tokens that every vocabulary begins with


@dataclass(frozen=True)
class TransformerConfig(Config):
    """The sizes of an EncoderDecoder.

    positions    learned, sinusoidal (Vaswani et al. 2017) or rotary (Su et al. 2021)
    layers       of the encoder, and of the decoder
    heads        attentions side by side in a layer; they share d_model
    d_model      features of a token
    feedforward  units between the two linear layers that follow each attention
    length       tokens in a sequence, at most
    dropout      share of features and of attention left out in each step
    """

    positions: Literal["learned", "sinusoidal", "rotary"] = "rotary"
    layers: int = 2
    heads: int = 4
    d_model: int = 64
    feedforward: int = 256
    length: int = 40
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("layers", "heads", "feedforward"):
            self.expect(name, getattr(self, name) >= 1, "at least 1")
        multiple = 2 * self.heads if self.positions == "rotary" else math.lcm(2, self.heads)
        words = f"a multiple of {multiple} ({self.heads} heads, positions {self.positions})"
        self.expect("d_model", self.d_model >= 1 and self.d_model % multiple == 0, words)
        self.expect("length", self.length >= 2, "at least 2")
        self.expect("dropout", 0 <= self.dropout < 1, "a share from 0 to below 1")


class Layer(Module):
    """What a layer of the encoder and one of the decoder have in common; the parameters' names are PyTorch's.

    Each part is x ← x + dropout(part(norm(x))): the norm before the part lets deep stacks train without a warm-up of
    thousands of steps. (Vaswani et al. have it after the sum; Xiong et al. 2020 compare both.)
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        length = config.length if config.positions == "rotary" else 0
        self.self_attn = Attention(config.d_model, config.heads, config.dropout, length)
        self.linear1 = Linear(config.d_model, config.feedforward)
        self.linear2 = Linear(config.feedforward, config.d_model)
        self.norm1 = LayerNorm(config.d_model)
        self.norm2 = LayerNorm(config.d_model)
        self.dropout = Dropout(config.dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """W₂ max(0, W₁ x + b₁) + b₂: the same for every token."""
        return self.linear2(self.dropout(F.relu(self.linear1(x))))


class EncoderLayer(Layer):
    """Every token looks at every token, then thinks for itself.  x (N, S, D) -> (N, S, D)."""

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        """`keep` (N, 1, 1, S): False where a token is padding."""
        y = self.norm1(x)
        x = x + self.dropout(self.self_attn(self.self_attn.queries(y), self.self_attn.keys_values(y), keep))
        return x + self.dropout(self.feed_forward(self.norm2(x)))


class DecoderLayer(Layer):
    """Every token looks at those up to itself, then at the encoder's, then thinks.  x (N, T, D) -> (N, T, D)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.multihead_attn = Attention(config.d_model, config.heads, config.dropout)
        self.norm3 = LayerNorm(config.d_model)

    def forward(
        self, x: Tensor, memory: KeysValues, keep: Tensor, past: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """x after the layer, and its keys and values of all tokens so far, which the next call takes as `past`."""
        start = 0 if past is None else past[0].shape[2]
        y = self.norm1(x)
        queries, now = self.self_attn.queries(y, start), self.self_attn.keys_values(y, start)
        if past is not None:
            now = (F.concatenate([past[0], now[0]], axis=2), F.concatenate([past[1], now[1]], axis=2))
        x = x + self.dropout(self.self_attn(queries, now, causal(start, x.shape[1])))
        x = x + self.dropout(self.multihead_attn(self.multihead_attn.queries(self.norm2(x)), memory, keep))
        return x + self.dropout(self.feed_forward(self.norm3(x))), now


class Stack(Module):
    """Layers, and the norm after the last."""

    def __init__(self, layers: list[Module], width: int) -> None:
        super().__init__()
        self.layers = ModuleList(layers)
        self.norm = LayerNorm(width)


@dataclass(frozen=True)
class Encoded:
    """What the decoder sees of the source: each of its layers' keys and values, and where there is no padding."""

    memory: tuple[KeysValues, ...]
    keep: Tensor


class EncoderDecoder(Module):
    """P(target token | source, target tokens before it).  source (N, S), target (N, T) -> logits (N, T, vocabulary).

    Tokens are whole numbers; 0 is padding, 1 begins a target and 2 ends it. A source token never sees padding; a target
    token sees no later one, so that all T predictions of a target are trained at once.
    """

    def __init__(self, config: TransformerConfig, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        D, n = config.d_model, config.layers
        self.embedding = Embedding(vocabulary, D)
        kinds = {"learned": LearnedPositions, "sinusoidal": SinusoidalPositions}
        kind = kinds.get(config.positions)
        self.positions = None if kind is None else kind(config.length, D)  # rotary ones are inside the attention
        self.encoder = Stack([EncoderLayer(config) for _ in range(n)], D)
        self.decoder = Stack([DecoderLayer(config) for _ in range(n)], D)
        self.dropout = Dropout(config.dropout)
        self.head = Linear(D, vocabulary)
        for name, weight in self.named_parameters():
            if weight.ndim > 1 and name.startswith(("encoder", "decoder")):
                init.xavier_uniform_(weight)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, self.encode(source))[0]

    def encode(self, source: Tensor) -> Encoded:
        """Read the source (N, S)."""
        keep = (source != PAD).reshape(source.shape[0], 1, 1, source.shape[1])
        x = self._embed(source, 0)
        for layer in self.encoder.layers:
            x = layer(x, keep)
        x = self.encoder.norm(x)
        return Encoded(tuple(layer.multihead_attn.keys_values(x) for layer in self.decoder.layers), keep)

    def decode(
        self, target: Tensor, encoded: Encoded, past: tuple[KeysValues, ...] | None = None
    ) -> tuple[Tensor, tuple[KeysValues, ...]]:
        """Logits for the tokens after target (N, T), and the past for the call with the tokens that follow these.

        With `past`, `target` has the new tokens only: what was computed for the earlier ones does not change.
        """
        x = self._embed(target, 0 if past is None else past[0][0].shape[2])
        now: list[KeysValues] = []
        for i, layer in enumerate(self.decoder.layers):
            x, seen = layer(x, encoded.memory[i], encoded.keep, None if past is None else past[i])
            now.append(seen)
        return self.head(self.decoder.norm(x)), tuple(now)

    def _embed(self, tokens: Tensor, start: int) -> Tensor:
        if start + tokens.shape[1] > self.config.length:
            raise ValueError(
                f"EncoderDecoder: expected at most {self.config.length} tokens in a sequence, got "
                f"{start + tokens.shape[1]}; shorten it, or train with a larger length"
            )
        x = self.embedding(tokens)
        return self.dropout(x if self.positions is None else self.positions(x, start))


def causal(start: int, count: int) -> Tensor | None:
    """(count, start + count): True where token start + i sees token j, j ≤ start + i. None for one, which sees all."""
    if count == 1:
        return None
    return arange(start + count) <= arange(start, start + count).reshape(count, 1)


def greedy(model: EncoderDecoder, source: Tensor, limit: int) -> np.ndarray:
    """The likeliest token again and again, at most `limit`.  source (N, S) -> (N, ≤ limit), PAD after END.

    Each step decodes one token: keys and values of those before are kept.
    """
    encoded, past, written = model.encode(source), None, []
    token = np.full((source.shape[0], 1), BEGIN)
    open_ = np.ones(source.shape[0], bool)
    for _ in range(limit):
        logits, past = model.decode(tensor(token, device=source.device), encoded, past)
        best = np.where(open_, on_host(logits.array)[:, -1].argmax(-1), PAD)
        written.append(best)
        open_ &= best != END
        if not open_.any():
            break
        token = best[:, None]
    return np.stack(written, axis=1)


def sequence_loss(logits: Tensor, wanted: Tensor) -> Any:
    """Cross-entropy of the tokens that are not padding.  logits (N, T, vocabulary), wanted (N, T)."""
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1), ignore_index=PAD)
