"""nt.check_backward: a forward and its backward, written with plain NumPy, checked together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nanonet.gradcheck.cause import Cause
from nanonet.gradcheck.reference import gradient, jacobian
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.verdict import LARGEST_JACOBIAN, explain, judge, magnitude, worst


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    inputs: Any,
    cache: bool = False,
    rtol: float = 0.0,
    atol: float = 0.0,
    seed: int = 0,
    name: str = "",
) -> Report:
    """Is `backward` the gradient of `forward`? Neither needs to know anything of nanonet.

    forward     forward(*inputs) -> y; with cache=True forward(*inputs) -> (y, cache)
    backward    backward(dy, *inputs) -> the gradient, or a tuple with one for each input; with cache=True
                backward(dy, cache). The gradients of inputs that are no floats are not looked at
    inputs      a tuple or list of arrays, numbers or anything else, or one array; floats are made float64
    rtol, atol  errors up to atol + rtol · the largest slope pass too. Without them the reference's error bar and
                rounding alone decide

    Also fails a backward that changes its dy or its inputs, that gives another result the second time, or that
    depends on what forward computed last. Raises TypeError or ValueError where there is nothing to check.
    """
    pair = _Pair(forward, backward, _inputs(inputs), cache)
    name = name or getattr(backward, "__name__", "").replace("<lambda>", "")
    how = f"nt.check_backward(forward, {name or 'backward'}, inputs{', cache=True' if cache else ''}, seed={seed})"
    y = pair.output()
    dy = _cotangent(y.shape, seed)
    if not np.isfinite(y).all():
        nothing = Report("inconclusive", np.nan, None, np.nan, np.inf, np.nan, name)
        return replace(nothing, note="the output of forward is not finite at these inputs", seed=seed, reproduce=how)
    try:
        report = _values(pair, y, dy, rtol, atol)
        if (
            report.verdict in ("pass", "subgradient", "inconclusive")
            or report.cause is None
            or report.cause.kind == "unknown"
        ):
            report = _conduct(pair, dy, report)
    except _MisbehaviourError as found:
        where = None if found.index is None else (found.index, ())
        report = Report("fail", np.inf, where, np.nan, np.inf, np.nan, cause=found.cause, note=found.cause.sentence)
    return replace(report, name=name, seed=seed, reproduce=how)


class _MisbehaviourError(Exception):
    """Something that is wrong whatever the numbers say."""

    def __init__(self, kind: str, sentence: str, remedy: str, index: int | None = None):
        super().__init__(sentence)
        self.cause, self.index = Cause(kind, sentence, remedy), index


class _Pair:
    """forward and backward at the given inputs. Every call gets copies and the same random numbers."""

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], inputs: list[Any], cache: bool):
        self.forward, self.backward, self.inputs, self.cache = forward, backward, inputs, cache
        self.floats = [i for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        self.drawn: Any = np.random.get_state()
        self.eps = 0.0
        if not self.floats:
            raise ValueError("check_backward: no floating input to check; pass float arrays")

    def run(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        """(y, what backward is given after dy)."""
        np.random.set_state(self.drawn)
        found = self.forward(*inputs)
        if not self.cache:
            return found, tuple(inputs)
        if not isinstance(found, tuple) or len(found) != 2:
            got = f"{len(found)} values" if isinstance(found, tuple) else type(found).__name__
            raise TypeError(f"check_backward: with cache=True forward must return (y, cache), got {got}")
        return found[0], (found[1],)

    def filled(self, values: Sequence[np.ndarray]) -> list[Any]:
        """The inputs, with other values of the floating ones."""
        inputs = _copied(self.inputs)
        for i, value in zip(self.floats, values, strict=True):
            inputs[i] = value.copy()
        return inputs

    def output(self) -> np.ndarray:
        """y at the given inputs, after forward has shown that it can be relied on."""
        copies = _copied(self.inputs)
        try:
            y = self.run(copies)[0]
        except Exception as error:
            error.add_note("raised by forward, in check_backward")
            raise
        if (
            isinstance(y, list | tuple | dict | str)
            or not hasattr(np.asarray(y), "dtype")
            or np.asarray(y).dtype.kind not in "f"
        ):
            kind = np.asarray(y).dtype if isinstance(y, np.ndarray | np.generic) else type(y).__name__
            hint = "; pass cache=True if it returns (y, cache)" if isinstance(y, tuple) and not self.cache else ""
            raise TypeError(f"check_backward: forward must return one array of floats, got {kind}{hint}")
        self.eps = float(np.finfo(np.asarray(y).dtype).eps)  # forward may compute in float32 inside
        return np.array(y, np.float64)

    def gradients(self, dy: np.ndarray, extra: Sequence[Any]) -> list[np.ndarray]:
        """What backward gives for the floating inputs, copied."""
        np.random.set_state(self.drawn)
        try:
            with np.errstate(all="ignore"):
                found = self.backward(dy, *extra)
        except Exception as error:
            sentence = f"backward raised {type(error).__name__}: {error}"
            raise _MisbehaviourError("unknown", sentence, "call it by hand with the same shapes") from error
        given = list(found) if isinstance(found, tuple | list) else [found]
        if len(given) == len(self.inputs):
            given = [given[i] for i in self.floats]
        if len(given) != len(self.floats):
            sentence = f"backward returned {len(given)} gradient(s) for {len(self.inputs)} inputs"
            raise _MisbehaviourError(
                "unknown", sentence, "return a tuple with one gradient for each input, in their order"
            )
        return [self._array(i, dx) for i, dx in zip(self.floats, given, strict=True)]

    def _array(self, i: int, dx: Any) -> np.ndarray:
        if dx is None:
            return np.zeros(self.inputs[i].shape)
        try:
            array = np.array(dx)
        except ValueError:
            array = np.array(None)
        if array.dtype.kind not in "fiub":
            sentence = f"the gradient of input {i} is no array of real numbers but {type(dx).__name__}"
            raise _MisbehaviourError("unknown", sentence, "return a NumPy array in the input's shape", i)
        return array.astype(np.float64)

    def along(self, i: int, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """forward's outputs, flat, as a function of input i; NaN where it raises."""

        def values(x: np.ndarray) -> np.ndarray:
            inputs = _copied(self.inputs)
            inputs[i] = x.copy()
            try:
                found = np.array(self.run(inputs)[0], np.float64)
            except Exception:  # the function may end here
                return np.full(y.size, np.nan)
            return found.ravel() if found.shape == y.shape else np.full(y.size, np.nan)

        return values


def _values(pair: _Pair, y: np.ndarray, dy: np.ndarray, rtol: float, atol: float) -> Report:
    """Are the gradients' values right?"""
    extra = pair.run(_copied(pair.inputs))[1]
    analytic = pair.gradients(dy.copy(), extra)
    arrays = [pair.inputs[i] for i in pair.floats]
    lines = [pair.along(i, y) for i in pair.floats]
    references = [gradient(line, x, dy.ravel(), pair.eps) for line, x in zip(lines, arrays, strict=True)]
    reports = [
        judge(i, dx, ref, magnitude(y, dy, x), rtol, atol)
        for i, x, dx, ref in zip(pair.floats, arrays, analytic, references, strict=True)
    ]
    report = worst(reports)
    if report.verdict != "fail" or report.where is None:
        return report
    k = pair.floats.index(report.where[0])
    found = explain(
        replace(report, where=(k, report.where[1])),
        inputs=tuple(arrays),
        output=y,
        dy=dy,
        analytic=analytic,
        references=references,
        jacobian=jacobian(lines[k], arrays[k]) if y.size * arrays[k].size <= LARGEST_JACOBIAN else None,
        backward=lambda other: pair.gradients(other.copy(), pair.run(_copied(pair.inputs))[1]),
        forward=lambda values: np.array(pair.run(pair.filled(values))[0], np.float64),
        backward_at=lambda values, other: pair.gradients(other.copy(), pair.run(pair.filled(values))[1]),
    )
    return replace(found, where=report.where)


def _conduct(pair: _Pair, dy: np.ndarray, report: Report) -> Report:
    """Does backward leave its arguments alone, and depend on nothing else?"""
    inputs = _copied(pair.inputs)
    before = _copied(inputs)
    extra = pair.run(inputs)[1]
    if (i := _changed(before, inputs)) is not None:
        remedy = "compute with a copy: x = x.copy()"
        raise _MisbehaviourError("overwritten", f"forward changes its input {i} in place", remedy, i)
    given = dy.copy()
    first = pair.gradients(given, extra)
    if not np.array_equal(given, dy):
        remedy = "write dx = dy * …, not dy *= …: dy may be needed elsewhere"
        raise _MisbehaviourError("clobbered-cotangent", "backward changes the dy that it is given, in place", remedy)
    if (i := _changed(before, inputs)) is not None:
        remedy = "compute with a copy: x = x.copy()"
        raise _MisbehaviourError("overwritten", f"backward changes input {i} in place", remedy, i)
    second = _or_none(lambda: pair.gradients(dy.copy(), extra))
    if second is not None and not _same(first, second):
        sentence = "a second call of backward gives another result: it adds to something that it keeps"
        raise _MisbehaviourError("stale-cache", sentence, "make the gradients' arrays anew in every call")
    for _ in range(4):
        if not _same(first, pair.gradients(dy.copy(), pair.run(_copied(pair.inputs))[1])):
            sentence = "forward and backward at the same inputs give another result each time"
            raise _MisbehaviourError("unknown", sentence, "take random numbers from a generator with a fixed seed")
    extra = pair.run(_copied(pair.inputs))[1]
    if _or_none(lambda: pair.run(_other(pair.inputs))) is not None:
        later = _or_none(lambda: pair.gradients(dy.copy(), extra))
        if later is None or not _same(first, later):
            sentence = "backward uses what forward computed last, not what belongs to its arguments"
            remedy = "return what backward needs from forward, or compute it again; keep nothing in a class or a global"
            raise _MisbehaviourError("stale-cache", sentence, remedy)
    return report


def _or_none(f: Callable[[], Any]) -> Any:
    try:
        return f()
    except Exception:
        return None


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    """Equal up to the last digits: the order of a sum may depend on where arrays lie in memory."""
    return all(
        x.shape == y.shape and np.allclose(x, y, 1e-10, 1e-300, equal_nan=True) for x, y in zip(a, b, strict=True)
    )


def _changed(before: list[Any], after: list[Any]) -> int | None:
    pairs = enumerate(zip(before, after, strict=True))
    return next((i for i, (a, b) in pairs if isinstance(a, np.ndarray) and a.tobytes() != b.tobytes()), None)


def _other(inputs: list[Any]) -> list[Any]:
    """Inputs of the same shapes and signs."""
    rng = np.random.default_rng(1)
    floating = [isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in inputs]
    return [x * rng.uniform(0.5, 0.9, x.shape) if is_float else x for x, is_float in zip(inputs, floating, strict=True)]


def _copied(inputs: list[Any]) -> list[Any]:
    return [x.copy() if isinstance(x, np.ndarray) else x for x in inputs]


def _inputs(given: Any) -> list[Any]:
    found = list(given) if isinstance(given, tuple | list) else [given]
    arrays: list[Any] = []
    for x in found:
        if isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f"):
            arrays.append(np.array(x, np.float64))
        elif isinstance(x, list):
            array = np.array(x)
            arrays.append(array.astype(np.float64) if array.dtype.kind == "f" else array)
        else:
            arrays.append(x.copy() if isinstance(x, np.ndarray) else x)
    return arrays


def _cotangent(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Random and non-uniform: with ones, an ignored upstream gradient would pass."""
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))
