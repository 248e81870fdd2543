"""Remarks on the walk backwards, on `.grad`, and on updates."""

from __future__ import annotations

import numpy as np

from nanonet.teach.cards.noticing import Seen, remark
from nanonet.teach.cards.targets import goes_uphill

# How the walk backwards goes


@remark
def the_seed_is_one(s: Seen) -> str | None:
    if s.kind != "seed" or not s.node:
        return None
    if np.all(s.target.value == 1) and s.target.value.size > 1:
        return f"The seed is 1 for every entry of {s.node.name}, as if the loss were their sum. All else follows."
    if np.all(s.target.value == 1):
        return f"The seed is 1: if {s.node.name} grows by a little, {s.node.name} grows by just that. All else follows."
    return f"backward() was given this gradient of {s.node.name}; without one it would be 1."


@remark
def the_walk_goes_backwards(s: Seen) -> str | None:
    first = s.kind == "backward" and all(one.kind != "backward" for one in s.trace.steps[_seed(s) : s.step.index])
    if not first:
        return None
    return (
        "The walk goes from the newest computation to the oldest, a reversed topological order: when a computation's "
        "turn comes, everything that used its result has had its turn."
    )


@remark
def a_gradient_is_complete(s: Seen) -> str | None:
    if s.kind != "backward":
        return None
    for node in s.step.inputs:
        uses = [c for c in s.trace.contributions(node, s.step.index) if c.consumer >= 0]
        if len(uses) > 1:
            return (
                f"{s.name(node)} was used {len(uses)} times, and all contributions are in its gradient now. Earlier, "
                "this step would have sent on a part of it only."
            )
    return None


@remark
def contributions_add_up(s: Seen) -> str | None:
    if s.kind != "accumulate" or not s.node:
        return None
    return (
        f"{s.node.name} is used more than once, so a small change of it changes the loss in more than one way. The "
        "effects add up: += and not =."
    )


@remark
def copies_are_summed(s: Seen) -> str | None:
    if s.kind != "unbroadcast" or not s.node or s.step.call is None:
        return None
    if np.size(s.step.call.arrays[0]) == s.target.value.size:
        return (
            f"{s.node.name} was given an axis of length 1 by broadcasting, and not copied: there is nothing to add up."
        )
    return (
        f"{s.node.name} was stretched by broadcasting: one number was used in many places. Its gradient is the sum "
        "over the copies, not their mean; where a mean is wanted, the 1/N is in the loss already."
    )


@remark
def a_bias_is_summed(s: Seen) -> str | None:
    if s.kind != "backward" or s.target.name != "db" or s.op not in ("linear", "conv1d", "conv2d"):
        return None
    return (
        "The same b was added for every sample, so every sample's dy counts: db is their sum, not their mean. Where "
        "a mean is wanted, the 1/N is in the loss already."
    )


@remark
def a_weight_meets_every_sample(s: Seen) -> str | None:
    if not s.is_backward("linear", "matmul") or s.target.name not in ("dw", "db") or len(s.target.shape) != 2:
        return None
    if s.target.name == "db" and s.op == "linear":
        return None
    rows = int(np.prod(np.shape(s.inputs[0])[:-1]))
    if rows < 2:
        return None
    return f"Each weight met each of the {rows} rows of the input, so its gradient is a sum of {rows} products."


@remark
def no_gradient_wanted(s: Seen) -> str | None:
    if s.kind != "backward" or s.forward is None:
        return None
    idle = [n for n in dict.fromkeys(s.forward.inputs) if not s.trace.nodes[n].wants_grad]
    idle = [n for n in idle if s.trace.nodes[n].dtype.startswith("float") and s.trace.nodes[n].kind != "number"]
    if not idle:
        return None
    names = " and ".join(s.name(n) for n in idle)
    return f"{names} {'wants' if len(idle) == 1 else 'want'} no gradient, so none is computed."


@remark
def a_hook_replaced_it(s: Seen) -> str | None:
    if s.kind != "hook" or not s.node:
        return None
    then = "the rest of the walk goes on with the new one" if s.node.kind == "result" else "the new one is stored"
    return f"A hook of {s.node.name} replaced its gradient; {then}."


# Between two walks


@remark
def stored_on_top(s: Seen) -> str | None:
    if s.kind != "store":
        return None
    if any(c.part == "stored" and c.before is not None and np.any(c.before) for c in s.step.changes):
        return (
            "There was a gradient in .grad already, and the new one was added to it: backward() never replaces. If you "
            "did not mean to add up, call zero_grad() before."
        )
    return None


@remark
def what_zero_grad_is_for(s: Seen) -> str | None:
    if s.kind != "zero_grad":
        return None
    return "backward() adds to .grad. Without zero_grad() the next step would go along the old and the new gradient."


@remark
def written_by_hand(s: Seen) -> str | None:
    if s.kind != "assign":
        return None
    if s.target.name == "x":
        return "Your code wrote this value; no operation made it, so no gradient flows through."
    return "What backward() stored in .grad was changed afterwards, by clipping or by your code. The update uses this."


# Updates


@remark
def against_the_gradient(s: Seen) -> str | None:
    if s.kind != "update" or s.step.call is None or s.step.call.rule.__name__ not in ("sgd", "momentum"):
        return None
    if goes_uphill(s.trace, s.step):
        return "maximize=True: g is minus the gradient, so the step goes to where what was differentiated grows."
    return "The gradient points to where the loss grows; the step goes the other way, hence the minus."


@remark
def adam_corrects_its_start(s: Seen) -> str | None:
    if s.kind != "update" or s.step.call is None or s.step.call.rule.__name__ not in ("adam", "adamw"):
        return None
    t, eps, g = s.step.call.attrs.get("step", 0), s.step.call.attrs.get("eps", 0.0), s.step.call.arrays[1]
    if t == 1 and s.target.position == 0 and abs(g[s.entry]) > 100 * eps:
        return (
            "In the first step m̂ = g and √v̂ = |g|: an entry moves by about lr, however large its gradient. Without "
            "the division by 1 - βᵗ the averages, which start at 0, would be far too small."
        )
    return None


def _seed(s: Seen) -> int:
    """The last seed before this step."""
    return max((i for i, one in enumerate(s.trace.steps[: s.step.index]) if one.kind == "seed"), default=0)
