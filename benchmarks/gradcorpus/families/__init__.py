"""The cases, a file for each family."""

from __future__ import annotations

from dataclasses import replace

from nanonet_benchmarks.gradcorpus.case import Case
from nanonet_benchmarks.gradcorpus.families import (
    conduct,
    elementwise,
    indexing,
    kinks,
    losses,
    networks,
    noise,
    normalisation,
    products,
    reductions,
    scale,
)

FAMILIES = (
    elementwise,
    products,
    reductions,
    normalisation,
    indexing,
    losses,
    networks,
    kinks,
    scale,
    noise,
    conduct,
)


def cases() -> list[Case]:
    """Every case, made anew: what one checker has done to a case that keeps a state does not reach the next."""
    found: list[Case] = []
    for family in FAMILIES:
        short = family.__name__.rsplit(".", 1)[-1]
        found += [replace(case, name=f"{short}/{case.name}") for case in family.cases()]
    return found
