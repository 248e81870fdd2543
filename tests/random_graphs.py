"""Random programs of nanonet: shared tensors, broadcasting, views, constants, detached values, mixed dtypes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import nanonet as nt

Program = Callable[..., nt.Tensor]
SHAPES = [(), (3,), (2, 3), (2, 1), (1, 3), (4, 2, 3)]


def random_program(seed: int) -> tuple[Program, list[np.ndarray]]:
    """A function of its inputs that returns one number, and the inputs. The same seed gives the same program."""
    rng = np.random.default_rng(seed)
    dtypes = ["float64", "float64", "float32"] if seed % 4 == 0 else ["float64"]
    shapes = [SHAPES[i] for i in rng.integers(0, len(SHAPES), rng.integers(1, 4))]
    inputs = [rng.uniform(-1.5, 1.5, shape).astype(rng.choice(dtypes)) for shape in shapes]
    length, choices = int(rng.integers(3, 15)), rng.integers(0, 2**31, size=200)

    def program(*tensors: nt.Tensor) -> nt.Tensor:
        draws = iter(choices)
        pool = list(tensors)

        def pick() -> nt.Tensor:
            return pool[int(next(draws)) % len(pool)]

        for _ in range(length):
            pool.append(_one(int(next(draws)) % 14, pick, int(next(draws))))
        loss = sum((x.mean() for x in pool[-3:]), nt.tensor(0.0, dtype="float64"))
        return loss + sum(x.sum() for x in tensors)

    return program, inputs


def _one(kind: int, pick: Callable[[], nt.Tensor], number: int) -> nt.Tensor:
    x = pick()
    if kind < 4:  # two operands, broadcast against each other, often the same one twice
        y = pick() if number % 3 else x
        y = y if _fit(x, y) else x
        return (x + y, x * y, x - y, nt.maximum(x, y))[kind]
    if kind == 4:
        return nt.tanh(x)
    if kind == 5:
        return x * 0.5 + np.linspace(-1, 1, x.shape[-1] if x.ndim else 1)  # a number, a constant array
    if kind == 6:
        return x[..., :1] if x.ndim else x[None]  # a view
    if kind == 7:
        return x.reshape(-1)[::2]  # a view of a view
    if kind == 8:
        return x.T if x.ndim < 3 else nt.swapaxes(x, 0, 1)[0]
    if kind == 9:
        return nt.sum(x, axis=0, keepdims=True) if x.ndim else nt.exp(-x * x)
    if kind == 10:
        return nt.where(x > 0, x, 0.1 * x)
    if kind == 11:
        return x * nt.sigmoid(x).detach()  # a value that leaves the graph
    if kind == 12:
        first, second = nt.split(nt.concatenate([x.reshape(-1), x.reshape(-1)]), 2)  # several outputs
        return first * second
    return nt.logsumexp(x.reshape(1, -1), axis=1) if x.size else x


def _fit(x: nt.Tensor, y: nt.Tensor) -> bool:
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return True
