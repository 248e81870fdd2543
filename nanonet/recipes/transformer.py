"""A Transformer translates dates, sorts letters, or adds numbers (D3, D4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.data.sequence_tasks import TASKS, Alphabet, Pair
from nanonet.models.transformer import EncoderDecoder, TransformerConfig, greedy, sequence_loss
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import recipe


@dataclass(frozen=True)
class Settings(recipe.Settings):
    """The Transformer's.

    task        dates (to 1998-03-03), sorting (letters) or addition (of two numbers)
    lines       different lines to train on
    clip        the largest norm of a gradient; longer ones are shortened to it; 0: none is
    warmup      share of the steps in which the learning rate rises
    """

    task: Literal["dates", "sorting", "addition"] = "dates"
    lines: int = 50_000
    network: TransformerConfig = field(default_factory=TransformerConfig)
    steps: int = 4000
    batch_size: int = 64
    lr: float = 3e-3
    clip: float = 1.0
    warmup: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.expect("lines", self.lines >= 1, "at least 1")
        self.expect("clip", 0 <= self.clip < float("inf"), "a number of at least 0")
        self.expect("warmup", 0 <= self.warmup < 1, "a share from 0 to below 1")


class TransformerRecipe(recipe.Recipe):
    name = "transformer"
    summary = "encoder and decoder that translate dates, sort letters or add numbers (D3, D4)"
    Settings = Settings
    every = 250

    def prepare(self) -> None:
        settings = self.settings
        task = TASKS[settings.task]
        self.alphabet = Alphabet(task.characters)
        self.held, self.tested = task.pairs("validation", 200), task.pairs("test", 2000)
        self.loader = DataLoader(
            self.encoded(task.pairs("train", settings.lines)), settings.batch_size, shuffle=True, seed=settings.seed
        )
        model = EncoderDecoder(settings.network, len(self.alphabet))
        optimizer = optim.Adam(model.parameters(), lr=settings.lr, betas=(0.9, 0.98))
        schedule = optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, max(self.steps, 1), pct_start=settings.warmup, cycle_momentum=False
        )
        self.parts = {"model": model, "optimizer": optimizer, "schedule": schedule}

    def encoded(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """source (N, S); given (N, T), what the decoder sees; wanted (N, T), what it should say: given, one on."""
        source, wanted = (self.alphabet.encode([pair[side] for pair in pairs]) for side in (0, 1))
        begin = np.full((len(pairs), 1), self.alphabet.begin)
        return source, np.concatenate([begin, wanted[:, :-1]], axis=1), wanted

    def draw(self, batch: Any) -> Any:
        """Without the columns in which every line of the batch has padding."""
        source, given, wanted = (part.numpy() for part in batch)
        S, T = ((part != self.alphabet.padding).sum(1).max() for part in (source, wanted))
        return self.cast((source[:, :S], given[:, :T], wanted[:, :T]))

    def step(self, batch: Any) -> dict[str, float]:
        source, given, wanted = batch
        self.parts["optimizer"].zero_grad()
        loss = sequence_loss(self.model(source, given), wanted)
        loss.backward()
        norm = clip_grad_norm_(self.model.parameters(), self.settings.clip or float("inf"))
        self.parts["optimizer"].step()
        self.parts["schedule"].step()
        return {"loss": loss.item(), "norm": norm.item()}

    def evaluate(self) -> dict[str, float]:
        return {"exact": self.exact(self.held)}

    def test(self) -> dict[str, float]:
        return {"exact": self.exact(self.tested)}

    def exact(self, pairs: Sequence[Pair]) -> float:
        """The share of lines that are translated without a mistake."""
        right = 0
        for start in range(0, len(pairs), 500):
            sources, targets = zip(*pairs[start : start + 500], strict=True)
            right += sum(a == b for a, b in zip(self.translate(sources), targets, strict=True))
        return right / len(pairs)

    def translate(self, lines: Sequence[str]) -> list[str]:
        """What the network writes for each line."""
        source = nt.tensor(self.alphabet.encode(list(lines)))
        return self.alphabet.decode(greedy(self.model, source, limit=self.settings.network.length))

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Translate the lines."""
        if not inputs:
            raise ValueError(f"transformer: expected lines to translate, such as {self.tested[0][0]!r}")
        with self.judging():
            return recipe.Shown(tuple(self.translate(inputs)))
