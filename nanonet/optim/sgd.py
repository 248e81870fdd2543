"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nanonet.backends.base import Rule
from nanonet.ops import update
from nanonet.optim.optimizer import Group, Optimizer


class SGD(Optimizer):
    """p ← p - lr g; with momentum μ: b ← μb + (1 - dampening) g and p ← p - lr b.

    lr              learning rate, ≥ 0
    momentum        μ: how much of the last step goes on
    dampening       0 … 1; the first step is never dampened (b = g), as in PyTorch
    weight_decay    λ of the penalty ½ λ ‖p‖²: g ← g + λp
    nesterov        p ← p - lr (g + μb): the gradient, looked at one step ahead
    maximize        climb instead of descend
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def check_options(self, group: Group) -> None:
        super().check_options(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs momentum > 0 and dampening = 0")

    def rule_for(self, state: dict[str, Any], group: Group) -> tuple[Rule, Sequence[str], dict[str, Any]]:
        attrs = {"lr": float(group["lr"]), "weight_decay": group["weight_decay"]}
        if not group["momentum"]:
            return update.sgd, (), attrs
        attrs |= {
            "momentum": group["momentum"],
            "dampening": group["dampening"] if "momentum_buffer" in state else 0.0,
            "nesterov": group["nesterov"],
        }
        return update.momentum, ("momentum_buffer",), attrs
