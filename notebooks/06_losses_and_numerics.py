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
# # 6 · Losses, and numbers that do not fit
#
# The loss says what "better" means. It also decides what the last layer's gradient looks like, and it is the place
# where most calculations break: exponentials overflow, logarithms of 0 appear, differences of nearly equal numbers
# lose all their digits. Here you see each of these happen, and the small change that prevents it.

# %%
import warnings

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet.teach import exercises, plots

warnings.simplefilter("ignore", RuntimeWarning)  # we are going to overflow on purpose

# %% [markdown]
# ## Two losses for one question
#
# A neuron says p = σ(z), the truth is 1. Squared error: (p - 1)². Cross-entropy: -log p. Both are 0 for p = 1. **Draw
# both slopes with respect to z in your head**: what happens at z = -8, where the neuron is sure and wrong?

# %%
z = np.linspace(-8, 8, 161)
slope_squared = nt.grad(lambda z: nt.sum((F.sigmoid(z) - 1) ** 2))(z)
slope_entropy = nt.grad(lambda z: nt.sum(F.softplus(-z)))(z)  # -log σ(z) is softplus(-z)
slopes = {"squared error": slope_squared, "cross-entropy": slope_entropy}
plots.plot_curves(slopes, z, "z", "slope of the loss with respect to z")

# %% [markdown]
# The squared error has almost no slope where the error is largest: it is multiplied by σ'(z), which is nearly 0 there.
# The cross-entropy's slope is p - 1, the error itself: -log p has the slope -1/p, and p itself the slope p(1 - p), and
# *the p cancels*.
#
# ## The same for many classes
#
# Scores z, probabilities p = softmax(z), the right class t, the loss -log p[t]. Write out log p[t] = z[t] - log Σ
# exp(z), and the slope can be read off:
#
# $$\frac{\partial L}{\partial z_k} = p_k - [k = t]$$
#
# **Is it true?** The composed way goes through softmax, log and one chosen entry. The engine walks back over them one
# by one, and the result should collapse to p minus one-hot.

# %%
scores = nt.tensor(np.array([[2.0, -1.0, 0.5], [0.1, 0.2, 3.0]]), requires_grad=True)
t = np.array([0, 1])
trace = nt.trace(lambda z: -nt.mean(nt.log(F.softmax(z, -1))[np.arange(2), t]), scores)
print("backward went through:", [step.title for step in trace.steps if step.kind == "backward"])

p = F.softmax(scores, -1).numpy()
collapsed = (p - np.eye(3)[t]) / 2
print("engine:     ", scores.grad.numpy().round(6).tolist())
print("(p - y) / N:", collapsed.round(6).tolist())
assert np.allclose(scores.grad.numpy(), collapsed, rtol=1e-12)

# %% [markdown]
# Five operations back, and all of it is one subtraction. (Where does the division by 2 come from?) The rows of the
# gradient sum to 0: what one class gains, the others lose.
#
# ## Overflow
#
# Now the trouble. float32 holds numbers up to about 3·10³⁸. **Which z is too large for exp(z)?**

# %%
print(
    "largest float32:", np.finfo(np.float32).max, "  its logarithm:", round(float(np.log(np.finfo(np.float32).max)), 2)
)


def naive_softmax(z):
    e = np.exp(z)
    return e / e.sum()


for z in ([1.0, 2.0, 3.0], [101.0, 102.0, 103.0]):
    print(z, "->", naive_softmax(np.float32(z)))

# %% [markdown]
# inf / inf is "not a number", and one NaN in a gradient makes all weights NaN in the next step. The two inputs differ
# by a constant only, and so the softmax *should* be the same: exp(z + c) = exp(z)·exp(c), and the factor cancels. So
# choose the constant that we like. Subtract the largest score, and the largest exponential is exp(0) = 1.


# %%
def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


for z in ([1.0, 2.0, 3.0], [101.0, 102.0, 103.0]):
    print(z, "->", softmax(np.float32(z)))

# %% [markdown]
# ## The logarithm of nothing
#
# Not finished: a probability can *underflow* to 0, and then comes a logarithm. **What is -log softmax(z)[1] for
# z = (0, -120), by hand?**

# %%
z = np.float32([0.0, -120.0])
print("log after softmax:", -np.log(softmax(z))[1])
print("log_softmax:      ", -F.log_softmax(nt.tensor(z), -1).numpy()[1])

# %% [markdown]
# The right answer is 120. exp(-120) is smaller than the smallest float32, so the first way takes the logarithm of 0.
# The second never computes the probability: log p[k] = z[k] - log Σ exp(z), again with the largest score taken out.
# That is why losses take *scores* (logits) and not probabilities: `F.cross_entropy` and
# `F.binary_cross_entropy_with_logits` do softmax and logarithm in one piece.
#
# And the gradients? A value may look right while its gradient is lost:

# %%
for name, f in (
    ("log(softmax(z))", lambda z: -nt.log(F.softmax(z, -1))[1]),
    ("log_softmax(z) ", lambda z: -F.log_softmax(z, -1)[1]),
):
    z = nt.tensor(np.float32([0.0, -120.0]), requires_grad=True)
    with np.errstate(all="ignore"):
        f(z).backward()
    print(name, z.grad.numpy())

# %% [markdown]
# ## Digits that cancel
#
# log(1 + eᶻ), the softplus, is the loss of one neuron. For very negative z it is nearly eᶻ. **What does the obvious
# formula give in float32?**

# %%
print("   z    log(1 + exp(z))   log1p(exp(z))   F.softplus")
for z in np.float32([-5, -10, -16, -20, 50, 100]):
    obvious, better = np.log(np.float32(1) + np.exp(z)), np.log1p(np.exp(z))
    print(f"{z:5.0f}  {obvious:15.6g}  {better:14.6g}  {F.softplus(nt.tensor(z)).item():11.6g}")

# %% [markdown]
# 1 + a tiny number is 1: float32 has about 7 digits, and those of the tiny number lie beyond them. `log1p(x)` computes
# log(1 + x) without forming the sum; the last column is max(z, 0) + log1p(exp(-|z|)), which is right at both ends. How
# many digits are lost, over the whole range?

# %%
z = np.linspace(-20, 2, 89, dtype=np.float32)
exact = np.log1p(np.exp(z.astype(np.float64)))
errors = {
    "log(1 + exp(z))": np.abs(np.log(np.float32(1) + np.exp(z)) - exact) / exact,
    "softplus": np.abs(F.softplus(nt.tensor(z)).numpy() - exact) / exact,
}
plots.plot_curves({k: v + 1e-10 for k, v in errors.items()}, z, "z", "relative error in float32", log=True)

# %% [markdown]
# At -17 the obvious formula has no right digit left, and returns 0: for the network, a perfect answer. That is also the
# reason why gradients are checked in float64. A difference f(x + h) - f(x - h) cancels in just this way:

# %% tags=["rough"]
for dtype in (np.float32, np.float64):
    x, h = dtype(1.0), dtype(1e-5)
    difference = (np.exp(x + h) - np.exp(x - h)) / (2 * h)
    print(f"{np.dtype(dtype)}: slope of exp at 1 is {np.e:.6f}, by difference {difference:.6f}")

# %% [markdown]
# ## Sum or mean?
#
# `reduction="mean"` divides the loss by the number of samples, "sum" does not. **How much larger are the gradients with
# "sum", for a batch of 64?** And what does that do to the learning rate?

# %%
rng = np.random.default_rng(0)
x, t = rng.normal(size=(64, 5)), rng.integers(0, 3, 64)
sizes = {}
for reduction in ("mean", "sum"):
    w = nt.tensor(np.zeros((3, 5)), requires_grad=True)
    F.cross_entropy(F.linear(nt.tensor(x), w), nt.tensor(t), reduction=reduction).backward()
    sizes[reduction] = float(np.linalg.norm(w.grad.numpy()))
print(f"sum / mean = {sizes['sum'] / sizes['mean']:.1f}")

# %% [markdown]
# With the mean, the size of a step does not depend on the batch size. With the sum it does, and a learning rate that
# was right for 64 is too large for 256.
#
# ## The loss that you should see at the start
#
# One more use of these formulas. A network that knows nothing gives each of K classes about 1/K, so its loss is log K.
# If the first loss you see is far larger, the network is *sure of nonsense*. Make the last layer's weights larger, and
# look what the first steps are spent on:

# %% tags=["rough"]
x = rng.normal(size=(256, 20)).astype(np.float32)
t = (x @ rng.normal(size=(20, 10))).argmax(axis=1)
curves = {}
for scale in (0.1, 3.0):
    w = nt.tensor(scale * np.random.default_rng(1).normal(size=(10, 20)).astype(np.float32), requires_grad=True)
    losses = []
    for _ in range(60):
        w.grad = None
        loss = F.cross_entropy(F.linear(nt.tensor(x), w), nt.tensor(t))
        loss.backward()
        w.data = w.data - 0.5 * w.grad.data
        losses.append(loss.item())
    curves[f"weights times {scale}"] = losses
    print(f"weights times {scale}: first loss {losses[0]:.2f}, last loss {losses[-1]:.2f}")
print(f"log 10 = {np.log(10):.2f}")
plots.plot_curves(curves)

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** Softmax by itself. Every output depends on every input of its row.

# %%
exercises.get("softmax")


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("softmax", backward)

# %% [markdown]
# **Exercise 2.** Its logarithm.

# %%
exercises.get("log-softmax")


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("log-softmax", backward)

# %% [markdown]
# **Exercise 3.** The loss of one neuron, from its score.

# %%
exercises.get("binary-cross-entropy")


# %%
def backward(dy, z, t):
    raise NotImplementedError  # your turn


exercises.check("binary-cross-entropy", backward)
