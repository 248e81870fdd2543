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
# # 5 · A network that reads digits
#
# Now with real data: 1,797 handwritten digits of 8 × 8 pixels. The mathematics is that of notebook 4. New is how it
# is organised: whole batches at once, a loss for ten classes, samples that the network has never seen, and a look
# inside while it learns.

# %%
from itertools import pairwise
from timeit import timeit

import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import data, nn, optim
from nanonet.teach import exercises, plots

digits = data.load("digits")
x_train, x_test, y_train, y_test = data.train_test_split(digits.x, digits.y, test_size=0.2, seed=0, stratify=digits.y)
print("to learn from:", x_train.shape, "  to be examined with:", x_test.shape, "  classes:", np.unique(y_train).size)
plots.plot_images(x_train[:20], y_train[:20], (8, 8))

# %% [markdown]
# ## From three loops to one product
#
# A layer for one sample and one unit is a sum over the features. For N samples and M units that makes three loops. Here
# they are, as the formula says it: y[n, m] = Σ_d x[n, d]·w[m, d] + b[m].


# %%
def layer_with_loops(x, w, b):
    N, D, M = len(x), len(w[0]), len(w)
    y = np.empty((N, M))
    for n in range(N):
        for m in range(M):
            total = b[m]
            for d in range(D):
                total += x[n, d] * w[m, d]
            y[n, m] = total
    return y


rng = np.random.default_rng(0)
x, w, b = rng.normal(size=(16, 64)), rng.normal(size=(32, 64)), rng.normal(size=32)
assert np.allclose(layer_with_loops(x, w, b), x @ w.T + b)
print("one line gives the same as", 16 * 32 * 64, "turns of the inner loop")

# %% [markdown]
# `x @ w.T + b` is the same calculation, done in compiled code that uses the processor well. How much faster is it?
# (Times differ from machine to machine; see what yours says.)

# %% tags=["timing"]
loops = timeit(lambda: layer_with_loops(x, w, b), number=3) / 3
product = timeit(lambda: x @ w.T + b, number=300) / 300
print(f"about {loops / product:.0f} times as fast")

# %% [markdown]
# So we never loop over samples. And backward is written in the same way: **which three lines** give dx, dw and db
# from dy (N, M)? You have derived them in notebook 4, with columns as samples; here rows are samples.

# %%
dy = rng.normal(size=(16, 32))
dx, dw, db = dy @ w, dy.T @ x, dy.sum(axis=0)

tx, tw, tb = (nt.tensor(a, requires_grad=True) for a in (x, w, b))
F.linear(tx, tw, tb).backward(dy)
for mine, t in ((dx, tx), (dw, tw), (db, tb)):
    assert np.allclose(mine, t.grad.numpy(), rtol=1e-12)
print("dx", dx.shape, " dw", dw.shape, " db", db.shape)

# %% [markdown]
# ## The network
#
# 64 pixels → 64 units → 32 units → 10 scores, with ReLUs between. The scores go through a softmax and become ten
# probabilities; the loss is the cross-entropy -log p[the right class], averaged over the batch. (Notebook 6 looks at it
# closely.) **Before any training, what should the loss be?** The network knows nothing, so each class should have about
# one tenth.

# %%
nt.manual_seed(0)
model = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)
start = F.cross_entropy(model(nt.tensor(x_train)), nt.tensor(y_train)).item()
print(f"loss before training {start:.2f}, and -log(1/10) = {np.log(10):.2f}")
print(model.summary((32, 64)))

# %% [markdown]
# A loss far from log(number of classes) at the start is a sign that something is wrong: labels, scaling, initial
# weights. Look at it first, always.
#
# ## The loop, with mini-batches
#
# All samples at once give an exact gradient, slowly. 32 at a time give a noisy one, dozens of times as often. Every
# epoch goes once through all samples, in a new order.

# %% tags=["rough"]
optimizer = optim.SGD(model.parameters(), lr=0.3)
order = np.random.default_rng(0)
losses = []
for _ in range(8):  # epochs
    for batch in np.array_split(order.permutation(len(x_train)), len(x_train) // 32):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(nt.tensor(x_train[batch])), nt.tensor(y_train[batch]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())


def accuracy(x, y):
    with nt.no_grad():
        return np.mean(model(nt.tensor(x)).numpy().argmax(axis=1) == y)


seen, unseen = accuracy(x_train, y_train), accuracy(x_test, y_test)
print(f"right: {seen:.1%} of the samples it learned from, {unseen:.1%} of the others")
assert unseen > 0.85
plots.plot_curves({"loss of each batch": losses}, xlabel="batch")

# %% [markdown]
# The second number is the one that counts. The loss jumps from batch to batch, since each batch is another sample of
# the data, but it goes the right way.
#
# The same loop with everything that one always wants, an optimizer that adapts its steps, and curves for both parts
# of the data, is `fit`:


# %% tags=["rough"]
def make(activation, hidden=(64, 32)):
    nt.manual_seed(0)
    sizes = (64, *hidden, 10)
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    return nn.Sequential(*layers[:-1])


reader = make(nn.ReLU)
reader.compile(optimizer="adam", loss="cross_entropy")
history = reader.fit(x_train, y_train, epochs=16, validation_data=(x_test, y_test), verbose=0, seed=0)
print(f"right on unseen digits: {history['val_accuracy'][-1]:.1%}")
plots.plot_curves({"training": history["loss"], "unseen digits": history["val_loss"]}, xlabel="epoch", log=True)

# %% [markdown]
# **Why does the lower curve go on falling while the upper one levels off?** The network begins to learn the training
# samples by heart. What it learns about *those* does not help with others.
#
# ## A look inside
#
# What does the first layer look for? Each unit has 64 weights, one for each pixel; drawn as a picture, orange where ink
# counts for the unit, blue where it counts against it.

# %%
plots.plot_filters(reader[0].weight.numpy()[:16], (8, 8), title="What the first 16 units look for")

# %% [markdown]
# And what flows through the layers while it learns? A `LayerRecorder` writes down the outputs and the gradients of each
# layer, step by step, and changes nothing about the training. First the ReLU network:

# %% tags=["rough"]
model = make(nn.ReLU, (64, 48, 32))
model.compile(optimizer="adam", loss="cross_entropy")
with plots.LayerRecorder(model, every=4) as seen:
    model.fit(x_train, y_train, epochs=6, verbose=0, seed=0)
outputs = {name: kept for name, kept in seen.outputs.items() if "ReLU" in name}
plots.plot_histograms(outputs, what="output", title="Outputs of the ReLUs")

# %% [markdown]
# Above each picture stands how many outputs are exactly 0. Each unit is silent for some digits and speaks for others. A
# unit that is silent for *all* of them is dead: no gradient reaches it any more.
#
# Now something is put in our way: six hidden layers of sigmoids. **What will the gradients look like?** (Notebook 4 has
# told you.)

# %% tags=["rough"]
deep = make(nn.Sigmoid, (32,) * 6)
deep.compile(optimizer="sgd", loss="cross_entropy", lr=0.1)
with plots.LayerRecorder(deep, every=4) as seen:
    deep.fit(x_train[:1408], y_train[:1408], epochs=4, verbose=0, seed=0)
gradients = {name: kept for name, kept in seen.gradients.items() if "Linear" in name}
plots.plot_norms(gradients, title="Six layers of sigmoids")

# %% [markdown]
# Each layer that the gradient passes on its way down makes it several times smaller. The last layer learns, the
# first one stands still. The same as a picture of all values, on a logarithmic axis:

# %%
plots.plot_histograms(gradients, scale="log", what="gradient")

# %% [markdown]
# ## Which ones does it get wrong?
#
# Numbers tell how many, pictures tell why. First what it is, then what the network says. Would *you* have read these?

# %% tags=["rough"]
scores = reader.predict(x_test)
lead = scores.max(axis=1) - scores[np.arange(len(y_test)), y_test]  # how far a wrong answer is ahead of the right one
hardest = np.argsort(-lead)[:10]
said = [f"{y} or {s}?" for y, s in zip(y_test[hardest], scores[hardest].argmax(axis=1), strict=True)]
plots.plot_images(x_test[hardest], said, (8, 8))

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** The bias, which was stretched.

# %%
exercises.get("bias-add")


# %%
def backward(dy, x, b):
    raise NotImplementedError  # your turn


exercises.check("bias-add", backward)

# %% [markdown]
# **Exercise 2.** The product, without looking up.

# %%
exercises.get("matmul")


# %%
def backward(dy, x, w):
    raise NotImplementedError  # your turn


exercises.check("matmul", backward)

# %% [markdown]
# **Exercise 3.** The sum over one axis, which undoes a stretching, and is undone by one.

# %%
exercises.get("sum-over-axis")


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


exercises.check("sum-over-axis", backward)
