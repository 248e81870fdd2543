"""The MLP on digits, tables and lines: D0's tabular classifier, D2's digits, linear and logistic regression."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data import DataLoader, k_fold
from nanonet.models.mlp import MLP, MLPConfig
from nanonet.recipes import plots, recipe
from nanonet.recipes.digits import read_digit, read_once
from nanonet.recipes.samples import Scale, divided, told
from nanonet.training import metrics
from nanonet.training.history import History

Data = Literal["digits", "mnist5k", "breast_cancer", "linear"]
Optimizer = Literal["adam", "sgd"]
FOLDS = 5
LOSSES = {  # the data's task -> its loss on the network's outputs
    "multiclass": F.cross_entropy,
    "binary": F.binary_cross_entropy_with_logits,
    "regression": F.mse_loss,
}


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The MLP's.

    data            digits, mnist5k, breast_cancer or linear
    hidden          units of the hidden layers; none: linear or logistic regression
    dropout         share of the hidden units left out in each step
    optimizer       adam or sgd
    weight_decay    every step also takes the share lr · weight_decay away from the weights (AdamW)
    l1              λ of the penalty λ Σ|w| on the weights
    l2              λ of the penalty λ Σw² on the weights
    """

    data: Data = "digits"
    hidden: tuple[int, ...] = (128, 64)
    dropout: float = 0.3
    optimizer: Optimizer = "adam"
    weight_decay: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    epochs: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        MLPConfig(hidden=self.hidden, dropout=self.dropout)  # refuses what it cannot have
        for name in ("weight_decay", "l1", "l2"):
            self.expect(name, 0 <= getattr(self, name) < float("inf"), "a number of at least 0")


class MlpRecipe(recipe.Recipe):
    name = "mlp"
    summary = "perceptron with hidden layers on digits (D0, D2)"
    Settings = Settings

    def prepare(self) -> None:
        s = self.settings
        self.data = read_once(s.data)
        self.title = f"MLP on {s.data}"
        self.loss, self.every = LOSSES[self.data.task], 100
        train, self.val, self.held_out = divided(self.data)
        self.begin(*train)

    def begin(self, x: np.ndarray, y: np.ndarray) -> None:
        """A new network, to be trained on these samples."""
        s, data = self.settings, self.data
        self.scale = Scale.of(x, data)
        self.loader = DataLoader((self.scale(x), y), s.batch_size, shuffle=True, seed=s.seed)
        outputs = len(data.classes) if data.task == "multiclass" else 1
        model = MLP(MLPConfig(x.shape[1], s.hidden, outputs, s.dropout)).to(dtype=self.dtype)
        cls = optim.AdamW if s.optimizer == "adam" else optim.SGD
        optimizer = cls(model.parameters(), lr=s.lr, weight_decay=s.weight_decay)
        self.parts = {"model": model, "optimizer": optimizer}

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.parts["optimizer"].zero_grad()
        loss = self.loss(self.model(x), y)
        (loss + self.penalty()).backward()
        self.parts["optimizer"].step()
        return {"loss": loss.item()}

    def penalty(self) -> Any:
        """λ₁ Σ|w| + λ₂ Σw² over the weights, not the biases."""
        weights, s = [layer.weight for layer in self.model.layers], self.settings
        l1 = optim.l1_penalty(weights, s.l1) if s.l1 else 0.0
        return l1 + optim.l2_penalty(weights, s.l2) if s.l2 else l1

    def evaluate(self) -> dict[str, float]:
        outputs = self.outputs(self.val[0])
        loss = self.loss(self.cast(outputs), self.cast(self.val[1])).item()
        if self.data.task == "regression":
            return {"loss": loss}
        return {"loss": loss, "accuracy": metrics.accuracy(self.val[1], outputs, kind=self.kind)}

    def test(self) -> dict[str, float]:
        y, outputs = self.held_out[1], self.outputs(self.held_out[0])
        if self.data.task == "regression":
            return {"mse": metrics.rmse(y, outputs) ** 2, **self.line()}
        found = {"accuracy": metrics.accuracy(y, outputs, kind=self.kind)}
        if self.data.task == "binary":
            for name in ("precision", "recall", "f1", "roc_auc"):
                found[name] = getattr(metrics, name)(y, outputs, kind=self.kind)
            found[f"accuracy_of_{FOLDS}_folds"] = self.cross_validated()
        return found

    @property
    def kind(self) -> str:
        """What the outputs are, for the metrics."""
        return "logits" if self.data.task == "binary" else self.data.task

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """The network's outputs for samples as the data has them."""
        return self.read(self.model(self.cast(self.scale(x))))

    def line(self) -> dict[str, float]:
        """Slope and intercept of linear regression on one number."""
        first = self.model.layers[0]
        if self.settings.hidden or first.weight.size != 1:
            return {}
        return {"slope": first.weight.item(), "intercept": first.bias.item()}

    def cross_validated(self) -> float:
        """The mean accuracy of five networks, each trained on four fifths of all samples and judged by the others."""
        found, y = [], self.data.loss_target
        for train, held_out in k_fold(len(self.data), FOLDS, seed=0, stratify=self.data.y):
            fold = copy.copy(self)
            nt.manual_seed(self.settings.seed)
            with nt.enable_grad():
                fold.begin(self.data.x[train], y[train])
                fold.loop(evaluate=None, every=fold.steps, verbose=0).run()
            with fold.judging():
                found.append(metrics.accuracy(y[held_out], fold.outputs(self.data.x[held_out]), kind=self.kind))
        return float(np.mean(found))

    def pictures(self, history: History) -> dict[str, bytes]:
        made, data, (x, y) = {"curves.png": plots.curves(history)}, self.data, self.held_out
        outputs = self.outputs(x)
        if data.image_shape:
            weights = self.read(self.model.layers[0].weight)[:60].reshape(-1, *data.image_shape)
            made["mistakes.png"] = plots.mistakes(x.reshape(-1, *data.image_shape), y, outputs)
            made["weights.png"] = plots.images(weights, signed=True)
        elif data.task == "binary":
            made["roc.png"] = plots.roc(y, outputs)
            made["confusion.png"] = plots.confusion(y[:, 0].astype(int), (outputs > 0)[:, 0].astype(int), data.classes)
        else:
            made["line.png"] = plots.line(*self.data, *(a[:: len(a) // 100] for a in (x, outputs)))
        return made

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Image files or rows of numbers; without any, the first samples of the test part."""
        x = np.stack([self.sample(text) for text in inputs]) if inputs else self.held_out[0][: how.count]
        names = inputs or [f"test sample {i}" for i in range(len(x))]
        outputs = self.outputs(x)
        if self.data.task == "regression":
            return recipe.Shown(tuple(f"{name}: {y:.3f}" for name, y in zip(names, outputs[:, 0], strict=True)))
        if self.data.task == "binary":
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)  # softmax(0, z)₁ is sigmoid(z)
        return recipe.Shown(told(names, outputs, self.data.classes))

    def sample(self, text: str) -> np.ndarray:
        """The sample (D,) that an input stands for."""
        if self.data.image_shape:
            side = self.data.image_shape[0]
            full = {} if side == 28 else {"box": side, "middle": (side - 1) / 2}  # scikit-learn's fill their square
            return read_digit(text, side, **full).reshape(-1)
        width = self.data.x.shape[1]
        try:
            row = np.array([float(part) for part in text.split(",")], np.float32)
        except ValueError:
            raise ValueError(f"{self.name}: expected numbers with commas between them, got {text!r}") from None
        if row.shape != (width,):
            raise ValueError(f"{self.name}: expected {width} numbers for a sample of {self.data.name}, got {len(row)}")
        return row
