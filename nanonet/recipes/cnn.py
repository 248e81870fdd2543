"""Convolutional networks on 5,000 of MNIST's digits, with augmentation (D0, D1, D2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet import optim
from nanonet.data import Augment, DataLoader, train_test_split
from nanonet.models.cnn import CNNConfig, make_cnn
from nanonet.recipes import recipe
from nanonet.recipes.digits import mnist5k_split
from nanonet.training import metrics


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The convolutional network's.

    weight_decay    λ of AdamW
    rotate          digits are turned by up to so many degrees
    scale           and made larger or smaller by up to this share
    shift           and moved by up to so many pixels; all three 0: no augmentation
    """

    model: CNNConfig = field(default_factory=CNNConfig)
    epochs: int = 15
    batch_size: int = 64
    lr: float = 2e-3
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
        x, self.val_x, y, self.val_y = train_test_split(x, y, test_size=400, seed=0, stratify=y)
        augment = Augment(rotate=s.rotate, scale=s.scale, crop=s.shift, seed=s.seed)
        self.loader = DataLoader((x, y), s.batch_size, shuffle=True, seed=s.seed, transform=augment)
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
        return np.concatenate([self.model(self.cast(x[i : i + 200])).numpy() for i in range(0, len(x), 200)])
