"""The local Jacobian of a step: ∂y/∂x, entry by entry, from the operation's own backward.

Backward never builds this matrix. It computes Jᵀdy, which for a unit dy (one entry 1, the others 0) is one row of J.
So as many calls of backward as y has entries give all of J, and show what the rule has been a short form of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends.numpy import backend
from nanonet.op import Op
from nanonet.tape import unbroadcast
from nanonet.teach.cards import jacobian_text
from nanonet.teach.cards.structure import Shape, Structure, structure_of
from nanonet.teach.cards.structure_of_large import structure_of_large

Pull = Callable[[np.ndarray], np.ndarray]  # dy in y's shape -> Jᵀdy in x's


@dataclass(frozen=True)
class Jacobian:
    """J = ∂y/∂x, with y's entries as rows and x's entries as columns, both in the order of `ravel`.

    y_shape, x_shape    the shapes of the two
    dense               J as a matrix (rows, columns), or None where it has more entries than the limit
    structure           its name, and what it means for Jᵀdy
    stretched           where broadcasting stretched x: the Jacobian with respect to the stretched copies, from which
                        J comes by adding up the columns of each x's copies; else None
    vjp                 the engine's own way to Jᵀdy, dy -> dx: backward's rule, then the sum over copies
    """

    op: str
    y_name: str
    x_name: str
    y_shape: Shape
    x_shape: Shape
    dense: np.ndarray | None
    structure: Structure
    vjp: Pull
    stretched: Jacobian | None = None

    @property
    def rows(self) -> int:
        """How many entries y has."""
        return math.prod(self.y_shape)

    @property
    def columns(self) -> int:
        """How many entries x has."""
        return math.prod(self.x_shape)

    def product(self, dy: np.ndarray) -> np.ndarray:
        """Jᵀdy in x's shape, multiplied out with the matrix. Raises ValueError where J is too large to be one."""
        dy = np.asarray(dy)
        if dy.shape != self.y_shape:
            raise ValueError(f"jacobian: expected dy in y's shape {self.y_shape}, got {dy.shape}")
        if self.dense is None:
            size = f"{self.rows} × {self.columns}"
            raise ValueError(f"jacobian: {size} is too large to multiply out; use .vjp(dy), or raise the limit")
        return (self.dense.T @ dy.reshape(-1)).reshape(self.x_shape)

    @property
    def sentence(self) -> str:
        """The structure in a sentence; where x was stretched, also how J comes from the stretched one's."""
        said = self._named(self.structure.sentence)
        if self.stretched is None:
            return said
        copies = self.stretched.columns // max(1, self.columns)
        inner, full = self.stretched.structure, self.stretched.x_shape
        return (
            f"{said}. {self.x_name} {self.x_shape} was stretched to {full}: the Jacobian for its {copies} copies is "
            f"{inner.name}, and this one adds up the copies' columns"
        )

    def _named(self, sentence: str) -> str:
        """The sentence with this operation's names for x and y."""
        return re.sub(r"\b[xy]\b", lambda found: self.x_name if found[0] == "x" else self.y_name, sentence)

    @property
    def text(self) -> str:
        """A table for the terminal, at most 80 columns wide."""
        return jacobian_text.table(self)

    @property
    def latex(self) -> str:
        """∂y/∂x as a matrix in LaTeX; a large one by its structure's symbol and its size."""
        return jacobian_text.latex(self)


def local_jacobian(
    op: type[Op],
    arrays: Sequence[Any],
    attrs: Mapping[str, Any] | None = None,
    saved: Any = None,
    wanted: int = 0,
    output: int = 0,
    needs: Sequence[bool] | None = None,
    limit: int = 4096,
) -> Jacobian:
    """The Jacobian of one of `op`'s outputs with respect to one of its inputs, at `arrays`.

    op              the operation; ValueError where it has no backward of its own
    arrays, attrs   what its forward was given
    saved           what its forward kept for backward; None: forward runs again
    wanted, output  which input and which output
    needs           which inputs want a gradient, as backward is told; None: the wanted one alone
    limit           up to how many entries J is computed in full; of a larger one, a few rows and probes

    J is with respect to x as it was passed: where broadcasting stretched x, over the sum of the copies. The
    Jacobian before that sum is `.stretched`.
    """
    if op.backward is None:
        reason = "it is made of other operations, ask these" if op.is_differentiable() else "it has no gradient"
        raise ValueError(f"jacobian: {op.name} has no backward of its own: {reason}")
    inputs, attrs = list(arrays), dict(attrs or {})
    if not 0 <= wanted < len(inputs) or np.asarray(inputs[wanted]).dtype.kind != "f":
        raise ValueError(f"jacobian: expected wanted to name a float input of {op.name}, got {wanted}")
    if op.promote:
        backend.promote(op.promote, inputs)
    y, kept = backend.run(op.forward, *inputs, **attrs)
    ys = y if type(y) is tuple else (y,)
    if not 0 <= output < len(ys) or ys[output].dtype.kind != "f":
        raise ValueError(f"jacobian: expected output to name a float output of {op.name}, got {output}")
    x = np.asarray(inputs[wanted])
    told = tuple(needs) if needs is not None else tuple(i == wanted for i in range(len(inputs)))

    def raw(dy: np.ndarray) -> np.ndarray:
        """What backward gives for x, before the sum over copies."""
        dys = tuple(dy if k == output else np.zeros(one.shape, one.dtype) for k, one in enumerate(ys))
        given = [kept if saved is None else saved, dys if type(y) is tuple else dys[0]]
        rule: Any = op.backward
        dx = backend.run(rule, *given, *([told] if op.wants_needs else []))[wanted]
        return np.zeros(x.shape, x.dtype) if dx is None else np.asarray(dx)

    def summed(dy: np.ndarray) -> np.ndarray:
        dx = raw(dy)
        return dx if dx.shape == x.shape else backend.run(unbroadcast, dx, x.shape)

    name = _names(op, len(inputs))[wanted]
    names = op.name, "y" if len(ys) == 1 else f"y{output}", name
    y_shape, dtype = ys[output].shape, ys[output].dtype
    copies_shape = raw(np.zeros(y_shape, dtype)).shape
    stretched = None
    if copies_shape != x.shape:
        stretched = _jacobian(names, raw, y_shape, copies_shape, dtype, limit)
    return _jacobian(names, summed, y_shape, x.shape, dtype, limit, stretched)


def _jacobian(
    names: tuple[str, str, str],
    pull: Pull,
    y_shape: Shape,
    x_shape: Shape,
    dtype: Any,
    limit: int,
    stretched: Jacobian | None = None,
) -> Jacobian:
    rows, columns = math.prod(y_shape), math.prod(x_shape)

    def row_of(dy: np.ndarray) -> np.ndarray:
        return pull(dy.reshape(y_shape)).reshape(-1)

    if rows * columns <= limit:
        dense = _rows(row_of, range(rows), rows, columns, dtype)
        return Jacobian(*names, y_shape, x_shape, dense, structure_of(dense, y_shape, x_shape), pull, stretched)
    structure = structure_of_large(row_of, y_shape, x_shape, dtype, limit)
    return Jacobian(*names, y_shape, x_shape, None, structure, pull, stretched)


def _rows(row_of: Pull, chosen: Sequence[int], rows: int, columns: int, dtype: Any) -> np.ndarray:
    """Rows of J: backward's answers to unit cotangents."""
    found = np.empty((len(chosen), columns), dtype)
    for k, i in enumerate(chosen):
        unit = np.zeros(rows, dtype)
        unit[i] = 1
        found[k] = row_of(unit)
    return found


def _names(op: type[Op], count: int) -> list[str]:
    """The op's names for its inputs."""
    names = op.input_names()
    return names if len(names) == count else [f"x{i}" for i in range(count)]
