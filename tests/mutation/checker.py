"""The first judge: the gradient checker, at the samples of the ops that a mutant changes.

A check takes a thousand times as long as the gradient itself. So the gradient is computed first, and a sample at which
the mutant gives the right rule's gradient to the last bit is passed over: there the checker would see what it saw
before.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from nanonet.functional import function_of
from nanonet.gradcheck import check_sample
from nanonet.op import Op, Sample
from nanonet.tensor import Tensor
from nanonet.transforms import vjp_of
from tests.mutation.mutant import Mutant
from tests.mutation.targets import Target
from tests.support import call, first_outputs

REJECTED = ("fail", "kink")
Case = tuple[type[Op], int]  # an op and which of its samples


def rejected_by_checker(mutant: Mutant) -> str:
    """Why the checker rejects the mutant: verdict or exception, op and sample; "" where it lets it live."""
    right = [_right_gradients(*case) for case in cases(mutant.target)]
    for (op, index), gradients in zip(cases(mutant.target), right, strict=True):
        with mutant.installed():
            if _same(_gradients(op, op.samples[index]), gradients):
                continue
            verdict = _verdict(op, op.samples[index])
        if verdict:
            return f"{verdict}: {op.name} {op.samples[index].name or index}"
    return ""


@cache
def cases(target: Target) -> list[Case]:
    """The samples at which the right rule passes, small ones first."""
    found = [(op, i) for op in target.ops for i, sample in enumerate(op.samples) if _passes(op, i, sample)]
    return sorted(found, key=lambda case: _size(case[0].samples[case[1]]))


def _passes(op: type[Op], index: int, sample: Sample) -> bool:
    """Does the right rule pass? Only at samples with a kink it may not (a gradient left out on purpose, nan)."""
    return not sample.kink or _right_verdict(op, index) == ""


@cache
def _right_verdict(op: type[Op], index: int) -> str:
    return _verdict(op, op.samples[index])


@cache
def _right_gradients(op: type[Op], index: int) -> Any:
    found = _gradients(op, op.samples[index])
    assert found is not None, f"{op.name}: the right rule works"
    return found


def prepare(target: Target) -> None:
    """All that the target's mutants have in common, computed before they get their own processes."""
    for case in cases(target):
        _right_gradients(*case)


def _gradients(op: type[Op], sample: Sample) -> Any:
    """The gradients for two cotangents; None where the rule raises something: let the checker see it."""
    rng = np.random.default_rng(6)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            y, inputs = call(op, sample, sample.draw(), Tensor.wrap)
            outputs = first_outputs(y)
            found: list[np.ndarray] = []
            for _ in range(2):
                dys = [rng.standard_normal(one.shape) for one in outputs]
                found += [dx.array for dx in vjp_of(outputs, inputs, dys)]
            return found
    except Exception:
        return None


def _same(a: list[np.ndarray] | None, b: list[np.ndarray] | None) -> bool:
    if a is None or b is None:
        return False
    return all(x.shape == y.shape and np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))


def _verdict(op: type[Op], sample: Sample) -> str:
    """ "" where the checker accepts the rule as it is now, or does not know."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            report = check_sample(op, function_of(op), sample)
    except Exception as error:  # whatever a wrong rule raises
        return type(error).__name__
    return report.verdict if report.verdict in REJECTED else ""


def _size(sample: Sample) -> int:
    """How many elements the arrays have: what a check takes grows with its square."""

    def count(x: Any) -> int:
        return sum(map(count, x)) if isinstance(x, list) else int(getattr(x, "size", 1))

    return count(sample.draw())
