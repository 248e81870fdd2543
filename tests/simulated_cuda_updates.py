"""Optimizer kernels on CUDA against the rules in float64, several steps in a row: see tests/simulated_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet.ops import update as rules
from nanonet_kernels.cuda import adam, update
from tests.simulated_cuda import DTYPES, assert_near, on_device, xp

ADAM = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
RMS = {"lr": 0.01, "alpha": 0.9, "eps": 1e-8}
MOMENTUM = {"lr": 0.1, "momentum": 0.9}
# rule, kernel, how many arrays of memory (None: left out), constants
CASES: dict[str, tuple[Any, Any, tuple[int, ...], dict[str, Any]]] = {
    "sgd": (rules.sgd, update.sgd, (), {"lr": 0.1}),
    "sgd, decay": (rules.sgd, update.sgd, (), {"lr": 0.1, "weight_decay": 0.3}),
    "momentum": (rules.momentum, update.momentum, (1,), MOMENTUM),
    "momentum, dampening": (rules.momentum, update.momentum, (1,), {**MOMENTUM, "dampening": 0.5, "weight_decay": 0.1}),
    "nesterov": (rules.momentum, update.momentum, (1,), {**MOMENTUM, "nesterov": True}),
    "rmsprop": (rules.rmsprop, update.rmsprop, (1, 0, 0), RMS),
    "rmsprop, centered": (rules.rmsprop, update.rmsprop, (1, 1, 0), RMS),
    "rmsprop, momentum": (rules.rmsprop, update.rmsprop, (1, 0, 1), {**RMS, "momentum": 0.9, "weight_decay": 0.1}),
    "rmsprop, both": (rules.rmsprop, update.rmsprop, (1, 1, 1), {**RMS, "momentum": 0.9}),
    "adagrad": (rules.adagrad, update.adagrad, (1,), {"lr": 0.1, "eps": 1e-10, "weight_decay": 0.1}),
    "adam": (rules.adam, adam.adam, (1, 1, 0), ADAM),
    "adam, decay": (rules.adam, adam.adam, (1, 1, 0), {**ADAM, "weight_decay": 0.1}),
    "amsgrad": (rules.adam, adam.adam, (1, 1, 1), ADAM),
    "adamw": (rules.adamw, adam.adamw, (1, 1, 0), {**ADAM, "weight_decay": 0.1}),
}


def start(size: int, memory: tuple[int, ...]) -> tuple[np.ndarray, list[Any]]:
    p = np.random.default_rng(5).normal(size=size).astype(np.float32).astype(np.float64)
    return p, [np.zeros(size) if there else None for there in memory]


def gradients(size: int, steps: int) -> list[np.ndarray]:
    rng = np.random.default_rng(6)
    return [rng.normal(size=size).astype(np.float32).astype(np.float64) for _ in range(steps)]


@pytest.mark.parametrize("size", [0, 1, 7])
@pytest.mark.parametrize("name", CASES)
def test_three_steps_equal_the_rules(name: str, size: int) -> None:
    rule, kernel, memory, constants = CASES[name]
    for dtype in DTYPES:
        p, state = start(size, memory)
        p_device = on_device(p, dtype=dtype)
        on = [on_device(s, dtype=dtype) for s in state]
        for step, g in enumerate(gradients(size, 3), 1):
            more = {"step": step} if "beta1" in constants else {}
            p, *state = rule(xp, p, g, *state, **constants, **more)
            kernel(p_device, on_device(g, dtype=dtype), *on, **constants, **more)
        assert_near(p_device, p, what="p", scale=1)
        for got, expected in zip(on, state, strict=True):
            if expected is not None:
                assert_near(got, expected, what="memory", scale=1)


@pytest.mark.parametrize("decoupled", [0.0, 0.1])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_in_a_graph_counts_its_own_steps_and_follows_the_learning_rate(decoupled: float, amsgrad: bool) -> None:
    constants, size = {k: ADAM[k] for k in ("beta1", "beta2")}, 7
    for dtype in DTYPES:
        p, (m, v, v_max) = start(size, (1, 1, int(amsgrad)))
        device = on_device(p, m, v, v_max, dtype=dtype)
        step_, lr_, numbers = on_device(np.array([0])), on_device(np.array([0.0])), on_device(np.zeros(3, dtype))
        for step, g in enumerate(gradients(size, 3), 1):
            lr_.host[0] = 0.01 * step
            p, m, v, v_max = rules.adamw(
                xp, p, g, m, v, v_max, lr=0.01 * step, eps=1e-8, step=step, weight_decay=decoupled, **constants
            )
            adam.adam_numbers(step_, lr_, numbers, eps=1e-8, decoupled_decay=decoupled, **constants)
            p_, m_, v_, v_max_ = device
            adam.adam_captured(p_, on_device(g, dtype=dtype), m_, v_, numbers, v_max_, **constants)
        assert int(step_.get()[0]) == 3
        assert_near(device[0], p)


@pytest.mark.parametrize("name", CASES)
def test_a_gradient_that_is_nan_spoils_its_own_parameter_only(name: str) -> None:
    _, kernel, memory, constants = CASES[name]
    p, state = start(3, memory)
    device = on_device(p, dtype=np.float32)
    more = {"step": 1} if "beta1" in constants else {}
    g = on_device(np.array([1.0, np.nan, 1.0]), dtype=np.float32)
    kernel(device, g, *(on_device(s, dtype=np.float32) for s in state), **constants, **more)
    assert np.isnan(device.get()).tolist() == [False, True, False]


def test_one_minus_beta_is_taken_in_float64() -> None:
    """In float32 1 - 0.999 is 5 · 10⁻⁵ off, and so would be the mean of the squares."""
    _, (m, v, _) = start(4, (1, 1, 0))
    device = on_device(np.ones(4), m, v, dtype=np.float32)
    g = on_device(np.full(4, 3.0), dtype=np.float32)
    adam.adam(device[0], g, *device[1:], step=1, **ADAM)
    assert_near(device[2], np.full(4, (1 - 0.999) * 9), units=2)


def test_a_planted_fault_in_an_update_is_caught() -> None:
    rule, kernel, _, constants = CASES["adam"]
    p, (m, v, _) = start(7, (1, 1, 0))
    (g,) = gradients(7, 1)
    device = on_device(p, m, v, dtype=np.float32)
    kernel(device[0], on_device(g, dtype=np.float32), *device[1:], step=1, **{**constants, "eps": 1e-4})
    expected = rule(xp, p, g, m, v, None, step=1, **constants)[0]
    with pytest.raises(AssertionError):
        assert_near(device[0], expected)
