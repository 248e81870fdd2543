"""How a network is built and trained: the choices, their limits, and the documents' values for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nanonet.backends import backends
from nanonet.training.choices import OPTIMIZERS


@dataclass(frozen=True)
class Settings:
    """Everything but the data that decides what a run computes. Raises ValueError for values out of range.

    hidden      units of the hidden layers; D0's and D2's programs both have 128 and 64
    lr          None: 0.01 for sgd, else the optimizer's usual one
    """

    hidden: tuple[int, ...] = (128, 64)
    optimizer: str = "adam"
    lr: float | None = None
    epochs: int = 20
    batch_size: int = 32
    validation_split: float = 0.0
    dropout: float = 0.0
    weight_decay: float = 0.0
    seed: int = 0
    backend: str = "numpy"

    def __post_init__(self) -> None:
        refuse("--backend", self.backend, not (reason := why_not(self.backend)), reason)
        refuse("--optimizer", self.optimizer, self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        refuse("--lr", self.lr, self.lr is None or 0 < self.lr < math.inf, "a number above 0")
        refuse("--epochs", self.epochs, self.epochs >= 1, "a whole number of at least 1")
        refuse("--batch-size", self.batch_size, self.batch_size >= 1, "a whole number of at least 1")
        refuse("--validation-split", self.validation_split, 0 <= self.validation_split < 1, "a share from 0 to below 1")
        refuse("--dropout", self.dropout, 0 <= self.dropout < 1, "a share from 0 to below 1")
        refuse("--weight-decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "a number of at least 0")
        refuse("--seed", self.seed, 0 <= self.seed < 2**32, "a whole number from 0 to 4294967295")


def refuse(option: str, value: object, right: bool, expected: str) -> None:
    """ValueError unless the value is right. NaN is never right: every comparison with it is false."""
    if not right:
        raise ValueError(f"{option}: expected {expected}, got {value}")


def parse_sizes(text: str) -> tuple[int, ...]:
    """ "128,64" -> (128, 64); "none" -> (), a network without hidden layers."""
    if text.strip().lower() == "none":
        return ()
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1 or max(sizes) > 100_000:
        raise ValueError(
            f"--hidden: expected sizes from 1 to 100000 such as 128,64 (or none for no hidden layer), got {text!r}"
        )
    return sizes


def why_not(backend: str) -> str:
    """ "" for a backend that can run here, else what would be expected of --backend."""
    found = backends()
    usable = ", ".join(name for name, reason in found.items() if not reason)
    return (f"{usable} ({found[backend]})" if backend in found else usable) if found.get(backend, "?") else ""
