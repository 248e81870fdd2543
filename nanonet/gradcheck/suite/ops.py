"""Every op at every sample: what `nanonet check` and the tour check."""

from __future__ import annotations

import importlib
import shlex
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nanonet.functional import function_of
from nanonet.gradcheck.check import check_sample, gradcheck
from nanonet.gradcheck.report import Report
from nanonet.gradcheck.suite.parity import Parity, check_parity
from nanonet.op import REGISTRY, Op, Sample
from nanonet.sampling import Draw
from nanonet.transforms import vjp_of


@dataclass(frozen=True)
class Job:
    """One op at one sample, as what can be sent to another process."""

    key: str  # in the registry
    index: int

    @property
    def op(self) -> type[Op]:
        return REGISTRY[self.key]

    @property
    def sample(self) -> Sample:
        return self.op.samples[self.index]


@dataclass(frozen=True)
class Finding:
    """What the check of one op at one sample, or of one function of the user's, came to.

    verdict     the report's; "fail" where there is no report because something raised
    kink        what is not differentiable there, where the sample names it
    why         one line, where it is no plain pass
    """

    family: str
    op: str
    sample: str
    verdict: str
    error: float
    why: str = ""
    kink: str = ""
    report: Report | None = field(default=None, repr=False)
    seconds: float = 0.0

    @property
    def column(self) -> str:
        """Where it is counted. A place that is named as no smooth one is never a pass, and no failure either."""
        if self.kink and (self.report is not None or self.verdict != "fail"):
            return "named"
        return "fail" if self.verdict == "kink" else self.verdict

    @property
    def is_fine(self) -> bool:
        return self.column in ("pass", "subgradient", "named")


def jobs_of(ops: Iterable[type[Op]]) -> list[Job]:
    """All samples of these ops."""
    keys = {op: key for key, op in REGISTRY.items()}
    return [Job(keys[op], i) for op in ops for i in range(len(op.samples))]


def family_of(op: type[Op]) -> str:
    """The name of the file in nanonet/ops."""
    return op.__module__.rsplit(".", 1)[-1]


def name_of(op: type[Op], sample: Sample) -> str:
    return sample.name or sample.kink or f"sample {op.samples.index(sample) + 1}"


def by_family(findings: Iterable[Any]) -> dict[str, list[Any]]:
    """Findings under the names of their families, in order."""
    found: dict[str, list[Any]] = {}
    for one in findings:
        found.setdefault(one.family, []).append(one)
    return dict(sorted(found.items()))


def check_job(job: Job, second: bool = False, **options: Any) -> Finding:
    """`check_one` for another process."""
    return check_one(job.op, job.sample, second, **options)


def check_one(op: type[Op], sample: Sample, second: bool = False, **options: Any) -> Finding:
    """The gradient of `op` at `sample`; an op that raises has failed. `options` are those of `gradcheck`.

    With `second` the gradient's own gradient is checked.
    """
    begin = time.perf_counter()
    finding = Finding(family_of(op), op.name, name_of(op, sample), "fail", float("nan"), kink=sample.kink)
    try:
        with np.errstate(all="ignore"):
            report = _report(op, sample, second, options)
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        if sample.kink and _runs(op, sample):  # at the edge of what the op takes there is no neighbour to compare with
            return replace(finding, verdict="inconclusive", why=f"it ends there: {why}")
        return replace(finding, why=why)
    return found_in(report, replace(finding, seconds=time.perf_counter() - begin))


def found_in(report: Report, finding: Finding) -> Finding:
    """The finding with what the report says."""
    why = "" if report.verdict == "pass" else str(report).splitlines()[0]
    return replace(finding, verdict=report.verdict, error=report.max_error, why=why, report=report)


def _report(op: type[Op], sample: Sample, second: bool, options: dict[str, Any]) -> Report:
    if not second and not options:
        report = check_sample(op, function_of(op), sample)
    else:
        f, inputs = at_sample(op, sample)
        report = second_order()(f, inputs, **options) if second else gradcheck(f, inputs, **options)
    name = f"{op.name}, {name_of(op, sample)}"
    return replace(report, name=name, reproduce=command(report, [op.name, *["--second"] * second], options))


def command(report: Report, words: list[str], options: dict[str, Any]) -> str:
    """The command that makes this check again."""
    given = options | ({"seed": report.seed} if options.get("mode") == "fast" else {})
    return shlex.join(["nanonet", "check", *words, *(f"--{name}={value}" for name, value in given.items())])


@dataclass(frozen=True)
class Compared:
    """Backend parity of one op at one sample."""

    family: str
    parity: Parity

    @property
    def op(self) -> str:
        return self.parity.op


def parity_job(job: tuple[Job, str], backend: str, seed: int = 0) -> Compared:
    """The op at the sample on `backend`, in a dtype, beside the textbook rule."""
    one, dtype = job
    with np.errstate(all="ignore"):
        return Compared(family_of(one.op), check_parity(one.op, one.sample, backend, dtype, seed))


def second_order() -> Callable[..., Report]:
    """`gradgradcheck`, which is loaded when it is first used."""
    try:
        return importlib.import_module("nanonet.gradcheck.second_order.second").gradgradcheck
    except ImportError as error:
        raise ImportError(f"the second order cannot be checked here: {error}") from error


def at_sample(op: type[Op], sample: Sample) -> tuple[Callable[..., Any], list[np.ndarray]]:
    """(f, inputs): the op's public function as one of those inputs alone that it can have a gradient for."""
    arrays = sample.draw()
    checked: list[np.ndarray] = []

    def collect(draw: Any, value: Any) -> None:
        if isinstance(draw, list):
            for d, v in zip(draw, value, strict=True):
                collect(d, v)
        elif isinstance(draw, Draw) and draw.differentiable:
            checked.append(value)

    def filled(draw: Any, value: Any, fresh: Iterator[Any]) -> Any:
        if isinstance(draw, list):
            return [filled(d, v, fresh) for d, v in zip(draw, value, strict=True)]
        return next(fresh) if isinstance(draw, Draw) and draw.differentiable else value

    def f(*given: Any) -> Any:
        fresh = iter(given)
        args = [filled(d, v, fresh) for d, v in zip(sample.args, arrays, strict=True)]
        return function_of(op)(*args, **sample.attrs)

    for d, v in zip(sample.args, arrays, strict=True):
        collect(d, v)
    return f, checked


def _runs(op: type[Op], sample: Sample) -> bool:
    """Do forward and backward work at the sample itself?"""
    from nanonet.tensor import Tensor

    f, inputs = at_sample(op, sample)
    try:
        tensors = [Tensor(x, requires_grad=True) for x in inputs]
        found = f(*tensors)
        outputs = [y for y in (found if isinstance(found, tuple | list) else [found]) if y.requires_grad]
        vjp_of(outputs, tensors, [np.ones(y.shape) for y in outputs])
    except Exception:
        return False
    return True
