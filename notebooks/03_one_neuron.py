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
# # 3 · One neuron
#
# A neuron weighs its inputs, adds them up, and squashes the sum:
#
# $$z = \sum_j w_j x_j + b \qquad \hat y = \sigma(z) = \frac{1}{1 + e^{-z}}$$
#
# That is one line of code. In this notebook you find its gradient by hand, let it learn, watch it learn, and meet the
# first thing that one neuron cannot do.

# %%
import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach import exercises, plots
from nanonet.teach.cards.card import card

# %% [markdown]
# ## The squashing
#
# σ turns any number into one between 0 and 1, so that we can read ŷ as a probability. Beside it its slope,
# σ'(z) = σ(z)(1 - σ(z)). **Where is the slope largest, and what is it there?**

# %%
z = np.linspace(-8, 8, 161)
sigmoid = 1 / (1 + np.exp(-z))
print("largest slope:", (sigmoid * (1 - sigmoid)).max())
plots.plot_curves({"σ(z)": sigmoid, "σ'(z)": sigmoid * (1 - sigmoid)}, z, "z", "")

# %% [markdown]
# At most a quarter, and almost nothing beyond ±5. Keep that in mind; it comes back twice in this course.
#
# ## Forward and backward, by hand
#
# One sample with two features, and the squared error L = (ŷ - y)². With the chain rule of notebook 2:
#
# $$\frac{\partial L}{\partial \hat y} = 2(\hat y - y) \qquad
# \frac{\partial L}{\partial z} = \frac{\partial L}{\partial \hat y}\,\hat y(1 - \hat y) \qquad
# \frac{\partial L}{\partial w_j} = \frac{\partial L}{\partial z}\,x_j \qquad
# \frac{\partial L}{\partial b} = \frac{\partial L}{\partial z}$$

# %%
x, y = np.array([1.0, 2.0]), 1.0
w, b = np.array([0.5, -0.75]), 0.1

z = w @ x + b
y_hat = 1 / (1 + np.exp(-z))
dy_hat = 2 * (y_hat - y)
dz = dy_hat * y_hat * (1 - y_hat)
dw, db = dz * x, dz
print(f"z = {z:.4f}   ŷ = {y_hat:.4f}   L = {(y_hat - y) ** 2:.4f}")
print(f"dz = {dz:.4f}   dw = {dw.round(4)}   db = {db:.4f}")

# %% [markdown]
# Two things to notice. Every weight's gradient is the *same* dz times its own input: an input of 0 teaches its weight
# nothing. And all of them have one sign here: the answer is too low, and both inputs are positive, so all weights
# should rise.
#
# Now the engine, on the same numbers. Is it the same?

# %%
tw, tb = nt.tensor(w, requires_grad=True), nt.tensor(0.1, dtype="float64", requires_grad=True)
loss = (F.sigmoid(nt.dot(tw, x) + tb) - y) ** 2
loss.backward()
print("dw =", tw.grad.numpy().round(4), "  db =", round(tb.grad.item(), 4))
assert np.allclose(tw.grad.numpy(), dw, rtol=1e-14)
assert np.isclose(tb.grad.item(), db, rtol=1e-14)

# %% [markdown]
# ## Many samples at once
#
# Two clouds of points, 100 samples in each. A neuron for the whole batch is one product of matrices, z = X·w + b, and
# its loss the mean over the samples. **Which shape has dw, and what happened to the 200 samples in it?**

# %%
rng = np.random.default_rng(1)
X = np.concatenate([rng.normal((-1, -0.5), 0.8, (100, 2)), rng.normal((1, 0.8), 0.8, (100, 2))]).astype(np.float32)
Y = np.repeat([0.0, 1.0], 100).astype(np.float32)[:, None]

tw = nt.tensor(np.zeros((2, 1), np.float32), requires_grad=True)
tb = nt.tensor(np.zeros(1, np.float32), requires_grad=True)


def squared_error():
    return nt.mean((F.sigmoid(nt.tensor(X) @ tw + tb) - Y) ** 2)


squared_error().backward()
print("X", X.shape, "· w", tw.shape, "-> dw", tw.grad.shape, " db", tb.grad.shape)

# %% [markdown]
# The card of the step that made dw shows it for one entry, with three samples. (It calls the factors of a product a and
# b; here a is X and b is w.)

# %%
few = nt.trace(lambda w: nt.mean((F.sigmoid(nt.tensor(X[:3]) @ w) - Y[:3]) ** 2), tw)
product = next(step.index for step in few.steps if step.kind == "backward" and step.title == "matmul")
print(card(few, product))

# %% [markdown]
# A parameter is used once for *each* sample, and notebook 2 said what that means: one term for each use. So the
# gradient of w is a sum over the batch, and that of b, too. (The mean of the loss has put a 1/200 in front of each
# term.)
#
# ## Let it learn
#
# Forward, backward, a small step against the gradient, again. This loop is the same for every network in this course.

# %% tags=["rough"]
path, seen = plots.WeightPath([tw]), plots.BoundaryRecorder(lambda x: x @ tw + tb, X)
optimizer = optim.SGD([tw, tb], lr=1.0)
losses = []
for step in range(101):
    path.record()
    if step in (0, 1, 10, 100):
        seen.record(f"after {step} step{'s' * (step != 1)}")
    optimizer.zero_grad()
    loss = squared_error()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

right = np.mean((X @ tw.numpy() + tb.numpy() > 0) == (Y > 0.5))
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}, {right:.1%} of the points on the right side")

# %%
plots.plot_boundaries(seen.frames, X, Y)

# %% [markdown]
# The boundary is where z = 0, and w·x + b = 0 is a straight line. w points across it, to the side of class 1. When w
# grows without turning, the line stays and the neuron only becomes more *sure*: the white band gets narrower.
#
# In the space of the weights the same training looks like this.

# %%
plots.plot_landscape(plots.landscape(squared_error, [tw], path), "The loss, seen from above", ("w₀", "w₁"))

# %% [markdown]
# (The picture uses the b of the end, so that the loss at the path's first points is not exactly the loss that the
# training had.)
#
# ## A neuron that is sure, and wrong
#
# Start with weights that are very sure of the wrong answer. **Will it learn faster, because the error is large?**


# %%
def trained(start, measure, steps=60):
    tw, tb = nt.tensor(start, requires_grad=True), nt.tensor(np.zeros(1, np.float32), requires_grad=True)
    optimizer = optim.SGD([tw, tb], lr=1.0)
    shares = []
    for _ in range(steps):
        optimizer.zero_grad()
        z = nt.tensor(X) @ tw + tb
        measure(z, nt.tensor(Y)).backward()
        optimizer.step()
        shares.append(np.mean((z.numpy() > 0) == (Y > 0.5)))
    return shares


def squares(z, y):
    return nt.mean((F.sigmoid(z) - y) ** 2)


wrong = np.array([[-8.0], [-8.0]], np.float32)
shares = {
    "squared error": trained(wrong, squares),
    "cross-entropy": trained(wrong, F.binary_cross_entropy_with_logits),
}
plots.plot_curves(shares, xlabel="step", ylabel="share on the right side")

# %% [markdown]
# With the squared error, nothing happens. Look at dz above: the error 2(ŷ - y) is multiplied by
# ŷ(1 - ŷ), and for a neuron that is sure this slope is almost 0, whether it is right or wrong. The cross-entropy has a
# gradient in which that factor cancels. Notebook 6 shows why.
#
# ## What one neuron cannot do
#
# Four points. Class 1 where exactly one of the two features is 1: XOR, "either, but not both". **Draw the straight line
# that separates the classes.**

# %%
X4 = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
Y4 = np.array([[0], [1], [1], [0]], np.float32)


def learn(model, epochs):
    seen = plots.BoundaryRecorder(model, X4, epochs=(0, epochs // 10, epochs))
    model.compile(optimizer="adam", loss="bce_with_logits", lr=0.05)
    model.fit(X4, Y4, epochs=epochs, batch_size=4, callbacks=[seen], verbose=0, seed=0)
    for (first, second), (p,) in zip(X4, F.sigmoid(model(nt.tensor(X4))).numpy(), strict=True):
        print(f"{first:.0f}, {second:.0f}: class 1 with probability {p:.1f}")
    return plots.plot_boundaries(seen.frames, X4, Y4)


nt.manual_seed(0)
learn(nn.Sequential(nn.Linear(2, 1)), 200)

# %% [markdown]
# There is no such line, and the neuron ends up at "I do not know" everywhere. Give it a few colleagues that look at the
# inputs first:

# %% tags=["rough"]
nt.manual_seed(0)
learn(nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)), 200)

# %% [markdown]
# Four neurons make new features out of the old ones, and for the last neuron the classes lie on two sides of a line. A
# *layer* that makes features: that is the step from a neuron to a network, and notebook 4 writes it down.
#
# ## Exercises
#
# **Exercise 1.** A ReLU squashes nothing: it lets positive numbers through and stops the others.

# %%
exercises.get("relu")


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("relu", backward)

# %% [markdown]
# **Exercise 2.** The loss of this notebook.

# %%
exercises.get("mean-squared-error")


# %%
def backward(dy, p, t):
    raise NotImplementedError  # your turn


exercises.check("mean-squared-error", backward)
