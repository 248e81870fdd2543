"""Learning-rate schedules, with PyTorch's names, arguments and sequences of rates.

Every schedule moves the rate that the optimizer has now, so that several of them may act together. t counts the calls
of `step()`, lr₀ is the rate at the beginning; the docstrings give lr(t) for a schedule alone.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nanonet.optim.optimizer import Optimizer


class LRScheduler:
    """Base of the schedules: call `step()` after each epoch (or each batch), after the optimizer's step.

    A subclass says in `next_lr(lr, i)` which rate follows `lr` for the parameter group i at time `last_epoch` ≥ 1, and,
    if it begins elsewhere than at lr₀, in `first_lr(lr, i)`. With last_epoch ≥ 0 the schedule goes on from there, the
    groups' rates being as they were left.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an Optimizer, got a {type(optimizer).__name__}")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f"{type(self).__name__}: last_epoch={last_epoch} needs 'initial_lr' in parameter group {i}"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._set(self.get_lr() if last_epoch == -1 else [group["lr"] for group in optimizer.param_groups])

    def first_lr(self, lr: float, i: int) -> float:
        """The rate at t = 0, where it was `lr`."""
        return lr

    def next_lr(self, lr: float, i: int) -> float:
        """The rate at t = `last_epoch`, after `lr` one step before."""
        raise NotImplementedError(f"{type(self).__name__}: write next_lr()")

    def get_lr(self) -> list[float]:
        """The rate of each group at `last_epoch`."""
        rate = self.next_lr if self.last_epoch else self.first_lr
        return [rate(group["lr"], i) for i, group in enumerate(self.optimizer.param_groups)]

    def step(self) -> None:
        """One step further: every group gets its next rate."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Back to t = 0, from the rate at the beginning."""
        self.last_epoch = 0
        self._set([self.first_lr(lr, i) for i, lr in enumerate(self.base_lrs)])

    def get_last_lr(self) -> list[float]:
        """The rate that each group has now."""
        return self._last_lr

    def _set(self, rates: Sequence[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = list(rates)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions, as plain values (JSON can hold them)."""
        return {k: v for k, v in vars(self).items() if k not in ("optimizer", "lr_lambdas")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where `state_dict()` was taken. The rates themselves are the optimizer's state."""
        missing = sorted(self.state_dict().keys() - state_dict.keys())
        if missing:
            raise ValueError(f"{type(self).__name__}: the state lacks {', '.join(missing)}; it is of another schedule")
        vars(self).update(state_dict)


class StepLR(LRScheduler):
    """lr(t) = lr₀ γ^⌊t / step_size⌋."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR: expected step_size ≥ 1, got {step_size}")
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def next_lr(self, lr: float, i: int) -> float:
        return lr if self.last_epoch % self.step_size else lr * self.gamma


class MultiStepLR(LRScheduler):
    """lr(t) = lr₀ γⁿ, where n of the `milestones` are ≤ t."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones = sorted(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def first_lr(self, lr: float, i: int) -> float:
        return self.next_lr(lr, i)

    def next_lr(self, lr: float, i: int) -> float:
        return lr * self.gamma ** self.milestones.count(self.last_epoch)


class ExponentialLR(LRScheduler):
    """lr(t) = lr₀ γᵗ."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def next_lr(self, lr: float, i: int) -> float:
        return lr * self.gamma


class LinearLR(LRScheduler):
    """Warm-up: lr(t) = lr₀ (start + (end - start) min(t, total_iters) / total_iters)."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: expected start_factor in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: expected end_factor in [0, 1], got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def first_lr(self, lr: float, i: int) -> float:
        return lr * self.start_factor

    def next_lr(self, lr: float, i: int) -> float:
        if self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        return lr * (1 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise))


class CosineAnnealingLR(LRScheduler):
    """lr(t) = eta_min + (lr₀ - eta_min) (1 + cos(π t / T_max)) / 2. Source: Loshchilov and Hutter 2017, equation 5."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: expected T_max ≥ 1, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def next_lr(self, lr: float, i: int) -> float:
        t, n = self.last_epoch, self.T_max
        if (t - 1 - n) % (2 * n) == 0:  # one step after the lowest point, where lr - eta_min is 0
            return lr + (self.base_lrs[i] - self.eta_min) * (1 - math.cos(math.pi / n)) / 2
        ratio = (1 + math.cos(math.pi * t / n)) / (1 + math.cos(math.pi * (t - 1) / n))
        return ratio * (lr - self.eta_min) + self.eta_min


class LambdaLR(LRScheduler):
    """lr(t) = lr₀ f(t), with one function for all groups or a list of one for each."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Any, last_epoch: int = -1) -> None:
        n = len(optimizer.param_groups)
        self.lr_lambdas: list[Callable[[int], float]] = (
            list(lr_lambda) if isinstance(lr_lambda, list | tuple) else [lr_lambda] * n
        )
        if len(self.lr_lambdas) != n:
            raise ValueError(
                f"LambdaLR: expected {n} functions, one for each parameter group, got {len(self.lr_lambdas)}"
            )
        super().__init__(optimizer, last_epoch)

    def first_lr(self, lr: float, i: int) -> float:
        return self.next_lr(lr, i)

    def next_lr(self, lr: float, i: int) -> float:
        return self.base_lrs[i] * self.lr_lambdas[i](self.last_epoch)


class SequentialLR(LRScheduler):
    """schedulers[0] until milestones[0], then schedulers[1] from its own beginning until milestones[1], and so on."""

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: expected one milestone between two schedulers, got {len(schedulers)} schedulers and "
                f"{len(milestones)} milestones"
            )
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler) or scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"SequentialLR: scheduler {i} must be an LRScheduler of the same optimizer (no plateau)"
                )
        self.optimizer = optimizer
        self.schedulers = list(schedulers)
        self.milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        first = self.schedulers[bisect_right(self.milestones, 0)]
        first.last_epoch = 0
        first._set(first.get_lr())
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        self.last_epoch += 1
        i = bisect_right(self.milestones, self.last_epoch)
        if i and self.milestones[i - 1] == self.last_epoch:
            self.schedulers[i].restart()
        else:
            self.schedulers[i].step()
        self._last_lr = self.schedulers[i].get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        mine = self.schedulers
        super().load_state_dict({**state_dict, "schedulers": mine})
        for scheduler, state in zip(mine, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(state)
