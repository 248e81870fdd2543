"""What a gradient check found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from nanonet.gradcheck.cause import Cause


@dataclass(frozen=True, eq=False)
class Comparison:
    """The gradient of one input beside its reference, element by element; all arrays in the input's shape.

    index       which input
    analytic    the gradient that was checked; its shape may be wrong
    numeric     the reference, and
    bar         its error bar
    verdicts    "pass", "fail", "kink", "subgradient" or "inconclusive" (dtype object)
    """

    index: int
    analytic: np.ndarray
    numeric: np.ndarray
    bar: np.ndarray
    verdicts: np.ndarray


@dataclass(frozen=True)
class Report:
    """The result of one check. It is true when the verdict is "pass" or "subgradient".

    verdict     "pass"; "fail"; "kink": the slopes to the left and right differ and the gradient is not between them;
                "subgradient": it is between them, as at ReLU's 0, which is legitimate; or "inconclusive": the error
                bar is wider than the smallest error worth finding, which is never called a pass
    max_error   the largest |analytic - numeric|, at the place that the verdict speaks of
    where       (input, element) of it: the index of the input and the index within it
    output      (output, element): the one output element whose gradient is meant, where it is only one
    numeric, bar, analytic   the reference there, its error bar, and the gradient that was checked
    op          the operation of the graph whose backward is wrong, where one was found, and the line that called it
    cause       on "fail": the mistake that explains the wrong gradient
    note        anything else that one should know
    slopes      at a kink: the slopes to the left and right
    mode        "full": the whole Jacobian; or "fast": along random directions
    miss        fast mode: (error, probability): an error of this size, as a share of the gradient's length, is
                missed with this probability at most
    looked      what was looked at, in words: values, repeats, layouts, …
    comparisons the gradients beside their references (full mode)
    """

    verdict: str
    max_error: float
    where: tuple[int, tuple[int, ...]] | None
    numeric: float
    bar: float
    analytic: float
    name: str = ""
    cause: Cause | None = None
    note: str = ""
    slopes: tuple[float, float] | None = None
    seed: int = 0
    reproduce: str = ""
    output: tuple[int, tuple[int, ...]] | None = None
    op: str = ""
    mode: str = "full"
    miss: tuple[float, float] | None = None
    looked: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = field(default=(), compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.verdict in ("pass", "subgradient")

    @property
    def place(self) -> str:
        """The input and the element in words."""
        return "" if self.where is None else f"input {self.where[0]}, element {list(self.where[1])}"

    def __str__(self) -> str:
        subject = f"{self.verdict}: {self.name}" if self.name else f"{self.verdict}:"
        if self.where is None:
            lines = [f"{subject} ({self.note or 'no elements'})"]
        else:
            numbers = f"numeric {self.numeric:.10g} ± {self.bar:.1g}, analytic {self.analytic:.10g}"
            lines = [f"{subject} largest error {self.max_error:.3g} at {self.place}: {numbers}"]
            lines += [f"  note:      {self.note}"] if self.note else []
        if self.slopes is not None:
            lines.append(f"  slopes:    {self.slopes[0]:.10g} to the left, {self.slopes[1]:.10g} to the right")
        if self.cause is not None:
            lines += [f"  cause:     {self.cause.sentence} ({self.cause.kind})", f"  remedy:    {self.cause.remedy}"]
        if self.reproduce and self.verdict != "pass":
            lines.append(f"  reproduce: {self.reproduce}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The fields as a JSON object, without the arrays; numbers that are not finite become strings."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "comparisons"}
        return json.dumps(_plain(found), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Numbers, strings, lists and dicts only."""
    if isinstance(value, Cause):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, float) and not abs(value) < float("inf") else value
