"""The chain rule in one entry: upstream gradient times local derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends.numpy import xp
from nanonet.teach.cards.expansion import Expansion
from nanonet.teach.cards.expansion.expand import input_names, output_names
from nanonet.teach.cards.expansion.notation import indexed, number
from nanonet.teach.cards.targets import Target
from nanonet.teach.trace.model import Call, Step, Trace

TRIES = 3  # entries of dy that are looked at


@dataclass(frozen=True)
class Link:
    """One term of the chain rule: upstream · local = product.

    upstream    "dy[0, 1] = 0.5", the gradient that arrives
    local       "∂y[0, 1]/∂x[0, 1] = 0.25", how the output changes with the input
    product     what this term adds to the entry
    alone       is it the only term?
    """

    upstream: str
    local: str
    product: str
    upstream_value: float
    local_value: float
    product_value: float
    alone: bool

    def __str__(self) -> str:
        kind = "the whole gradient of this entry" if self.alone else "one term of this entry's gradient"
        return f"upstream {self.upstream}, local {self.local}, product {self.product}: {kind}"


def chain_link(
    trace: Trace, step: Step, target: Target, entry: Sequence[int], expansion: Expansion | None
) -> Link | None:
    """A term dy[j]·∂y[j]/∂x[entry] of an op's backward; None for other steps, and where no dy comes in.

    Of the dy that the entry's formula names it is the largest whose term is not 0. The local derivative is the op's own
    backward for a dy that is 1 at j and 0 elsewhere: a backward is linear in dy.
    """
    call = step.call
    if step.kind != "backward" or expansion is None or call is None or step.op is None or step.forward is None:
        return None
    given = trace.steps[step.forward].call
    named = [(out, place) for name, place in expansion.reads for out in _outputs_named(name, len(call.arrays))]
    read = [(out, place, _at(call.arrays[out], place)) for out, place in named if call.arrays[out] is not None]
    if not read or given is None:
        return None
    local_of = _locals(step, given, target.position, tuple(entry))
    largest = sorted(read, key=lambda one: -abs(one[2]))[:TRIES]
    links = ((*one, local_of(one[0], one[1])) for one in largest)
    out, place, up, local = next((link for link in links if link[3]), (*largest[0], 0.0))
    y, x = output_names(len(call.arrays))[out], input_names(step.op, len(given.arrays))[target.position]
    at = indexed(y, place, np.shape(call.arrays[out]))
    below = indexed(x, int(np.ravel_multi_index(tuple(entry), target.shape)) if target.shape else 0, target.shape)
    return Link(
        f"d{at} = {number(up, 4)}",
        f"∂{at}/∂{below} = {number(local, 4)}",
        number(up * local, 4),
        up,
        local,
        up * local,
        len(read) == 1 and bool(np.isclose(up * local, expansion.value, rtol=1e-5)),
    )


def _outputs_named(name: str, count: int) -> list[int]:
    return [i for i, y in enumerate(output_names(count)) if name == f"d{y}"]


def _at(dy: Any, place: int) -> float:
    return float(np.asarray(dy).reshape(-1)[place])


def _locals(step: Step, given: Call, wanted: int, entry: tuple[int, ...]) -> Callable[[int, int], float]:
    """(out, place) -> ∂y[place]/∂x[entry]. What the forward saved is made again: the trace has copies of its inputs."""
    op: Any = step.op
    needs = ([i == wanted for i in range(len(given.arrays))],) if op.wants_needs else ()
    with np.errstate(all="ignore"):
        saved = op.forward(xp, *given.arrays, **given.attrs)[1]

    def local(out: int, place: int) -> float:
        dys = [np.zeros(np.shape(y), np.asarray(y).dtype) for y in given.results]
        dys[out].reshape(-1)[place] = 1
        with np.errstate(all="ignore"):
            dxs = op.backward(xp, saved, tuple(dys) if len(dys) > 1 else dys[0], *needs)
        return float(np.asarray(dxs[wanted])[entry])

    return local
