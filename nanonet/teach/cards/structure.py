"""The structure of a Jacobian: its name, and what it means for Jᵀdy, which is what backward has to compute.

`structure_of` looks at the numbers only, never at the operation's name, and says the most special thing that is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nanonet.teach.cards import patterns as seen
from nanonet.teach.cards.symbols import copies_symbol, factor_symbol, identity, number, same_one

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Structure:
    """What a Jacobian J is.

    name      "diagonal", "selection", "Kronecker product", …
    symbol    J as a formula: "diag(d)", "I₄ ⊗ B"; "" where there is none
    meaning   who depends on whom, as part of a sentence
    vjp       what Jᵀdy comes to, as part of a sentence
    basis     "" where every entry was looked at, else what was: "seen on 8 of 4096 rows"
    """

    name: str
    symbol: str
    meaning: str
    vjp: str
    basis: str = ""

    @property
    def is_product(self) -> bool:
        """Is it a Kronecker product?"""
        return self.name == "Kronecker product"

    @property
    def sentence(self) -> str:
        """For a learner: "diagonal: each y depends on its own x alone, so Jᵀdy is the elementwise product d ⊙ dy"."""
        known = f" ({self.basis})" if self.basis else ""
        return f"{self.name}: {self.meaning}, so Jᵀdy is {self.vjp}{known}"


def structure_of(J: np.ndarray, y_shape: Shape = (), x_shape: Shape = ()) -> Structure:
    """The most special structure of J (entries of y × entries of x); the shapes of y and x help to see convolutions."""
    if not J.size:
        return Structure("empty", "", "there is nothing to depend on", "zero")
    if not np.all(np.isfinite(J)):
        return Structure("not finite", "", "it contains NaN or infinity", "not finite either")
    y_shape, x_shape = y_shape or (J.shape[0],), x_shape or (J.shape[1],)
    found = next((s for s in (look(J) for look in RECOGNISERS) if s), None)
    return found or _with_axes(J, y_shape, x_shape) or _last(J)


def _simple(J: np.ndarray) -> Structure | None:
    """Those that a diagonal or a single number describes."""
    if seen.is_zero(J):
        return Structure("zero", "0", "y does not depend on x here", "zero: nothing flows back")
    if J.size == 1:
        value = number(J.flat[0])
        return Structure("one number", value, f"the derivative; y moves {value} times as far as x", f"{value} dy")
    if seen.is_identity(J):
        return Structure("identity", identity(len(J)), "each y moves exactly as its own x does", "dy itself")
    c = seen.multiple_of_identity(J)
    if c is not None:
        meaning = f"each y moves {number(c)} times as far as its own x"
        return Structure("multiple of the identity", f"{number(c)} {identity(len(J))}", meaning, f"{number(c)} dy")
    if seen.is_mask(J):
        open_ = np.count_nonzero(J)
        meaning = f"{open_} of {len(J)} y follow their own x, the others stay where they are"
        return Structure("diagonal of 0 and 1", "diag(mask)", meaning, "dy where the mask is 1, and 0 elsewhere")
    if seen.is_diagonal(J):
        meaning = "each y depends on its own x alone"
        return Structure("diagonal", "diag(d)", meaning, "the elementwise product d ⊙ dy")
    return None


def _picking(J: np.ndarray) -> Structure | None:
    """Those in which each y depends on one x at most."""
    if not seen.picks_one(J) or J.shape[1] == 1:
        return None
    if seen.is_permutation(J):
        return Structure("permutation", "P", "y is x in another order", "dy in the old order: Pᵀ = P⁻¹")
    most = int(np.max(np.count_nonzero(J, axis=0)))
    shared = f"and some x go to {most} of them" if most > 1 else "and no x goes to two"
    target = "summed over all y that used it" if most > 1 else "in its place"
    if seen.is_selection(J):
        vjp = f"each dy put back to the x that it came from, {target}; what was not used gets 0"
        return Structure("selection", copies_symbol(J) or "S", f"each y is one of the x (or a constant), {shared}", vjp)
    vjp = f"each dy times its weight, put back to its x, {target}"
    return Structure("weighted selection", copies_symbol(J) or "", f"each y is a weight times one x, {shared}", vjp)


def _single(J: np.ndarray) -> Structure | None:
    """Those of one y, or of one x."""
    rows, columns = J.shape
    if rows == 1 and seen.is_constant(J):
        name = "row of ones" if same_one(J) else "constant row"
        c = "" if same_one(J) else f"{number(J.flat[0])} "
        vjp = f"{c}dy, the same number, for every x"
        return Structure(name, f"{c}1ᵀ", "every x counts the same for the one y", vjp)
    if rows == 1:
        return Structure("row", "gᵀ", "there is one y, and J is its gradient", "dy times the gradient g")
    if columns == 1 and seen.is_constant(J):
        name = "column of ones" if same_one(J) else "constant column"
        c = "" if same_one(J) else f"{number(J.flat[0])} "
        return Structure(name, f"{c}1", "every y follows the one x in the same way", f"{c}the sum of dy")
    if columns == 1:
        return Structure("column", "u", "every y depends on the one x", "the sum of u ⊙ dy")
    return None


def _blocks(J: np.ndarray, y_shape: Shape = (), x_shape: Shape = ()) -> list[Structure]:
    """Blocks of one size, in a row and interleaved."""
    found: list[Structure] = []
    aligned, dealt = seen.aligned_blocks(J), seen.interleaved_blocks(J)
    if aligned is not None:
        count = len(aligned)
        found.append(block_structure(aligned, count, False, _within(y_shape, count), _within(x_shape, count)))
    if dealt is not None:
        found.append(block_structure(dealt, len(dealt), True))
    return found


def _within(shape: Shape, count: int) -> Shape:
    """The shape of one of `count` equal parts, if these are the leading axes; else ()."""
    for n in range(len(shape)):
        if math.prod(shape[: n + 1]) == count:
            return shape[n + 1 :]
    return ()


def block_structure(
    blocks: np.ndarray,
    count: int,
    interleaved: bool,
    y_shape: Shape = (),
    x_shape: Shape = (),
    equal: bool | None = None,
) -> Structure:
    """The structure of a matrix of `count` such blocks.

    `blocks` are those that were looked at, the shapes are one block's; `equal`: are all the same? None: look.
    """
    _, rows, columns = blocks.shape
    names = [structure_of(block, y_shape, x_shape).name for block in blocks]
    if seen.blocks_are_equal(blocks) if equal is None else equal:
        factor, eye = factor_symbol(blocks[0]), identity(count)
        symbol = f"{factor} ⊗ {eye}" if interleaved else f"{eye} ⊗ {factor}"
        named = "" if names[0] in ("dense", "row", "column") or "1" in factor else f" ({names[0]})"
        meaning = (
            f"{count} groups of y and x that know nothing of each other, all with the same {rows} × {columns} block"
        )
        vjp = "that block's transpose times each group of dy"
        times = "" if same_one(blocks[0]) else f"{number(blocks[0, 0, 0])} times "
        if rows == 1 and seen.is_constant(blocks[0]):
            vjp = f"{times}dy, handed to every x of its group"
        elif columns == 1 and seen.is_constant(blocks[0]):
            vjp = f"{times}the sum of dy over each group"
        return Structure("Kronecker product", symbol, f"{meaning} {factor}{named}", vjp)
    where = "interleaved" if interleaved else "along the diagonal"
    each = f", each {names[0]}" if len(set(names)) == 1 else ""
    name = "block diagonal, interleaved" if interleaved else "block diagonal"
    meaning = f"{count} blocks of {rows} × {columns} {where}{each}: a y depends on the x of its own block"
    return Structure(name, "diag(B₁, B₂, …)", meaning, "each block's transpose times its part of dy")


def _low_rank(J: np.ndarray) -> Structure | None:
    """Those made of one row and one column, and perhaps a diagonal."""
    if seen.rank_one(J):
        if seen.is_constant(J):
            meaning, vjp = "every y depends on every x in the same way", "the sum of dy, times that number, for every x"
            return Structure("constant", f"{number(J.flat[0])} 1 1ᵀ", meaning, vjp)
        if seen.rows_are_constant(J):
            return Structure("constant rows", "u 1ᵀ", "every x counts the same for a y", "one number for every x: uᵀdy")
        if seen.columns_are_constant(J):
            return Structure("constant columns", "1 vᵀ", "all y depend on x in the same way", "v times the sum of dy")
        return Structure("rank one", "u vᵀ", "all y follow one number vᵀx", "v times the number uᵀdy")
    if seen.diagonal_plus_rank_one(J):
        meaning = "each y depends on its own x and, through one common number, on all of them"
        vjp = "d ⊙ dy + v (uᵀdy): one product and one sum"
        return Structure("diagonal plus rank one", "diag(d) + u vᵀ", meaning, vjp)
    return None


def _ordered(J: np.ndarray) -> Structure | None:
    """Running sums, from the front or from the end."""
    if not seen.is_square(J):
        return None
    ones = np.ones_like(J)
    if np.array_equal(J, np.tril(ones)):
        meaning, vjp = "each y is the sum of its own x and all before it", "the running sum of dy, from the end"
        return Structure("lower triangle of ones", "L", meaning, vjp)
    if np.array_equal(J, np.triu(ones)):
        meaning, vjp = "each y is the sum of its own x and all after it", "the running sum of dy, from the front"
        return Structure("upper triangle of ones", "U", meaning, vjp)
    return None


def _with_axes(J: np.ndarray, y_shape: Shape, x_shape: Shape) -> Structure | None:
    """Equal blocks, also those seen when the entries of a matrix x are taken column by column; convolutions; blocks."""
    blocks = _blocks(J, y_shape, x_shape)
    turned = _blocks(turn(J, x_shape)) if len(x_shape) == 2 and min(x_shape) > 1 else []
    equal = [s for s in blocks if s.is_product] or [column_by_column(s) for s in turned if s.is_product]
    return next(iter(equal), None) or _convolution(J, y_shape, x_shape) or next(iter(blocks), None)


def column_by_column(found: Structure) -> Structure:
    """What is true of J after its columns were sorted for the entries of xᵀ: K does that."""
    meaning = found.meaning + " (the entries of x taken column by column)"
    return replace(found, symbol=f"({found.symbol}) K", meaning=meaning)


def _convolution(J: np.ndarray, y_shape: Shape, x_shape: Shape) -> Structure | None:
    strides = seen.shift_invariant(J, y_shape, x_shape)
    if strides is None:
        return None
    step = " × ".join(map(str, strides))
    meaning = f"one place further in y is {step} further in x, with the same numbers"
    vjp = "a sum over the windows that each x was in: the kernel laid backwards"
    return Structure("convolution (Toeplitz)", "", meaning, vjp)


def turn(J: np.ndarray, x_shape: Shape) -> np.ndarray:
    """J with its columns for the entries of xᵀ."""
    return J.reshape(len(J), *x_shape).swapaxes(1, 2).reshape(J.shape)


def _last(J: np.ndarray) -> Structure:
    """Kronecker products of two other matrices, triangles, symmetric, sparse; and if nothing else: dense."""
    factors = seen.kronecker(J)
    if factors:
        A, B = factors
        symbol = f"{factor_symbol(A, 'A')} ⊗ {factor_symbol(B)}"
        meaning = f"every {B.shape[0]} × {B.shape[1]} block is a multiple of one matrix B"
        return Structure("Kronecker product", symbol, meaning, "two small products with Aᵀ and Bᵀ")
    if seen.is_lower_triangular(J):
        meaning = "each y depends on its own x and those before it"
        return Structure("lower triangular", "", meaning, "a sum over the y at each x's place and after it")
    if seen.is_upper_triangular(J):
        meaning = "each y depends on its own x and those after it"
        return Structure("upper triangular", "", meaning, "a sum over the y at each x's place and before it")
    zeros = np.count_nonzero(J == 0) / J.size
    tail = f"; {zeros:.0%} of its entries are 0" if zeros else ""
    if seen.is_symmetric(J):
        return Structure("symmetric", "J = Jᵀ", f"y[i] depends on x[j] as y[j] does on x[i]{tail}", "J dy")
    if zeros >= 0.5:
        meaning = f"{zeros:.0%} of its entries are 0: each y depends on a few x"
        return Structure("sparse", "", meaning, "a sum over the few y that each x has a part in")
    return Structure("dense", "", f"every y may depend on every x{tail}", "the full product, a sum over all y")


RECOGNISERS: list[Callable[[np.ndarray], Structure | None]] = [_simple, _picking, _single, _low_rank, _ordered]
