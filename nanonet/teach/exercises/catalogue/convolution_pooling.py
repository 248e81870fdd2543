"""Pooling: blocks of an image, of which the largest entry or the mean goes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.teach.exercises.build import backward_exercise, normal
from nanonet.teach.exercises.measure import Slip

MAX_POOL = backward_exercise(
    name="max-pool-2d",
    title="Max pooling",
    topic="convolution",
    level=4,
    statement=r"""
    x (H, W) is cut into blocks of 2 × 2 (H and W are even), and each block gives its largest entry: y (H/2, W/2).

    Write `backward(dy, x)` and return dx, in the shape of x. The largest entry of a block gets its dy, the others get
    0. Where entries tie, they share dy in any way.
    """,
    given="""
    def forward(x):
        H, W = x.shape
        blocks = x.reshape(H // 2, 2, W // 2, 2)
        return blocks.max(axis=(1, 3))
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape (H, W); dy is (H/2, W/2)."""
    ''',
    cases=[
        ("ordinary inputs", normal((4, 6))),
        ("negative inputs", lambda rng: (-np.abs(rng.normal(size=(2, 4))) - 0.1,)),
        ("blocks with ties", lambda rng: (np.array([[0.4, 0.4, -0.2, 0.1], [0.3, 0.4, 0.9, 0.9]]),)),
    ],
    rules={"x": "max hands on one entry of each block, with slope 1: dy goes there, to the same block."},
    rule="A selection hands its gradient to the entry that was selected; tied entries share it.",
    slips=[
        Slip("mask", "all four entries of a block get its dy", lambda held, x: pooled(x, np.sum)),
        Slip("mask", "dy is shared by all four, as in average pooling", lambda held, x: pooled(x, np.mean)),
        Slip(
            "mask",
            "the smallest entry of each block gets dy",
            lambda held, x: pooled(x * spread(held[0], np.min), np.sum),
        ),
        Slip(
            "mask",
            "every positive entry gets dy, as in a ReLU",
            lambda held, x: pooled(x * (held[0] > 0), np.sum),
        ),
        Slip(
            "off-by-one",
            "dy always goes to the first entry of its block",
            lambda held, x: x[::2, ::2],
        ),
        Slip(
            "extra-factor",
            "dy is multiplied by the largest entry itself; the slope of a selection is 1",
            lambda held, x: pooled(x * held[0] * spread(held[0], np.max), np.sum),
        ),
    ],
)

AVERAGE_POOL = backward_exercise(
    name="average-pool-2d",
    title="Average pooling",
    topic="convolution",
    level=3,
    statement=r"""
    x (H, W) is cut into blocks of 2 × 3 (2 rows, 3 columns), and each block gives its mean: y (H/2, W/3).

    Write `backward(dy, x)` and return dx, in the shape of x.
    """,
    given="""
    def forward(x):
        H, W = x.shape
        return x.reshape(H // 2, 2, W // 3, 3).mean(axis=(1, 3))
    """,
    stub='''
    def backward(dy, x):
        """The gradient dx, in the shape (H, W); dy is (H/2, W/3)."""
    ''',
    cases=[
        ("ordinary inputs", normal((4, 6))),
        ("a single block", normal((2, 3))),
        ("one row of blocks", normal((2, 9))),
    ],
    rules={"x": "Each of the 6 entries of a block has the slope 1/6 in the block's mean: dy/6 goes to all of them."},
    rule="A mean hands each of its terms an equal share; every entry of a block gets the dy of that block.",
    slips=[
        Slip(
            "scale",
            "dy is divided by the number of blocks, and not by the entries of a block",
            lambda held, x: x.reshape(len(x) // 2, 2, -1, 3).sum(axis=(1, 3)) / (x.size // 6),
        ),
        Slip(
            "wrong-axis",
            "the blocks are taken as 3 × 2: rows and columns are exchanged",
            lambda held, x: x.reshape(len(x) // 2, 2, 3, -1).mean(axis=(1, 2)),
        ),
        Slip(
            "off-by-one",
            "dy goes to the first entry of its block only",
            lambda held, x: x[::2, ::3],
        ),
        Slip(
            "off-by-one",
            "a sixth of dy goes to the first entry of its block, and nothing to the others",
            lambda held, x: x[::2, ::3] / 6,
        ),
        Slip(
            "scale",
            "dy is divided by 4, as for blocks of 2 × 2",
            lambda held, x: x.reshape(len(x) // 2, 2, -1, 3).sum(axis=(1, 3)) / 4,
        ),
        Slip(
            "wrong-axis",
            "the entries are repeated as np.tile does it, block after block; np.repeat keeps each beside itself",
            lambda held, x: x.reshape(2, len(x) // 2, 3, -1).mean(axis=(0, 2)),
        ),
    ],
)


def pooled(x: np.ndarray, how: Any) -> np.ndarray:
    """Of every block of 2 × 2."""
    blocks = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2)
    return how(blocks, axis=(1, 3))


def spread(x: np.ndarray, how: Any) -> np.ndarray:
    """1 where an entry is the largest (smallest, …) of its block, else 0."""
    return x == np.repeat(np.repeat(pooled(x, how), 2, axis=0), 2, axis=1)


EXERCISES = [AVERAGE_POOL, MAX_POOL]
