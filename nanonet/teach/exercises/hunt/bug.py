"""One bug of the hunt: planted for the length of a block, found by the gradient checker, guessed by a learner."""

from __future__ import annotations

import difflib
import functools
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet.backends.base import Backend, current, installed
from nanonet.gradcheck.graph.localise import Place, guilty_op
from nanonet.op import REGISTRY
from nanonet.tape import recorded
from nanonet.teach.exercises.hunt.programs import PROGRAMS, Program
from nanonet.teach.exercises.words import KINDS, RULES, capital
from nanonet.teach.trace import Trace, trace
from nanonet.tensor import Tensor

RIGHT, HALF, WRONG = "right", "right operation, wrong kind", "wrong"
GUESSES = [kind for kind in KINDS if kind not in ("unknown", "stale-cache", "single-entry", "clobbered-cotangent")]
SAME = {("scale", "missing-factor"), ("missing-coupling", "missing-term")}  # two names for one fault, at times


@dataclass(frozen=True)
class Answer:
    """`verdict` is "right", "right operation, wrong kind" or "wrong"; `sentence` says more."""

    verdict: str
    sentence: str

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def __str__(self) -> str:
        return f"{self.verdict}: {self.sentence}"


@dataclass(frozen=True)
class Bug:
    """Number `number` of the hunt."""

    number: int
    program: Program

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Within the block the engine computes with the wrong rule; afterwards as before."""
        from nanonet.teach.exercises.hunt.rules import RULES as WRONG_RULES

        key, rule = WRONG_RULES[self.number - 1]
        now = current()
        replaced = {**now.kernels, REGISTRY[key].backward: rule}
        with installed(Backend(now.name, now.xp, now.array_type, replaced)):
            yield

    @property
    def file(self) -> str:
        """The name that the program has in traces and in hints."""
        return f"hunt{self.number:02}.py"

    @property
    def function(self) -> Callable[..., Any]:
        """The program, compiled from `source()` alone: as the user's code, and not as a part of the engine."""
        return compiled(self.number)

    def trace(self) -> Trace:
        """Everything that the engine does with the bug in it, to be stepped through."""
        with self.planted():
            found = trace(self.function, *self.inputs())
        found.steps[:] = [
            one if one.site and one.site.file == self.file else replace(one, site=None) for one in found.steps
        ]
        found.sources = {self.file: self.source().splitlines()}
        return found

    def inputs(self) -> list[Tensor]:
        """The program's inputs as fresh Tensors that want a gradient."""
        return [Tensor(x, requires_grad=True) for x in self.program.inputs.values()]

    def run(self) -> Any:
        """The loss."""
        return self.function(*self.inputs())

    def gradients(self) -> dict[str, np.ndarray]:
        """{input: its gradient}, of the engine as it is now."""
        inputs = self.inputs()
        self.function(*inputs).backward()
        found = {name: x.grad for name, x in zip(self.program.inputs, inputs, strict=True)}
        return {name: np.array(dx.array) for name, dx in found.items() if dx is not None}

    def operations(self) -> list[str]:
        """The names of the operations in the program, in order of their first use."""
        return list(dict.fromkeys(entry.op.name for entry in recorded([self.run()])))

    def source(self) -> str:
        """The program's text."""
        return textwrap.dedent(inspect.getsource(self.program.function)).replace(": Any", "").replace(" -> Any", "")

    def answer(self, op: str, kind: str) -> Answer:
        """Is it this operation, and this kind of mistake?

        op      the operation's name, as a trace shows it: "tanh", "matmul"
        kind    one of `GUESSES`: the kinds of the gradient checker

        Raises ValueError for an operation that is not in the program, and for an unknown kind.
        """
        op = op.strip().lower().replace("-", "_").rpartition(".")[2]
        names = self.operations()
        if op not in names:
            raise ValueError(f"hunt: program {self.number} has no operation {op!r}; it has {', '.join(names)}")
        if kind not in GUESSES:
            close = difflib.get_close_matches(kind, GUESSES, 1)
            hint = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(GUESSES)}"
            raise ValueError(f"hunt: no kind of mistake is called {kind!r}; {hint}")
        place = culprit(self.number)
        if op != place.op:
            return Answer(WRONG, f"the backward of {op} is right here; the mistake is in another operation")
        found = kind_of(place)
        if kind != found and (kind, found) not in SAME and (found, kind) not in SAME:
            return Answer(HALF, f"{op} it is; but this is not what is meant by {kind!r}: {KINDS[kind]}")
        also = "" if kind == found else f" (the gradient checker says {found!r}, which comes to the same here)"
        return Answer(RIGHT, f"{op}: {KINDS[found]}{also}")

    def hint(self, level: int) -> str:
        """1: where to look; 2: what kind of mistake; 3: which rule, and the program's line."""
        if level == 1:
            return self._where()
        place = culprit(self.number)
        if level == 2:
            return f"{capital(KINDS[kind_of(place)])}."
        if level == 3:
            line = self.source().splitlines()[place.line - 1].strip()
            return f"Look at the line `{line}`. {RULES[kind_of(place)]}"
        raise ValueError(f"hint: expected 1 (where), 2 (what kind) or 3 (which rule), got {level!r}")

    def _where(self) -> str:
        """Which gradients are wrong: the mistake lies between them and those that are right."""
        true = self.gradients()
        with self.planted():
            found = self.gradients()
        wrong = [name for name, dx in true.items() if not np.allclose(dx, found[name], rtol=1e-9, atol=1e-12)]
        right = [name for name in true if name not in wrong]
        parts = [f"The gradient{'s' if len(wrong) > 1 else ''} of {_listed(wrong)} {_are(wrong)} wrong"]
        if right:
            parts.append(f"{'those' if len(right) > 1 else 'that'} of {_listed(right)} {_are(right)} right")
        return f"{', '.join(parts)}."

    def __str__(self) -> str:
        values = [f"{name} = {np.array2string(x, prefix=f'{name} = ')}" for name, x in self.program.inputs.items()]
        return "\n".join([f"{self.number}. {self.program.title}\n", self.source(), *values])


@functools.cache
def compiled(number: int) -> Callable[..., Any]:
    bug = get(number)
    source = bug.source()
    linecache.cache[bug.file] = (len(source), None, source.splitlines(keepends=True), bug.file)  # for who shows lines
    space: dict[str, Any] = {"nt": nt, "F": F, "np": np}
    exec(compile(source, bug.file, "exec"), space)
    return space[bug.program.function.__name__]


@functools.cache
def culprit(number: int) -> Place:
    """What the gradient checker finds in this program."""
    bug = get(number)
    with bug.planted():
        loss = bug.run()
        place = guilty_op([loss], [np.ones(loss.shape)], lambda: [bug.run()])
    assert place is not None
    return place


def kind_of(place: Place) -> str:
    cause = place.report.cause
    assert cause is not None
    return cause.kind


def hunts() -> list[Bug]:
    """All of them."""
    return [Bug(number, program) for number, program in enumerate(PROGRAMS, 1)]


def get(number: int) -> Bug:
    """Raises ValueError where there is none of this number."""
    if not 1 <= number <= len(PROGRAMS):
        raise ValueError(f"hunt: expected a number from 1 to {len(PROGRAMS)}, got {number}")
    return Bug(number, PROGRAMS[number - 1])


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
