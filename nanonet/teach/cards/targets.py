"""What a step made, array by array: its name, the formula it follows, and how to expand one of its entries."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.op import Op
from nanonet.teach.cards.expansion import Expansion, expand_backward, expand_forward, expand_rule
from nanonet.teach.cards.expansion.expand import input_names, output_names
from nanonet.teach.cards.expansion.notation import latex_name
from nanonet.teach.trace.model import Change, Node, Step, Trace

# The letters of the update rules' docstrings for their arguments
GREEK = {"beta1": "β₁", "beta2": "β₂", "eps": "ε", "alpha": "α", "weight_decay": "λ", "momentum": "μ", "step": "t"}

Entry = Sequence[int]


@dataclass(frozen=True)
class Target:
    """An array that a step made.

    name        the formula's letter for it: y, dw
    value       the engine's array
    node        the tensor whose value or gradient it is; None for memory of an optimizer
    position    which output of a forward, which input's gradient of a backward
    expand      the formula of the entry at an index
    before      what stood there before a step that replaces something
    gone        did the step take it away? Then `value` is what was taken
    """

    title: str
    name: str
    formula: str
    latex: str
    legend: tuple[tuple[str, str], ...]
    value: np.ndarray
    node: Node | None
    position: int
    expand: Callable[[Entry], Expansion]
    before: np.ndarray | None = None
    gone: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape


def targets_of(trace: Trace, step: Step) -> tuple[Target, ...]:
    """All that can be chosen to be shown of a step."""
    if step.kind == "forward":
        return _forward(trace, step)
    if step.kind == "backward":
        return _backward(trace, step)
    if step.kind == "update":
        return _update(trace, step)
    if step.kind in ("unbroadcast", "accumulate"):
        return _sum(trace, step)
    wanted = [c for c in step.changes if c.after is not None or (c.part == "stored" and c.before is not None)]
    if step.kind in ("store", "zero_grad"):
        wanted = [c for c in wanted if c.part == "stored"]  # .grad is what they are about
    if step.kind == "assign":
        wanted = [c for c in wanted if c.part != "grad"]
    return tuple(_change(trace, step, change) for change in wanted)


def _forward(trace: Trace, step: Step) -> tuple[Target, ...]:
    op, call = step.op, step.call
    assert op is not None
    assert call is not None
    names = output_names(len(call.results))
    legend = _legend(trace, step, op)

    def target(i: int) -> Target:
        node = trace.nodes[step.outputs[i]]
        value = np.asarray(call.results[i])

        def expand(at: Entry) -> Expansion:
            return expand_forward(op, call.arrays, call.attrs, at, i, stored=value[tuple(at)])

        formula, latex = _formula(op, names[i])
        letters = (*legend, (names[i], node.name))
        return Target(f"{op.name}, forward", names[i], formula, latex, letters, value, node, i, expand)

    return tuple(target(i) for i in range(len(call.results)))


def _backward(trace: Trace, step: Step) -> tuple[Target, ...]:
    op, call = step.op, step.call
    assert op is not None
    assert call is not None
    if step.forward is None or trace.steps[step.forward].call is None:
        return tuple(_change(trace, step, change) for change in step.changes)
    before = trace.steps[step.forward]
    given: Any = before.call
    letters = input_names(op, len(given.arrays))
    legend = (*_legend(trace, before, op), *_outputs(trace, before))
    reached = nodes_of_inputs(before)

    def target(i: int) -> Target:
        name = f"d{letters[i]}"
        value = np.asarray(call.results[i])

        def expand(at: Entry) -> Expansion:
            return expand_backward(op, given.arrays, given.attrs, call.arrays, i, at, stored=value[tuple(at)])

        formula, latex = _formula(op, name)
        node = trace.nodes[reached[i]]
        return Target(f"{op.name}, backward: {name}", name, formula, latex, legend, value, node, i, expand)

    wanted = {c.position for c in step.contributions} | {
        i for i, n in reached.items() if n in step.outputs and call.results[i] is not None
    }
    return tuple(target(i) for i in sorted(wanted))


def _update(trace: Trace, step: Step) -> tuple[Target, ...]:
    call = step.call
    assert call is not None
    parameters = list(inspect.signature(call.rule).parameters)[1:]
    arrays = dict(zip(parameters, call.arrays, strict=False))
    memory = [name for name in arrays if name != "g"]
    node = trace.nodes[step.outputs[0]] if step.outputs else None
    formula = " ".join((call.rule.__doc__ or step.title).split("\n\n")[0].split()).rstrip(".")
    uphill = goes_uphill(trace, step)

    def target(i: int) -> Target:
        name = memory[i] if i < len(memory) else parameters[0]
        value = np.asarray(call.results[i])

        def expand(at: Entry) -> Expansion:
            return expand_rule(call.rule, arrays, call.attrs, i, at, name, GREEK, stored=value[tuple(at)])

        legend = ((name, node.name), ("g", f"{'minus ' * uphill}the gradient of {node.name}")) if node else ()
        title = f"{step.title}: {node.name if node else name}"
        return Target(title, name, formula, _as_text(formula), legend, value, None if i else node, i, expand)

    return tuple(target(i) for i, result in enumerate(call.results) if result is not None)


def goes_uphill(trace: Trace, step: Step) -> bool:
    """Was an update given minus the gradient (`maximize=True`)?"""
    if step.call is None or not step.outputs or len(step.call.arrays) < 2:
        return False
    node, g = step.outputs[0], np.asarray(step.call.arrays[1])
    changes = [c for s in trace.steps[: step.index] for c in s.changes if c.node == node and c.part == "stored"]
    grad = changes[-1].after if changes else trace.stored.get(node)
    return grad is not None and bool(np.any(g)) and np.array_equal(-grad, g)


def _sum(trace: Trace, step: Step) -> tuple[Target, ...]:
    """Un-broadcasting and `+=`: the tape's own rules, expanded like any other."""
    call, node = step.call, trace.nodes[step.outputs[0]]
    assert call is not None
    name = "dx"
    if step.kind == "accumulate":
        arrays = {"so_far": call.arrays[0], "term": call.arrays[1]}
        formula, latex = "dx += term", rf"dx \mathrel{{+}}= {latex_name('term')}"
    else:
        arrays = {"copies": call.arrays[0], "shape": call.arrays[1]}
        axes, count = stretched(np.shape(call.arrays[0]), tuple(call.arrays[1]))
        along = f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
        formula = f"dx = Σ of the {count} copies along {along}" if count != 1 else f"dx = the one copy, without {along}"
        latex = rf"dx = \sum_{{\text{{{along}}}}} {latex_name('copies')}"
    value = np.asarray(call.results[0])

    def expand(at: Entry) -> Expansion:
        return expand_rule(call.rule, arrays, call.attrs, 0, at, name, stored=value[tuple(at)])

    return (Target(f"{step.title}: {node.name}", name, formula, latex, (("x", node.name),), value, node, 0, expand),)


def stretched(copies: tuple[int, ...], shape: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Along which axes x of `shape` was repeated to make `copies`, and how many copies of each entry there are."""
    extra = len(copies) - len(shape)
    axes = tuple(i for i, n in enumerate(copies) if i < extra or (shape[i - extra] == 1 != n))
    return axes, int(np.prod([copies[i] for i in axes], dtype=int))


def _change(trace: Trace, step: Step, change: Change) -> Target:
    """What is put somewhere rather than computed: a seed, `.grad`, a hook's or the user's own value."""
    node = trace.nodes[change.node]
    name = {"value": "x", "grad": "dx", "stored": "x.grad"}[change.part]
    before, after = change.before, change.after
    value = np.asarray(after if after is not None else before)
    gradient = None
    if step.kind == "store" and before is not None:
        gradient = _latest_gradient(trace, step, change.node)
    adds = gradient is not None
    formula = {
        "seed": "dx = ∂x/∂x = 1" if np.all(value == 1) else "dx = what backward() was given",
        "store": "x.grad = x.grad + dx" if adds else "x.grad = dx",
        "hook": "dx = hook(dx)",
        "assign": "x = what your code wrote" if name == "x" else f"{name} = what was written there",
        "zero_grad": "x.grad = nothing" if after is None else "x.grad = 0",
    }.get(step.kind, f"{name} = …")

    def expand(at: Entry) -> Expansion:
        stored = value[tuple(at)]
        if adds:
            arrays = {"x.grad": before, "dx": gradient}
            return expand_rule(lambda xp, old, dx: old + dx, arrays, {}, 0, at, name, stored=stored)
        if step.kind == "store":
            return expand_rule(lambda xp, dx: dx, {"dx": value}, {}, 0, at, name, stored=stored)
        return expand_rule(lambda xp: value, {}, {}, 0, at, name, stored=stored)

    title, legend = f"{step.title}: {node.name}", (("x", node.name),)
    return Target(title, name, formula, _as_text(formula), legend, value, node, 0, expand, before, after is None)


def _latest_gradient(trace: Trace, step: Step, node: int) -> np.ndarray | None:
    """The gradient that the last walk found for a node."""
    grads = (
        c.after for s in reversed(trace.steps[: step.index]) for c in s.changes if c.node == node and c.part == "grad"
    )
    return next((grad for grad in grads if grad is not None), None)


def nodes_of_inputs(step: Step) -> dict[int, int]:
    """Position among the rule's inputs -> node. Inputs that are None have none."""
    assert step.call is not None
    present = [i for i, x in enumerate(step.call.arrays) if x is not None]
    return dict(zip(present, step.inputs, strict=False))


def _legend(trace: Trace, step: Step, op: type[Op]) -> tuple[tuple[str, str], ...]:
    assert step.call is not None
    letters = input_names(op, len(step.call.arrays))
    return tuple((letters[i], trace.nodes[node].name) for i, node in nodes_of_inputs(step).items())


def _outputs(trace: Trace, step: Step) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, trace.nodes[n].name) for name, n in zip(output_names(len(step.outputs)), step.outputs, strict=True)
    )


def _formula(op: type[Op], name: str) -> tuple[str, str]:
    """The op's own formula for y or for dx, in text and LaTeX; all of that side where none is of that name."""
    text, latex = op.formulas(), op.formulas("latex")
    backward = name.startswith("d")
    plain = name.rstrip("₀₁₂₃₄₅₆₇₈₉")
    keys = list(text)
    chosen = [i for i, key in enumerate(keys) if key == plain]
    chosen = chosen or [i for i, key in enumerate(keys) if key.startswith(plain)]
    chosen = chosen or [i for i, key in enumerate(keys) if key.startswith("d") == backward] or list(range(len(keys)))
    pairs, latex_pairs = list(text.items()), list(latex.items())
    in_latex = [latex_pairs[i] for i in chosen if len(latex_pairs) == len(pairs)] or latex_pairs[:1]
    joined = ";  ".join(f"{left} = {right}" for left, right in (pairs[i] for i in chosen)).replace(" + = ", " += ")
    return joined, r";\quad ".join(f"{left} = {right}" for left, right in in_latex)


def _as_text(formula: str) -> str:
    return "\\text{" + formula.replace("_", "\\_") + "}"
