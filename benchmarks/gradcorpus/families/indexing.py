"""Slices, gathers, shapes, padding, pooling, broadcasting, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.gradcorpus.case import Case, right, wrong
from nanonet_benchmarks.gradcorpus.families.functions import added, changed, put

ROWS = np.array([0, 2, 2, 1, 0])


def gather(t: Any, rows: Any) -> Any:
    return t[rows]


def pooled(x: Any) -> Any:
    """Windows of two."""
    return x.reshape(len(x), -1, 2)


def largest(x: Any) -> Any:
    return pooled(x).max(2)


def to_largest(dy: Any, x: Any) -> Any:
    w = pooled(x)
    return (dy[:, :, None] * (w == w.max(2, keepdims=True))).reshape(x.shape)


def halves(x: Any) -> Any:
    return pooled(x).mean(2)


def twice(x: Any) -> Any:
    return np.repeat(x, 2, axis=1)


def joined(a: Any, b: Any) -> Any:
    return np.concatenate([a, b], axis=1)


def padded(x: Any) -> Any:
    return np.concatenate([0 * x[:1], x, 0 * x[:2]])


def chosen(x: Any, y: Any, condition: Any) -> Any:
    return np.where(condition, x, y)


def lower(x: Any) -> Any:
    return np.where(np.tri(*x.shape) > 0, x, 0)


def _right() -> list[Case]:
    rng = np.random.default_rng(40)
    x, y, b, cube = (rng.normal(size=n) for n in [(3, 4), (3, 4), 4, (2, 3, 4)])
    condition = x > 0.3
    return [
        right("every second row", lambda x: x[::2], lambda dy, x: put(x.shape, np.s_[::2], dy), [x]),
        right("gather", gather, lambda dy, t, rows: (added(t.shape, rows, dy), None), [x, ROWS]),
        right("transpose", lambda x: x.transpose(2, 0, 1), lambda dy, x: dy.transpose(1, 2, 0), [cube]),
        right("reshape", lambda x: x.reshape(2, 6), lambda dy, x: dy.reshape(x.shape), [x]),
        right("reverse", lambda x: x[::-1], lambda dy, x: dy[::-1], [b]),
        right("join", joined, lambda dy, a, b: (dy[:, :4], dy[:, 4:]), [x, y]),
        right("pad", padded, lambda dy, x: dy[1:-2], [x]),
        right("repeat", twice, lambda dy, x: pooled(dy).sum(2), [x]),
        right("max pool", largest, to_largest, [x]),
        right("mean pool", halves, lambda dy, x: twice(dy) / 2, [x]),
        right("roll", lambda x: np.roll(x, 1), lambda dy, x: np.roll(dy, -1), [b]),
        right("bias", lambda x, b: x + b, lambda dy, x, b: (dy, dy.sum(0)), [x, b]),
        right("column", lambda x, c: x * c, lambda dy, x, c: (dy * c, (dy * x).sum(1, keepdims=True)), [x, y[:, :1]]),
        right("where", chosen, lambda dy, x, y, c: (dy * c, dy * ~c, None), [x, y, condition]),
        right("triangle", lower, lambda dy, x: np.tril(dy), [x]),
        right("views", lambda x: x.T, lambda dy, x: dy.T, [np.asfortranarray(x)]),
    ]


def _wrong_picks() -> list[Case]:
    rng = np.random.default_rng(41)
    x, b, cube, s = (rng.normal(size=n) for n in [(3, 4), 6, (3, 3, 3), (4, 4)])
    return [
        wrong(
            "gather, last one wins",
            "overwritten",
            gather,
            lambda dy, t, rows: (put(t.shape, rows, dy), None),
            [x, ROWS],
        ),
        wrong(
            "gather, next row",
            "off-by-one",
            gather,
            lambda dy, t, rows: (added(t.shape, (rows + 1) % 3, dy), None),
            [x, ROWS],
        ),
        wrong(
            "slice from one too early", "off-by-one", lambda x: x[1:], lambda dy, x: put(x.shape, np.s_[:-1], dy), [x]
        ),
        wrong("pad from the wrong end", "off-by-one", padded, lambda dy, x: dy[2:-1], [x]),
        wrong(
            "every second, packed",
            "unknown off-by-one",
            lambda x: x[::2],
            lambda dy, x: put(x.shape, np.s_[:2], dy),
            [x],
        ),
        wrong("reverse, not undone", "flipped", lambda x: x[::-1], lambda dy, x: dy, [b]),
        wrong("roll the same way", "off-by-one flipped", lambda x: np.roll(x, 1), lambda dy, x: np.roll(dy, 1), [b]),
        wrong(
            "transpose, not inverted",
            "transpose",
            lambda x: x.transpose(2, 0, 1),
            lambda dy, x: dy.transpose(2, 0, 1),
            [cube],
        ),
        wrong("transpose, forgotten", "transpose", lambda x: np.sin(x).T, lambda dy, x: dy * np.cos(x), [s]),
        wrong("reshape in the other order", "transpose unknown", lambda x: x.reshape(4, 3), lambda dy, x: dy.T, [x]),
        wrong("triangle, the other", "mask transpose", lower, lambda dy, x: np.triu(dy), [s]),
        wrong("triangle without diagonal", "mask off-by-one", lower, lambda dy, x: np.tril(dy, -1), [s]),
        wrong("triangle forgotten", "mask", lower, lambda dy, x: dy, [s]),
        wrong("first element forgotten", "single-entry", lambda x: x * 2.0, lambda dy, x: changed(2 * dy, 0, 0.0), [b]),
    ]


def _wrong_spreads() -> list[Case]:
    rng = np.random.default_rng(42)
    x, y, b, s = (rng.normal(size=n) for n in [(3, 4), (3, 4), 4, (4, 4)])
    condition = x > 0.3
    keep = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]]) > 0

    def dropped(x: Any) -> Any:
        return np.where(keep, x / 0.8, 0)

    return [
        wrong(
            "bias, broadcast not undone",
            "broadcast-not-undone missing-sum",
            lambda x, b: x + b,
            lambda dy, x, b: (dy, dy),
            [x, b],
        ),
        wrong("bias, wrong axis", "wrong-axis", lambda x, b: x + b, lambda dy, x, b: (dy, dy.sum(1)), [s, b]),
        wrong(
            "column, wrong axis",
            "wrong-axis",
            lambda x, c: x * c,
            lambda dy, x, c: (dy * c, (dy * x).sum(0)[:, None]),
            [s, b[:, None]],
        ),
        wrong(
            "column, first only",
            "missing-sum overwritten",
            lambda x, c: x * c,
            lambda dy, x, c: (dy * c, (dy * x)[:, :1]),
            [x, y[:, :1]],
        ),
        wrong(
            "a number, averaged",
            "mean-for-sum",
            lambda x, c: x + c,
            lambda dy, x, c: (dy, dy.mean()),
            [x, np.array(0.7)],
        ),
        wrong("repeat, first only", "missing-sum overwritten", twice, lambda dy, x: dy[:, ::2], [x]),
        wrong("repeat, averaged", "mean-for-sum scale", twice, lambda dy, x: pooled(dy).mean(2), [x]),
        wrong("mean pool, not divided", "sum-for-mean scale", halves, lambda dy, x: twice(dy), [x]),
        wrong("max pool to all", "mask", largest, lambda dy, x: twice(dy), [x]),
        wrong("join, exchanged", "swapped-operands", joined, lambda dy, a, b: (dy[:, 4:], dy[:, :4]), [x, y]),
        wrong("where, both sides", "mask", chosen, lambda dy, x, y, c: (dy, dy, None), [x, y, condition]),
        wrong(
            "where, exchanged",
            "mask swapped-operands",
            chosen,
            lambda dy, x, y, c: (dy * ~c, dy * c, None),
            [x, y, condition],
        ),
        wrong("dropout, mask forgotten", "mask", dropped, lambda dy, x: dy / 0.8, [x]),
        wrong("dropout, not scaled", "scale", dropped, lambda dy, x: dy * keep, [x]),
    ]


def cases() -> list[Case]:
    return [*_right(), *_wrong_picks(), *_wrong_spreads()]
