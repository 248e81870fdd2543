"""Comparing a module with the PyTorch module of the same name: repr, state_dict, outputs, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import nanonet as nt
from nanonet import nn
from tests.support import first_outputs

RTOL = 1e-10
torch.set_num_threads(1)  # the tests run in several processes already


def pair(name: str, *args: Any, **kwargs: Any) -> tuple[nn.Module, torch.nn.Module]:
    """nn.<name> and torch.nn.<name> of the same arguments, in float64, with random weights that are the same."""
    ours = getattr(nn, name)(*args, **kwargs).double()
    theirs = getattr(torch.nn, name)(*args, **kwargs).double()
    rng = np.random.default_rng(5)
    for module in ours.modules():  # ones and zeros, with which norms begin, would hide a wrong place
        for p in module.parameters(recurse=False):
            if p.ndim == 1:
                p.array[...] += 0.3 * rng.standard_normal(p.shape)
    exchange(ours, theirs)
    return ours, theirs


def exchange(ours: nn.Module, theirs: torch.nn.Module) -> None:
    """ours -> theirs by state_dict, and back into ours: names, order, shapes and numbers are unchanged."""
    state = ours.state_dict()
    wanted = theirs.state_dict()
    assert list(state) == list(wanted)
    assert [v.shape for v in state.values()] == [tuple(v.shape) for v in wanted.values()]
    assert [str(v.dtype) for v in state.values()] == [str(v.dtype).removeprefix("torch.") for v in wanted.values()]
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in state.items()})
    before = {k: v.numpy().copy() for k, v in state.items()}
    ours.load_state_dict(theirs.state_dict())
    for k, v in ours.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]


def close(got: Any, want: Any, what: str) -> None:
    want = want.detach().numpy() if isinstance(want, torch.Tensor) else want
    got = got.array if isinstance(got, nt.Tensor) else got
    assert got.shape == want.shape, f"{what}: shape {got.shape}, torch {want.shape}"
    scale = np.abs(want).max(initial=0.0)
    np.testing.assert_allclose(got, want, rtol=RTOL, atol=RTOL * max(scale, 1e-3), err_msg=what)


def flat(y: Any) -> list[Any]:
    """The tensors in nested tuples."""
    if isinstance(y, tuple | list):
        return [t for one in y for t in flat(one)]
    return [] if y is None else [y]


def _not_a_leaf(tx: Any) -> Any:
    """PyTorch's inplace=True refuses leaves."""
    return tx.clone() if isinstance(tx, torch.Tensor) else tx


def same_results(ours: nn.Module, theirs: torch.nn.Module, inputs: Sequence[Any], **kwargs: Any) -> None:
    """Outputs, gradients of inputs and parameters, and buffers afterwards are equal. Float inputs get gradients."""

    def lift(x: Any, make: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(lift(one, make) for one in x)
        if not isinstance(x, np.ndarray):
            return x
        tensor = make(x)
        return tensor.requires_grad_() if x.dtype.kind == "f" else tensor

    xs, txs = [lift(x, nt.tensor) for x in inputs], [lift(x, torch.tensor) for x in inputs]
    mine = {k: lift(v, nt.tensor) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
    other = {k: lift(v, torch.tensor) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
    ys, tys = flat(ours(*xs, **mine)), flat(theirs(*[_not_a_leaf(tx) for tx in txs], **other))
    assert len(ys) == len(tys)
    for y, ty in zip(ys, tys, strict=True):
        close(y, ty, "output")
    theirs.zero_grad()
    ours.zero_grad()
    outputs, touts = first_outputs(ys), [t for t in tys if t.requires_grad]
    assert len(outputs) == len(touts)
    if outputs:
        rng = np.random.default_rng(6)
        dys = [rng.standard_normal(y.shape) for y in outputs]
        sum((y * nt.tensor(dy)).sum() for y, dy in zip(outputs, dys, strict=True)).backward()
        sum((y * torch.tensor(dy)).sum() for y, dy in zip(touts, dys, strict=True)).backward()
    for x, tx in zip(flat(xs), flat(txs), strict=True):
        if isinstance(x, nt.Tensor) and x.requires_grad and tx.grad is not None:
            close(x.grad, tx.grad, "gradient of an input")
    for (name, p), (_, tp) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        if tp.grad is not None:
            close(p.grad, tp.grad, f"gradient of {name}")
    for (name, b), (_, tb) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        close(b, tb, f"buffer {name}")
