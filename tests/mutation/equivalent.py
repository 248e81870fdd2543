"""Mutants that are not wrong: what they compute is the same for every input that reaches them, with the reason why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """`changes` of the function `target`, as `Mutant.change` has them, and why none of them matters."""

    target: str
    changes: tuple[str, ...]
    reason: str

    def mutants(self) -> list[str]:
        return [f"{self.target}: {change}" for change in self.changes]


EQUIVALENT: list[Equivalent] = []


def reasons() -> dict[str, str]:
    """{mutant's key: why it is equivalent}."""
    return {key: entry.reason for entry in EQUIVALENT for key in entry.mutants()}
