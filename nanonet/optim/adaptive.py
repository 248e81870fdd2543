"""Optimizers that give every number its own step: RMSprop, Adagrad, Adam, AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nanonet.backends.base import Rule
from nanonet.ops import update
from nanonet.optim.optimizer import Group, Optimizer


class RMSprop(Optimizer):
    """v ← αv + (1-α) g²;  p ← p - lr g / (√v + ε). ε is outside the root, as in PyTorch.

    lr, alpha, eps  learning rate, memory of the mean square, the smallest divisor; all ≥ 0
    weight_decay    λ of the penalty ½ λ ‖p‖²
    momentum        μ: b ← μb + g / (√v + ε);  p ← p - lr b
    centered        divide by √(v - m²), with m the mean of g: an estimate of its standard deviation
    maximize        climb instead of descend

    Source: Tieleman and Hinton 2012, Coursera lecture 6.5; centered: Graves 2013.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def rule_for(self, state: dict[str, Any], group: Group) -> tuple[Rule, Sequence[str], dict[str, Any]]:
        state["step"] = state.get("step", 0) + 1
        names = (
            "square_avg",
            "grad_avg" if group["centered"] else "",
            "momentum_buffer" if group["momentum"] else "",
        )
        options = {name: group[name] for name in ("alpha", "eps", "weight_decay", "momentum")}
        return update.rmsprop, names, {"lr": float(group["lr"]), **options}


class Adagrad(Optimizer):
    """v ← v + g²;  p ← p - lrₜ g / (√v + ε), where lrₜ = lr / (1 + (t-1) lr_decay).

    lr, lr_decay, eps           learning rate, its decay, the smallest divisor; all ≥ 0
    weight_decay                λ of the penalty ½ λ ‖p‖²
    initial_accumulator_value   v before the first step
    maximize                    climb instead of descend

    Source: Duchi, Hazan and Singer 2011.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def start(self, group: Group) -> float:
        return group["initial_accumulator_value"]

    def rule_for(self, state: dict[str, Any], group: Group) -> tuple[Rule, Sequence[str], dict[str, Any]]:
        state["step"] = state.get("step", 0) + 1
        lr = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"])
        return update.adagrad, ("sum",), {"lr": lr, "eps": group["eps"], "weight_decay": group["weight_decay"]}


class Adam(Optimizer):
    """m ← β₁m + (1-β₁) g;  v ← β₂v + (1-β₂) g²;  p ← p - lr m̂ / (√v̂ + ε), with m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ).

    lr, eps         learning rate and the smallest divisor, ≥ 0
    betas           (β₁, β₂) in [0, 1): memory of the mean and of the mean square
    weight_decay    λ of the penalty ½ λ ‖p‖², which passes through m and v like the loss; AdamW keeps it out of them
    amsgrad         divide by the largest v so far
    maximize        climb instead of descend

    Source: Kingma and Ba 2015, algorithm 1; amsgrad: Reddi, Kale and Kumar 2018.
    """

    rule = staticmethod(update.adam)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, options)

    def rule_for(self, state: dict[str, Any], group: Group) -> tuple[Rule, Sequence[str], dict[str, Any]]:
        state["step"] = state.get("step", 0) + 1
        beta1, beta2 = group["betas"]
        attrs = {
            "lr": float(group["lr"]),
            "beta1": beta1,
            "beta2": beta2,
            "eps": group["eps"],
            "step": state["step"],
            "weight_decay": group["weight_decay"],
        }
        return self.rule, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq" if group["amsgrad"] else ""), attrs


class AdamW(Adam):
    """p ← p - lr λp, then Adam's step: weight decay apart from the gradient.

    Arguments as for `Adam`; weight_decay is 0.01 unless given. Source: Loshchilov and Hutter 2019.
    """

    rule = staticmethod(update.adamw)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
