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
# # 9 · Recurrence through time
#
# Words, sounds, temperatures: many things come one after the other, and their number is not fixed. A recurrent network
# reads them one at a time, and keeps a *state*, its memory. It uses the same weights at every step. So what is the
# gradient of a weight that was used a hundred times, and what becomes of it on the way back through a hundred steps?

# %%
import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach import exercises, plots

# %% [markdown]
# ## One step, and four of them
#
# The new state is made from the input and the old state:
#
# $$h_t = \tanh(w\,x_t + u\,h_{t-1})$$
#
# With single numbers, and the last state as the result, this is all of it:


# %%
def run(x1, x2, x3, x4, w, u):
    h = 0.0
    for x in (x1, x2, x3, x4):
        h = nt.tanh(w * x + u * h)
    return h


trace = nt.trace(run, 1.0, 0.5, -1.0, 0.25, 0.8, 1.2)
forward = [step for step in trace.steps if step.phase == "forward"]
print(f"a loop of one line makes {len(forward)} steps:", " ".join(step.title for step in forward))

# %% [markdown]
# The tape does not know that there was a loop. It holds a *long* network of four layers, one for each time, in which u
# appears four times: the network is *unrolled*. Backpropagation needs nothing new. **By which rule of notebook 2 do we
# get the gradient of u?**
#
# Every use adds a term. The trace has kept them apart, each with the step that used u:

# %%
u = next(node for node in trace.nodes if node.name == "u")
uses = trace.contributions(u.id)
order = [step.index for step in trace.consumers(u.id)]  # the products u·h, first to last
for use in uses:
    print(f"from time {order.index(use.consumer) + 1}: {float(use.array):+.4f}")
total = sum(float(use.array) for use in uses)

tensors = [nt.tensor(v, dtype="float64", requires_grad=True) for v in (1.0, 0.5, -1.0, 0.25, 0.8, 1.2)]
run(*tensors).backward()
print(f"their sum {total:.4f}, and backward() says {tensors[-1].grad.item():.4f}")
assert np.isclose(total, tensors[-1].grad.item(), rtol=1e-14)

# %% [markdown]
# They come in from the last time to the first. **Why is the one from time 1 exactly 0?** Look at what u was multiplied
# with there.
#
# ## The way back, written as a loop
#
# With vectors, rows as samples, u becomes a matrix U, and h·U a product. The way back is the loop of the way forward,
# run backwards. At each time, dh arrives from two sides: from the loss, and from the step after.


# %%
def rnn(X, W, U):
    """X is (T, N, D); returns all states, (T + 1, N, H), beginning with zeros."""
    H = [np.zeros((X.shape[1], len(U)))]
    for x in X:
        H.append(np.tanh(x @ W + H[-1] @ U))
    return np.array(H)


def rnn_backward(dH, X, W, U, H):
    """dH is (T, N, H): what the loss wants of each state. Returns dW, dU, and the whole gradient of each state."""
    dW, dU, arriving = np.zeros_like(W), np.zeros_like(U), []
    from_after = 0.0
    for t in reversed(range(len(X))):
        dh = dH[t] + from_after
        dz = dh * (1 - H[t + 1] ** 2)
        dW += X[t].T @ dz  # one more use, one more term
        dU += H[t].T @ dz
        from_after = dz @ U.T
        arriving.append(dh)
    return dW, dU, np.array(arriving[::-1])


rng = np.random.default_rng(0)
T, N, D, K = 6, 5, 2, 3
X, W, U = rng.normal(size=(T, N, D)), rng.normal(size=(D, K)), rng.normal(size=(K, K))
H = rnn(X, W, U)
dH = rng.normal(size=(T, N, K))
dW, dU, _ = rnn_backward(dH, X, W, U, H)

layer = nn.RNN(D, K, bias=False).double()  # its weights are our matrices, transposed
layer.weight_ih_l0.data, layer.weight_hh_l0.data = W.T, U.T
y, _ = layer(nt.tensor(X))
y.backward(dH)
assert np.allclose(y.numpy(), H[1:], rtol=1e-12)
assert np.allclose(layer.weight_ih_l0.grad.numpy(), dW.T, rtol=1e-10)
assert np.allclose(layer.weight_hh_l0.grad.numpy(), dU.T, rtol=1e-10)
print("nn.RNN agrees: dW", dW.shape, " dU", dU.shape)

# %% [markdown]
# This is called *backpropagation through time*, and there is no more to it than this loop.
#
# ## A product through time
#
# Look at the line `from_after = dz @ U.T`. On its way from time T to time 1 the gradient is multiplied by Uᵀ (and by
# tanh') again and again. In notebook 4 it was a different W for each layer. Here it is the *same* U at each step.
# **What becomes of a number that is multiplied by 0.8 sixty times? And by 1.2?**

# %%
print(f"0.8^60 = {0.8**60:.1e}, 1.2^60 = {1.2**60:.1e}")

rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))  # keeps every length
small_inputs = 1e-6 * np.random.default_rng(2).normal(size=(60, 1, 16))  # tanh is nearly a straight line there
last_only = np.zeros((60, 1, 16))
last_only[-1] = 1 / 4  # the loss looks at the last state: a gradient of length 1


def lengths(U, X):
    H = rnn(X, np.eye(16), U)
    *_, arriving = rnn_backward(last_only, X, np.eye(16), U, H)
    return np.linalg.norm(arriving, axis=(1, 2))


curves = {f"U = {scale} × rotation": lengths(scale * rotation, small_inputs) for scale in (0.8, 1.0, 1.2)}
assert np.allclose(curves["U = 0.8 × rotation"][0], 0.8**59, rtol=1e-3)
plots.plot_curves(curves, np.arange(1, 61), "time", "length of the gradient of h", log=True)

# %% [markdown]
# Read from the right, the way the gradient goes. It *vanishes* or *explodes*, exponentially in the distance, and only a
# razor's edge lies between. To learn that something at time 1 matters at time 60, a network with 0.8 gets a millionth
# of the gradient. It will learn what the last few steps tell it instead.
#
# And with real inputs, where tanh bends?

# %%
real_inputs = np.random.default_rng(2).normal(size=(60, 1, 16))
curves = {f"U = {scale} × rotation": lengths(scale * rotation, real_inputs) for scale in (0.8, 1.0, 1.2, 3.0)}
assert curves["U = 1.2 × rotation"][0] < 1e-6
assert curves["U = 3.0 × rotation"][0] > 1e3
plots.plot_curves(curves, np.arange(1, 61), "time", "length of the gradient of h", log=True)

# %% [markdown]
# tanh' is below 1 nearly everywhere, and so the first three vanish, also the one that kept every length before. **Are
# larger weights the cure?** With three times a rotation it explodes, in spite of tanh: such a network is *chaotic*, the
# smallest change of an early state grows until it is everywhere. Somewhere between lies a scale that is right for
# *these* inputs. One cannot rely on it.
#
# ## A cliff
#
# Exploding gradients look like this. One unit, h ← w·σ(h) + b, fifty steps, and the wish that h ends at 0.7. For some
# w and b a tiny change decides in which of two places the state settles after fifty steps. Here is the loss along w,
# with b = -2.6. **Where is the gradient largest?**


# %%
def loss_after_fifty(p):
    h = 0.5
    for _ in range(50):
        h = p[0] * F.sigmoid(h) + p[1]
    return (h - 0.7) ** 2


ws = np.linspace(4.6, 5.6, 1001)
slopes = nt.grad(lambda ws: nt.sum(loss_after_fifty((ws, -2.6))))(ws)
steepest = np.abs(slopes.numpy()).argmax()
print(f"largest slope {slopes.numpy()[steepest]:.0f}, at w = {ws[steepest]:.3f}; at the ends", end=" ")
print(f"{slopes[0].item():.0f} and {slopes[-1].item():.0f}")
plots.plot_curves({"loss": loss_after_fifty((nt.tensor(ws), -2.6)).numpy()}, ws, "w")

# %% [markdown]
# A cliff, and on it the gradient is enormous. Let gradient descent walk there, once as it is and once *clipped*: if the
# gradient is longer than a limit, it is made as long as the limit, and keeps its direction.


# %% tags=["rough"]
def descend(most=None, steps=25):
    """The points of gradient descent, and the lengths of its gradients, clipped to a length or not."""
    p = nt.tensor(np.array([5.5, -2.3]), requires_grad=True)
    optimizer, path, found = optim.SGD([p], lr=0.02), plots.WeightPath([p]), []
    path.record()
    for _ in range(steps):
        optimizer.zero_grad()
        loss_after_fifty(p).backward()
        found.append(float(np.linalg.norm(p.grad.numpy())))
        if most:
            nn.utils.clip_grad_norm_([p], most)
        optimizer.step()
        path.record()
    return path.points, found


as_it_is, found = descend()
clipped, _ = descend(most=2.0)
print(f"the first gradient has length {found[0]:.0f}, the longest one {max(found):.0f}")


# %%
def draw(paths):
    p = nt.tensor(np.array([5.5, -2.3]), requires_grad=True)
    seen = plots.landscape(lambda: loss_after_fifty(p), [p], span=((4.0, 5.8), (-3.1, -1.5)), points=36)
    picture = plots.plot_landscape(seen, "A cliff", ("w", "b"))
    picture.set_size_inches(8.4, 4.6)
    for (name, points), colour in zip(paths.items(), ("#b4531a", "#111111"), strict=True):
        picture.axes[0].plot(*points.T, ".-", color=colour, linewidth=1.5, markersize=4, label=name)
    picture.axes[0].legend(fontsize=8)
    return picture


draw({"as it is": as_it_is, "clipped": clipped})

# %% [markdown]
# The brown path comes down to the edge, goes over it, and is thrown back up the slope, again and again. The black one
# walks down and stays at the edge. The direction was right all along; only the length was nonsense. Clipping is blunt,
# and it works.
#
# Clipping cures the explosion. It does nothing for gradients that vanish: there is nothing left to make longer.
#
# ## A memory that is not rewritten
#
# The trouble is that the state is *made anew* at each step, by a product and a tanh. The LSTM keeps a second state c,
# the cell, and changes it only by forgetting a part and adding something:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t \qquad h_t = o_t \odot \tanh(c_t)$$
#
# The gates i, f, o are sigmoids, and g a tanh, of the input and the last h. A gate near 1 is open, near 0 closed.


# %%
def lstm_cell(x, h, c, W, U, b):
    z = x @ W + h @ U + b
    i, f, g, o = (z[:, k * len(U) : (k + 1) * len(U)] for k in range(4))
    c = F.sigmoid(f) * c + F.sigmoid(i) * nt.tanh(g)
    return F.sigmoid(o) * nt.tanh(c), c


rng = np.random.default_rng(0)
D, K = 2, 3
x, h, c = rng.normal(size=(1, D)), rng.normal(size=(1, K)), rng.normal(size=(1, K))
W, U, b = rng.normal(size=(D, 4 * K)), rng.normal(size=(K, 4 * K)), rng.normal(size=4 * K)
mine = lstm_cell(*map(nt.tensor, (x, h, c, W, U, b)))
theirs = F.lstm_cell(*map(nt.tensor, (x,)), tuple(map(nt.tensor, (h, c))), *map(nt.tensor, (W.T, U.T, b)))
assert all(np.allclose(a.numpy(), b.numpy(), rtol=1e-12) for a, b in zip(mine, theirs, strict=True))
print("h =", mine[0].numpy().round(4), "  c =", mine[1].numpy().round(4))

# %% [markdown]
# **What is the Jacobian of the new c with respect to the old c?** No U stands between them, and no tanh.

# %%
J = nt.jacobian(lambda c: lstm_cell(nt.tensor(x), nt.tensor(h), c, nt.tensor(W), nt.tensor(U), nt.tensor(b))[1])(c)
forget = 1 / (1 + np.exp(-(x @ W + h @ U + b)[:, K : 2 * K]))
print(J.numpy().reshape(K, K).round(4))
print("forget gate:", forget.round(4))
assert np.allclose(J.numpy().reshape(K, K), np.diag(forget[0]), rtol=1e-12)

# %% [markdown]
# The diagonal matrix of the forget gates, and nothing else. Along the cells the gradient is multiplied by f, number by
# number. An open gate, f near 1, lets it through unharmed: this is a *conveyor belt*. And f is not fixed; the network
# computes it, and can learn to keep, or to drop.
#
# But what does the gate do *before* anything has been learned? With small weights and no bias, f = σ(0), one half.

# %%
for bias in (0.0, 1.0, 3.0, 5.0):
    f = 1 / (1 + np.exp(-bias))
    print(f"forget bias {bias:.0f}: f = {f:.3f}, and after 60 steps f^60 = {f**60:.1e}")

# %% [markdown]
# A half, sixty times, is as dead as any RNN. So one starts with a *positive bias* in the forget gate: remember, until
# you learn a reason not to. This is what arrives at the first state, after more and more steps, before any training:


# %%
def layer_of(kind, size, forget_bias=None):
    nt.manual_seed(0)
    layer = kind(1, size).double()
    if forget_bias is not None:  # rows in the order i, f, g, o
        b = layer.bias_ih_l0.numpy().copy()
        b[size : 2 * size] = forget_bias
        layer.bias_ih_l0.data = b
    return layer


kinds = {
    "RNN": (nn.RNN, None),
    "LSTM, forget bias 0": (nn.LSTM, 0.0),
    "LSTM, forget bias 3": (nn.LSTM, 3.0),
}
distances = np.arange(1, 62, 5)
inputs = np.random.default_rng(3).normal(size=(61, 1, 1))


def arriving(kind, forget_bias, steps):
    """The length of the gradient of the first state (the cell, if there is one), of the sum of the last output."""
    layer = layer_of(kind, 16, forget_bias)
    first = nt.tensor(np.zeros((1, 1, 16)), requires_grad=True)
    state = (nt.tensor(np.zeros((1, 1, 16))), first) if kind is nn.LSTM else first
    y, _ = layer(nt.tensor(inputs[:steps]), state)
    nt.sum(y[-1]).backward()
    return float(np.linalg.norm(first.grad.numpy()))


curves = {name: [arriving(*kind, int(steps)) for steps in distances] for name, kind in kinds.items()}
plots.plot_curves(curves, distances, "steps between", "length of the gradient of the first state", log=True)

# %% [markdown]
# ## Remember one bit
#
# A task in which nothing but memory counts: 20 random inputs, each +1 or -1, and at the end the question: *what was the
# first one?* The other 19 are there to confuse. **Which of the three will learn it?** A network that knows nothing
# has a loss of log 2.

# %% tags=["rough"]
T, size = 20, 16


def learn(kind, forget_bias, steps=140):
    layer = layer_of(kind, size, forget_bias)
    head = nn.Linear(size, 1).double()
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = optim.Adam(parameters, lr=0.01)
    rng, losses = np.random.default_rng(0), []
    for _ in range(steps):
        bits = rng.integers(0, 2, (T, 32, 1)).astype(np.float64)
        optimizer.zero_grad()
        y, _ = layer(nt.tensor(2 * bits - 1))
        loss = F.binary_cross_entropy_with_logits(head(y[-1]), nt.tensor(bits[0]))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


curves = {name: learn(*kind) for name, kind in kinds.items()}
for name, losses in curves.items():
    print(f"{name:20} loss of the last 20 batches: {np.mean(losses[-20:]):.1f}")
print(f"log 2 = {np.log(2):.1f}")
assert np.mean(curves["LSTM, forget bias 3"][-20:]) < 0.1
assert np.mean(curves["RNN"][-20:]) > 0.6
plots.plot_curves(curves, xlabel="batch")

# %% [markdown]
# The same task, the same optimizer, and nearly the same layer in the last two: one number in the bias decides. What
# cannot be *reached* by the gradient cannot be learned, however long one trains.
#
# Try a distance of 5 (set T to 5): then all three learn it. The RNN is not stupid; it is short-sighted.
#
# LSTMs ruled the reading of text for years. The next notebook has another answer to the same trouble: let every time
# look at every other one directly, so that there is no long way at all.
#
# ## Exercises
#
# **Exercise 1.** One step back. This attempt has forgotten one thing:


# %%
def forgetful(dy, x, h, w, u, b):
    dz = dy * (1 - np.tanh(x @ w + h @ u + b) ** 2)
    return dz @ w.T, dy @ u.T, x.T @ dz, h.T @ dz, dz.sum(axis=0)


print(exercises.check("rnn-step", forgetful, hint=2))


# %%
def backward(dy, x, h, w, u, b):
    raise NotImplementedError  # your turn


print(exercises.check("rnn-step", backward))

# %% [markdown]
# **Exercise 2.** Clipping, with one length for all gradients together.

# %%
print(exercises.get("gradient-clipping").statement)


# %%
def clip(grads, limit):
    raise NotImplementedError  # your turn


print(exercises.check("gradient-clipping", clip))

# %% [markdown]
# **Exercise 3.** The LSTM cell. c has two uses: it is handed on, and it makes h.

# %%
print(exercises.get("lstm-cell").statement)


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


print(exercises.check("lstm-cell", backward))
