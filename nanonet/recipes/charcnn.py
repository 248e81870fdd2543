"""The character-level CNN (D2) tells from which part of a library a piece of source code is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.data.labelled import RandomCrop, pieces, read_labelled
from nanonet.models.charcnn import CharCNN, CharCNNConfig, encode
from nanonet.recipes import plots, recipe
from nanonet.recipes.samples import told
from nanonet.training import metrics
from nanonet.training.history import History

SHARES = (0.1, 0.2)  # of each class's characters: to look at meanwhile, to be judged by


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The character-level network's.

    data            scipy: from which of ten parts of SciPy is it? Or a folder that has a subfolder for each class
    length          characters of a piece of text
    weight_decay    λ of AdamW
    """

    data: str = "scipy"
    length: int = 256
    model: CharCNNConfig = field(default_factory=CharCNNConfig)
    epochs: int = 4
    batch_size: int = 64
    lr: float = 3e-3
    weight_decay: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        least = self.model.shortest
        self.expect("length", self.length >= least, f"at least {least}, which the poolings need")
        self.expect("weight_decay", self.weight_decay >= 0, "at least 0")


class CharCnnRecipe(recipe.Recipe):
    name = "charcnn"
    summary = "convolutions over characters: from which part of SciPy is a piece of source code? (D2)"
    Settings = Settings
    thin = 4  # of so many validation pieces one is looked at meanwhile

    def prepare(self) -> None:
        s = self.settings
        texts = read_labelled(s.data)
        train, val, test = texts.split(*SHARES)
        self.classes, self.title = texts.classes, f"character-level CNN on {s.data}"
        self.val, self.held_out = pieces(val, s.length), pieces(test, s.length)
        wide, y = pieces(train, 2 * s.length, step=s.length)  # cut anew in each epoch, at another place
        crop = RandomCrop(s.length, s.seed)
        self.loader = DataLoader((encode(wide, 2 * s.length), y), s.batch_size, True, s.seed, transform=crop)
        model = CharCNN(dataclasses.replace(s.model, outputs=len(texts.classes)))
        optimizer = optim.AdamW(model.parameters(), lr=s.lr, weight_decay=s.weight_decay)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, s.lr, total_steps=self.steps)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def step(self, batch: Any) -> dict[str, float]:
        tokens, y = batch
        self.parts["optimizer"].zero_grad()
        loss = F.cross_entropy(self.model(tokens), y)
        loss.backward()
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def evaluate(self) -> dict[str, float]:
        x, y = self.val[0][:: self.thin], self.val[1][:: self.thin]
        logits = self.logits(x)
        loss = F.cross_entropy(nt.tensor(logits), nt.tensor(y)).item()
        return {"loss": loss, "accuracy": metrics.accuracy(y, logits)}

    def test(self) -> dict[str, float]:
        x, y = self.held_out
        logits = self.logits(x)
        found = {"accuracy": metrics.accuracy(y, logits), "f1": metrics.f1(y, logits, average="macro")}
        return {**found, "accuracy_of_tf_idf": tf_idf(self.settings.data, self.settings.length)}

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """(N, classes), a few texts at a time."""
        parts = [encode(texts[i : i + 100], self.settings.length) for i in range(0, len(texts), 100)]
        return np.concatenate([self.read(self.model(self.cast(part))) for part in parts])

    def pictures(self, history: History) -> dict[str, bytes]:
        x, y = self.held_out
        said = self.logits(x).argmax(1)
        return {"curves.png": plots.curves(history), "confusion.png": plots.confusion(y, said, self.classes)}

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Texts, or the names of text files; of long ones all pieces are asked, and the mean of their logits counts."""
        if not inputs:
            raise ValueError(f"{self.name}: expected a text or the name of a text file, got none")
        logits = np.stack([self.logits(self.cut(read_text(text))).mean(0) for text in inputs])
        names = [text if len(text) <= 40 else f"{text[:39]}…" for text in inputs]
        return recipe.Shown(told([name.replace("\n", " ") for name in names], logits, self.classes))

    def cut(self, text: str) -> list[str]:
        """Pieces as in training; the last one may be shorter."""
        length = self.settings.length
        return [text[i : i + length] for i in range(0, len(text), length)]


def read_text(text: str) -> str:
    """The file's text where `text` names one, else itself. Raises ValueError if there is nothing in it."""
    path = Path(text)
    found = path.read_text(encoding="utf-8") if len(text) < 256 and path.is_file() else text
    if not found.strip():
        raise ValueError(f"charcnn: expected a text to classify, got {text!r}, which is empty")
    return found


@cache  # the same whoever is judged beside it, and slower than judging
def tf_idf(data: str, length: int) -> float:
    """The accuracy of logistic regression on TF-IDF of all runs of 1 to 4 characters, the usual strong baseline."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, _, test = (pieces(part, length) for part in read_labelled(data).split(*SHARES))
    features = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 4), lowercase=False, sublinear_tf=True, min_df=5, max_features=100_000
    )
    model = make_pipeline(features, LogisticRegression(C=10, max_iter=200))
    return float(model.fit(*train).score(*test))
