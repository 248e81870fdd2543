"""From a few texts to an exercise: the template that the learner fills in, and the judge beside it.

The forward is written once, as text: it stands in the learner's file, and the judge runs the very same lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nanonet.teach.exercises.backward import BackwardJudge, Case
from nanonet.teach.exercises.exercise import Exercise
from nanonet.teach.exercises.measure import Slip

HEAD = '''"""{title}.

The task:  nanonet exercise show {name}
Fill in {what}; then:  nanonet exercise check {name}
"""

import numpy as np
'''


def backward_exercise(
    name: str,
    title: str,
    topic: str,
    level: int,
    statement: str,
    given: str,
    stub: str,
    cases: Sequence[Case],
    rules: dict[str, str],
    rule: str,
    cache: bool = False,
    slips: Sequence[Slip] = (),
) -> Exercise:
    """An exercise in which `backward` is written for a given `forward`.

    given   the source of `forward`, with its helpers
    stub    the head of the function to fill in, and its docstring: `def backward(…):` and what it returns
    cases   (at which inputs, draw): draw(rng) -> the arguments of forward
    rules   {input: the rule behind its gradient}; its keys are the inputs that want one, in the order of the result
    cache   forward returns (y, cache), and the learner's function is backward(dy, cache)
    """
    given = textwrap.dedent(given).strip()
    forward = run(given)["forward"]
    count = forward.__code__.co_argcount - len(forward.__defaults__ or ())  # eps=1e-5 is no input
    judge = BackwardJudge(
        forward, forward.__code__.co_varnames[:count], tuple(rules), tuple(cases), rules, rule, cache, tuple(slips)
    )
    text = textwrap.dedent(statement).strip()
    return Exercise(name, title, topic, level, text, template(name, title, given, stub), ("backward",), judge, rule)


def template(name: str, title: str, given: str, *stubs: str) -> str:
    """The file to fill in: what is given, then each function to fill in, which raises NotImplementedError."""
    functions = [textwrap.dedent(stub).strip() + "\n    raise NotImplementedError" for stub in stubs]
    names = [stub.split("def ")[1].split("(")[0] for stub in functions]
    head = HEAD.format(title=title, what=" and ".join(names), name=name)
    return "\n\n".join([head, *([given + "\n"] if given else []), *(f + "\n" for f in functions)])


def run(source: str) -> dict[str, Any]:
    """The names that a given source defines."""
    space: dict[str, Any] = {"np": np}
    exec(compile(source, "<given>", "exec"), space)  # our own text, from the catalogue
    return space


def normal(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[Any, ...]]:
    """Draws standard normal arrays of these shapes."""
    return lambda rng: tuple(np.asarray(rng.normal(size=shape)) for shape in shapes)
