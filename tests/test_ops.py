"""Every registered op keeps the contract. The tests are made from the registry: a new op is tested by being there."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.backends import current
from nanonet.backends.base import VOCABULARY
from nanonet.op import Composite, Op, ops
from tests.support import call, cases, central_difference, first_outputs

ALL = [pytest.param(op, id=op.name) for op in ops()]


@pytest.mark.parametrize("op", ALL)
def test_declares_formula_and_samples(op: type[Op]) -> None:
    assert op.samples, f"{op.name} has no samples"
    assert op.forward.__doc__ is None, "the formula belongs to the class"
    text, latex = op.formulas("text"), op.formulas("latex")
    assert "y" in text or len(text) >= 1, f"{op.name}: the docstring starts with `y = …`"
    if op.is_differentiable():
        gradients = [name for name in text if name.startswith("d")]
        assert gradients, f"{op.name}: the docstring gives no gradient formula"
        assert list(latex), f"{op.name}: no LaTeX"


@pytest.mark.parametrize("op", ALL)
def test_rules_keep_to_the_vocabulary(op: type[Op]) -> None:
    for rule in (op.forward, op.backward):
        if rule is None:
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(rule)))
        used = {
            n.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "xp"
        }
        unknown = used - set(VOCABULARY) - ({*nt.functional.__all__} if issubclass(op, Composite) else set())
        assert not unknown, f"{op.name} uses xp.{', xp.'.join(unknown)}: not in backends.base.VOCABULARY"


@pytest.mark.parametrize(("op", "sample"), cases())
def test_gradient_is_the_central_difference(op: type[Op], sample: Any) -> None:
    """float64, random cotangents, every element of every input."""
    if sample.kink:
        pytest.skip(f"not differentiable there: {sample.kink}; the parity tests state the value")
    arrays = sample.draw()
    y, inputs = call(op, sample, arrays, nt.Tensor.wrap)
    outputs = first_outputs(y)
    rng = np.random.default_rng(1)
    dys = [rng.standard_normal(one.shape) for one in outputs]

    def objective() -> float:
        with nt.no_grad():
            now, _ = call(op, sample, arrays, nt.Tensor.wrap)
        found = now if isinstance(now, tuple | list) else [now]
        chosen = [one for one in found if one.dtype.kind == "f"]
        return sum(float(np.sum(one.array * dy)) for one, dy in zip(chosen, dys, strict=True))

    got = nt.vjp_of(outputs, inputs, dys)
    for x, dx in zip(inputs, got, strict=True):
        want = central_difference(objective, x.array)
        np.testing.assert_allclose(dx.array, want, rtol=1e-6, atol=1e-7 * max(1.0, np.abs(want).max(initial=0.0)))


@pytest.mark.parametrize(("op", "sample"), cases())
def test_double_backward_is_the_central_difference_of_the_gradient(op: type[Op], sample: Any) -> None:
    if sample.kink:
        pytest.skip(f"not differentiable there: {sample.kink}")
    arrays = sample.draw()
    rng = np.random.default_rng(2)

    def gradient_dot(create_graph: bool) -> tuple[Any, list[Any]]:
        """Σ ⟨dx, r⟩ and all that it depends on: the inputs and the cotangents."""
        y, inputs = call(op, sample, arrays, nt.Tensor.wrap)
        outputs = first_outputs(y)
        if not dys:
            dys.extend(rng.standard_normal(one.shape) for one in outputs)
            rs.extend(rng.standard_normal(x.shape) for x in inputs)
        cotangents = [nt.Tensor.wrap(dy).requires_grad_() for dy in dys]
        dxs = nt.vjp_of(outputs, inputs, cotangents, create_graph=create_graph)
        total = sum(
            ((dx * nt.Tensor.wrap(r)).sum() for dx, r in zip(dxs, rs, strict=True)), nt.Tensor.wrap(np.zeros(()))
        )
        return total, [*inputs, *cotangents]

    dys: list[np.ndarray] = []
    rs: list[np.ndarray] = []
    total, variables = gradient_dot(True)
    got = (
        nt.vjp_of([total], variables, [np.ones(())])
        if total.requires_grad
        else [nt.Tensor.wrap(np.zeros(x.shape)) for x in variables]
    )
    for x, ddx in zip(variables, got, strict=True):
        want = central_difference(lambda: gradient_dot(False)[0].item(), x.array)
        np.testing.assert_allclose(ddx.array, want, rtol=1e-5, atol=1e-6 * max(1.0, np.abs(want).max(initial=0.0)))


@pytest.mark.parametrize(("op", "sample"), cases(differentiable=False))
def test_rules_change_no_input(op: type[Op], sample: Any) -> None:
    arrays = sample.draw()
    frozen = sample.draw()

    def freeze(x: Any) -> None:
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
        elif isinstance(x, list):
            for one in x:
                freeze(one)

    freeze(arrays)
    y, inputs = call(op, sample, arrays, nt.Tensor.wrap)
    outputs = first_outputs(y)
    dys = [np.ones(one.shape) for one in outputs]
    freeze(dys)
    if inputs and outputs:
        nt.vjp_of(outputs, inputs, [nt.Tensor.wrap(dy) for dy in dys])  # not copies: the frozen arrays themselves
    for before, after in zip(frozen, arrays, strict=True):
        if isinstance(before, np.ndarray):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize(("op", "sample"), cases(differentiable=False))
def test_float32_stays_float32(op: type[Op], sample: Any) -> None:
    if sample.attrs.get("dtype") is not None or any(a == "float64" for a in sample.args if isinstance(a, str)):
        pytest.skip("the dtype is asked for")
    arrays = sample.draw(dtype=np.float32)
    y, inputs = call(op, sample, arrays)
    for one in y if isinstance(y, tuple | list) else [y]:
        assert one.dtype != np.float64
    outputs = first_outputs(y)
    if inputs and outputs:
        for dx in nt.vjp_of(outputs, inputs, [np.ones(one.shape, np.float32) for one in outputs]):
            assert dx.dtype == np.float32


def test_the_vocabulary_is_offered_by_every_backend() -> None:
    from nanonet.tensor import tensors

    for xp in (current().xp, tensors.xp):
        assert [name for name in VOCABULARY if not hasattr(xp, name)] == []
