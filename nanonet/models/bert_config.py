"""The sizes of a BERT, under the names of Hugging Face's config.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from nanonet import functional as F
from nanonet.models.config import Config
from nanonet.tensor import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "relu": F.relu,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": F.tanh,
}


@dataclass(frozen=True)
class BertConfig(Config):
    """The sizes of a BERT, under Hugging Face's names.

    family                        bert; roberta: positions from pad_token_id + 1; albert: one layer, again and again
    vocab_size                    tokens
    hidden_size                   features of a token, in every layer
    num_hidden_layers             layers
    num_attention_heads           heads of each layer
    intermediate_size             units of the network of two layers that follows the attention
    hidden_act                    what lies between those two layers
    hidden_dropout_prob           share of the features left out in each step
    attention_probs_dropout_prob  share of the attention left out in each step
    max_position_embeddings       the longest text, in tokens
    type_vocab_size               kinds of texts that are told apart: first and second
    initializer_range             standard deviation of new weights
    layer_norm_eps                added to the variance by the normalisations
    pad_token_id                  the token that fills a batch up
    embedding_size                features of a token in albert's table; 0: hidden_size
    """

    title: ClassVar[str] = "bert"
    family: Literal["bert", "roberta", "albert"] = "bert"
    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    embedding_size: int = 0

    def __post_init__(self) -> None:
        for name in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
            self.expect(name, getattr(self, name) >= 1, "at least 1")
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            self.expect(name, 0 <= getattr(self, name) < 1, "a share from 0 to below 1")
        divides = self.hidden_size % self.num_attention_heads == 0
        self.expect("num_attention_heads", divides, f"a divisor of hidden_size={self.hidden_size}")
        self.expect("hidden_act", self.hidden_act in ACTIVATIONS, f"one of {', '.join(ACTIVATIONS)}")
        self.expect("type_vocab_size", self.type_vocab_size >= 1, "at least 1")
        self.expect("max_position_embeddings", self.longest >= 1, "room for at least one token")
        self.expect("initializer_range", self.initializer_range > 0, "above 0")
        self.expect("layer_norm_eps", self.layer_norm_eps > 0, "above 0")
        self.expect("pad_token_id", 0 <= self.pad_token_id < self.vocab_size, "a token of the vocabulary")
        self.expect("embedding_size", self.embedding_size >= 0, "at least 0")
        factorised = self.family == "albert" or self.embedding_size in (0, self.hidden_size)
        self.expect("embedding_size", factorised, "0: only family=albert has a table of another width")

    @property
    def longest(self) -> int:
        """Tokens of the longest text. RoBERTa's first positions, up to that of the padding, belong to no token."""
        return self.max_position_embeddings - (self.pad_token_id + 1 if self.family == "roberta" else 0)
