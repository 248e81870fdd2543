# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2 · The chain rule and the tape
#
# In notebook 1 the engine found the slope of an expression by itself. How? There are only two ideas in it: the *chain
# rule*, which multiplies slopes along a path, and a *tape*, which remembers the path. By the end of this notebook you
# will have written a small engine of your own, and it will agree with nanonet to the last digit.

# %%
import math

import nanonet as nt
from nanonet.tape import recorded
from nanonet.teach import Debugger, exercises, plots
from nanonet.teach.cards.card import card

# %% [markdown]
# ## Gears
#
# Take y = sin(x²). It is two machines in a row: u = x², then y = sin(u).
#
# - If x moves by a little, u moves 2x times as far.
# - If u moves by a little, y moves cos(u) times as far.
#
# **So how far does y move when x moves?** Think of two gears on one axle.

# %%
x = 1.5
u = x**2
y = math.sin(u)

dy_du = math.cos(u)  # the slope of the second machine, where it stands
du_dx = 2 * x  # the slope of the first
print("along the chain:", dy_du * du_dx)

h = 1e-6
print("nudged:         ", (math.sin((x + h) ** 2) - math.sin((x - h) ** 2)) / (2 * h))

# %% [markdown]
# The slopes multiply. That is the whole chain rule: ∂y/∂x = ∂y/∂u · ∂u/∂x.
#
# Look at what was needed: the slope of *each machine by itself*, at the value that came in. Nobody had to differentiate
# sin(x²) as a whole. A machine must know its own slope and nothing of its neighbours.
#
# ## A tape in twenty lines
#
# So let every operation write down three things: what came in, what came out, and its slope with respect to each thing
# that came in.

# %%
tape = []  # (output, [(input, slope), ...]) in the order of computing


class Number:
    def __init__(self, value):
        self.value, self.grad = value, 0.0

    def __add__(self, other):
        return write(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return write(self.value * other.value, [(self, other.value), (other, self.value)])


def sin(a):
    return write(math.sin(a.value), [(a, math.cos(a.value))])


def write(value, inputs):
    output = Number(value)
    tape.append((output, inputs))
    return output


# %% [markdown]
# Now to walk back. Start at the end: the result moves exactly as far as itself, so its gradient is 1. Then read the
# tape from the last line to the first, and hand each gradient on, multiplied by the slope.


# %%
def backward(result):
    result.grad = 1.0
    for output, inputs in reversed(tape):
        for one, slope in inputs:
            one.grad += output.grad * slope


def expression(a, b, sin):
    c = a * b
    return sin(c) + c * a


a, b = Number(2.0), Number(-0.7)
result = expression(a, b, sin)
backward(result)
print(f"mine:    {result.value:.12f}   ∂/∂a = {a.grad:.12f}   ∂/∂b = {b.grad:.12f}")

# %% [markdown]
# That is an engine. Does it agree with nanonet?

# %%
ta = nt.tensor(2.0, dtype="float64", requires_grad=True)
tb = nt.tensor(-0.7, dtype="float64", requires_grad=True)
tr = expression(ta, tb, nt.sin)
tr.backward()
print(f"nanonet: {tr.item():.12f}   ∂/∂a = {ta.grad.item():.12f}   ∂/∂b = {tb.grad.item():.12f}")
assert math.isclose(a.grad, ta.grad.item(), rel_tol=1e-15)
assert math.isclose(b.grad, tb.grad.item(), rel_tol=1e-15)

# %% [markdown]
# ## Why `+=`
#
# In `backward` above stands `one.grad += ...`. **What would go wrong with `=`?** Count the ways from a to the result:
# through c into the sine, through c into the product, and directly into the product.
#
# A nudge of a goes down *all* of these ways at once, and the result feels the sum. So every use of a number adds one
# term to its gradient. With `=` only the last one would survive:


# %%
def backward_with_a_mistake(result):
    result.grad = 1.0
    for output, inputs in reversed(tape):
        for one, slope in inputs:
            one.grad = output.grad * slope


tape.clear()
a, b = Number(2.0), Number(-0.7)
backward_with_a_mistake(expression(a, b, sin))
print(f"with =: ∂/∂a = {a.grad:.4f}, and it should be {ta.grad.item():.4f}")

# %% [markdown]
# ## Why backwards, and in this order
#
# A line of the tape may hand its gradient on only when that gradient is *complete*: when everything that used its
# output has had its turn. Reading the tape from the end guarantees it, because nobody can use a number before it was
# computed.
#
# What if one just follows each path from the result down, as one would by hand? Here every line uses the number above
# it twice: x₁ = x₀ + x₀, x₂ = x₁ + x₁, …


# %%
def paths(number, made_by):
    """How many steps it takes to follow every path down from here."""
    return 1 + sum(paths(one, made_by) for one, _ in made_by.get(id(number), []))


steps = {"follow every path": [], "read the tape": []}
for length in range(1, 15):
    tape.clear()
    x = Number(1.0)
    for _ in range(length):
        x = x + x
    steps["follow every path"].append(paths(x, {id(output): inputs for output, inputs in tape}))
    steps["read the tape"].append(len(tape))
print("14 additions:", {name: counts[-1] for name, counts in steps.items()})
plots.plot_curves(steps, range(1, 15), "additions in a row", "steps of the walk", log=True)

# %% [markdown]
# Both are right, and one of them doubles with every addition. Networks are full of numbers that are used more than
# once.
#
# ## The same in nanonet
#
# A tensor has the `entry` of the tape that made it, and `recorded` lists all entries that a result depends on.

# %%
fresh = expression(ta, tb, nt.sin)
for entry in recorded([fresh]):
    slots = ["an input" if x.entry is None else x.entry.op.name for x in entry.inputs]
    print(f"{entry.op.name:8} of", " and ".join(slots))

# %% [markdown]
# After `backward()` what an entry saved is freed, to save memory. If you want to see the walk itself, trace it. A
# `Debugger` stands at a place in the run and goes forth and back. Half-way through, some gradients are known and others
# are *not yet*, which is something else than 0.

# %%
trace = nt.trace(lambda a, b: expression(a, b, nt.sin), 2.0, -0.7)
debugger = Debugger(trace)
print(len(debugger), "steps")


def look():
    known = {n.name: debugger.grad(n.id) for n in trace.nodes if n.kind != "number"}
    print({name: "not yet" if g is None else round(float(g), 4) for name, g in known.items()})


debugger.run_to(phase="backward")
print("after", debugger.last.title)
look()

# %%
for _ in range(4):
    debugger.step()
    print("after", debugger.last.kind, "of", debugger.last.title)
    look()

# %% [markdown]
# "accumulate" is the `+=`: c had a gradient from the product, and now the sine's term is added to it. The card of that
# step, and then two steps back:

# %%
print(card(trace, debugger.last.index))
debugger.back()
debugger.back()
print("\ntwo steps back")
look()

# %% [markdown]
# ## One walk for all inputs
#
# Why walk *backwards*? The chain rule could be multiplied out from the front as well: nudge one input, and carry the
# nudge through every machine to the result. That is the *forward mode* (`nt.jvp`). It gives the slope along one
# nudge, so a thousand inputs need a thousand walks. From the back, one walk gives them all. A network has millions of
# inputs (its weights) and one result (its loss).


# %%
def length(v):
    return nt.sqrt(nt.sum(v * v))


v = nt.tensor([3.0, 0.0, 4.0], dtype="float64")
nudges = nt.eye(3, dtype="float64")
print("forward, three walks:", [round(nt.jvp(length, (v,), (nudge,))[1].item(), 12) for nudge in nudges])
print("backward, one walk:  ", nt.grad(length)(v).numpy().round(12).tolist())

# %% [markdown]
# ## A trap that everybody falls into once
#
# Gradients are *added*, also from one `backward()` to the next. **What does the second line print?**

# %%
w = nt.tensor(3.0, requires_grad=True)
for _ in range(3):
    (w * w).backward()
    print(w.grad.item())

# %% [markdown]
# The slope of w² at 3 is 6. The next calls print 12 and 18, because nobody cleared the old gradient. In a training loop
# `optimizer.zero_grad()` does that, once in each step.
#
# ## Exercises
#
# **Exercise 1.** A variable that is used several times.

# %%
exercises.get("shared-variable")


# %%
def backward(dy, x, w):
    raise NotImplementedError  # your turn


exercises.check("shared-variable", backward)

# %% [markdown]
# **Exercise 2.** What a tape keeps. The slope of tanh is simplest when it is written with the *result* of the
# forward, so that is what the forward keeps.

# %%
exercises.get("tanh")


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


exercises.check("tanh", backward)

# %% [markdown]
# **Exercise 3**, without a checker: give the small engine a power, `x ** n`, and a `tanh`. Each is three lines.
