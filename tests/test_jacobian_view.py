"""The local Jacobian of a step is the operation's backward, and its structure is what the numbers show."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends.numpy import backend
from nanonet.gradcheck.reference import derivatives
from nanonet.gradcheck.reference.channels import Channels
from nanonet.op import REGISTRY, Op, Sample
from nanonet.tape import Entry, recorded
from nanonet.teach.cards import patterns as seen
from nanonet.teach.cards.jacobian import Jacobian, local_jacobian
from nanonet.teach.cards.structure import structure_of
from tests.support import call, cases, first_outputs

LIMIT = 4096


def entries_of(op: type[Op], sample: Sample) -> list[Entry]:
    """What the tape records of a sample: one operation, or the parts of one that is made of others."""
    y, _ = call(op, sample, sample.draw(), nt.Tensor.wrap)
    return recorded(first_outputs(y))


def jacobians(entry: Entry) -> Iterator[tuple[Jacobian, int, list[Any]]]:
    """(Jacobian, which input, the forward's inputs) for every output and every input that wants a gradient."""
    arrays = [x.array if isinstance(x, nt.Tensor) else x for x in entry.inputs]
    if entry.op.promote:
        backend.promote(entry.op.promote, arrays)
    kinds = [dtype.kind for _, dtype in entry.outputs] or ["f"]
    for output in (k for k, kind in enumerate(kinds) if kind == "f"):
        for wanted in (k for k, need in enumerate(entry.needs) if need):
            yield (
                local_jacobian(
                    entry.op, arrays, entry.attrs, entry.saved, wanted, output, tuple(entry.needs), limit=LIMIT
                ),
                wanted,
                arrays,
            )


@pytest.mark.parametrize(("op", "sample"), cases())
def test_the_product_with_the_jacobian_is_the_vjp(op: type[Op], sample: Sample) -> None:
    """Both to 1e-12, for random cotangents, for every input and every output."""
    rng = np.random.default_rng(0)
    for entry in entries_of(op, sample):
        for J, _, _ in jacobians(entry):
            if J.dense is None:
                continue
            dy = rng.standard_normal(J.y_shape)
            np.testing.assert_allclose(J.product(dy), J.vjp(dy), rtol=1e-12, atol=1e-12 * size(J.dense))


@pytest.mark.parametrize(("op", "sample"), cases())
def test_the_jacobian_is_the_difference_quotient(op: type[Op], sample: Sample) -> None:
    if sample.kink:
        pytest.skip(f"not differentiable there: {sample.kink}")
    for entry in entries_of(op, sample):
        for output, (J, wanted, arrays) in numbered(entry):
            if J.dense is not None and J.dense.size:
                assert_is_slope(J, functools.partial(outputs_at, entry, arrays, wanted, output), arrays[wanted])


def numbered(entry: Entry) -> Iterator[tuple[int, tuple[Jacobian, int, list[Any]]]]:
    """`jacobians` with the number of the output."""
    for found in jacobians(entry):
        yield int(found[0].y_name[1:] or 0), found


def outputs_at(entry: Entry, arrays: list[Any], wanted: int, output: int, x: np.ndarray) -> np.ndarray:
    """The forward again, with another x: flat."""
    inputs = [x if k == wanted else one for k, one in enumerate(arrays)]
    y = backend.run(entry.op.forward, *inputs, **entry.attrs)[0]
    return np.ravel(y[output] if isinstance(y, tuple) else y)


def assert_is_slope(J: Jacobian, f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> None:
    """Every entry, to 1e-6, beside a reference whose own error bar is smaller than that."""
    assert J.dense is not None
    slopes = derivatives(f, x, Channels(np.zeros((0, J.rows)), units=True))
    scale = max(1.0, size(J.dense))
    assert np.all(slopes.bar <= 1e-6 * scale), "the reference is not sharp enough to say anything"
    np.testing.assert_allclose(J.dense, slopes.value.reshape(J.dense.shape), rtol=1e-6, atol=1e-6 * scale)


def size(a: np.ndarray) -> float:
    finite = a[np.isfinite(a)]
    return float(np.max(np.abs(finite), initial=0.0))
