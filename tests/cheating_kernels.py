"""Kernels that look fast because they do not do their work, and one that does. Workers find them by name."""

from __future__ import annotations

import os
import threading
import time

import numpy as np

from nanonet_benchmarks.workloads import Arrays, Prepared, Variant, Workload


def honest(inputs: Arrays) -> Prepared:
    x, y = inputs["x"], np.empty_like(inputs["x"])
    return Prepared(lambda: np.multiply(x, x, out=y), inputs, {"y": y})


def writes_nothing(inputs: Arrays) -> Prepared:
    return Prepared(lambda: None, inputs, {"y": np.empty_like(inputs["x"])})


def returns_cached_output(inputs: Arrays) -> Prepared:
    """Computes once, and copies that from then on."""
    x, y = inputs["x"], np.empty_like(inputs["x"])
    kept: list[np.ndarray] = []

    def call() -> None:
        if not kept:
            kept.append(x * x)
        y[...] = kept[0]

    return Prepared(call, inputs, {"y": y})


def returns_cached_array(inputs: Arrays) -> Prepared:
    """The same, for a variant that returns its result."""
    kept: list[np.ndarray] = []

    def call() -> None:
        if not kept:
            kept.append(inputs["x"] * inputs["x"])

    return Prepared(call, inputs, fetch=lambda: {"y": kept[0]})


def wrong_in_one_element(inputs: Arrays) -> Prepared:
    x, y = inputs["x"], np.empty_like(inputs["x"])

    def call() -> None:
        np.multiply(x, x, out=y)
        y[x.size // 3] *= np.float32(1 + 1e-5)

    return Prepared(call, inputs, {"y": y})


def asynchronous(inputs: Arrays) -> Prepared:
    """Lets a thread do the work, and returns at once."""
    x, y = inputs["x"], np.empty_like(inputs["x"])

    def work() -> None:
        time.sleep(1e-4)
        np.multiply(x, x, out=y)

    return Prepared(lambda: threading.Thread(target=work).start(), inputs, {"y": y})


def asynchronous_later(inputs: Arrays) -> Prepared:
    """Honest at first; once it was called often, as it is when it is timed, it lets a thread do the work."""
    x, y = inputs["x"], np.empty_like(inputs["x"])
    calls = [0]

    def call() -> None:
        calls[0] += 1
        if calls[0] < 10:
            np.multiply(x, x, out=y)
        elif calls[0] % 50 == 0:
            threading.Timer(1e-3, lambda: np.multiply(x, x, out=y)).start()

    return Prepared(call, inputs, {"y": y})


def raises(inputs: Arrays) -> Prepared:
    def call() -> None:
        raise RuntimeError("no such instruction")

    return Prepared(call, inputs, {"y": np.empty_like(inputs["x"])})


def dies(inputs: Arrays) -> Prepared:
    return Prepared(lambda: os.abort(), inputs, {"y": np.empty_like(inputs["x"])})


CHEATS = {
    "writes nothing": writes_nothing,
    "returns cached output": returns_cached_output,
    "returns cached array": returns_cached_array,
    "wrong in one element": wrong_in_one_element,
    "asynchronous": asynchronous,
    "asynchronous later": asynchronous_later,
}


def square(n: int) -> Workload:
    """y = x ⊙ x: one honest variant, one that cannot run here, the cheats, one that raises and one that crashes."""
    variants = [
        Variant("honest", "numpy", honest),
        Variant("of another library", "other", honest, lambda: "other is not installed"),
        *(Variant(name, "numpy", prepare) for name, prepare in CHEATS.items()),
        Variant("raises", "numpy", raises),
        Variant("dies", "crashing", dies),
    ]
    return Workload(
        "tests.cheating_kernels:square",
        {"n": n},
        lambda rng: {"x": rng.standard_normal(n, np.float32)},
        lambda inputs: {"y": inputs["x"].astype(np.float64) ** 2},
        lambda inputs, expected: {"y": 2.0**-24 * expected["y"]},
        variants,
        flops=float(n),
        bytes=8.0 * n,
    )
