"""Mutants that are not wrong: what they compute is the same for every input that reaches them, with the reason why."""

from __future__ import annotations

from tests.mutation.equivalent_algebra import ALGEBRA
from tests.mutation.equivalent_values import VALUES

EQUIVALENT = [*ALGEBRA, *VALUES]


def reasons() -> dict[str, str]:
    """{mutant's key: why it is equivalent}."""
    return {key: entry.reason for entry in EQUIVALENT for key in entry.mutants()}
