"""Why a mutant may be equivalent: what it computes is the same for every input that reaches it."""

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


COMMUTES = "A product in the other order is the same product."
ALL_NONE = "Names for the same value exchange their places: both are None, or both lists of None."
SHORTCUT = "The other branch gives the same gradient; this one only saves time where it can be taken."
ZERO = "Zero stays zero."
TWO_AXES = "The arrays have two axes (or one), so that this names the same axis."
SQUARE = "The matrices are square: both axes have the same length."
SAME_SHAPE = "Reshapes what has this shape already."
EXTRA_AXIS = "An axis of length 1 more in front, or before the last: the tape sums it away with the broadcast ones."
REPLACED = "The values are replaced afterwards: they only keep the formula from warning."
ANY_NEGATIVE = "reshape works out the length for any negative number."
PARTS = "Decides how many samples are taken at a time; their sum is the same however the batch is cut."
