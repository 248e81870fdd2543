"""What the outputs are looked at through: each of them alone, and sums of them with random weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.reference.ladder import Pick


@dataclass(frozen=True)
class Channels:
    """Numbers made of the flat outputs y: dy · y for every row dy of `rows`, and then, with `units`, every y_i alone.

    A channel is what a cotangent sees: the rows are random cotangents, the units give the whole Jacobian.
    """

    rows: np.ndarray  # (rows, outputs)
    units: bool

    @property
    def size(self) -> int:
        """How many outputs there are."""
        return self.rows.shape[1]

    @property
    def count(self) -> int:
        return len(self.rows) + (self.size if self.units else 0)

    def unit(self, c: int) -> int | None:
        """The output that channel c is, or None for a sum of all."""
        return c - len(self.rows) if c >= len(self.rows) else None

    def terms(self, c: int) -> tuple[Pick, np.ndarray]:
        """(pick, dy): channel c is pick(y) · dy. A unit does not touch the other outputs: they may be infinite."""
        i = self.unit(c)
        if i is None:
            return _all, self.rows[c]
        return lambda v: v[..., i : i + 1], np.ones(1)

    def cotangent(self, c: int) -> np.ndarray:
        """Channel c as a cotangent, flat."""
        i = self.unit(c)
        if i is None:
            return self.rows[c].copy()
        dy = np.zeros(self.size)
        dy[i] = 1.0
        return dy


def _all(v: np.ndarray) -> np.ndarray:
    return v


def random_cotangent(size: int, rng: np.random.Generator) -> np.ndarray:
    """Random and non-uniform: with ones, an ignored upstream gradient would pass. No element is near zero."""
    return rng.uniform(0.5, 1.5, size) * rng.choice([-1.0, 1.0], size)
