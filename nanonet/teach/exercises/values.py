"""The judge of a function that is no gradient, an update step for instance: compared with ours in several states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.teach.exercises import guard
from nanonet.teach.exercises.backward import Case
from nanonet.teach.exercises.exercise import RIGHT, WRONG, Feedback, Functions
from nanonet.teach.exercises.places import entries_in_words
from nanonet.teach.exercises.words import KINDS, RULES, capital, listed

CLOSE = 1e-9  # of the largest entry


@dataclass(frozen=True)
class Variant:
    """A usual mistake: its kind, a sentence, the rule, and the function with this mistake; arguments as the right one.

    Its results are compared with the learner's one by one. No right number leaves the judge.
    """

    kind: str
    sentence: str
    rule: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class ValueJudge:
    """Does the learner's function return what `reference` returns?

    name        the learner's function; arguments and results are the names of what goes in and comes out
    reference   reference(*arguments) -> a tuple with all results
    cases       (in which state, draw): draw(rng) -> the arguments
    variants    usual mistakes, the simplest first
    rules       {result: the rule behind it}
    close       how well results must agree, as a share of the largest entry
    """

    name: str
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    reference: Callable[..., Any]
    cases: tuple[Case, ...]
    variants: tuple[Variant, ...]
    rules: dict[str, str]
    rule: str
    close: float = CLOSE
    seed: int = 3

    def __call__(self, functions: Functions) -> Feedback:
        """The verdict on {name: function}."""
        try:
            guard.required(functions, [self.name])
            drawn = [(words, draw(np.random.default_rng(self.seed))) for words, draw in self.cases]
            found = [self._results(functions[self.name], words, values) for words, values in drawn]
        except guard.MishapError as error:
            return error.feedback
        right = [self._all(self.reference, values) for _, values in drawn]
        states = [words for words, _ in drawn]
        for k, result in reversed(list(enumerate(self.results))):  # a parameter is wrong where its memory is
            wrong = [i for i in range(len(drawn)) if not close(found[i][k], right[i][k], self.close)]
            if wrong:
                others = [
                    name
                    for j, name in enumerate(self.results)
                    if all(close(f[j], r[j], self.close) for f, r in zip(found, right, strict=True))
                ]
                kind, what, rule = self._why(k, [values for _, values in drawn], found, right)
                if kind == "unknown" and not np.all(np.isfinite(found[wrong[0]][k])):
                    return guard.not_finite(found[wrong[0]][k], result, states[wrong[0]]).feedback
                where = self._where(result, found[wrong[0]][k], right[wrong[0]][k], [states[i] for i in wrong], others)
                return Feedback(False, WRONG, kind, (where, what, rule))
        return Feedback(True, RIGHT, checked=tuple(states))

    def _results(self, function: Callable[..., Any], at: str, values: tuple[Any, ...]) -> list[np.ndarray]:
        found = guard.called(function, self.name, self.arguments, values, at)
        return guard.arrays(found, self.name, self.results, at, finite=False)

    def _all(self, function: Callable[..., Any], values: tuple[Any, ...]) -> list[np.ndarray]:
        with np.errstate(all="ignore"):
            found = function(*[guard.copied(value) for value in values])
        return [np.asarray(one, np.float64) for one in (found if isinstance(found, tuple) else (found,))]

    def _where(self, result: str, found: np.ndarray, right: np.ndarray, states: list[str], others: list[str]) -> str:
        """The first hint: which result, which entries, in which states."""
        fine = [words for words, _ in self.cases if words not in states]
        if found.shape != right.shape:
            head = f"{result} has the shape {found.shape}, where {right.shape} belongs"
        else:
            scale = self.close * max(float(np.max(np.abs(right), initial=0.0)), 1e-300)
            entries = entries_in_words(np.abs(found - right) > scale, np.full(right.shape, np.nan))
            head = f"{capital(result) if ' ' in result else result} is wrong {entries}".rstrip()
        parts = [f"{head}; at {listed(states)}"]
        if fine:
            parts.append(f"it is right at {listed(fine)}")
        if others:
            parts.append(f"{listed(others)} {'is' if len(others) == 1 else 'are'} right")
        return "; ".join(parts) + "."

    def _why(self, k: int, drawn: list[Any], found: list[Any], right: list[Any]) -> tuple[str, str, str]:
        """(kind, the second hint, the third): the variant that gives just this result, or what its numbers show."""
        own = self.rules.get(self.results[k], self.rule)
        for variant in self.variants:
            others = [self._all(variant.function, values) for values in drawn]
            if all(close(f[k], o[k], self.close) for f, o in zip(found, others, strict=True)):
                return variant.kind, f"{capital(variant.sentence)}.", variant.rule
        kind, sentence = plain_mistake([f[k] for f in found], [r[k] for r in right])
        return kind, f"{capital(KINDS[kind])}{': ' + sentence if sentence else ''}.", f"{RULES[kind]} {own}"


def plain_mistake(found: list[np.ndarray], right: list[np.ndarray]) -> tuple[str, str]:
    """(kind, sentence) of what can be seen without knowing the function."""
    if all(f.shape == r.shape for f, r in zip(found, right, strict=True)):
        a, b = np.concatenate([f.ravel() for f in found]), np.concatenate([r.ravel() for r in right])
        if close(a, -b):
            return "sign", "it is the negative of the right one"
        if not np.any(a):
            return "zero", "it is zero everywhere"
        factor = float(a @ b) / float(b @ b) if np.any(b) else 0.0
        if factor and close(a, factor * b):
            return "scale", "it is the right one times a constant"
    if all(f.ndim == 2 and close(f.T, r) for f, r in zip(found, right, strict=True)):
        return "transpose", "it is the transpose of the right one"
    return "unknown", ""


def close(a: np.ndarray, b: np.ndarray, precision: float = CLOSE) -> bool:
    if np.shape(a) != np.shape(b):
        return False
    scale = max(float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    return bool(np.all(np.abs(a - b) <= precision * scale))
