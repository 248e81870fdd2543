"""Gradient clipping, and the penalties that are added to a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from nanonet.backends.base import home
from nanonet.device import on_host
from nanonet.op import REGISTRY
from nanonet.ops import update
from nanonet.optim.optimizer import store
from nanonet.tensor import Tensor, apply

Parameters = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Parameters, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients, in place, by one factor so that their norm as one vector is at most `max_norm`.

    g ← g · min(1, max_norm / (norm + 10⁻⁶)). `norm_type` is 1, 2, inf, …. Returns the norm before, a 0-d Tensor. Raises
    RuntimeError for a norm of NaN or Inf if `error_if_nonfinite`, having changed nothing.
    Source: Pascanu, Mikolov and Bengio 2013.
    """
    gradients = [g for g in _gradients(parameters) if g.size]  # where there are no numbers, there is no largest
    if not gradients:
        return Tensor(0.0)
    run = home(gradients[0].array).run
    norm = run(update.total_norm, *[g.array for g in gradients], norm_type=float(norm_type))
    if error_if_nonfinite and not np.isfinite(on_host(norm)):
        raise RuntimeError(
            f"clip_grad_norm_: the norm is {float(on_host(norm))}; nanonet.detect_anomaly() finds where it began"
        )
    for g in gradients:
        store(g, run(update.scale_to_norm, g.array, norm, max_norm=float(max_norm)))
    return Tensor(norm, device=gradients[0].device)


def clip_grad_value_(parameters: Parameters, clip_value: float) -> None:
    """Bring every number of every gradient, in place, into [-clip_value, clip_value]."""
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: expected clip_value ≥ 0, got {clip_value}")
    for g in _gradients(parameters):
        store(g, home(g.array).run(update.clip_value, g.array, limit=float(clip_value)))


def l1_penalty(params: Parameters, lam: float) -> Tensor:
    """λ Σ |w|, a 0-d Tensor to add to the loss;  dw = λ sign(w)."""
    return _penalty(lambda w: apply(REGISTRY["array.abs"], w), params, lam)


def l2_penalty(params: Parameters, lam: float) -> Tensor:
    """λ Σ w², a 0-d Tensor to add to the loss;  dw = 2λw. With plain SGD it equals `weight_decay=2 * lam`."""
    return _penalty(lambda w: apply(REGISTRY["array.multiply"], w, w), params, lam)


def _penalty(size: Callable[[Tensor], Tensor], params: Parameters, lam: float) -> Tensor:
    if not lam >= 0:
        raise ValueError(f"penalty: expected lam ≥ 0, got {lam}")
    params = [params] if isinstance(params, Tensor) else list(params)
    if not params:
        raise ValueError("penalty: expected parameters, got an empty list")
    sums = [apply(REGISTRY["array.sum"], size(p)) for p in params]
    total = sums[0]
    for term in sums[1:]:
        total = total + term
    return lam * total


def _gradients(parameters: Parameters) -> list[Tensor]:
    found = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad for p in found if p.grad is not None]
