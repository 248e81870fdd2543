"""Functions that several families share. All of them also take arrays of objects that behave like numbers."""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def relu(x: Any) -> Any:
    return np.maximum(x, 0)


def leaky(x: Any) -> Any:
    return np.where(x > 0, x, 0.01 * x)


def total(x: Any, axis: int = -1) -> Any:
    return np.sum(x, axis=axis, keepdims=True)


def average(x: Any, axis: int = -1) -> Any:
    return np.mean(x, axis=axis, keepdims=True)


def softmax(x: Any, axis: int = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / total(e, axis)


def softmax_dx(dy: Any, y: Any, axis: int = -1) -> Any:
    return y * (dy - total(dy * y, axis))


def log_softmax(x: Any, axis: int = -1) -> Any:
    moved = x - np.max(x, axis=axis, keepdims=True)
    return moved - np.log(total(np.exp(moved), axis))


def deviation(x: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    """√(variance + ε)"""
    return np.sqrt(average((x - average(x, axis)) ** 2, axis) + eps)


def normalised(x: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    return (x - average(x, axis)) / deviation(x, axis, eps)


def normalised_dx(dz: Any, x: Any, axis: int = -1, eps: float = 1e-5) -> Any:
    z = normalised(x, axis, eps)
    return (dz - average(dz, axis) - z * average(dz * z, axis)) / deviation(x, axis, eps)


def changed(dx: Any, at: Any, value: float) -> Any:
    """dx with one other element."""
    dx = np.array(dx)
    dx[at] = value
    return dx


def added(shape: tuple[int, ...], at: Any, dy: Any) -> Any:
    """Zeros to which dy is added at `at`, as often as an index occurs."""
    dx = np.zeros(shape)
    np.add.at(dx, at, dy)
    return dx


def put(shape: tuple[int, ...], at: Any, dy: Any) -> Any:
    """Zeros into which dy is written at `at`: of indices that occur twice, the last one wins."""
    dx = np.zeros(shape)
    dx[at] = dy
    return dx
