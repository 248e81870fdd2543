"""The judge of a backward function: nanonet's gradient checker, at several kinds of inputs."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.teach.exercises import guard
from nanonet.teach.exercises.exercise import RIGHT, WRONG, Feedback, Functions
from nanonet.teach.exercises.measure import Look, Slip
from nanonet.teach.exercises.places import entries_in_words
from nanonet.teach.exercises.words import kind_in_words, listed, rule_in_words

Case = tuple[str, Callable[[np.random.Generator], tuple[Any, ...]]]  # at which inputs, in words; and what draws them


@dataclass(frozen=True)
class BackwardJudge:
    """Is the learner's function the gradient of `forward`?

    forward     forward(*inputs) -> y, or (y, cache) where `cache`. It is ours, never the learner's
    inputs      the names of its arguments
    wanted      those that want a gradient, in the order in which the gradients are returned
    cases       at which inputs the attempt is looked at: (words, draw), draw(rng) -> inputs
    rules       for each wanted input the rule behind its gradient
    slips       mistakes with a name of their own; tried before the general diagnosis
    call        call(function, dy, inputs, cache) -> what the function returns; None: function(dy, *inputs), or
                function(dy, cache)
    name        the name of the learner's function
    results     the names of the gradients; d and the name of the input, if not given
    """

    forward: Callable[..., Any]
    inputs: tuple[str, ...]
    wanted: tuple[str, ...]
    cases: tuple[Case, ...]
    rules: dict[str, str]
    rule: str
    cache: bool = False
    slips: tuple[Slip, ...] = ()
    call: Callable[..., Any] | None = None
    name: str = "backward"
    seed: int = 3
    results: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.results:
            object.__setattr__(self, "results", tuple(f"d{name}" for name in self.wanted))

    def __call__(self, functions: Functions) -> Feedback:
        """The verdict on {name: function}."""
        try:
            guard.required(functions, [self.name])
            for words, draw in self.cases:
                self._runs(functions[self.name], words, draw(np.random.default_rng(self.seed)))
            with contextlib.redirect_stdout(io.StringIO()):  # what it prints was seen above, once for each case
                return self._compared(functions[self.name])
        except guard.MishapError as error:
            return error.feedback

    def _runs(self, function: Callable[..., Any], at: str, inputs: tuple[Any, ...]) -> None:
        """One call by hand: exceptions, changed arguments, NaN, and results of a wrong type or number end the check."""
        y, cache = self._forward(inputs)
        dy = np.random.default_rng(self.seed).normal(size=np.shape(y))
        names, values = (("cache",), (cache,)) if self.cache else (self.inputs, inputs)
        if self.call is not None:
            names, values = (*self.inputs, "W, Z or A"), (*inputs, cache)
            function = self._through(function)
        found = guard.called(function, self.name, ("dy", *names), (dy, *values), at)
        guard.arrays(found, self.name, self.results, at)

    def _through(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda dy, *rest: self._gradients(function, dy, rest[:-1], rest[-1])

    def _forward(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        given = [guard.copied(x) for x in inputs]
        return self.forward(*given) if self.cache else (self.forward(*given), None)

    def _compared(self, function: Callable[..., Any]) -> Feedback:
        """Mistakes with a name of their own; then nanonet's gradient checker in each case, up to the first failure."""
        looks = [self._look(function, words, draw(np.random.default_rng(self.seed))) for words, draw in self.cases]
        wrong = [look for look in looks if not look.fine]
        if wrong and (mistake := wrong[0].simple_mistake()) is not None:
            return self._feedback(looks, wrong[0], *mistake)
        for look in wrong:
            if (slipped := look.slip(self.slips, looks)) is not None:
                k, slip = slipped
                return self._feedback(looks, look, k, slip.kind, slip.sentence, slip.rule)
        for look in looks:
            report = self._report(look)
            if not report:
                return self._diagnosed(looks, look, report)
        return Feedback(True, RIGHT, checked=tuple(words for words, _ in self.cases))

    def _look(self, function: Callable[..., Any], words: str, inputs: tuple[Any, ...]) -> Look:
        """A case with the functions of the wanted inputs alone; the others stand as they are."""
        places = tuple(self.inputs.index(name) for name in self.wanted)

        def forward(*wanted: Any) -> tuple[Any, Any]:
            given = [guard.copied(x) for x in inputs]
            for place, x in zip(places, wanted, strict=True):
                given[place] = np.array(x, order="C") if type(x) is np.ndarray else x  # no learner knows of strides
            y, cache = self.forward(*given) if self.cache else (self.forward(*given), None)
            return y, (given, cache)

        def backward(dy: Any, kept: Any) -> tuple[np.ndarray, ...]:
            given, cache = kept
            return tuple(
                guard.arrays(self._gradients(function, np.array(dy), given, cache), self.name, self.results, words)
            )

        return Look(words, inputs, places, forward, backward)

    def _gradients(self, function: Callable[..., Any], dy: Any, inputs: Sequence[Any], cache: Any) -> Any:
        if self.call is not None:
            return self.call(function, dy, inputs, cache)
        return function(dy, cache) if self.cache else function(dy, *inputs)

    def _report(self, look: Look) -> Any:
        from nanonet.gradcheck import check_backward

        with warnings.catch_warnings():  # as of the mean of an empty batch, which the checker tries, too
            warnings.simplefilter("ignore")
            return check_backward(look.forward, look.backward, look.wanted, cache=True)

    def _diagnosed(self, looks: list[Look], look: Look, report: Any) -> Feedback:
        k = report.where[0] if report.where is not None else 0
        kind, sentence = "unknown", report.note
        if report.cause is not None:
            kind, sentence = report.cause.kind, report.cause.sentence
        elif report.verdict == "kink":
            kind, sentence = "mask", "at a tie the gradient is not between the slopes of the two sides"
        return self._feedback(looks, look, k, kind, sentence)

    def _feedback(self, looks: list[Look], look: Look, k: int, kind: str, sentence: str, rule: str = "") -> Feedback:
        """The three hints on the gradient of the k-th wanted input."""
        what = kind_in_words(kind, sentence, [result[1:] for result in self.results])
        shaped = kind == "unknown" and look.given[k][0].shape != look.wanted[k].shape
        rule = rule or rule_in_words("shape" if shaped else kind, self.rules[self.wanted[k]])
        return Feedback(False, WRONG, kind, (self._where(looks, look, k), what, rule))

    def _where(self, looks: list[Look], look: Look, k: int) -> str:
        """The first hint: which gradient, in which entries, at which inputs; and what is right."""
        result, given, x = self.results[k], look.given[k][0], look.wanted[k]
        head = f"{result}, the gradient of {result[1:]}, is wrong {entries_in_words(look.wrong[k], x)}".rstrip()
        if given.shape != x.shape:
            head = f"{result} has the shape {given.shape}, where {result[1:]} has {x.shape}"
        parts = [f"{head}; at {look.words}"]
        fine = [one.words for one in looks if one is not look and one.fine]
        parts += [f"it is right at {listed(fine)}"] if fine else []
        for word, truth in (("wrong too", True), ("right", False)):
            others = [r for i, r in enumerate(self.results) if i != k and bool(np.any(look.wrong[i])) == truth]
            parts += [f"{listed(others)} {'is' if len(others) == 1 else 'are'} {word}"] if others else []
        return "; ".join(parts) + "."
