"""The MLP on digits, tables and lines: D0's tabular classifier, D2's digits, linear and logistic regression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet import optim
from nanonet.data import DataLoader, load, train_test_split
from nanonet.models.mlp import MLP, MLPConfig
from nanonet.recipes import recipe


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The MLP's.

    data        digits, mnist5k or breast_cancer
    """

    data: str = "digits"
    network: MLPConfig = field(default_factory=lambda: MLPConfig(inputs=64))
    epochs: int = 40


class MlpRecipe(recipe.Recipe):
    name = "mlp"
    title = "MLP on digits"
    summary = "perceptron with hidden layers on digits (D0, D2)"
    Settings = Settings

    def prepare(self) -> None:
        data = load(self.settings.data)
        x, x_test, y, y_test = train_test_split(data.x, data.y, test_size=0.2, seed=0, stratify=data.y)
        mean, std = x.mean(0), np.maximum(x.std(0), 0.1)
        self.test_x, self.test_y = (x_test - mean) / std, y_test
        self.loader = DataLoader(((x - mean) / std, y), self.settings.batch_size, shuffle=True, seed=self.settings.seed)
        model = MLP(self.settings.network)
        self.parts = {"model": model, "optimizer": optim.Adam(model.parameters(), lr=self.settings.lr)}

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.parts["optimizer"].zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.parts["optimizer"].step()
        return {"loss": loss.item()}

    def evaluate(self) -> dict[str, float]:
        logits = self.read(self.model(self.cast(self.test_x)))
        return {"accuracy": float((logits.argmax(1) == self.test_y).mean())}
