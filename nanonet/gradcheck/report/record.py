"""Reports as JSON, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.report.cells import comparable, worst_places

if TYPE_CHECKING:
    from nanonet.gradcheck.report.report import Comparison, Report

MOST = 4096  # elements of an input that are written; of larger ones
KEPT = 100  # only the worst
ARRAYS = ("analytic", "numeric", "bar", "verdicts")
PLACES = ("where", "output")
PAIRS = ("slopes", "miss")
NUMBERS = ("max_error", "numeric", "bar", "analytic")


def dumps(report: Report) -> str:
    """Every field as one JSON object, in one line. Raises TypeError for what is no number, string, list or dict."""
    found = {f.name: getattr(report, f.name) for f in fields(report)}
    found["comparisons"] = [_arrays(one) for one in report.comparisons]
    return json.dumps(_plain(found), ensure_ascii=False, allow_nan=False)


def loads(text: str) -> Report:
    """The report that `dumps` wrote. Raises ValueError for anything else."""
    from nanonet.gradcheck.report.report import Report

    try:
        found = json.loads(text)
        for name in NUMBERS:
            found[name] = _number(found[name])
        for name in PLACES:
            found[name] = None if found[name] is None else (found[name][0], tuple(found[name][1]))
        for name in PAIRS:
            found[name] = None if found[name] is None else tuple(_number(value) for value in found[name])
        found["looked"] = tuple(found["looked"])
        found["cause"] = None if found["cause"] is None else Cause(**found["cause"])
        found["comparisons"] = tuple(_comparison(one) for one in found["comparisons"])
        return Report(**found)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"Report.from_json: expected what to_json() wrote, got something else ({reason})") from error


def _arrays(one: Comparison) -> dict[str, Any]:
    """The shapes and nested lists; of a large input the worst elements only, with their indices."""
    found: dict[str, Any] = {"index": one.index, "shape": np.shape(one.numeric)}
    if np.shape(one.analytic) != np.shape(one.numeric):
        found["analytic_shape"] = np.shape(one.analytic)
    if max(np.size(one.numeric), np.size(one.analytic)) <= MOST:
        return found | {name: _listed(getattr(one, name)) for name in ARRAYS}
    places = worst_places(one, KEPT) if comparable(one) else []
    chosen = {name: [_listed(getattr(one, name)[at]) for at in places] for name in ARRAYS}
    return found | {"truncated": True, "elements": places} | chosen


def _comparison(found: dict[str, Any]) -> Comparison:
    """The arrays again. What was not written of a large input is NaN, with the verdict ""."""
    from nanonet.gradcheck.report.report import Comparison

    shape = tuple(found["shape"])
    arrays: dict[str, np.ndarray] = {}
    for name in ARRAYS:
        words = name == "verdicts"
        wanted = tuple(found.get("analytic_shape", shape)) if name == "analytic" else shape
        if found.get("truncated"):
            arrays[name] = np.full(wanted, "" if words else np.nan, object if words else np.float64)
            for at, value in zip(found["elements"], found[name], strict=True):
                arrays[name][tuple(at)] = value if words else _number(value)
        else:
            flat = [value if words else _number(value) for value in _flat(found[name])]
            if words and math.prod(wanted) != len(flat):
                wanted = (len(flat),)  # a gradient of a wrong shape need not have verdicts
            arrays[name] = np.array(flat, object if words else np.float64).reshape(wanted)
    return Comparison(found["index"], **arrays)


def _listed(values: Any) -> Any:
    values = np.asarray(values)
    return values.tolist() if values.dtype.kind in "OU" else values.astype(np.float64).tolist()


def _flat(nested: Any) -> list[Any]:
    return [value for one in nested for value in _flat(one)] if isinstance(nested, list) else [nested]


def _number(value: Any) -> float:
    """NumPy's own NaN, so that a report from JSON equals one that holds it too."""
    value = float(value)
    return value if value == value else np.nan


def _plain(value: Any) -> Any:
    """Numbers, strings, lists and dicts only; numbers that are not finite become strings."""
    if isinstance(value, Cause):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
