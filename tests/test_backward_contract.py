"""Every backward rule keeps its contract when it is called directly, where the tape would forgive.

It gives one gradient per input, in the input's dtype and in its shape or one that it was broadcast to; the same one
whatever else is wanted; and none that nobody wants.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends import current
from nanonet.op import Op
from nanonet.tape import Entry
from tests.support import call, cases, first_outputs

RULES = [case for case in cases() if case.values[0].backward is not None]
CHOOSING = [case for case in RULES if case.values[0].wants_needs]
# What a rule computes in any case, because another gradient is made of it or because it costs nothing.
BY_PRODUCTS = {
    "batch_norm": {3, 4},
    "binary_cross_entropy": {0},
    "binary_cross_entropy_with_logits": {0},
    "cross_entropy": {0},
    "divide": {0},
    "huber_loss": {0},
    "kl_div": {0},
    "l1_loss": {0},
    "mse_loss": {0},
    "remainder": {0},
    "smooth_l1_loss": {0},
    "solve": {1},
    "subtract": {0},
}
# They broadcast only some of the axes of their inputs, or to a shape that is not an input's.
STACKS = {"broadcast_to", "linear", "matmul", "solve"}


def recorded(op: type[Op], sample: Any, dtype: Any = np.float64) -> tuple[Entry, Any]:
    """The tape's entry for the op at a sample, and a random dy for each of its outputs."""
    y, _ = call(op, sample, sample.draw(dtype=dtype), nt.Tensor.wrap)
    outputs = first_outputs(y)
    if not outputs or outputs[0].entry.op is not op:
        pytest.skip("recorded as another op, or nothing to differentiate")
    entry = outputs[0].entry
    rng = np.random.default_rng(4)
    if not entry.outputs:
        return entry, np.asarray(rng.standard_normal(outputs[0].shape), outputs[0].dtype)
    return entry, tuple(np.asarray(rng.standard_normal(shape), dtype) for shape, dtype in entry.outputs)


def gradients(entry: Entry, dy: Any, needs: list[bool]) -> Any:
    rule: Any = entry.op.backward
    arguments = (entry.saved, dy, needs) if entry.op.wants_needs else (entry.saved, dy)
    return current().run(rule, *arguments)


@pytest.mark.parametrize(("op", "sample"), RULES)
def test_a_gradient_for_each_input_in_a_shape_that_fits(op: type[Op], sample: Any) -> None:
    entry, dy = recorded(op, sample)
    found = gradients(entry, dy, entry.needs)
    assert len(found) == len(entry.inputs)
    tensors = () if op.name in STACKS else [x.shape for x in entry.inputs if hasattr(x, "shape")]
    for x, dx, wanted in zip(entry.inputs, found, entry.needs, strict=True):
        if wanted and dx is not None and dx.shape != x.shape:
            assert dx.shape == np.broadcast_shapes(x.shape, dx.shape)
            assert op.name in STACKS or dx.shape == np.broadcast_shapes(*tensors)


@pytest.mark.parametrize(("op", "sample"), RULES)
def test_float32_gradients_of_float32(op: type[Op], sample: Any) -> None:
    entry, dy = recorded(op, sample, np.float32)
    first = dy[0] if isinstance(dy, tuple) else dy
    if first.dtype != np.float32:
        pytest.skip("another dtype is asked for")
    for dx, wanted in zip(gradients(entry, dy, entry.needs), entry.needs, strict=True):
        assert not wanted or dx is None or dx.dtype == np.float32


@pytest.mark.parametrize(("op", "sample"), CHOOSING)
def test_a_gradient_does_not_depend_on_which_others_are_wanted(op: type[Op], sample: Any) -> None:
    entry, dy = recorded(op, sample)
    together = gradients(entry, dy, entry.needs)
    for i, wanted in enumerate(entry.needs):
        if wanted:
            alone = gradients(entry, dy, [k == i for k in range(len(entry.needs))])
            np.testing.assert_array_equal(alone[i], together[i])


@pytest.mark.parametrize(("op", "sample"), CHOOSING)
def test_no_work_for_gradients_that_nobody_wants(op: type[Op], sample: Any) -> None:
    entry, dy = recorded(op, sample)
    found = gradients(entry, dy, [False] * len(entry.needs))
    given = {i for i, (dx, wanted) in enumerate(zip(found, entry.needs, strict=True)) if wanted and dx is not None}
    assert given <= BY_PRODUCTS.get(op.name, set())
