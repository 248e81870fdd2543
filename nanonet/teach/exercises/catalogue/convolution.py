"""Convolution and pooling: windows that slide, and entries that lie in several of them."""

from __future__ import annotations

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip


def slide(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """y[t] = Σ x[t + k] w[k]."""
    return np.array([np.sum(x[t : t + len(w)] * w) for t in range(len(x) - len(w) + 1)])


def slide2(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    H, W = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    return np.array([[np.sum(x[i : i + w.shape[0], j : j + w.shape[1]] * w) for j in range(W)] for i in range(H)])


CONV1D = backward_exercise(
    name="convolution-1d",
    title="Convolution in one dimension",
    topic="convolution",
    level=3,
    statement=r"""
    As networks do it (without turning w round), with x (T,), w (K,) and y (T - K + 1,):

    $$y_t = \sum_{k=0}^{K-1} x_{t+k}\,w_k$$

    Write `backward(dy, x, w)` and return `(dx, dw)`. Each x lies in several windows, and each w is used in all of them.
    A loop over the windows is fine.
    """,
    given="""
    def forward(x, w):
        K = len(w)
        return np.array([np.sum(x[t : t + K] * w) for t in range(len(x) - K + 1)])
    """,
    stub='''
    def backward(dy, x, w):
        """The gradients (dx, dw), in the shapes (T,) and (K,); dy is (T - K + 1,)."""
    ''',
    cases=[
        ("ordinary inputs", normal((6,), (3,))),
        ("a kernel of one entry", normal((4,), (1,))),
        ("a single window", normal((3,), (3,))),
    ],
    rules={
        "x": "x[i] lies in the windows t = i - k: dx[t + k] gets dy[t]·w[k] from each, added up.",
        "w": "w[k] meets x[t + k] in every window t: dw[k] sums dy[t]·x[t + k] over t.",
    },
    rule="The forward reads at t + k; the backward adds at t + k.",
    slips=[
        Slip(
            "flipped",
            "w is turned round: dx[t + k] goes with w[k], as in the forward",
            lambda held, x, w: slide(x, held[1][::-1]),
        ),
        Slip("flipped", "dw comes out in reversed order", lambda held, x, w: slide(held[0], w[::-1])),
        Slip(
            "overwritten",
            "where windows overlap, only the last one counts; their gradients must be added (+=)",
            lambda held, x, w: np.array(
                [
                    np.sum((x[t : t + len(w)] * w)[: 1 if t + len(w) < len(x) else None])
                    for t in range(len(x) - len(w) + 1)
                ]
            ),
        ),
        Slip(
            "missing-factor",
            "w is not multiplied in: every x of a window gets dy itself",
            lambda held, x, w: slide(x, np.ones_like(w)),
        ),
        Slip(
            "mean-for-sum",
            "the windows are averaged; each of them adds its term in full",
            lambda held, x, w: slide(held[0], w) / (len(x) - len(w) + 1),
        ),
        Slip(
            "off-by-one",
            "each window is taken one place too late (round the end)",
            lambda held, x, w: slide(np.roll(held[0], -1), w),
        ),
    ],
)

CONV2D = backward_exercise(
    name="convolution-2d",
    title="Convolution in two dimensions",
    topic="convolution",
    level=4,
    statement=r"""
    One image with one channel and a bias: x (H, W), w (K, L), b a number, y (H - K + 1, W - L + 1):

    $$y_{ij} = \sum_{k,l} x_{i+k,\,j+l}\,w_{kl} + b$$

    Write `backward(dy, x, w, b)` and return `(dx, dw, db)`. Loops over i and j are fine.
    """,
    given="""
    def forward(x, w, b):
        K, L = w.shape
        y = np.zeros((x.shape[0] - K + 1, x.shape[1] - L + 1))
        for i in range(y.shape[0]):
            for j in range(y.shape[1]):
                y[i, j] = np.sum(x[i : i + K, j : j + L] * w) + b
        return y
    """,
    stub='''
    def backward(dy, x, w, b):
        """The gradients (dx, dw, db), in the shapes (H, W), (K, L) and ()."""
    ''',
    cases=[
        ("ordinary inputs", normal((4, 4), (3, 2), ())),
        ("a square kernel", normal((3, 3), (2, 2), ())),
        ("a single window", normal((2, 2), (2, 2), ())),
    ],
    rules={
        "x": "x[i + k, j + l] lies in the window (i, j) with the slope w[k, l]: add dy[i, j]·w to that patch of dx.",
        "w": "w[k, l] meets x[i + k, j + l] in every window: add dy[i, j] times the patch of x.",
        "b": "b is added at every place of y: its gradient is the sum of dy.",
    },
    rule="Each window adds its part: to its own patch of dx, and to the whole of dw.",
    slips=[
        Slip(
            "flipped",
            "w is turned round in dx: the patch goes with w as it stands in the forward",
            lambda held, x, w, b: slide2(x, held[1][::-1, ::-1]),
        ),
        Slip(
            "overwritten",
            "where windows overlap, only the last one counts; their gradients must be added (+=)",
            lambda held, x, w, b: last_patches(x, w),
        ),
        Slip(
            "overwritten",
            "dw is that of the last window alone; every window adds its part (+=)",
            lambda held, x, w, b: slide2(held[0], w) * corner(held[0], w),
        ),
        Slip(
            "transpose",
            "w is transposed in dx",
            lambda held, x, w, b: slide2(x, held[1].T) if w.shape[0] == w.shape[1] else slide2(x, w),
        ),
        Slip(
            "mean-for-sum",
            "the windows are averaged; each of them adds its term in full",
            lambda held, x, w, b: slide2(held[0], w) / corner(held[0], w).size + b / corner(held[0], w).size,
        ),
    ],
)


def corner(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """1 at the last window, else 0."""
    found = np.zeros((x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1))
    found[-1, -1] = 1
    return found


def last_patches(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Each window with those entries only that no later window covers."""
    K, L = w.shape
    owner = np.full(x.shape, -1)
    H, W = x.shape[0] - K + 1, x.shape[1] - L + 1
    for i in range(H):
        for j in range(W):
            owner[i : i + K, j : j + L] = i * W + j
    y = np.zeros((H, W))
    for i in range(H):
        for j in range(W):
            mine = owner[i : i + K, j : j + L] == i * W + j
            y[i, j] = np.sum(x[i : i + K, j : j + L] * w * mine)
    return y


EXERCISES = [CONV1D, CONV2D]
