"""What a gradient check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """The result of one check. It is true when the verdict is "pass".

    verdict     "pass"; "fail"; or "inconclusive": the error bar is too wide to tell, which is never called a pass
    max_error   the largest |analytic - numeric|
    where       (input, element) of it: the index of the input and the index within it
    numeric, bar, analytic   the reference there, its error bar, and the gradient that was checked
    """

    verdict: str
    max_error: float
    where: tuple[int, tuple[int, ...]] | None
    numeric: float
    bar: float
    analytic: float
    name: str = ""
    cause: None = None

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    def __str__(self) -> str:
        if self.where is None:
            return f"{self.verdict}: {self.name} (no elements)"
        place = f"input {self.where[0]}, element {list(self.where[1])}"
        numbers = f"numeric {self.numeric:.10g} ± {self.bar:.1g}, analytic {self.analytic:.10g}"
        return f"{self.verdict}: {self.name} largest error {self.max_error:.3g} at {place}: {numbers}"
