"""The structure of a Jacobian that is too large to write down, from a few of its rows and from random probes.

A probe is one call of backward. If Jᵀdy = d ⊙ dy for a random dy, where d = Jᵀ1, then J is diagonal: the entries off
the diagonal would have to cancel by chance. Where rows are all that was seen, the sentence says how many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nanonet.teach.cards import patterns as seen
from nanonet.teach.cards.structure import Shape, Structure, block_structure, column_by_column, structure_of

RowOf = Callable[[np.ndarray], np.ndarray]  # flat dy -> flat Jᵀdy
SAMPLED = 8


class _Probe:
    """J as something that can be asked for Jᵀdy only."""

    def __init__(self, row_of: RowOf, rows: int, columns: int, dtype: np.dtype) -> None:
        self.row_of, self.rows, self.columns, self.dtype = row_of, rows, columns, dtype
        self.rng = np.random.default_rng(0)

    def random(self, of: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """(dy, Jᵀdy) for a random dy that is 0 outside `of`."""
        dy = np.zeros(self.rows, self.dtype)
        dy[of] = self.rng.uniform(0.5, 1.5, len(dy[of])) * self.rng.choice([-1.0, 1.0], len(dy[of]))
        return dy, self.row_of(dy)

    def row(self, i: int) -> np.ndarray:
        unit = np.zeros(self.rows, self.dtype)
        unit[i] = 1
        return np.array(self.row_of(unit))

    def block(self, rows: slice, columns: slice) -> np.ndarray:
        """A small part of J."""
        return np.stack([self.row(i)[columns] for i in range(self.rows)[rows]])


def structure_of_large(row_of: RowOf, y_shape: Shape, x_shape: Shape, dtype: np.dtype, limit: int) -> Structure:
    """The most special structure that can be told without writing J down; `limit` entries of it may be."""
    J = _Probe(row_of, math.prod(y_shape), math.prod(x_shape), dtype)
    if J.rows == 1:
        return _single_row(J.row(0))
    found = _diagonal(J) or _blocks(J, limit)
    if found is None and len(x_shape) == 2 and min(x_shape) > 1:
        turned = _Probe(lambda dy: row_of(dy).reshape(x_shape).T.reshape(-1), J.rows, J.columns, dtype)
        found = _blocks(turned, limit)
        found = column_by_column(found) if found else None
    return found or _sampled(J)


def _single_row(row: np.ndarray) -> Structure:
    """One y: its gradient is all there is."""
    if seen.is_zero(row) or seen.is_selection(row[None]) or seen.is_constant(row):
        return structure_of(row[None])
    return Structure("row", "gᵀ", "there is one y, and J is its gradient", "dy times the gradient g")


def _diagonal(J: _Probe) -> Structure | None:
    """Zero, or diagonal of some kind."""
    probes = [J.random() for _ in range(2)]
    basis = "seen by 3 probes of all rows"
    if all(seen.is_zero(dx) for _, dx in probes):
        return replace(structure_of(np.zeros((1, 1))), basis="seen by 2 probes of all rows")
    if J.rows != J.columns:
        return None
    d = np.array(J.row_of(np.ones(J.rows, J.dtype)))
    if not all(seen.same(dx, d * dy) and np.array_equal(dx == 0, d == 0) for dy, dx in probes):
        return None
    n = J.rows
    if np.all(d == 1):
        return Structure("identity", "I", "each y moves exactly as its own x does", "dy itself", basis)
    if seen.is_constant(d):
        c = f"{d[0]:.4g}"
        meaning = f"each y moves {c} times as far as its own x"
        return Structure("multiple of the identity", f"{c} I", meaning, f"{c} dy", basis)
    if np.all((d == 0) | (d == 1)):
        meaning = f"{np.count_nonzero(d)} of {n} y follow their own x, the others stay where they are"
        vjp = "dy where the mask is 1, and 0 elsewhere"
        return Structure("diagonal of 0 and 1", "diag(mask)", meaning, vjp, basis)
    meaning, vjp = "each y depends on its own x alone", "the elementwise product d ⊙ dy"
    return Structure("diagonal", "diag(d)", meaning, vjp, basis)


def _blocks(J: _Probe, limit: int) -> Structure | None:
    """Blocks of one size: a dy within one block must give a dx within it. First and last block are looked at."""
    rows = [J.row(i) for i in _some(J.rows)]
    for g in seen.common_divisors(J.rows, J.columns):
        height, width = J.rows // g, J.columns // g
        aligned = [(slice(k * height, (k + 1) * height), slice(k * width, (k + 1) * width)) for k in range(g)]
        dealt = [(slice(k, None, g), slice(k, None, g)) for k in range(g)]
        for interleaved, places in ((False, aligned), (True, dealt)):
            belongs = [places[i % g if interleaved else i // height] for i in _some(J.rows)]
            fits = all(_within(row, columns) for row, (_, columns) in zip(rows, belongs, strict=True))
            ends = (places[0], places[-1])
            if fits and all(_within(J.random(r)[1], c) for r, c in ends):
                if height * width > limit:
                    return None
                blocks = np.stack([J.block(r, c) for r, c in ends])
                basis = f"seen on 2 of {g} blocks"
                if seen.blocks_are_equal(blocks) and _all_are(blocks[0], J, places):
                    return replace(block_structure(blocks, g, interleaved), basis=f"{basis}, and by a probe of all")
                return replace(block_structure(blocks, g, interleaved, equal=False), basis=basis)
    return None


def _all_are(block: np.ndarray, J: _Probe, places: list[tuple[slice, slice]]) -> bool:
    """Does a random dy for all rows come out as if every block were this one, and nothing else were there?"""
    dy, dx = J.random()
    expected = np.zeros(J.columns, J.dtype)
    for rows, columns in places:
        expected[columns] = block.T @ dy[rows]
    return seen.same(dx, expected)


def _within(row: np.ndarray, columns: slice) -> bool:
    """Is it zero outside these columns?"""
    return np.count_nonzero(row) == np.count_nonzero(row[columns])


def _some(rows: int) -> list[int]:
    """The first, the last, and some between."""
    return sorted({int(i) for i in np.linspace(0, rows - 1, SAMPLED)})


def _sampled(J: _Probe) -> Structure:
    """What a few rows show."""
    chosen = _some(J.rows)
    rows = np.stack([J.row(i) for i in chosen])
    basis = f"seen on {len(chosen)} of {J.rows} rows"
    if not np.all(np.isfinite(rows)):
        return Structure("not finite", "", "it contains NaN or infinity", "not finite either", basis)
    if seen.picks_one(rows):
        name, weight = ("selection", "") if seen.is_selection(rows) else ("weighted selection", "times its weight ")
        meaning = "each y depends on one x at most"
        return Structure(name, "", meaning, f"each dy {weight}put back to the x that it came from", basis)
    if seen.rows_are_constant(rows):
        return Structure("constant rows", "u 1ᵀ", "every x counts the same for a y", "one number for every x", basis)
    if J.rows == J.columns and all(not np.any(row[i + 1 :]) for i, row in zip(chosen, rows, strict=True)):
        meaning = "each y depends on its own x and those before it"
        return Structure("lower triangular", "", meaning, "a sum over the y at each x's place and after it", basis)
    zeros = np.count_nonzero(rows == 0) / rows.size
    if zeros >= 0.5:
        meaning = f"{zeros:.1%} of their entries are 0: each y depends on a few x"
        return Structure("sparse", "", meaning, "a sum over the few y that each x has a part in", basis)
    return Structure("dense", "", "every y may depend on every x", "the full product, a sum over all y", basis)
