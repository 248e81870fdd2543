"""Which mistake makes this wrong gradient? Of the hypotheses that fit, the simplest is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nanonet.gradcheck.diagnosis import (
    couplings,
    hidden,
    masks,
    monomials,
    parts,
    ratios,
    rearranged,
    rows,
    shapes,
    steps,
    substituted,
    terms,
    whole,
)
from nanonet.gradcheck.diagnosis.case import Case
from nanonet.gradcheck.diagnosis.cause import Cause
from nanonet.gradcheck.diagnosis.evidence import Evidence

SMALL = 1e-4  # of the largest element: differences below it may be rounding, and nobody is accused

Hypothesis = Callable[[Case], Iterator[Cause]]

# Simple before elaborate: of two that reproduce the gradient, the one with fewer assumptions is named.
HYPOTHESES: tuple[Hypothesis, ...] = (
    whole.zero,
    whole.ignored_upstream,
    whole.constant,
    whole.counts,
    shapes.not_reduced,
    whole.upstream_twice,
    shapes.wrong_sum,
    rearranged.rearranged,
    shapes.partly_summed,
    substituted.exchanged,
    substituted.input_for_output,
    substituted.anothers,
    parts.single_entry,
    parts.coupling,
    parts.kept,
    couplings.wrong_axis_alone,
    masks.masks,
    masks.branches,
    substituted.swapped,
    substituted.turned,
    parts.selected,
    couplings.wrong_axis,
    couplings.lost_term,
    couplings.lost_diagonal,
    couplings.coupling_factor,
    terms.constant_term,
    terms.by_zeroing,
    terms.product_rule,
    terms.direct_path,
    ratios.factors,
    hidden.hidden,
    hidden.lost_path,
    substituted.left_out,
    terms.other_use,
    masks.intervals,
    rows.row_terms,
    terms.simple_terms,
    monomials.lost_product,
    steps.steps,
)


def diagnose(evidence: Evidence) -> Cause:
    """The cause of a wrong gradient: kind "unknown" unless a hypothesis reproduces the given array."""
    analytic, numeric = evidence.analytic, evidence.numeric
    if not np.all(np.isfinite(analytic)):
        count = int(np.count_nonzero(~np.isfinite(analytic)))
        sentence = f"the gradient is not finite in {count} of {analytic.size} elements"
        return Cause("unknown", sentence, "look for a division by zero, a logarithm of zero or an overflow")
    if not np.all(np.isfinite(numeric)) or not np.all(np.isfinite(evidence.output)):
        return Cause("unknown", "the function is not finite near here: there is no reference", "move the inputs")
    if not numeric.size or not evidence.output.size or not analytic.size:
        sentence = f"the gradient has shape {analytic.shape}, the input {numeric.shape}"
        return Cause("unknown", sentence, f"return a gradient of shape {numeric.shape}")
    if analytic.shape == numeric.shape and not _significant(evidence):
        sentence = "the gradient differs by little: rounding, or a small error that no hypothesis can be held to"
        return Cause("unknown", sentence, "compare the formula with the forward, and look for a loss of digits")
    with np.errstate(all="ignore"):
        case = Case(evidence)
        for hypothesis in HYPOTHESES:
            try:
                cause = next(hypothesis(case), None)
            except np.linalg.LinAlgError:  # numbers that overflow: this hypothesis says nothing
                cause = None
            if cause is not None:
                return cause
    return _unknown(case)


def _significant(evidence: Evidence) -> bool:
    """Is the error far above the error bars and above what rounding may do?"""
    errors = np.abs(evidence.analytic - evidence.numeric)
    if evidence.subgradients is not None:
        errors = np.where(evidence.subgradients, 0.0, errors)
    scale = float(np.max(np.abs(evidence.numeric)))
    return bool(np.any((errors > SMALL * scale) & (errors > 1000 * evidence.bars)))


def _unknown(case: Case) -> Cause:
    first, shape = case.trials[0], case.x.shape
    given, reference = first.analytic, case.evidence.numeric
    if given.shape == shape:
        sentence = "no known mistake reproduces this gradient"
        return Cause("unknown", sentence, "derive it again, or check the parts of the backward one by one")
    sentence = f"the gradient has shape {given.shape}, the input {shape}"
    if given.size == case.x.size and case.same(given.reshape(shape), reference):
        return Cause("unknown", f"{sentence}; the values are right", f"reshape it to {shape}")
    try:
        spread = np.broadcast_to(given, shape)
    except ValueError:
        return Cause("unknown", sentence, f"return a gradient of shape {shape}")
    if case.same(spread, reference):
        return Cause("unknown", f"{sentence}; it is right but not broadcast back", f"broadcast it to {shape}")
    return Cause("unknown", sentence, f"return a gradient of shape {shape}")
