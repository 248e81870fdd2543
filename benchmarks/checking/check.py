"""One checked call: inputs that the variant has not seen, poisoned outputs, and every element against the oracle."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet_benchmarks.workloads.base import Arrays, Prepared, Workload

GLANCES = 64  # elements that are read at once when the call returns
SETTLE = 0.01  # seconds


@dataclass(frozen=True)
class Checked:
    """error and bound: of the element where error / bound is largest. `refused`: "" or what was wrong."""

    error: float
    bound: float
    refused: str = ""


def check(workload: Workload, prepared: Prepared, seed: int, before: Callable[[], Any] | None = None) -> Checked:
    """Load the inputs of `seed`, poison the outputs, call, and hold what is there at once to the oracle.

    `before` calls `prepared.call` as often as it is called when it is timed, with the new inputs and before the poison:
    the check after the timing finds the variant in the state in which it was timed.

    - An output that nothing was written to is NaN still.
    - One that was kept from an earlier call belongs to other inputs.
    - A call that returns before its work is done is seen by a glance at some elements right after it, before the time
      that copying whole arrays takes lets the work catch up.
    """
    inputs, expected, bounds = answers(workload, seed)
    prepared.load(inputs)
    if before is not None:
        start = time.perf_counter()
        before()
        time.sleep(max(SETTLE, time.perf_counter() - start))  # what still goes on must not write after the poison
        prepared.load(inputs)  # what is updated in place begins anew
    prepared.poison()
    prepared.call()
    glances = [_glance(array, seed) for array in prepared.outputs.values()]
    returned = prepared.results()
    if pending := [name for name, array in returned.items() if _is_pending(array)]:
        return Checked(np.nan, np.nan, f"returned before {pending[0]} was there: the work went on after the call")
    results = {name: np.array(array) for name, array in returned.items()}
    for (name, array), (where, seen) in zip(prepared.outputs.items(), glances, strict=True):
        late = ~((seen == array.reshape(-1)[where]) | np.isnan(array.reshape(-1)[where]))
        if late.any():
            return Checked(np.nan, np.nan, f"returned before {name} was written: the work went on after the call")
    return judge(results, expected, bounds)


_last: dict[str, tuple[Arrays, Arrays, Mapping[str, Any]]] = {}  # of one workload and seed: they are large


def answers(workload: Workload, seed: int) -> tuple[Arrays, Arrays, Mapping[str, Any]]:
    """(inputs, what the oracle expects, bounds). The last ones are kept, since all variants are asked the same."""
    key = f"{workload.name} {workload.size} {seed}"
    if key not in _last:
        inputs = workload.inputs(seed)
        expected = workload.oracle(inputs)
        _last.clear()
        _last[key] = inputs, expected, workload.bound(inputs, expected)
    return _last[key]


def _is_pending(array: Any) -> bool:
    """Does a library that computes in the background (JAX) still compute it?"""
    return hasattr(array, "is_ready") and not array.is_ready()


def _glance(array: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A few elements, spread at random, as they are now."""
    where = np.random.default_rng(seed).integers(0, array.size, min(GLANCES, array.size))
    return where, array.reshape(-1)[where]


def judge(results: Mapping[str, np.ndarray], expected: Arrays, bounds: Mapping[str, Any]) -> Checked:
    """Every element of every output: |result - expected| ≤ bound. NaN is wrong unless the oracle has it too."""
    worst = Checked(0.0, 0.0)
    for name, want in expected.items():
        got = results.get(name)
        if got is None or got.shape != want.shape:
            shape = "nothing" if got is None else str(got.shape)
            return Checked(np.nan, np.nan, f"expected {name} of shape {want.shape}, got {shape}")
        bound = np.broadcast_to(np.asarray(bounds[name], np.float64), want.shape)
        with np.errstate(invalid="ignore"):  # ∞ - ∞
            distance = np.abs(got.astype(np.float64) - want)
        alike = (got == want) | (np.isnan(got) & np.isnan(want))  # equal infinities, too
        error = np.where(alike, 0.0, distance)
        wrong = ~(error <= bound)
        if wrong.any():
            return _refused(name, got, want, error, bound, wrong)
        share = error / np.maximum(bound, np.finfo(np.float64).tiny)
        if want.size and share.max() > worst.error / max(worst.bound, np.finfo(np.float64).tiny):
            at = np.unravel_index(np.argmax(share), want.shape)
            worst = Checked(float(error[at]), float(bound[at]))
        elif want.size and worst.bound == 0.0:
            worst = Checked(0.0, float(bound.max()))
    return worst


def _refused(name: str, got: Any, want: Any, error: Any, bound: Any, wrong: Any) -> Checked:
    """What was wrong, with the first place where it was."""
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = int(wrong.sum())
    if count == want.size and np.isnan(got).all():
        text = f"{name} was not written: it is NaN still"
    else:
        where = f"{name}[{', '.join(map(str, at))}]" if at else name
        text = f"{count} of {want.size} elements of {name} are wrong: {where} is {got[at]:.8g}, expected {want[at]:.8g}"
        text += f" ± {bound[at]:.2g}"
    return Checked(float(error[at]), float(bound[at]), text)
