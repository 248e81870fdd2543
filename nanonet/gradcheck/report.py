"""What a gradient check found."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from nanonet.gradcheck.cause import Cause


@dataclass(frozen=True)
class Report:
    """The result of one check. It is true when the verdict is "pass" or "subgradient".

    verdict     "pass"; "fail"; "kink": the slopes to the left and right differ and the gradient is not between them;
                "subgradient": it is between them, as at ReLU's 0, which is legitimate; or "inconclusive": the error
                bar is wider than the smallest error worth finding, which is never called a pass
    max_error   the largest |analytic - numeric|, at the place that the verdict speaks of
    where       (input, element) of it: the index of the input and the index within it
    numeric, bar, analytic   the reference there, its error bar, and the gradient that was checked
    cause       on "fail": the mistake that explains the wrong gradient
    note        anything else that one should know
    slopes      at a kink: the slopes to the left and right
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
        """The fields as a JSON object; numbers that are not finite become strings."""
        fields = asdict(self)
        for key, value in fields.items():
            if isinstance(value, float) and not abs(value) < float("inf"):
                fields[key] = str(value)
        if self.slopes is not None:
            fields["slopes"] = [str(s) if not abs(s) < float("inf") else s for s in self.slopes]
        return json.dumps(fields, ensure_ascii=False)
