"""Every op equals PyTorch's, forward and gradient, on its samples. Needs torch: `pip install '.[peers]'`.

The peer of an op is the function of the same name in torch.nn.functional or torch, with axis and keepdims renamed;
tests/peers/<family>.py names those that differ: PEERS = {"add": lambda a, b: a + b, "floor": None}, where None, with
a comment that says why, stands for an op that PyTorch does not have.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nanonet as nt
import tests.peers
from nanonet.op import Op
from nanonet.sampling import Draw
from tests.support import call, cases, first_outputs, is_float_draw

torch = pytest.importorskip("torch", reason="parity needs torch: pip install '.[peers]'")

PEERS: dict[str, Callable[..., Any] | None] = {}
for _module in pkgutil.iter_modules(tests.peers.__path__):
    PEERS.update(importlib.import_module(f"tests.peers.{_module.name}").PEERS)

RENAMED = {"axis": "dim", "keepdims": "keepdim"}
RTOL = {np.float64: 1e-10, np.float32: 2e-5}  # relative to the largest element


def peer(op: type[Op]) -> Callable[..., Any] | None:
    key = f"{'array' if op.array else 'network'}.{op.name}"
    for name in (key, op.name):
        if name in PEERS:
            return PEERS[name]
    homes = (torch, torch.linalg) if op.array else (torch.nn.functional, torch)
    for home in homes:
        found = getattr(home, op.name, None)
        if found is not None:
            if not op.array:
                return found
            return lambda *args, **attrs: found(*args, **{RENAMED.get(k, k): v for k, v in attrs.items()})
    raise AssertionError(f"{op.name}: no function of this name in torch; add it to tests/peers/")


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("op", "sample"), cases(differentiable=False))
def test_equals_torch(op: type[Op], sample: Any, dtype: Any) -> None:
    other = peer(op)
    if other is None:
        pytest.skip("PyTorch has no such function (tests/peers says why)")
    arrays = sample.draw(dtype=dtype)
    y, inputs = call(op, sample, arrays)
    theirs: list[Any] = []

    def lift(draw: Any, value: Any) -> Any:
        if isinstance(draw, list):
            return [lift(d, v) for d, v in zip(draw, value, strict=True)]
        if not isinstance(draw, Draw):
            return value
        x = torch.tensor(value)
        if is_float_draw(draw):
            theirs.append(x.requires_grad_())
        return x

    ty = other(*[lift(d, v) for d, v in zip(sample.args, arrays, strict=True)], **sample.attrs)
    ours = list(y) if isinstance(y, tuple | list) else [y]
    tys = list(ty) if isinstance(ty, tuple | list) else [ty]
    assert len(ours) == len(tys)
    for one, two in zip(ours, tys, strict=True):
        close(one.array, two.detach().numpy(), dtype, f"{op.name} forward")
    outputs = first_outputs(y)
    if not outputs or not inputs:
        return
    rng = np.random.default_rng(3)
    dys = [rng.standard_normal(one.shape).astype(dtype) for one in outputs]
    dxs = nt.vjp_of(outputs, inputs, dys)
    touts = [t for t in tys if t.requires_grad]
    assert len(touts) == len(outputs)
    tdxs = torch.autograd.grad(touts, theirs, [torch.tensor(dy) for dy in dys], allow_unused=True)
    for x, dx, tdx in zip(inputs, dxs, tdxs, strict=True):
        close(dx.array, np.zeros(x.shape) if tdx is None else tdx.numpy(), dtype, f"{op.name} gradient")


def close(got: np.ndarray, want: np.ndarray, dtype: Any, what: str) -> None:
    assert got.shape == want.shape, f"{what}: shape {got.shape}, torch {want.shape}"
    scale = np.abs(want[np.isfinite(want)]).max(initial=0.0) if want.dtype.kind == "f" else 0.0
    np.testing.assert_allclose(got, want, rtol=RTOL[dtype], atol=RTOL[dtype] * scale, err_msg=what)
