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
# # 4 · Layers, as books write them
#
# Articles and textbooks write backpropagation with lists of matrices: W, b, Z, A, and a d in front of each for its
# gradient. nanonet's engine does not need that form. But you will meet it everywhere, and often with mistakes in it, so
# in this notebook you write it down, derive it, and learn to *check a formula that somebody has printed*.

# %%
from itertools import pairwise

import numpy as np

import nanonet as nt
from nanonet.teach import documents, exercises, plots, pseudocode

# %% [markdown]
# ## The notation
#
# A network of L layers has the lists W[0 … L-1] and b[0 … L-1]. Columns are samples: X is (in × m). With A[0] = X,
#
# $$Z_l = W_{l-1} A_{l-1} + b_{l-1} \qquad A_l = g(Z_l) \qquad l = 1 \ldots L$$
#
# and the last layer has no g: Ŷ = A_L = Z_L. It is one loop.


# %%
def relu(Z):
    return np.maximum(Z, 0)


def forward(X, W, b):
    L = len(W)
    Z, A = [None], [X]
    for l in range(1, L + 1):
        Z.append(W[l - 1] @ A[l - 1] + b[l - 1])
        A.append(relu(Z[l]) if l < L else Z[l])
    return Z, A


# %% [markdown]
# A network with 3 inputs, two hidden layers of 5 and 4 units, and 2 outputs; m = 6 samples. **Write the shapes of all
# W, Z and A on paper**, then run the cell. Shapes are the best friend you have in backpropagation.


# %%
def network(sizes, rng):
    W = [rng.normal(size=(n_out, n_in)) / np.sqrt(n_in) for n_in, n_out in pairwise(sizes)]
    b = [0.1 * rng.normal(size=(n_out, 1)) for n_out in sizes[1:]]
    return W, b


rng = np.random.default_rng(0)
sizes, m = (3, 5, 4, 2), 6
W, b = network(sizes, rng)
X, Y = rng.normal(size=(sizes[0], m)), rng.normal(size=(sizes[-1], m))
Z, A = forward(X, W, b)
for l in range(1, len(sizes)):
    print(f"layer {l}: W[{l - 1}] {W[l - 1].shape} · A[{l - 1}] {A[l - 1].shape} + b -> Z[{l}] {Z[l].shape}")

# %% [markdown]
# b is (out × 1) and is added to every column: NumPy *stretches* it along the samples. Remember that for the way back.
#
# ## The way back
#
# The loss is J = 1/m Σ (Y - Ŷ)². Write dZ_l for ∂J/∂Z_l, which has the shape of Z_l. Four lines, each of which is the
# chain rule of notebook 2 on one part of the forward:
#
# $$dZ_L = \tfrac2m\,(\hat Y - Y) \qquad dZ_l = (W_l^{\mathsf T}\, dZ_{l+1}) \odot g'(Z_l)$$
# $$dW_{l-1} = dZ_l\, A_{l-1}^{\mathsf T} \qquad db_{l-1} = dZ_l \cdot \mathbf 1$$
#
# - **dZ from above**: one entry of A_l goes into every row of Z_{l+1}, with the weights of one column of W_l. Every use
#   adds a term, and the sum over the rows is the product with Wᵀ. Then the slope of g, entry by entry.
# - **dW**: one weight multiplies one row of A, once for each sample. One term for each sample: a product again, and the
#   sum over the samples happens inside of it.
# - **db**: b was stretched over the samples, so its gradient is the sum over them.


# %%
def backward(Y, W, Z, A):
    L, m = len(W), Y.shape[1]
    dZ, dW, db = [None] * (L + 1), [None] * L, [None] * L
    for l in range(L, 0, -1):
        dZ[l] = 2 / m * (A[L] - Y) if l == L else (W[l].T @ dZ[l + 1]) * (Z[l] > 0)
        dW[l - 1] = dZ[l] @ A[l - 1].T
        db[l - 1] = dZ[l].sum(axis=1, keepdims=True)
    return dZ, dW, db


dZ, dW, db = backward(Y, W, Z, A)
for l in range(len(W)):
    assert dW[l].shape == W[l].shape
    assert db[l].shape == b[l].shape
print("every gradient has the shape of its parameter")

# %% [markdown]
# The shapes fit, and fitting shapes are no proof. Two proofs are at hand. First the tape, which knows nothing of
# layers:

# %%
tW, tb = ([nt.tensor(p, requires_grad=True) for p in ps] for ps in (W, b))
out = nt.tensor(X)
for l in range(len(tW)):
    out = tW[l] @ out + tb[l]
    if l + 1 < len(tW):
        out = nt.maximum(out, 0.0)
loss = nt.sum((out - Y) ** 2) / m
loss.backward()
assert all(np.allclose(t.grad.numpy(), d, rtol=1e-12) for t, d in zip([*tW, *tb], [*dW, *db], strict=True))
print("the tape agrees, J =", round(loss.item(), 6))

# %% [markdown]
# Then the differences of notebook 1. `nt.check_backward` takes a forward and a backward in plain NumPy and compares the
# gradient of each input with central differences.


# %%
def J(*parameters):
    W, b = parameters[: len(sizes) - 1], parameters[len(sizes) - 1 :]
    _, A = forward(X, W, b)
    return np.sum((Y - A[-1]) ** 2) / m


def gradients(dy, *parameters):
    W, b = parameters[: len(sizes) - 1], parameters[len(sizes) - 1 :]
    Z, A = forward(X, W, b)
    _, dW, db = backward(Y, W, Z, A)
    return (*(dy * d for d in dW), *(dy * d for d in db))


report = nt.check_backward(J, gradients, [*W, *b])
print(report.verdict)
assert report.verdict == "pass"

# %% [markdown]
# nanonet has this pass as `nanonet.teach.pseudocode`, with other activations and losses, for both conventions
# (columns or rows as samples). Yours is the same:

# %%
theirs = pseudocode.backward(Y, W, *pseudocode.forward(X, W, b))[1]
assert all(np.array_equal(a, b) for a, b in zip(dW, theirs, strict=True))
print("equal to the last bit")

# %% [markdown]
# ## A formula that somebody has printed
#
# One of the articles that this project started from prints the backward pass like this:
#
# $$dZ_{l-1} = g'(Z_l) \ast (W_l^{\mathsf T}\, dZ_l)$$
#
# Compare it with ours. **What is different?** Then try it, in a network whose layers all have the same width. (Why the
# same? Think of the shapes.)

# %%
sizes = (4, 4, 4, 4)
W, b = network(sizes, np.random.default_rng(1))
X, Y = rng.normal(size=(4, m)), rng.normal(size=(4, m))


def backward_as_printed(Y, W, Z, A):
    L, m = len(W), Y.shape[1]
    dZ, dW, db = [None] * (L + 1), [None] * L, [None] * L
    dZ[L] = 2 / m * (A[L] - Y)
    for l in range(L, 0, -1):
        if l > 1:
            dZ[l - 1] = (Z[l] > 0) * (W[l - 1].T @ dZ[l])  # g' of the layer above
        dW[l - 1] = dZ[l] @ A[l - 1].T
        db[l - 1] = dZ[l].sum(axis=1, keepdims=True)
    return dZ, dW, db


def gradients_as_printed(dy, *parameters):
    W, b = parameters[:3], parameters[3:]
    Z, A = forward(X, W, b)
    _, dW, db = backward_as_printed(Y, W, Z, A)
    return (*(dy * d for d in dW), *(dy * d for d in db))


report = nt.check_backward(J, gradients_as_printed, [*W, *b])
names = ["W[0]", "W[1]", "W[2]", "b[0]", "b[1]", "b[2]"]
print(f"{report.verdict}, the largest error is in the gradient of {names[report.where[0]]}")
assert report.verdict == "fail"

# %% [markdown]
# It runs, the shapes fit, and it is wrong: g' is taken at Z_l, where the gradient *comes from*, and it belongs at
# Z_{l-1}, where it *goes to*. With layers of different widths NumPy would have refused it. Square matrices hide
# mistakes; test with numbers of rows and columns that are all different.
#
# nanonet has a list of such places, each run as it is written and then corrected. This one has two mistakes in one
# line; the closer looks take them one at a time:

# %%
print(documents.errata("D0")[1].text())

# %% [markdown]
# (`nanonet step --document D0` shows the others.)
#
# Does a network with such a gradient learn at all? Often it does, only worse. That is what makes wrong gradients so
# hard to notice:

# %% tags=["rough"]
data = np.random.default_rng(2)
X = data.normal(size=(4, 60))
Y = np.sin(2 * X) * X[::-1]
m = X.shape[1]


def train(backward, steps=300, alpha=0.05):
    W, b = network((4, 4, 4, 4), np.random.default_rng(1))
    losses = []
    for _ in range(steps):
        Z, A = forward(X, W, b)
        losses.append(np.sum((Y - A[-1]) ** 2) / m)
        _, dW, db = backward(Y, W, Z, A)
        for l in range(len(W)):
            W[l] = W[l] - alpha * dW[l]
            b[l] = b[l] - alpha * db[l]
    return losses


losses = {"right": train(backward), "as printed": train(backward_as_printed)}
print({name: round(float(values[-1]), 2) for name, values in losses.items()})
plots.plot_curves(losses)

# %% [markdown]
# ## What a deep stack does to dZ
#
# Look at the recursion once more: on the way down, dZ is multiplied by Wᵀ and by g', layer after layer. With sigmoids
# g' is at most a quarter (notebook 3). **What will dZ look like ten layers down?**

# %%
depth = 10
deep = [16] * depth
sizes_of_dZ = {}
for g in ("sigmoid", "tanh", "relu"):
    rng = np.random.default_rng(0)
    gain = np.sqrt(2) if g == "relu" else 1.0
    W = [gain * rng.normal(size=(16, 16)) / 4 for _ in deep]
    b = [np.zeros((16, 1)) for _ in deep]
    X, Y = rng.normal(size=(16, 32)), rng.normal(size=(16, 32))
    Z, A = pseudocode.forward(X, W, b, g=g)
    dZ, _, _ = pseudocode.backward(Y, W, Z, A, g=g)
    sizes_of_dZ[g] = [np.sqrt(np.mean(d**2)) for d in dZ[1:]]

vanished = sizes_of_dZ["sigmoid"][0] / sizes_of_dZ["sigmoid"][-1]
print(f"sigmoid: the first layer's dZ is {vanished:.1e} of the last one's")
plots.plot_curves(sizes_of_dZ, range(1, depth + 1), "layer", "size of dZ (root mean square)", log=True)

# %% [markdown]
# The first layers of the sigmoid network get almost nothing to learn from. This is the *vanishing gradient*.
# Activations with a slope near 1, and weights of the right size at the start, keep the signal alive.
#
# ## Exercises
#
# **Exercise 1.** Two layers, without a loop.

# %%
exercises.get("two-layer-mlp")


# %%
def backward(dy, x, w1, b1, w2, b2):
    raise NotImplementedError  # your turn


exercises.check("two-layer-mlp", backward)

# %% [markdown]
# **Exercise 2.** A penalty on large weights gives W a second path to the loss.

# %%
exercises.get("l2-penalty")


# %%
def backward(dy, x, w, t, lam):
    raise NotImplementedError  # your turn


exercises.check("l2-penalty", backward)

# %% [markdown]
# **Exercise 3.** The whole pass, from memory: do not scroll up. Start from the shapes.

# %%
exercises.get("layered-backward")


# %%
def backward(Y, W, Z, A):
    raise NotImplementedError  # your turn


exercises.check("layered-backward", backward)
