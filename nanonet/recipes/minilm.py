"""A pretrained network put to a new use (D3, D4): MiniLM's vectors of English sentences, and D3's head on them."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim, random
from nanonet.data import DataLoader
from nanonet.data.download import cache_folder, write_atomically
from nanonet.data.english import Snippets, english_sentiment
from nanonet.data.lengths import LengthLoader
from nanonet.data.split import split_indices
from nanonet.models.mlp import MLP, MLPConfig
from nanonet.models.pretrained import load_pretrained
from nanonet.models.sentences import SentenceClassifier, minilm_folder, sentence_embeddings
from nanonet.recipes import recipe
from nanonet.training.history import History

SCALE = "scale.json"


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """MiniLM's.

    data        the source package of vaderSentiment, whose film reviews are read; none: in the cache
    body        folder of a pretrained BERT; none: MiniLM, of an installed package
    layers      how many of its layers, the last ones, are averaged over the tokens and put beside each other
    finetune    train the whole network, as D4 does, and not only the head
    length      tokens of a sentence that are read
    weight_decay  AdamW's; `network` is the head, whose inputs are as many as the vectors have numbers
    """

    data: str = ""
    body: str = ""
    layers: int = 3
    finetune: bool = False
    length: int = 64
    epochs: int = 8
    lr: float = 3e-4
    weight_decay: float = 0.01
    network: MLPConfig = field(default_factory=lambda: MLPConfig(inputs=384, hidden=(128,), outputs=1, dropout=0.5))


class MinilmRecipe(recipe.Recipe):
    name = "minilm"
    summary = "MiniLM's sentence vectors and D3's head: feelings in English film reviews (D3, D4)"
    Settings = Settings
    every = 250

    def prepare(self) -> None:
        settings = self.settings
        snippets = english_sentiment(settings.data)
        self.rows, self.labels = parts_of(snippets), snippets.labels
        self.texts = snippets.texts
        self.folder = self.place()
        rows = self.rows["train"]
        y = self.labels[rows].astype(np.float32)
        if settings.finetune:
            model = self.network()
            self.tokens = self.tokenizer.encodings(self.texts, max_length=settings.length)
            lengths = [len(self.tokens[row].ids) for row in rows]
            self.loader = LengthLoader((rows, y), lengths, settings.batch_size, seed=settings.seed)
        else:
            self.raw = kept_vectors(self.folder, tuple(self.texts), settings.length, settings.layers)
            self.mean, self.std = self.raw[rows].mean(0), np.maximum(self.raw[rows].std(0), 1e-3)  # some never change
            self.vectors = self.scaled(self.raw)
            model = self.network(self.vectors.shape[1])
            self.loader = DataLoader((self.vectors[rows], y), settings.batch_size, shuffle=True, seed=settings.seed)
        optimizer = optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
        self.parts = {"model": model, "optimizer": optimizer}

    def place(self) -> Path:
        return Path(self.settings.body) if self.settings.body else minilm_folder()

    def network(self, inputs: int = 0) -> Any:
        """The head for vectors of so many numbers; with `finetune` MiniLM under its head."""
        settings = self.settings
        if not settings.finetune:
            return MLP(settings.network.replace(inputs=inputs))
        bert, self.tokenizer = load_pretrained(self.folder)
        head = MLP(settings.network.replace(inputs=settings.layers * bert.config.hidden_size))
        return SentenceClassifier(bert.train(), head, settings.layers)

    def scaled(self, vectors: np.ndarray) -> np.ndarray:
        """Each number with mean 0 and variance 1 in the training part."""
        return (vectors - self.mean) / self.std

    def draw(self, batch: Any) -> Any:
        rows, y = batch
        return self.cast((*self.inputs(rows.numpy()), y) if self.settings.finetune else batch)

    def inputs(self, rows: Any) -> tuple[Any, ...]:
        """What the network reads of these texts: ids and mask, or the vectors alone."""
        if not self.settings.finetune:
            return (self.vectors[rows],)
        return self.tokenizer.batch([self.tokens[row] for row in rows])[:2]

    def step(self, batch: Any) -> dict[str, float]:
        *inputs, y = batch
        self.parts["optimizer"].zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.model(*inputs)[:, 0], y)
        loss.backward()
        self.parts["optimizer"].step()
        return {"loss": loss.item()}

    def accuracy(self, part: str) -> float:
        rows = self.rows[part]
        logits = [
            self.read(self.model(*self.cast(self.inputs(some)))) for some in np.array_split(rows, len(rows) // 64 + 1)
        ]
        return float(((np.concatenate(logits)[:, 0] > 0) == self.labels[rows]).mean())

    def evaluate(self) -> dict[str, float]:
        return {"accuracy": self.accuracy("validation")}

    def test(self) -> dict[str, float]:
        """Test accuracy, with its standard error √(p (1 - p) / n), beside a bag of words and the larger class."""
        found, y = self.accuracy("test"), self.labels[self.rows["test"]]
        return {
            "test_accuracy": found,
            "standard_error": math.sqrt(found * (1 - found) / len(y)),
            "tfidf_accuracy": tfidf(tuple(self.texts), tuple(self.labels.tolist())),
            "majority": float(max(y.mean(), 1 - y.mean())),
            "test_sentences": float(len(y)),
        }

    def pictures(self, history: History) -> dict[str, bytes]:
        from nanonet.recipes.minilm_pictures import sentence_map

        if self.settings.finetune:
            return {}
        rows = self.rows["test"]
        return {"minilm.png": sentence_map(self.raw[rows], self.labels[rows])}

    def extras(self) -> dict[str, str]:
        return {} if self.settings.finetune else {SCALE: json.dumps([self.mean.tolist(), self.std.tolist()]) + "\n"}

    @classmethod
    def restore(cls, settings: recipe.Settings, extras: Mapping[str, str]) -> MinilmRecipe:
        """Without the reviews; MiniLM itself is needed to read a sentence."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made.folder = made.place()
        if SCALE in extras:
            made.mean, made.std = np.array(json.loads(extras[SCALE]), np.float32)
        made.parts = {"model": made.network(0 if made.settings.finetune else len(made.mean))}
        return made

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Positive or negative, for each sentence."""
        if self.settings.finetune:
            tokens = self.tokenizer(inputs, max_length=self.settings.length)[:2]
        else:
            settings = self.settings
            found = sentence_embeddings(
                *load_pretrained(self.folder), list(inputs), settings.length, layers=settings.layers
            )
            tokens = (self.scaled(found),)
        with self.judging():
            p = self.read(F.sigmoid(self.model(*self.cast(tokens))))[:, 0]
        named = [("positive", one) if one > 0.5 else ("negative", 1 - one) for one in p]
        return recipe.Shown(
            tuple(f"{name} {sure:.2f}  {text}" for (name, sure), text in zip(named, inputs, strict=True))
        )


def parts_of(snippets: Snippets) -> dict[str, np.ndarray]:
    """Row numbers: a fixed fifth to test on, and a tenth of the rest to look at while training."""
    rest, test = split_indices(len(snippets.texts), 0.2, seed=0, stratify=snippets.labels)
    train, validation = split_indices(len(rest), 0.1, seed=0, stratify=snippets.labels[rest])
    return {"train": rest[train], "validation": rest[validation], "test": test}


def kept_vectors(folder: Path, texts: tuple[str, ...], length: int, layers: int) -> np.ndarray:
    """MiniLM's vectors (N, layers · D), computed once for a folder and texts, and then kept in the cache."""
    size = (folder / "model.safetensors").stat().st_size if (folder / "model.safetensors").exists() else 0
    key = hashlib.sha256(repr((folder.name, size, length, layers, texts)).encode()).hexdigest()[:16]
    file = cache_folder() / f"sentences-{key}.npy"
    if not file.exists():
        state = random.get_state()
        model, tokenizer = load_pretrained(folder)
        random.set_state(state)  # a run that finds the vectors in the cache draws the same numbers
        buffer = io.BytesIO()
        np.save(buffer, sentence_embeddings(model, tokenizer, texts, length, layers=layers))
        write_atomically(file, buffer.getvalue())
    return np.load(file)


@cache
def tfidf(texts: tuple[str, ...], labels: tuple[int, ...]) -> float:
    """Test accuracy of words and pairs of words, weighted, with logistic regression: what has to be beaten.

    Its strength of regularisation is chosen by 3-fold validation within the whole training part.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    x, y = np.array(texts, object), np.array(labels)
    rest, test = split_indices(len(y), 0.2, seed=0, stratify=y)
    words = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
    search: Any = GridSearchCV(words, {"logisticregression__C": [3, 10, 30, 100]}, cv=3).fit(x[rest], y[rest])
    return float(search.score(x[test], y[test]))
