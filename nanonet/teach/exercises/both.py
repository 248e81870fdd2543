"""The judge of a forward and a backward that are both the learner's."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.teach.exercises import guard
from nanonet.teach.exercises.backward import BackwardJudge
from nanonet.teach.exercises.exercise import Feedback, Functions
from nanonet.teach.exercises.values import ValueJudge


@dataclass(frozen=True)
class BothJudge:
    """First the values of the forward; then the backward, as the gradient of our forward and not of the learner's."""

    forward: ValueJudge
    backward: BackwardJudge

    def __call__(self, functions: Functions) -> Feedback:
        """The verdict on {name: function}."""
        try:
            guard.required(functions, [self.forward.name, self.backward.name])
        except guard.MishapError as error:
            return error.feedback
        values = self.forward(functions)
        return self.backward(functions) if values.passed else values
