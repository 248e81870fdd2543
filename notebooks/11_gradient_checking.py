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
# # 11 · Gradient checking, and how it is fooled
#
# In every notebook so far a gradient was compared with differences, and we believed the result. How far can it be
# believed? In this notebook you write a checker in ten lines, as they stand in many books, and then you fool it: you
# make it fail what is right, and, much worse, pass what is wrong. Each time the question is what a better one must do.

# %%
import json
from pathlib import Path

import numpy as np

import nanonet as nt
from nanonet.teach import exercises, plots

np.seterr(all="ignore")


def simple_check(forward, backward, *inputs, dy=None, h=1e-5, tolerance=1e-4):
    """Every entry of every input: is the gradient of Σ dy·y what a central difference says?"""
    y = forward(*inputs)
    dy = np.ones_like(y) if dy is None else dy
    found = backward(dy, *inputs)
    for x, dx in zip(inputs, found if isinstance(found, tuple) else (found,), strict=True):
        for i in np.ndindex(x.shape):
            before = x[i]
            x[i] = before + h
            above = np.sum(dy * forward(*inputs))
            x[i] = before - h
            below = np.sum(dy * forward(*inputs))
            x[i] = before
            if not abs(dx[i] - (above - below) / (2 * h)) <= tolerance:
                return "fail"
    return "pass"


def careful_check(forward, backward, *inputs):
    return nt.check_backward(forward, backward, [x.copy() for x in inputs])


rng = np.random.default_rng(0)
x = rng.normal(size=(3, 4))
print("right:      ", simple_check(np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), x))
print("wrong sign: ", simple_check(np.tanh, lambda dy, x: -dy * (1 - np.tanh(x) ** 2), x))

# %% [markdown]
# So far, so good.
#
# ## Which step?
#
# A slope is a limit: h → 0. **Then why not h = 1e-15?** Take exp(sin x), whose slope we know, and look at the error for
# all steps between 0.1 and 1e-15, for the difference to one side and the central one.


# %%
def f(x):
    return np.exp(np.sin(x))


at = 1.0
slope = np.cos(at) * f(at)
steps = 10.0 ** np.arange(-1, -15.5, -0.25)
errors = {
    "one side": np.array([abs((f(at + h) - f(at)) / h - slope) for h in steps]),
    "central": np.array([abs((f(at + h) - f(at - h)) / (2 * h) - slope) for h in steps]),
    "imaginary step": np.array([abs((f(at + 1j * h)).imag / h - slope) for h in steps]),
}
best = steps[errors["central"].argmin()]
assert 1e-7 < best < 1e-4
plots.plot_curves({k: v + 1e-17 for k, v in errors.items()}, steps, "h", "error of the slope", log=True, log_x=True)

# %% [markdown]
# Read it from the right. Large steps are wrong because the function is curved: the error goes with h for one side, with
# h² for the central one. Small steps are wrong because of *cancellation*: f(x + h) and f(x - h) agree in nearly all
# digits, the subtraction throws these away, and what remains is rounding, divided by a small h. The best step lies
# where the two meet.
#
# The third curve has no second half. It steps in the imaginary direction: f(x + ih) = f(x) + ih·f'(x) + …, so the
# imaginary part is the slope, and *nothing is subtracted*. Even h = 1e-200 works:

# %%
print(f"slope {slope:.15f}")
print(f"h = 1e-200: {f(at + 1e-200j).imag / 1e-200:.15f}")
print(f"|x|² by an imaginary step: {(abs(1.0 + 1e-200j) ** 2).imag / 1e-200}, and it should be 2")

# %% [markdown]
# But the function must be one that continues smoothly into the complex numbers. An absolute value does not, and the
# answer is silently 0. No method is right everywhere; so a careful checker uses several, and asks whether they agree.
#
# In float32 the same picture is hopeless. How many digits can be had at best?

# %% tags=["rough"]
for dtype in (np.float64, np.float32):
    steps = 10.0 ** np.arange(-0.5, -14, -0.125)
    central = [abs((f(dtype(at + h)) - f(dtype(at - h))) / dtype(2 * h) - slope) / slope for h in steps]
    print(f"{np.dtype(dtype)}: {-np.log10(np.median(np.sort(central)[:9])):.1f} right digits with the best steps")

# %% [markdown]
# Therefore checks are made in float64, also of code that will run in float32.
#
# ## Right gradients that fail
#
# The best step depends on the function and on the place. Our checker has one step and one tolerance. **Which of these
# right gradients does it fail?**

# %%
right = {
    "√x at 1e-8": (np.sqrt, lambda dy, x: dy / (2 * np.sqrt(x)), 1e-8),
    "sin(10⁵ x)": (lambda x: np.sin(1e5 * x), lambda dy, x: dy * 1e5 * np.cos(1e5 * x), 0.3),
    "10⁶ x³": (lambda x: 1e6 * x**3, lambda dy, x: dy * 3e6 * x**2, 2.0),
    "relu at 0": (lambda x: np.maximum(x, 0), lambda dy, x: dy * (x > 0), 0.0),
}
for name, (forward, backward, where) in right.items():
    x = np.array([where])
    verdict = careful_check(forward, backward, x).verdict
    print(f"{name:12} simple: {simple_check(forward, backward, x)}   careful: {verdict}")

# %% [markdown]
# All of them. A checker that cries wolf is soon switched off. `nt.check_backward` has no fixed step: it takes many,
# sees how their results settle, and from that gets an *error bar* for the slope. It compares within the error bar.
#
# The last one is different. At a kink there is no slope: from the left it is 0, from the right 1, and the central
# difference says one half, the mean. The gradient 0 lies between: a *subgradient*, and that is fine. Outside it is not:

# %%
for slope_at_zero in (0.0, 0.5, 1.0, 2.0):
    report = careful_check(
        lambda x: np.maximum(x, 0), lambda dy, x, s=slope_at_zero: dy * np.where(x == 0, s, x > 0), np.array([0.0, 1.0])
    )
    print(f"relu with the slope {slope_at_zero} at 0: {report.verdict}")

# %% [markdown]
# ## Wrong gradients that pass
#
# Now the other side. This is the dangerous one, since nobody looks again at what has passed.
#
# **Small numbers.** The loss is small, because somebody multiplied it by a small factor; the gradient is 0, because
# somebody forgot it:

# %%
x = rng.normal(size=5)
print("simple: ", simple_check(lambda x: 4e-6 * np.sum(x**2, keepdims=True), lambda dy, x: 0 * x, x))
report = careful_check(lambda x: 4e-6 * np.sum(x**2, keepdims=True), lambda dy, x: 0 * x, x)
print("careful:", report.verdict, "-", report.cause.sentence)

# %% [markdown]
# A fixed tolerance does not know how large the gradient should be.
#
# **dy = 1.** Our checker lets every output count the same. So what it sees is the gradient of the *sum* of the
# outputs. **What is the sum of a softmax?** And what follows?


# %%
def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


x, random_dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
print("softmax with the gradient 0, dy = 1:     ", simple_check(softmax, lambda dy, x: 0 * x, x))
print("softmax with the gradient 0, dy random:  ", simple_check(softmax, lambda dy, x: 0 * x, x, dy=random_dy))
print("a backward that ignores dy, dy = 1:      ", simple_check(np.tanh, lambda dy, x: 1 - np.tanh(x) ** 2, x))

# %% [markdown]
# The sum of a softmax is always 1, so its slope is 0, and *any* multiple of nothing passes. The same holds for
# everything that is normalised: a batch norm that forgets its path through the variance passes with dy = 1.
#
# **Friendly inputs.** Three mistakes that depend on what you feed in:

# %%
positive, square, dy = np.abs(rng.normal(size=(3, 4))), rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
symmetric = square + square.T
leaky = (lambda x: np.where(x > 0, x, 0.1 * x), lambda dy, x: dy)
product = (lambda x, w: x @ w, lambda dy, x, w: (dy @ w, x.T @ dy))
mean = (lambda x: x.mean(axis=0), lambda dy, x: np.broadcast_to(dy, x.shape).copy())
print("leaky relu, the slope 1 everywhere; positive inputs:", simple_check(*leaky, positive))
print("x·w with dx = dy·w; w symmetric:                    ", simple_check(*product, square, symmetric, dy=dy))
print("mean over the batch, without 1/N; a batch of one:   ", simple_check(*mean, rng.normal(size=(1, 4))))

both_signs, no_symmetry, two = rng.normal(size=(3, 4)), rng.normal(size=(3, 3)), rng.normal(size=(2, 4))
verdicts = (
    simple_check(*leaky, both_signs),
    simple_check(*product, square, no_symmetry, dy=dy),
    simple_check(*mean, two),
)
print("the same three with other inputs:", *verdicts)
assert verdicts == ("fail", "fail", "fail")

# %% [markdown]
# So: both signs, no symmetry, all sizes different, more than one of everything, and a value at each branch. A checker
# cannot choose your inputs for you.
#
# ## One random probe
#
# Checking every entry takes two runs of forward for each. So large checks go along *one random direction* v of all
# inputs at once: is (f(x + hv) - f(x - hv)) / 2h equal to the gradient times v? Two runs for everything. **How large is
# the error that one wrong entry of 10,000 makes?**


# %%
def seen_by_a_probe(n, trials=400):
    """The relative error along random directions, when one of n entries of a gradient has the wrong sign."""
    g = np.random.default_rng(1).normal(size=n)
    g[n // 2] = 1.0  # an entry of ordinary size
    wrong = g.copy()
    wrong[n // 2] = -1.0
    v = np.random.default_rng(2).choice([-1.0, 1.0], size=(trials, n))
    return np.abs(v @ (wrong - g)) / np.abs(v @ g)


counts = [10, 100, 1000, 10_000]
typical = [np.median(seen_by_a_probe(n)) for n in counts]
for n, error in zip(counts, typical, strict=True):
    print(f"one wrong entry of {n:6}: relative error {error:.4f}")
missed = np.mean(seen_by_a_probe(10_000) < 0.05)
print(f"with a tolerance of 5 %, {missed:.0%} of the probes pass the wrong gradient of 10,000 entries")
assert missed > 0.5

# %% [markdown]
# It goes down with √n. One probe is a lottery ticket: a good one if the tolerance is as tight as rounding allows (then
# nearly every direction sees the mistake), a bad one if it is loose. `mode="fast"` takes several directions, each with
# a dy of its own, compares within the error bar, and says in numbers how often it would miss what. Here one entry of
# 4,096 is wrong by one percent:

# %%
x = rng.normal(size=(64, 64))


def one_wrong_entry(dy, x):
    dx = dy * np.cos(x)
    dx[17, 5] *= 1.01
    return dx


report = nt.check_backward(np.sin, one_wrong_entry, x, mode="fast", seed=0)
print(report.verdict, "at", report.where)
passed = nt.check_backward(np.sin, lambda dy, x: dy * np.cos(x), x, mode="fast", seed=0)
share, probability = passed.miss
assert probability <= 0.05
print(f"a right one: {passed.verdict}; of errors of {share:.0e} of its length it would miss one in twenty at most")

# %% [markdown]
# ## Right values, wrong conduct
#
# All of these return *the right numbers*, the first time they are asked. **What is wrong with each?**


# %%
def in_place(dy, x):
    dy *= np.cos(x)
    return dy


total = np.zeros((3, 4))


def accumulates(dy, x):
    total[...] += dy * np.cos(x)
    return total


class Sine:
    def forward(self, x):
        self.x = x.copy()
        return np.sin(x)

    def backward(self, dy, x):
        return dy * np.cos(self.x)


def by_memory(dy, x):
    return (dy.ravel() * np.cos(x.ravel(order="K"))).reshape(x.shape)


layer = Sine()
x = rng.normal(size=(3, 4))
for name, forward, backward in (
    ("writes into dy", np.sin, in_place),
    ("adds to something it keeps", np.sin, accumulates),
    ("uses what forward saw last", layer.forward, layer.backward),
    ("reads memory in its own order", np.sin, by_memory),
):
    total[...] = 0
    simple = simple_check(forward, backward, x, dy=np.ones((3, 4)))
    total[...] = 0
    report = careful_check(forward, backward, x)
    print(f"{name:30} simple: {simple}   careful: {report.verdict}\n    {report.cause.sentence}")

# %% [markdown]
# (The first one is found by luck: our checker uses the same dy again, and so is hit itself.)
#
# In a network each of them is a wrong gradient sooner or later: a dy that two layers share, a second backward, a layer
# that is used twice, a transposed view. No comparison of values can see it, if everything is called once, in order,
# with fresh arrays. So `nt.check_backward` calls things twice, with something else in between, with strided and
# reversed and overlapping arrays.
#
# ## What is wrong with it?
#
# "fail" is half an answer. The matrix of the wrong gradient and the right one together often tell *which* mistake it
# is. Here are some that people make. All are checked with dy = 1 by the simple one; guess which of them it passes.


# %%
def batch_norm(x):
    return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)


def cross_entropy(z):
    return -np.log(softmax(z))[:, 1].mean(keepdims=True)


def cross_entropy_summed(dy, z):
    d = softmax(z)
    d[:, 1] -= 1
    return dy * d


x, w, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 2)), rng.normal(size=2)
mistakes = {
    "tanh from its input": (np.tanh, lambda dy, x: dy * (1 - x**2), x),
    "softmax, the diagonal only": (softmax, lambda dy, x: dy * softmax(x) * (1 - softmax(x)), x),
    "softmax, nothing at all": (softmax, lambda dy, x: 0 * x, x),
    "batch norm, variance held fixed": (
        batch_norm,
        lambda dy, x: (dy - dy.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5),
        x,
    ),
    "a bias, its gradient the mean": (
        lambda x, b: x + b,
        lambda dy, x, b: (dy, dy.mean(axis=0)),
        rng.normal(size=(3, 2)),
        b,
    ),
    "x·w with x forgotten": (lambda x, w: x @ w, lambda dy, x, w: (dy @ w.T, x.T @ np.ones_like(dy)), x, w),
    "maximum, the mask turned round": (lambda x: np.maximum(x, 0), lambda dy, x: dy * (x < 0), x),
    "cross-entropy, sum for mean": (cross_entropy, cross_entropy_summed, x),
    "cumulative sum, forwards": (lambda x: np.cumsum(x, axis=1), lambda dy, x: np.cumsum(dy, axis=1), x),
    "reversed, and not put back": (lambda x: x[:, ::-1] * 2, lambda dy, x: dy * 2, x),
}
passed_by_simple = 0
for name, (forward, backward, *inputs) in mistakes.items():
    simple, report = simple_check(forward, backward, *inputs), careful_check(forward, backward, *inputs)
    passed_by_simple += simple == "pass"
    assert report.verdict == "fail"
    print(f"{name:33} simple: {simple}   careful: fail, {report.cause.kind}")
print(f"\nthe simple checker passes {passed_by_simple} of {len(mistakes)} wrong gradients")

# %% [markdown]
# The whole report of one of them, with the place, both numbers, the cause and what to do. (Error bars are rounding, and
# differ a little from machine to machine.)

# %% tags=["timing"]
print(careful_check(*mistakes["cross-entropy, sum for mean"]))

# %% [markdown]
# And as a picture, where a notebook can show one: the leaky relu from above. **Where are the negative inputs?**

# %% tags=["timing"]
careful_check(*leaky, both_signs)

# %% [markdown]
# ## A corpus
#
# How good is *our* checker? There is only one way to know: many gradients of which one knows whether they are right.
# The project keeps such a collection (`benchmarks/gradcorpus`), right ones, wrong ones, kinks, badly scaled ones, bad
# conduct, and has run other libraries' checkers on it too, each with its usual settings. The record of the last run:

# %%
records = sorted(Path("../benchmarks/results").glob("gradcorpus-*.json"))
if records:
    for tool, counts in json.loads(records[-1].read_text(encoding="utf-8"))["summary"].items():
        passed, wrong = counts["wrong_passed"]
        failed, fine = counts["right_failed"]
        print(f"{tool:30} passes {passed:2} of {wrong} wrong ones, fails {failed:2} of {fine} right ones")

# %% [markdown]
# Read such a table with care: we wrote the corpus, and mended our checker until it judged the corpus rightly. The
# lesson is not in the first line. It is that *every* checker with fixed steps and tolerances errs in both directions,
# and that a checker, like any other measuring instrument, must be shown things that are known to be broken.
# [Checking gradients](../docs/gradient-checks.md) tells what ours looks at, and how to use it on your own code.
#
# ## What a pass does not say
#
# One last trap, and no checker gets out of it. Somebody wants a softmax over the classes of each sample:


# %%
def softmax_over_the_batch(x):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


def its_backward(dy, x):
    y = softmax_over_the_batch(x)
    return y * (dy - (dy * y).sum(axis=0))


print(careful_check(softmax_over_the_batch, its_backward, x).verdict)
print("the sums over the classes:", softmax_over_the_batch(x).sum(axis=1).round(2))

# %% [markdown]
# It passes, and it must: the backward *is* the gradient of that forward. Only the forward is not what was meant. A
# gradient check compares two pieces of code; whether the first one is the right mathematics, you must test yourself.
#
# ## Exercises
#
# All three can be written so that the simple checker passes them and they are wrong.
#
# **Exercise 1.** Normalised, so blind at dy = 1.

# %%
exercises.get("batch-norm")


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


exercises.check("batch-norm", backward)

# %% [markdown]
# **Exercise 2.** A kink between equals.

# %%
exercises.get("max-with-ties")


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("max-with-ties", backward)

# %% [markdown]
# **Exercise 3.** Chance: the forward draws a mask, and the backward must use the same one.

# %%
exercises.get("dropout")


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


exercises.check("dropout", backward)

# %% [markdown]
# **Exercise 4**, without a checker, since it is one: write a wrong backward that `nt.check_backward` passes, at inputs
# of your choice. Then say at which inputs it would be found.
