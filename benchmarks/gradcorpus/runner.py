"""Runs checkers on the corpus, one case at a time; what one case raises does not stop the rest."""

from __future__ import annotations

import inspect
import logging
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np

import nanonet as nt
from nanonet_benchmarks.gradcorpus import peers
from nanonet_benchmarks.gradcorpus.case import Case

VERDICTS = ("pass", "fail", "kink", "subgradient", "inconclusive", "repaired")


@dataclass(frozen=True)
class Tool:
    """A checker: check(case) gives a verdict, or (verdict, kind of the cause)."""

    name: str
    package: str
    check: Callable[[Case], Any]

    @property
    def version(self) -> str:
        """Empty where it is not installed."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""


@dataclass(frozen=True)
class Outcome:
    """What a tool said of a case.

    verdict     one of VERDICTS, or "error": an exception that is no verdict
    seconds     how long it took
    kind        the kind of the cause that it named
    note        the exception
    """

    verdict: str
    seconds: float
    kind: str = ""
    note: str = ""


def nanonet_check(case: Case, **options: Any) -> tuple[str, str]:
    """nt.check_backward: its verdict and the kind of the cause."""
    report = nt.check_backward(case.forward, case.backward, case.inputs, cache=case.cache, **options)
    return report.verdict, report.cause.kind if report.cause else ""


def tools() -> list[Tool]:
    """Every checker, installed or not; the first call of each is slow where it imports a library."""
    found = [Tool("nanonet", "nanonet", nanonet_check)]
    if "mode" in inspect.signature(nt.check_backward).parameters:
        found.append(Tool("nanonet, fast mode", "nanonet", partial(nanonet_check, mode="fast")))
    return [
        *found,
        Tool("PyTorch gradcheck", "torch", peers.torch_gradcheck),
        Tool("PyTorch gradcheck, fast mode", "torch", partial(peers.torch_gradcheck, fast=True)),
        Tool("JAX check_grads", "jax", peers.jax_check_grads),
        Tool("autograd check_grads", "autograd", peers.autograd_check_grads),
    ]


def judge(tool: Tool, case: Case) -> Outcome:
    """The tool's verdict on the case. Only KeyboardInterrupt and SystemExit come through."""
    np.random.seed(0)  # autograd draws its directions from it, and some cases their masks
    began = time.perf_counter()
    try:
        with _quiet():
            found = tool.check(case)
        verdict, kind = found if isinstance(found, tuple) else (found, "")
        if verdict not in VERDICTS:
            raise ValueError(f"expected a verdict of {VERDICTS}, got {verdict!r}")
        return Outcome(verdict, time.perf_counter() - began, kind)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        note = f"{type(error).__name__}: {lines[-1]}"[:200]
        return Outcome("error", time.perf_counter() - began, note=note)


@contextmanager
def _quiet() -> Any:
    """No warnings, and none of the traces that JAX logs for an exception in a callback."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def run(
    chosen: Sequence[Tool],
    make_cases: Callable[[], Sequence[Case]],
    results: dict[str, dict[str, Outcome]],
    step: Callable[[str], None] = lambda _: None,
) -> None:
    """Fills results[tool][case]; each tool gets cases of its own. Interrupted, it leaves what it has."""
    for tool in chosen:
        found = results.setdefault(tool.name, {})
        for case in make_cases():
            found[case.name] = judge(tool, case)
            step(tool.name)
