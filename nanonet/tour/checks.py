"""The tour's third part: the gradient of every op at every sample where it is differentiable."""

from __future__ import annotations

from collections.abc import Iterator

from nanonet.gradcheck.suite.ops import Finding as Check
from nanonet.gradcheck.suite.ops import by_family
from nanonet.gradcheck.suite.ops import check_one as check
from nanonet.op import Op, Sample, ops

__all__ = ["Check", "by_family", "cases", "check", "result"]


def cases(first_only: bool = False) -> Iterator[tuple[type[Op], Sample]]:
    """Every op that has a gradient, with each of its samples where it is differentiable."""
    for op in ops():
        if op.is_differentiable():
            smooth = [sample for sample in op.samples if not sample.kink]
            for sample in smooth[:1] if first_only else smooth:
                yield op, sample


def result(checks: list[Check]) -> str:
    """The line that sums them up."""
    wrong = [c for c in checks if c.verdict != "pass"]
    count = f"{len(checks):,} checks of {len({c.op for c in checks})} operations"
    return f"{count}, all passed" if not wrong else f"{count}, {len(wrong)} not passed"
