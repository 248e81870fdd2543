"""PyTorch's functions for linear algebra, where names or arguments differ from NumPy's."""

from __future__ import annotations

from typing import Any

import torch


def _dot(a: Any, b: Any) -> Any:
    if a.ndim == 0 or not isinstance(b, torch.Tensor):
        return a * b
    return torch.tensordot(a, b, ([-1], [-2 if b.ndim > 1 else 0]))


def _det(x: Any) -> Any:
    """By minors: torch.det has a wrong gradient where a pivot is exactly 0."""
    if x.shape[-1] == 0:
        return torch.ones(x.shape[:-2], dtype=x.dtype)
    keep = [[j for j in range(x.shape[-1]) if j != i] for i in range(x.shape[-1])]
    return sum((-1) ** j * x[..., 0, j] * _det(x[..., 1:, :][..., keep[j]]) for j in range(x.shape[-1]))


def _solve(a: Any, b: Any) -> Any:
    return torch.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else torch.linalg.solve(a, b)


def _trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if x.numel() and not -x.shape[axis1] < offset < x.shape[axis2]:
        return x.sum() * 0  # torch.diagonal refuses what NumPy takes for an empty diagonal
    return torch.diagonal(x, offset, axis1, axis2).sum(-1)


PEERS = {
    "dot": _dot,
    "outer": lambda a, b: torch.outer(a.reshape(-1), b.reshape(-1)),
    "tensordot": lambda a, b, axes=2: torch.tensordot(a, b, axes),
    "trace": _trace,
    "det": _det,
    "solve": _solve,
    "cholesky": torch.linalg.cholesky,
}
