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
# # 1 · The derivative of an expression
#
# Learning, for a neural network, means to change numbers so that another number, the loss, goes down. To know which
# way to change them we ask one question again and again:
#
# > If I nudge this number a little, how much does the result move?
#
# The answer is the derivative. In this notebook you compute it three ways: by nudging, by hand, and with nanonet, which
# works it out for any expression. At the end of the course it will do so for a network that writes text, and the idea
# will still be this one.

# %%
import numpy as np

import nanonet as nt
from nanonet.teach import exercises, plots
from nanonet.teach.cards.card import card

# %% [markdown]
# ## Nudge it and look
#
# Here is a function of one number.


# %%
def f(x):
    return 3 * x**2 - 4 * x + 5


print("f(3)     =", f(3.0))
print("f(3.001) =", f(3.001))

# %% [markdown]
# The input went up by a thousandth. By how many thousandths did the result go up? **Guess first**, then run the cell.

# %%
h = 0.001
print((f(3.0 + h) - f(3.0)) / h)

# %% [markdown]
# About 14 times as far as the input. That ratio is the *slope* of f at 3. From school: the derivative of
# 3x² - 4x + 5 is 6x - 4. Put x = 3 in, and it is 14 exactly. So why did we not get 14 exactly?

# %%
for h in (1e-1, 1e-2, 1e-3, 1e-4):
    one_side = (f(3.0 + h) - f(3.0)) / h
    both_sides = (f(3.0 + h) - f(3.0 - h)) / (2 * h)
    print(f"h = {h:<6g}  one side: {one_side:.6f}   both sides: {both_sides:.6f}")

# %% [markdown]
# Nudged to one side, the result is off by 3·h: the curve bends away from the straight line that we measure with. Nudge
# to *both* sides and the bend cancels. This is the *central difference*; gradients are checked with it to this day.
#
# ## Smaller is not always better
#
# If a small h is good, is a tiny h perfect? Take sin, whose slope at 1 is cos(1). **What do you expect** to happen when
# h gets very small?

# %%
hs = np.logspace(-14, -1, 40)
errors = [abs((np.sin(1 + h) - np.sin(1 - h)) / (2 * h) - np.cos(1)) for h in hs]
plots.plot_curves({"error": errors}, hs, "h", "error of the central difference", log=True, log_x=True)

# %% [markdown]
# Read the picture from the right. Down to about h = 10⁻⁵ the error falls, by two powers of ten for each power of ten in
# h. Then it rises again and becomes ragged: sin(1 + h) and sin(1 - h) agree in almost all of their 16 digits, and the
# subtraction leaves mostly rounding.
#
# Nudging is honest but never exact, and it costs two evaluations *for each number* that we nudge. A network has
# millions of them. We want something exact, and cheap.
#
# ## Let the engine do it
#
# A tensor is a number (or an array) that remembers how it was made. `requires_grad=True` says: I will ask for the
# slope of this one.

# %%
x = nt.tensor(3.0, requires_grad=True)
y = f(x)
y.backward()
print("f(3)  =", y.item())
print("f'(3) =", x.grad.item())
assert x.grad.item() == 14

# %% [markdown]
# Exactly 14. f was not rewritten: the engine saw the multiplications and additions go by, and it knows a rule for
# each of them. `nt.trace` writes down what it does. Forward, these were the steps:

# %%
trace = nt.trace(f, 3.0)
for step in trace.steps:
    if step.phase == "forward":
        y_name = trace.nodes[step.outputs[0]].name
        print(f"{step.index}  {step.title:9} {y_name} = {step.changes[0].after:g}")

# %% [markdown]
# Then it walked back. Each line says how much the *result* moves when that one number moves.

# %%
for step in trace.steps:
    for change in step.changes:
        if change.part == "grad":
            name = trace.nodes[change.node].name
            print(f"{step.index:2}  {step.title:10} slope with respect to {name}: {change.after:g}")

# %% [markdown]
# Follow it with a pencil. x appears more than once, since f uses it twice: -4 comes through -4x, and 18 through 3x².
# The two are *added*. Every step has a card with its formula, the numbers put in, and what to notice. These are the
# last ones:

# %%
for index in (8, 10, 11):
    print(card(trace, index), end="\n\n")

# %% [markdown]
# You can click through all of it: `trace.to_html("trace.html")` writes a page with a slider, which opens in any
# browser. `nanonet step` does the same in the terminal. Notebook 2 explains the addition.
#
# The slope belongs to a place. This is the curve with its tangent, the line of slope f'(3) through its point at 3:

# %%
places = np.linspace(-1, 5, 61)
tangent = f(3.0) + x.grad.item() * (places - 3.0)
plots.plot_curves({"f(x)": f(places), "tangent at 3": tangent}, places, "x", "")

# %% [markdown]
# ## More than one input
#
# Now d = a·b + c with a = 2, b = -3, c = 10. **Before you run the cell**, say for each of a, b and c: if it goes up a
# little, does d go up or down, and how fast?

# %%
a, b, c = (nt.tensor(v, requires_grad=True) for v in (2.0, -3.0, 10.0))
d = a * b + c
d.backward()
for name, t in (("a", a), ("b", b), ("c", c)):
    print(f"∂d/∂{name} = {t.grad.item():g}")

# %% [markdown]
# Raise a, and d falls, because a is multiplied by -3: the slope for a *is b*. The slope for b is a. And c is
# simply added, so it moves d by as much as itself.
#
# The three slopes together are the **gradient**: one number for each input, all from *one* walk backwards. That is the
# bargain that makes large networks possible.
#
# ## What it is good for
#
# The gradient says which way is up. So step the other way. Here is a bowl with its lowest point at (2, -1):


# %%
def bowl(w):
    return (w[0] - 2) ** 2 + 4 * (w[1] + 1) ** 2


w = nt.tensor([-2.0, 1.5], requires_grad=True)
path = plots.WeightPath([w])
path.record()
for _ in range(25):
    w.grad = None
    bowl(w).backward()
    w.data = w.data - 0.09 * w.grad.data  # 0.09 is the learning rate; try 0.26
    path.record()
print(f"after {len(path) - 1} steps: w = ({w[0].item():.3f}, {w[1].item():.3f}), loss {bowl(w).item():.5f}")

# %%
plots.plot_landscape(plots.landscape(lambda: bowl(w), [w], path), "Twenty-five steps downhill", ("w₀", "w₁"))

# %% [markdown]
# Why is the way along w₁ done after a few steps, and the way along w₀ so slow? Look at the shape of the bowl, then at
# the gradient: it is 2(w₀ - 2) in one direction and 8(w₁ + 1) in the other. Change 0.09 to 0.26 and run both cells
# again. What happens, and in which direction?
#
# ## Trust, and check
#
# How do we know that the engine is right? In the way you did it above: nudge and compare. `nt.gradcheck` does that for
# every input, with several h, and knows how far each difference can be trusted.

# %%
report = nt.gradcheck(lambda a, b, c: nt.sin(a * b) * nt.exp(c) / a, [0.7, -1.2, 0.3])
print(report.verdict, "for", len(report.comparisons), "inputs")
assert report.verdict == "pass"
assert report.max_error < 1e-12

# %% [markdown]
# ## Exercises
#
# You write the backward function of a small piece in plain NumPy, and the checker compares it with differences at
# several inputs. A wrong answer gets a hint, never the solution: first *where* it is wrong, with `hint=2` *what kind*
# of mistake it looks like, with `hint=3` the rule that helps.
#
# This is a wrong attempt, so that you see what happens. The slope of the sigmoid is σ(x)(1 - σ(x)), and the function
# was written in a hurry:


# %%
def in_a_hurry(dy, x):
    return dy * x * (1 - x)


exercises.check("sigmoid", in_a_hurry, hint=2)

# %% [markdown]
# **Exercise 1.** Mend it.


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("sigmoid", backward)

# %% [markdown]
# **Exercise 2.** A chain of three steps.

# %%
exercises.get("scalar-chain")


# %%
def backward(dy, x, w):
    raise NotImplementedError  # your turn


exercises.check("scalar-chain", backward)
