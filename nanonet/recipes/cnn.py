"""Convolutional networks on 5,000 of MNIST's digits, with augmentation (D0, D1, D2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet import optim
from nanonet.data import Augment, DataLoader, train_test_split
from nanonet.models.cnn import CNNConfig, make_cnn
from nanonet.recipes import plots, recipe
from nanonet.recipes.digits import mnist5k_split, read_digit
from nanonet.recipes.samples import told
from nanonet.training import metrics
from nanonet.training.history import History

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The convolutional network's.

    weight_decay    λ of AdamW
    rotate          digits are turned by up to so many degrees
    scale           and made larger or smaller by up to this share
    shift           and moved by up to so many pixels; all three 0: no augmentation
    """

    model: CNNConfig = field(default_factory=lambda: CNNConfig(network="resnet"))
    epochs: int = 12
    batch_size: int = 64
    lr: float = 1e-2
    weight_decay: float = 1e-2
    rotate: float = 10.0
    scale: float = 0.1
    shift: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("weight_decay", self.weight_decay >= 0, "at least 0")
        self.expect("rotate", 0 <= self.rotate <= 180, "degrees from 0 to 180")
        self.expect("scale", 0 <= self.scale <= 1, "a share from 0 to 1")
        self.expect("shift", 0 <= self.shift <= 14, "pixels from 0 to 14")


class CnnRecipe(recipe.Recipe):
    name = "cnn"
    summary = "convolutional networks on 5,000 digits of MNIST, with augmentation (D0, D1, D2)"
    Settings = Settings
    every = 57

    def prepare(self) -> None:
        s = self.settings
        x, y, self.test_x, self.test_y = mnist5k_split()
        self.x, self.val_x, y, self.val_y = train_test_split(x, y, test_size=400, seed=0, stratify=y)
        self.augment = Augment(rotate=s.rotate, scale=s.scale, crop=s.shift, seed=s.seed)
        self.loader = DataLoader((self.x, y), s.batch_size, shuffle=True, seed=s.seed, transform=self.augment)
        self.title = f"{s.model.network} on 5,000 digits of MNIST"
        model = make_cnn(s.model)
        optimizer = optim.AdamW(model.parameters(), lr=s.lr, weight_decay=s.weight_decay)
        schedule = optim.lr_scheduler.OneCycleLR(optimizer, s.lr, total_steps=self.steps)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.parts["optimizer"].zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item()}

    def evaluate(self) -> dict[str, float]:
        logits = self.logits(self.val_x)
        loss = F.cross_entropy(self.cast(logits), self.cast(self.val_y)).item()
        return {"loss": loss, "accuracy": metrics.accuracy(self.val_y, logits)}

    def test(self) -> dict[str, float]:
        return {"accuracy": metrics.accuracy(self.test_y, self.logits(self.test_x))}

    def logits(self, x: np.ndarray) -> np.ndarray:
        """(N, 1, 28, 28) -> (N, 10), a few at a time."""
        return np.concatenate([self.read(self.model(self.cast(x[i : i + 200]))) for i in range(0, len(x), 200)])

    def pictures(self, history: History) -> dict[str, bytes]:
        logits, first = self.logits(self.test_x), next(w for w in self.model.parameters() if w.ndim == 4)
        augmented = [self.augment.at(epoch, 0)(self.x[:10]) for epoch in range(3)]
        rows = np.concatenate([self.x[:10], *augmented])[:, 0]  # ten digits, and below them what training sees
        return {
            "curves.png": plots.curves(history),
            "augmented.png": plots.images(rows),
            "filters.png": plots.images(self.read(first)[:, 0], columns=8, signed=True),
            "mistakes.png": plots.mistakes(self.test_x[:, 0], self.test_y, logits),
            "confusion.png": plots.confusion(self.test_y, logits.argmax(1), DIGITS),
        }

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Image files with a digit each; without any, the first digits of the test part."""
        if inputs:
            x = np.stack([read_digit(path) for path in inputs])[:, None]
        else:
            x = self.test_x[: how.count]
            inputs = [f"test digit {i}, a {y}" for i, y in enumerate(self.test_y[: how.count])]
        return recipe.Shown(told(inputs, self.logits(x), DIGITS), {"seen.png": plots.images(x[:, 0])})
