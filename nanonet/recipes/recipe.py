"""What a recipe is: the data, the network, the step of training, and the figures by which it is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

import nanonet as nt
from nanonet import random
from nanonet.data import DataLoader
from nanonet.device import on_host
from nanonet.models.config import Config
from nanonet.nn import Module
from nanonet.tensor import Tensor
from nanonet.training.history import History
from nanonet.training.loop import Loop


@dataclass(frozen=True)
class Settings(Config):
    """What every recipe has.

    steps       steps of training; 0: as many as `epochs` have
    epochs      rounds over the training samples
    batch_size  samples in a step
    lr          learning rate
    seed        the same seed, the same figures
    """

    steps: int = 0
    epochs: int = 1
    batch_size: int = 32
    lr: float = 1e-3
    seed: int = 0

    def __post_init__(self) -> None:
        self.expect("steps", self.steps >= 0, "at least 0")
        self.expect("epochs", self.epochs >= 1, "at least 1")
        self.expect("batch_size", self.batch_size >= 1, "at least 1")
        self.expect("lr", 0 < self.lr < float("inf"), "a number above 0")
        self.expect("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295")


@dataclass(frozen=True)
class Use(Config):
    """How a trained network is used.

    count           how many texts or images
    length          how many tokens a text is continued by, at most
    temperature     0: always the likeliest token; 1: as often as the network says; above: more evenly
    top_k           choose among the k likeliest tokens; 0: among all
    top_p           choose among the likeliest tokens that together have this probability
    beams           1: draw; more: search for the likeliest text with so many candidates
    seed            of the drawing
    """

    title: ClassVar[str] = "generate"
    count: int = 1
    length: int = 300
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    beams: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        self.expect("count", self.count >= 1, "at least 1")
        self.expect("length", self.length >= 1, "at least 1")
        self.expect("temperature", 0 <= self.temperature < float("inf"), "a number of at least 0")
        self.expect("top_k", self.top_k >= 0, "at least 0")
        self.expect("top_p", 0 < self.top_p <= 1, "above 0 and at most 1")
        self.expect("beams", self.beams >= 1, "at least 1")
        self.expect("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295")


@dataclass(frozen=True)
class Shown:
    """What a use gives: lines for the terminal, pictures (PNG) by file name."""

    lines: tuple[str, ...] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class Recipe(ABC):
    """One of the documents' networks, ready to be trained: made from its settings, everything else follows.

    name, summary   on the command line
    Settings        its class of settings
    title           the network and the data in a few words, for the person who trains

    settings        the settings
    loader          a DataLoader of the training batches
    parts           {"model": …, "optimizer": …}: all that `step` changes
    every           steps between two evaluations

    Randomness: `nt.manual_seed(settings.seed)` comes first. What a step draws (noise, masks) is drawn by `draw`, from
    the default generator, so that `step` depends on its batch alone, and a twin can take the same one.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Settings: ClassVar[type[Settings]]
    settings: Any
    title: str
    loader: DataLoader
    parts: dict[str, Any]
    every: int = 100

    def __init_subclass__(cls) -> None:
        cls.Settings.title = cls.name  # what errors in settings call them

    def __init__(self, settings: Settings | None = None, dtype: str = "float32") -> None:
        self.settings = self.Settings() if settings is None else settings
        self.dtype = np.dtype(dtype)
        self.device = nt.zeros(1).device  # where the backend in use computes
        nt.manual_seed(self.settings.seed)
        self.prepare()
        for part in self.parts.values():
            if isinstance(part, Module) and self.dtype != np.float32:
                part.to(dtype=self.dtype)

    @classmethod
    def restore(cls, settings: Settings, extras: Mapping[str, str]) -> Recipe:
        """The recipe of a finished run, to load weights into and to use. `extras` are the texts that the run kept.

        A recipe that can do without its training data overrides this.
        """
        return cls(settings)

    @abstractmethod
    def prepare(self) -> None:
        """Load the data, build the network and its optimizer: sets `loader` and `parts`."""

    @abstractmethod
    def step(self, batch: Any) -> dict[str, float]:
        """One step of training on a drawn batch; returns its figures, "loss" among them."""

    @abstractmethod
    def evaluate(self) -> dict[str, float]:
        """Figures on held-out data, quick enough for every row of the history. Called within `judging()`."""

    def test(self) -> dict[str, float]:
        """The final figures on held-out data, by which the recipe is judged. Called within `judging()`."""
        return self.evaluate()

    def draw(self, batch: Any) -> Any:
        """The loader's batch with what is random in this step; its floats in the recipe's dtype."""
        return self.cast(batch)

    def cast(self, batch: Any) -> Any:
        """A batch (an array, Tensor, tuple or dict of them) on the networks' device, its floats in their dtype."""
        if isinstance(batch, Mapping):
            return {name: self.cast(part) for name, part in batch.items()}
        if isinstance(batch, tuple | list):
            return tuple(self.cast(part) for part in batch)
        x = (batch if isinstance(batch, Tensor) else nt.tensor(batch)).to(self.device)
        return x.astype(self.dtype) if x.dtype.kind == "f" and x.dtype != self.dtype else x

    @staticmethod
    def read(x: Tensor) -> np.ndarray:
        """The numbers of a Tensor on any device, to judge and to draw."""
        return on_host(x.array)

    @property
    def model(self) -> Any:
        """The network, or the one that is kept where there are several."""
        return self.parts["model"]

    @property
    def steps(self) -> int:
        return self.settings.steps or self.settings.epochs * len(self.loader)

    def loop(self, **options: Any) -> Loop:
        """The training, ready to `run()`."""
        options = {"evaluate": self.judged, "every": min(self.every, self.steps), **options}
        return Loop(lambda batch: self.step(self.draw(batch)), self.loader, self.parts, self.steps, **options)

    def judged(self) -> dict[str, float]:
        """`evaluate()` within `judging()`."""
        with self.judging():
            return self.evaluate()

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Within the block the networks are in evaluation mode, nothing is recorded, and drawing does not count."""
        state = random.get_state()
        modules = [module for part in self.parts.values() if isinstance(part, Module) for module in part.modules()]
        before = [(module, module.training) for module in modules]
        try:
            with nt.no_grad():
                for module in modules:
                    module.training = False
                yield
        finally:
            for module, mode in before:
                module.training = mode
            random.set_state(state)

    def weights(self) -> dict[str, np.ndarray]:
        """All networks' weights, "part.name": what a file keeps and a twin begins with."""
        return {
            f"{part}.{name}": on_host(tensor.array)
            for part, module in self.parts.items()
            if isinstance(module, Module)
            for name, tensor in module.state_dict().items()
        }

    def load_weights(self, weights: Mapping[str, Any]) -> None:
        """Take over what `weights` gave. Raises ValueError where names or shapes do not fit."""
        for part, module in self.parts.items():
            if isinstance(module, Module):
                start = f"{part}."
                module.load_state_dict({k[len(start) :]: v for k, v in weights.items() if k.startswith(start)})

    def pictures(self, history: History) -> dict[str, bytes]:
        """{file name: PNG} of what is better looked at."""
        return {}

    def extras(self) -> dict[str, str]:
        """{file name: text} that belongs to the trained network beside its weights, such as a tokenizer."""
        return {}

    def use(self, inputs: Sequence[str], how: Use) -> Shown:
        """What the trained network is for: text that it goes on with, images it draws, classes it finds."""
        raise ValueError(f"{self.name}: this network has nothing to say to an input from the command line")
