"""The tour's third part: the gradient of every op at every sample, against extrapolated central differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nanonet.functional import function_of
from nanonet.gradcheck import check_sample
from nanonet.op import Op, Sample, ops


@dataclass(frozen=True)
class Check:
    """One op at one sample. `verdict` is "pass", "fail" or "inconclusive"; `why` says more where it is no pass."""

    family: str
    op: str
    sample: str
    verdict: str
    error: float
    why: str = ""


def cases(first_only: bool = False) -> Iterator[tuple[type[Op], Sample]]:
    """Every op that has a gradient, with each of its samples where it is differentiable."""
    for op in ops():
        if op.is_differentiable():
            smooth = [sample for sample in op.samples if not sample.kink]
            for sample in smooth[:1] if first_only else smooth:
                yield op, sample


def check(op: type[Op], sample: Sample) -> Check:
    """The check of one sample; an op that raises has failed."""
    family, name = op.__module__.rsplit(".", 1)[-1], sample.name or _number(op, sample)
    try:
        report = check_sample(op, function_of(op), sample)
    except Exception as error:
        return Check(family, op.name, name, "fail", float("nan"), f"{type(error).__name__}: {error}")
    return Check(family, op.name, name, report.verdict, report.max_error, "" if report else str(report).splitlines()[0])


def result(checks: list[Check]) -> str:
    """The line that sums them up."""
    wrong = [c for c in checks if c.verdict != "pass"]
    count = f"{len(checks):,} checks of {len({c.op for c in checks})} operations"
    return f"{count}, all passed" if not wrong else f"{count}, {len(wrong)} not passed"


def by_family(checks: Iterable[Check]) -> dict[str, list[Check]]:
    """The checks under the names of the files in nanonet/ops, in order."""
    found: dict[str, list[Check]] = {}
    for one in checks:
        found.setdefault(one.family, []).append(one)
    return dict(sorted(found.items()))


def _number(op: type[Op], sample: Sample) -> str:
    return f"sample {op.samples.index(sample) + 1}"
