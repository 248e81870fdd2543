"""A recurrent network reads a digit row by row (D3)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nanonet as nt
from nanonet import functional as F
from nanonet import optim
from nanonet.data import Augment, DataLoader
from nanonet.device import on_host
from nanonet.models.recurrent import ClassifierConfig, SequenceClassifier
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import recipe
from nanonet.recipes.digits import mnist5k_split, read_digit
from nanonet.recipes.rnn_pictures import gradient_pictures
from nanonet.tensor import Tensor
from nanonet.training.history import History


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The recurrent network's on digits.

    clip        the largest norm of a gradient, all parameters together; longer ones are shortened to it; 0: none is
    shift       pixels by which a digit is moved at random in training
    validation  training digits that are kept for the figures during training
    """

    network: ClassifierConfig = field(default_factory=ClassifierConfig)
    epochs: int = 20
    lr: float = 2e-3
    clip: float = 1.0
    shift: int = 2
    validation: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("clip", 0 <= self.clip < float("inf"), "a number of at least 0")
        self.expect("shift", 0 <= self.shift <= 14, "from 0 to 14")
        self.expect("validation", 1 <= self.validation <= 3000, "from 1 to 3000")


class RnnRecipe(recipe.Recipe):
    name = "rnn"
    summary = "RNN, LSTM or GRU that reads a digit row by row (D3)"
    Settings = Settings

    def prepare(self) -> None:
        settings = self.settings
        x, y, self.test_x, self.test_y = mnist5k_split()
        n = len(x) - settings.validation
        self.held_x, self.held_y = x[n:], y[n:]
        self.loader = DataLoader(
            (x[:n], y[:n]),
            settings.batch_size,
            shuffle=True,
            seed=settings.seed,
            transform=Augment(crop=settings.shift, seed=settings.seed) if settings.shift else None,
        )
        model = SequenceClassifier(settings.network)
        optimizer = optim.Adam(model.parameters(), lr=settings.lr)
        schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
        self.title = f"{settings.network.cell} that reads {n:,} digits row by row"

    def draw(self, batch: Any) -> Any:
        x, y = batch
        return self.cast((rows_of(x), y))

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.parts["optimizer"].zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        norm = clip_grad_norm_(self.model.parameters(), self.settings.clip or float("inf"))
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item(), "norm": norm.item()}

    def evaluate(self) -> dict[str, float]:
        return judge(self.model, self.cast(rows_of(self.held_x)), self.held_y)

    def test(self) -> dict[str, float]:
        return judge(self.model, self.cast(rows_of(self.test_x)), self.test_y)

    def pictures(self, history: History) -> dict[str, bytes]:
        """How far back gradients reach, in small networks that are trained for the picture on the same digits."""
        batches = DataLoader(self.loader.dataset, self.settings.batch_size, shuffle=True, seed=0)
        drawn = (self.draw(batch) for batch in itertools.chain.from_iterable(itertools.repeat(batches)))
        with self.judging():  # what they draw does not count
            return gradient_pictures(drawn)

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Which digit the network sees after every fourth row of image files, or of test digits by their numbers."""
        if not inputs:
            raise ValueError("rnn: expected image files of digits, or numbers of test digits, 0 to 999; got none")
        return recipe.Shown(tuple(line for text in inputs for line in self._read(text)))

    def _read(self, text: str) -> list[str]:
        if text.isdecimal():
            if int(text) >= len(self.test_x):
                raise ValueError(f"rnn: expected the number of a test digit, 0 to {len(self.test_x) - 1}, got {text}")
            image, about = self.test_x[int(text), 0], f"test digit {text}, a {self.test_y[int(text)]}"
        else:
            image, about = read_digit(text), text
        x = self.cast(image[None])
        lines = [f"{about}:"]
        for rows in range(4, x.shape[1] + 1, 4):
            p = self.read(F.softmax(self.model(x[:, :rows]), dim=-1))[0]
            lines.append(f"  after {rows:2} rows: {p.argmax()} ({p.max():.0%})")
        return lines


def rows_of(images: Any) -> Any:
    """(N, 1, 28, 28) -> (N, 28, 28): a row of pixels in each step."""
    return images[:, 0]


def judge(model: SequenceClassifier, x: Tensor, y: np.ndarray) -> dict[str, float]:
    """The share of right classes, and the mean loss."""
    logits = model(x)
    right = on_host(logits.array).argmax(1) == y
    return {"accuracy": float(right.mean()), "loss": F.cross_entropy(logits, nt.tensor(y)).item()}
