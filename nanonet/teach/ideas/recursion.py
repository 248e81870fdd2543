"""Why recursion depth is no limit: a chain of 100,000 operations, walked by a loop and by a recursion."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np

import nanonet as nt
from nanonet.backends.base import current
from nanonet.teach.ideas.idea import Idea, Table, gradient

TITLE = "Why recursion depth is no limit"
SENTENCE = (
    "A graph can be deeper than Python's stack: a recurrent net, unrolled, or a long loop. A walk that calls itself "
    "for each operation fails there; a loop over the recorded operations does not."
)
OPERATIONS = 100_000
FACTOR = 1.00001


def idea() -> Idea:
    """y = x · f · f · …, so dx = f^100000 is known; both walks over the same recorded chain."""
    x, y = chain(OPERATIONS)
    reached, error = recursive(y)
    begin = time.perf_counter()
    y.backward()
    seconds = time.perf_counter() - begin
    found, expected = gradient(x).item(), math.exp(OPERATIONS * math.log(FACTOR))
    return Idea(
        "recursion",
        TITLE,
        SENTENCE,
        [
            Table(
                ("walk", "operations done", "gradient"),
                [
                    ["recursion", reached, error],
                    ["the tape's loop", OPERATIONS, found],
                    ["expected", None, expected],
                ],
                f"A chain of {OPERATIONS:,} multiplications by {FACTOR}. Python's recursion limit here is "
                f"{sys.getrecursionlimit():,}. The loop took {seconds:.2f} s:",
            )
        ],
        {
            "operations": OPERATIONS,
            "limit": sys.getrecursionlimit(),
            "reached": reached,
            "error": error,
            "gradient": found,
            "expected": expected,
            "seconds": seconds,
        },
        "Raising the limit only moves the place where it fails. Sorting the operations by their numbers and looping "
        "costs little, since the tape numbers them anyway.",
    )


def chain(length: int) -> tuple[nt.Tensor, nt.Tensor]:
    """(x, y) with y = x · f · f · …"""
    x = nt.tensor(np.float64(1.0), requires_grad=True)
    y = x
    for _ in range(length):
        y = y * FACTOR
    return x, y


def recursive(y: nt.Tensor) -> tuple[int, str]:
    """(operations done, what it ended in) of a walk that calls itself for what lies below."""
    done = 0

    def visit(x: Any, dy: Any) -> None:
        nonlocal done
        if x.entry is None:
            return
        (dx, *_) = x.entry.gradients(current(), [dy], False)
        done += 1
        visit(x.entry.inputs[0], dx)

    try:
        visit(y, np.ones(()))
    except RecursionError as error:
        return done, type(error).__name__
    return done, "none"
