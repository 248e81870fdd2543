"""A Transformer translates dates, sorts letters, or adds numbers (D3, D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

import nanonet as nt
from nanonet import optim
from nanonet.data import DataLoader
from nanonet.data.sequence_tasks import TASKS, Alphabet, Pair, Task
from nanonet.device import on_host
from nanonet.models.transformer import EncoderDecoder, TransformerConfig, greedy, sequence_loss
from nanonet.optim import clip_grad_norm_
from nanonet.recipes import recipe, transformer_pictures
from nanonet.training.history import History


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
    steps: int = 1500
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
        task = self._set_up()
        self.held, self.tested = task.pairs("validation", 200), task.pairs("test", 1000)
        self.title = f"encoder and decoder with {settings.network.positions} positions on {settings.task}"
        self.loader = DataLoader(
            self.encoded(task.pairs("train", settings.lines)), settings.batch_size, shuffle=True, seed=settings.seed
        )
        optimizer = optim.Adam(self.model.parameters(), lr=settings.lr, betas=(0.9, 0.98))
        schedule = optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, self.steps, pct_start=settings.warmup, cycle_momentum=False
        )
        self.parts |= {"optimizer": optimizer, "schedule": schedule}

    def _set_up(self) -> Task:
        task = TASKS[self.settings.task]
        self.alphabet = Alphabet(task.characters)
        self.parts = {"model": EncoderDecoder(self.settings.network, len(self.alphabet))}
        return task

    @classmethod
    def restore(cls, settings: Any, extras: Mapping[str, str]) -> TransformerRecipe:
        """Without lines: the characters are the task's."""
        made = cls.__new__(cls)
        made.settings, made.dtype, made.device = settings, np.dtype(np.float32), nt.zeros(1).device
        made._set_up()
        return made

    def encoded(self, pairs: Sequence[Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """source (N, S); given (N, T), what the decoder sees; wanted (N, T), what it should say: given, one on."""
        source, wanted = (self.alphabet.encode([pair[side] for pair in pairs]) for side in (0, 1))
        begin = np.full((len(pairs), 1), self.alphabet.begin)
        return source, np.concatenate([begin, wanted[:, :-1]], axis=1), wanted

    def draw(self, batch: Any) -> Any:
        """Without the columns in which every line of the batch has padding."""
        source, given, wanted = (on_host(part.array) for part in batch)
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
        source = self.cast(self.alphabet.encode(list(lines)))
        return self.alphabet.decode(greedy(self.model, source, limit=TASKS[self.settings.task].longest + 1))

    def pictures(self, history: History) -> dict[str, bytes]:
        with self.judging():
            return transformer_pictures.pictures(self)

    def use(self, inputs: Sequence[str], how: recipe.Use) -> recipe.Shown:
        """Translate the lines."""
        if not inputs:
            raise ValueError("transformer: expected lines to translate, such as '3 March 1998'; got none")
        return recipe.Shown(tuple(self.translate(inputs)))
