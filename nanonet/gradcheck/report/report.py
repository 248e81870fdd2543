"""What a gradient check found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import numpy as np

from nanonet.gradcheck.diagnosis.cause import Cause


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
        """The input and the element in words. Fast mode may speak of an input as a whole."""
        if self.where is None:
            return ""
        whole = self.mode == "fast" and not self.where[1]
        return f"input {self.where[0]}" if whole else f"input {self.where[0]}, element {list(self.where[1])}"

    def __str__(self) -> str:
        from nanonet.gradcheck.report.text import text

        return text(self)

    def to_json(self) -> str:
        """Every field as one JSON object, in one line; numbers that are not finite become "nan", "inf" and "-inf".

        Each comparison has its "shape" and its arrays as nested lists. Of one with more than 4096 elements it has
        `"truncated": true`, the 100 worst "elements" (their indices), and flat lists of what is there.
        """
        from nanonet.gradcheck.report.record import dumps

        return dumps(self)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that `to_json` wrote. Elements that it left out are NaN, with the verdict "".

        Raises ValueError for anything else.
        """
        from nanonet.gradcheck.report.record import loads

        return loads(text)

    def to_html(self, path: str | PathLike[str]) -> Path:
        """Write a page that shows where and how wrong the gradient is; returns its path. It needs no network."""
        from nanonet.gradcheck.report.page import report_page, save

        return save(report_page(self), path)

    def _repr_html_(self) -> str:
        """What notebooks show: the verdict, the cause and the map of the errors."""
        from nanonet.gradcheck.report.page import notebook_cell

        return notebook_cell(self)


def reports_to_json(reports: Iterable[Report]) -> str:
    """A JSON list of what `to_json` says of each report, one a line."""
    return "[" + ",\n".join(report.to_json() for report in reports) + "]"
