"""Einstein sums by matrix products: every pair of operands becomes one (batched) matmul."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from string import ascii_letters
from typing import Any

from nanonet.op import Array, Op, sample
from nanonet.sampling import normal

Shape = tuple[int, ...]


class Einsum(Op):
    """y = Σ a ⊙ b ⊙ …;  da = Σ dy ⊙ b ⊙ …, an Einstein sum of dy and the other operands.

    `einsum(subscripts, *operands)` takes NumPy's strings: `"ij,jk->ik"`, `"ii"` (trace), `"...i,...i"`; without `->`
    the output has the labels that occur once, in alphabetical order. Axes of length 1 broadcast. An ellipsis that is
    missing from the output is summed over, as in PyTorch. Three operands or more are combined in pairs, first those
    with the smallest result. Raises ValueError for labels that do not fit the operands.
    """

    array = True
    promote = "common"
    latex = r"y = \sum a \odot b \odot \dots; da = \sum dy \odot b \odot \dots"
    shapes = "operands and y: as `subscripts` say"
    samples = [
        sample("ij,jk->ik", normal(3, 4), normal(4, 2)),
        sample("ij,jk", normal(3, 4), normal(4, 2), name="implicit output"),
        sample("bhqd,bhkd->bhqk", normal(2, 1, 3, 2), normal(2, 1, 2, 2), name="batches"),
        sample("...i,...i->...", normal(2, 3), normal(3), name="ellipsis"),
        sample("ii->i", normal(3, 3), name="diagonal"),
        sample("ii", normal(3, 3), name="trace"),
        sample("iji,j->j", normal(2, 3, 2), normal(3), name="repeated index"),
        sample("ij->j", normal(2, 3), name="summed out"),
        sample("ij,k->", normal(2, 3), normal(2), name="lone indices"),
        sample("i,j->ji", normal(2), normal(3), name="outer"),
        sample("i,ij,jk,k->", normal(2), normal(2, 3), normal(3, 2), normal(2), name="chain"),
        sample("ij,ij->ij", normal(3, 1), normal(3, 2), name="axis of length 1"),
        sample("ij,ij->i", normal(2, 3), normal(2, 1), name="summed out beside an axis of length 1"),
        sample("ij,ij->i", normal(3, 2), normal(3, 1), name="the same with two elements"),
        sample("ij,ij->i", normal(2, 0), normal(2, 1), name="an axis of length 0 beside one of length 1"),
        sample("ij->i", normal(3, 1), name="an axis of length 1 summed out"),
        sample("AA->A", normal(3, 3), name="capital letters"),
        sample("ij,jk->ik", normal(2, 0), normal(0, 3), name="empty"),
    ]

    def call(subscripts, *operands):
        if not isinstance(subscripts, str):
            raise TypeError(f"einsum: expected the subscripts as a string, got {type(subscripts).__name__}")
        for x in operands:
            if isinstance(x, int | float):
                raise TypeError(f"einsum: expected arrays, got the number {x}; multiply the result by it")
        return operands, {"subscripts": subscripts}

    def forward(xp, *operands, subscripts):
        labels, output = parse(subscripts, tuple(tuple(x.shape) for x in operands))
        return contract(xp, operands, labels, output), (operands, labels, output)

    def backward(xp, saved, dy, needs):
        operands, labels, output = saved
        return tuple(gradient(xp, i, operands, labels, output, dy) if need else None for i, need in enumerate(needs))


def gradient(xp: Any, i: int, operands: Sequence[Array], labels: Sequence[str], output: str, dy: Array) -> Array:
    """Gradient of operand i: the Einstein sum of dy and the other operands, with the labels of operand i as output.

    A label that only operand i has was summed over: its gradient is the same along it, so a vector of ones joins in.
    A label that it has twice picked a diagonal: an identity matrix joins in, which puts dy there.
    """
    terms = [dy, *operands[:i], *operands[i + 1 :]]
    names = [output, *labels[:i], *labels[i + 1 :]]
    unused = iter(sorted(set(ascii_letters) - set("".join(labels))))
    wanted = ""
    for label, n in zip(labels[i], operands[i].shape, strict=True):
        if label in wanted:
            copy = next(unused)
            terms.append(xp.eye(n, dtype=dy.dtype))
            names.append(label + copy)
            wanted += copy
            continue
        found = {x.shape[name.index(label)] for x, name in zip(terms, names, strict=True) if label in name}
        if n not in found and (n != 1 or not found):
            terms.append(xp.ones(n, dtype=dy.dtype))
            names.append(label)
        wanted += label
    return contract(xp, terms, names, wanted)


def contract(xp: Any, operands: Sequence[Array], labels: Sequence[str], output: str) -> Array:
    """The Einstein sum of operands whose axes have these labels, one letter for each."""
    terms = [_diagonal(xp, x, name) for x, name in zip(operands, labels, strict=True)]
    for i, j in _order(tuple((name, tuple(x.shape)) for x, name in terms), output):
        b, a = terms.pop(j), terms.pop(i)
        terms.append(_product(xp, a, b, set(output).union(*(name for _, name in terms))))
    x, name = _sum_out(xp, *terms[0], keep=set(output))
    return xp.transpose(x, tuple(name.index(label) for label in output))


def _diagonal(xp: Any, x: Array, name: str) -> tuple[Array, str]:
    """`x` with one axis for each label."""
    for label in sorted(set(name)):
        while name.count(label) > 1:
            first, last = name.index(label), name.rindex(label)
            x = xp.diagonal(x, axis1=first, axis2=last)  # NumPy puts the diagonal last
            name = name[:first] + name[first + 1 : last] + name[last + 1 :] + label
    return x, name


def _sum_out(xp: Any, x: Array, name: str, keep: set[str]) -> tuple[Array, str]:
    axes = tuple(i for i, label in enumerate(name) if label not in keep)
    return (xp.sum(x, axis=axes), "".join(label for label in name if label in keep)) if axes else (x, name)


def _product(xp: Any, one: tuple[Array, str], two: tuple[Array, str], keep: set[str]) -> tuple[Array, str]:
    """Product of two terms, summed over the labels that neither the output nor another term has."""
    a, b = _drop_ones(xp, *one, *two), _drop_ones(xp, *two, *one)
    a, b = _sum_out(xp, *a, keep=keep | set(b[1])), _sum_out(xp, *b, keep=keep | set(a[1]))
    batch = [label for label in a[1] if label in b[1] and label in keep]
    summed = [label for label in a[1] if label in b[1] and label not in keep]
    left = [label for label in a[1] if label not in b[1]]
    right = [label for label in b[1] if label not in a[1]]
    x, y = _arrange(xp, *a, batch, left, summed), _arrange(xp, *b, batch, summed, right)
    sizes = {**dict(zip(a[1], a[0].shape, strict=True)), **dict(zip(b[1], b[0].shape, strict=True))}
    z = xp.matmul(x, y) if summed else x * y  # (batch, L, K) (batch, K, R) -> (batch, L, R)
    name = [*batch, *left, *right]
    return xp.reshape(z, tuple(sizes[label] for label in name)), "".join(name)


def _drop_ones(xp: Any, x: Array, name: str, other: Array, other_name: str) -> tuple[Array, str]:
    """`x` without the axes of length 1 that the other term broadcasts."""
    sizes = dict(zip(other_name, other.shape, strict=True))
    axes = tuple(i for i, label in enumerate(name) if x.shape[i] == 1 and sizes.get(label, 1) != 1)
    return (xp.squeeze(x, axes), "".join(name[i] for i in range(len(name)) if i not in axes)) if axes else (x, name)


def _arrange(xp: Any, x: Array, name: str, batch: list[str], rows: list[str], columns: list[str]) -> Array:
    """x (any order) -> (batch…, rows, columns), where all row labels share one axis, and so do the column labels."""
    sizes = dict(zip(name, x.shape, strict=True))
    order = tuple(name.index(label) for label in [*batch, *rows, *columns])
    x = x if order == tuple(range(len(name))) else xp.transpose(x, order)
    groups = (prod(sizes[label] for label in rows), prod(sizes[label] for label in columns))
    return xp.reshape(x, (*(sizes[label] for label in batch), *groups))


@lru_cache(maxsize=1024)
def _order(terms: tuple[tuple[str, Shape], ...], output: str) -> tuple[tuple[int, int], ...]:
    """Which pair to multiply next, each time: the one with the smallest result. The result comes last in the list."""
    sizes: dict[str, int] = {}
    for name, shape in terms:
        for label, n in zip(name, shape, strict=True):
            sizes[label] = max(n, sizes.get(label, n))
    names = [set(name) for name, _ in terms]
    path: list[tuple[int, int]] = []
    while len(names) > 1:
        best: tuple[int, int, int, set[str]] | None = None
        for j in range(1, len(names)):
            for i in range(j):
                rest = set(output).union(*(names[:i] + names[i + 1 : j] + names[j + 1 :]))
                result = (names[i] | names[j]) & rest
                size = prod(sizes[label] for label in result)
                if best is None or size < best[0]:
                    best = (size, i, j, result)
        assert best is not None
        _, i, j, result = best
        path.append((i, j))
        names = [*names[:i], *names[i + 1 : j], *names[j + 1 :], result]
    return tuple(path)


@lru_cache(maxsize=1024)
def parse(subscripts: str, shapes: tuple[Shape, ...]) -> tuple[tuple[str, ...], str]:
    """One letter for each axis: labels of every operand and of the output, with the ellipses spelled out."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    names = inputs.split(",")
    if len(names) != len(shapes):
        raise ValueError(f"einsum: {subscripts!r} names {len(names)} operands, got {len(shapes)}")
    strange = set("".join([*names, output]).replace("...", "")) - set(ascii_letters)
    if strange:
        raise ValueError(f"einsum: {subscripts!r} has {sorted(strange)[0]!r}; expected letters, ',', '->' and '...'")
    unused = "".join(sorted(set(ascii_letters) - set(subscripts)))
    spread = [len(shape) - len(name.replace("...", "")) for name, shape in zip(names, shapes, strict=True)]
    for name, shape, extra in zip(names, shapes, spread, strict=True):
        if extra < 0 or (extra and "..." not in name):
            raise ValueError(f"einsum: {name!r} of {subscripts!r} does not fit the {len(shape)} axes of shape {shape}")
    longest = max(spread, default=0)
    labels = [name.replace("...", unused[longest - extra : longest]) for name, extra in zip(names, spread, strict=True)]
    counts = "".join(name.replace("...", "") for name in names)
    if not arrow:
        output = unused[:longest] + "".join(sorted(label for label in set(counts) if counts.count(label) == 1))
    else:
        output = output.replace("...", unused[:longest])
    _refuse_misfits(subscripts, labels, output, shapes)
    return tuple(labels), output


def _refuse_misfits(subscripts: str, labels: list[str], output: str, shapes: tuple[Shape, ...]) -> None:
    sizes: dict[str, int] = {}
    for name, shape in zip(labels, shapes, strict=True):
        here: dict[str, int] = {}
        for label, n in zip(name, shape, strict=True):
            if here.setdefault(label, n) != n:
                raise ValueError(f"einsum: {subscripts!r} takes a diagonal of unequal axes, {here[label]} and {n}")
            if 1 not in (n, sizes.get(label, 1)) and sizes[label] != n:
                raise ValueError(f"einsum: label {label!r} of {subscripts!r} has length {sizes[label]} and {n}")
            sizes[label] = n if sizes.get(label, 1) == 1 else sizes[label]
    for label in output:
        if label not in sizes or output.count(label) > 1:
            raise ValueError(f"einsum: the output of {subscripts!r} needs each label once, from an operand: {label!r}")
