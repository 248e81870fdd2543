"""D3's text classifier: an encoder, average pooling, Dense 128 ReLU, Dense 1."""

from __future__ import annotations

from typing import Any

from nanonet import functional as F
from nanonet.models.bert import BertModel
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_heads import BertMaskedHead, chosen
from nanonet.models.bert_layers import initialise
from nanonet.models.pooling import pool
from nanonet.models.wide import NgramBag
from nanonet.nn import Dropout, Linear, Module
from nanonet.tensor import Tensor

POOLINGS = ("mean", "cls", "max", "mean+max")


class TextClassifier(Module):
    """Praise or complaint:  ids (N, T) -> logits (N,) of class 1; the sigmoid is part of the loss.

    h = BERT(ids);  p = the mean of h over the text's tokens;  y = w₂ max(0, W₁ p + b₁) + b₂  [+ bag(numbers)]

    pooling     mean, D3's; cls; max; or mean+max, both beside each other
    units       of the hidden layer
    ratio       of n-grams, for a bag of them beside the network (see NgramBag); None: there is none

    `guess` is the network's other use, in pretraining: logits of hidden tokens. Source: D3's program.
    """

    def __init__(self, config: BertConfig, pooling: str = "mean", units: int = 128, ratio: Any = None) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"TextClassifier: expected pooling as one of {', '.join(POOLINGS)}, got {pooling!r}")
        self.config, self.pooling = config, pooling.split("+")
        self.bert = BertModel(config, pooler=False)
        self.cls = BertMaskedHead(config)
        self.dense = Linear(config.hidden_size * len(self.pooling), units)
        self.output = Linear(units, 1)
        self.dropout = Dropout(config.hidden_dropout_prob)
        self.bag = None if ratio is None else NgramBag(ratio)
        initialise(self.cls, config)

    def forward(self, ids: Tensor, mask: Tensor, kinds: Tensor | None = None, numbers: Tensor | None = None) -> Tensor:
        """ids, mask (1 for a token, 0 for padding), kinds (N, T), the n-grams' numbers (N, L) -> (N,)."""
        h = self.bert(ids, mask, kinds).last_hidden_state
        p = F.concatenate([pool(h, mask, how) for how in self.pooling], axis=-1)
        y = self.output(self.dropout(F.relu(self.dense(self.dropout(p)))))[:, 0]
        return y if self.bag is None or numbers is None else y + self.bag(numbers)

    def guess(self, ids: Tensor, mask: Tensor, kinds: Tensor | None, at: Tensor) -> Tensor:
        """Logits (M, vocab_size) of the tokens at the places `at` (M,) of the flattened batch."""
        h = chosen(self.bert(ids, mask, kinds).last_hidden_state, at)
        return self.cls.predictions(h, self.bert.embeddings.word_embeddings.weight)
