"""The one-cycle schedule: up, down, and out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanonet.optim.optimizer import Optimizer
from nanonet.optim.schedules import LRScheduler

Each = float | Sequence[float]  # one for all groups, or one for each


class OneCycleLR(LRScheduler):
    """lr rises from max_lr / div_factor to max_lr and falls to max_lr / (div_factor · final_div_factor).

    total_steps         or epochs and steps_per_epoch: how often `step()` will be called, once per batch
    pct_start           the part of the steps in which lr rises
    anneal_strategy     "cos" or "linear"
    cycle_momentum      move the momentum (or β₁) the other way, between max_momentum and base_momentum
    three_phase         fall back to the first rate as slowly as it rose, then further down

    Source: Smith and Topin 2018.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: Each,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: Each = 0.85,
        max_momentum: Each = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: expected total_steps, or epochs and steps_per_epoch")
        self.total_steps = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
        if self.total_steps < 1:
            raise ValueError(f"OneCycleLR: expected a positive number of steps, got {self.total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: expected pct_start in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: expected anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}")
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.phases = _phases(float(pct_start * self.total_steps), self.total_steps, three_phase)
        self._momentum = "betas" if "betas" in optimizer.defaults else "momentum"
        if cycle_momentum and self._momentum not in optimizer.defaults:
            raise ValueError(f"OneCycleLR: {type(optimizer).__name__} has no momentum; use cycle_momentum=False")
        if last_epoch == -1:
            lrs, lows, highs = (_each(x, optimizer) for x in (max_lr, base_momentum, max_momentum))
            for group, top, low, high in zip(optimizer.param_groups, lrs, lows, highs, strict=True):
                start = top / div_factor
                group.update(initial_lr=start, max_lr=top, min_lr=start / final_div_factor)
                if cycle_momentum:
                    group.update(max_momentum=high, base_momentum=low)
        super().__init__(optimizer, last_epoch)

    def first_lr(self, lr: float, i: int) -> float:
        return self.next_lr(lr, i)

    def next_lr(self, lr: float, i: int) -> float:
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(f"OneCycleLR: step {t} of a cycle of {self.total_steps} steps; make it longer")
        group = self.optimizer.param_groups[i]
        start = 0.0
        for phase in self.phases[:-1]:
            if t <= phase[0]:
                break
            start = phase[0]
        else:
            phase = self.phases[-1]
        end, rates, momenta = phase
        part = (t - start) / (end - start)
        if self.cycle_momentum:
            momentum = self._between(group[momenta[0]], group[momenta[1]], part)
            group[self._momentum] = (momentum, group["betas"][1]) if self._momentum == "betas" else momentum
        return self._between(group[rates[0]], group[rates[1]], part)

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2 * (math.cos(math.pi * part) + 1)
        return (end - start) * part + start


def _phases(rise: float, total: int, three: bool) -> list[tuple[float, tuple[str, str], tuple[str, str]]]:
    """(last step, rates from and to, momenta from and to) of each phase, as names of options of a group."""
    up = (rise - 1, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
    if not three:
        return [up, (total - 1, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))]
    down = (2 * rise - 2, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum"))
    return [up, down, (total - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))]


def _each(value: Each, optimizer: Optimizer) -> list[float]:
    n = len(optimizer.param_groups)
    values: list[float] = list(value) if isinstance(value, Sequence) else [value] * n
    if len(values) != n:
        raise ValueError(f"OneCycleLR: expected {n} values, one for each parameter group, got {len(values)}")
    return values
