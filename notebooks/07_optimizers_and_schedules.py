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
# # 7 · Optimizers and schedules
#
# Backpropagation ends with a gradient. It says which way is up, at one point, and nothing about how far to go. What we
# *do* with it is the business of the optimizer. In this notebook you write the common ones, each in a few lines, and
# see what each of them cures: valleys, scales, the first steps, and noise.

# %%
import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import data, nn, optim
from nanonet.teach import documents, exercises, ideas, plots

# %% [markdown]
# ## How large may a step be?
#
# One weight, L = ½·h·w². The gradient is h·w, and a step of gradient descent is
#
# $$w \leftarrow w - \alpha\,h\,w = (1 - \alpha h)\,w$$
#
# So each step multiplies w by the same factor. **For which α does w go to 0? And what happens at α = 2/h?**

# %%
idea = ideas.get("learning_rate")
walks = idea.figures["paths"]  # by α·h
plots.plot_curves({f"αh = {p}": walks[p] for p in (0.5, 1.5, 1.9, 2.1)}, ylabel="w")

# %% [markdown]
# Between 0 and 1, αh gives a smooth descent. From 1 to 2 the weight jumps over the minimum at every step, and still
# comes closer. Beyond 2 each jump is longer than the one before. The *curvature* h sets the limit: 2/h, and not a hair
# more.
#
# ## A valley
#
# With two weights there are two curvatures, and one α for both. Here they are 1 and 25:


# %%
def valley(w, curvature=25):
    return 0.5 * w[0] ** 2 + 0.5 * curvature * w[1] ** 2


def descend(make, loss, steps, start=(-4.0, 1.0)):
    """The points that an optimizer goes through."""
    w = nt.tensor(np.array(start), requires_grad=True)
    optimizer = make([w])
    path = plots.WeightPath([w])
    path.record()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(w).backward()
        optimizer.step()
        path.record()
    return path.points


def sgd(lr, **options):
    return lambda w: optim.SGD(w, lr=lr, **options)


for lr in (0.03, 0.079, 0.081):
    end = descend(sgd(lr), valley, 100)[-1]
    print(f"α = {lr:<5}  factors per step {1 - lr:.3f} and {1 - 25 * lr:+.3f}   after 100 steps: w₁ = {end[1]:9.2e}")
limit = 2 / 25
print("limit:", limit)

# %% [markdown]
# The steep direction forbids more than 0.08, and the flat one crawls: its factor is 1 - α, never far from 1. **What is
# the best α?** One that makes both factors equally large, (25 - 1)/(25 + 1). The ratio of the curvatures, here 25,
# is called the *condition number*. In a network it can be a million.
#
# A network has a curvature in every direction of its weights, and the largest of them, λ, sets the limit for all. Here
# is what one step makes of a tiny push in that direction, in a small network that has settled in a minimum:

# %%
for share, factor in idea.figures["growth"].items():
    print(f"α = {share} · 2/λ: the push is multiplied by {round(factor, 2) + 0.0:+.2f}")

# %% [markdown]
# The same as for one weight. Three learning rates on the digits of notebook 5:

# %% tags=["rough"]
digits = data.load("digits")
x, y = nt.tensor(digits.x.astype(np.float64)), nt.tensor(digits.y)


def network():
    nt.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10)).double()


def losses_of(make, steps, batch, schedule=None):
    """The loss of each step, of a random batch."""
    model, draw, losses = network(), np.random.default_rng(0), []
    optimizer = make(model.parameters())
    scheduler = schedule and schedule(optimizer)
    for _ in range(steps):
        chosen = draw.integers(0, len(x), batch)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
    return losses


curves = {f"α = {lr}": losses_of(sgd(lr), 40, batch=200) for lr in (0.05, 0.5, 10.0)}
plots.plot_curves(curves, log=True, ylabel="loss of 200 samples")

# %% [markdown]
# Too low: it will get there next week. Too high: it jumps from one side of the valley to the other, and lands higher up
# than it started. If a loss explodes, the learning rate is the first thing to lower.
#
# ## Momentum
#
# Think of a ball in place of a walker. It has a velocity b; the gradient changes the velocity, and the velocity
# changes the place:
#
# $$b \leftarrow \mu\,b + g \qquad w \leftarrow w - \alpha\,b$$
#
# **What happens to b if the gradient is 1 again and again? And if it is +1, -1, +1, -1?** Take μ = 0.9.

# %%
for name, gradients in (("always +1", np.ones(100)), ("+1, -1, …", (-1.0) ** np.arange(100))):
    b = 0.0
    for g in gradients:
        b = 0.9 * b + g
    print(f"{name}: b = {b:+.3f} after 100 steps")

# %% [markdown]
# Where gradients agree, the steps become 1/(1 - μ) times as long, ten times here. Where they alternate, they cancel to
# 1/(1 + μ). That is what a valley needs: longer steps along it, shorter ones across.

# %%
plain = descend(sgd(2 / 26), valley, 60)
rolling = descend(sgd(1 / 9, momentum=4 / 9), valley, 60)


def loss_along(points):
    return np.array([valley(p) for p in points])


curves = {"gradient descent, best α": loss_along(plain), "with momentum": loss_along(rolling)}
for name, losses in curves.items():
    print(f"{name}: a step leaves {(losses[-1] / losses[-11]) ** (1 / 20):.3f} of the way to go")
print(f"24/26 = {24 / 26:.3f}, 4/6 = {4 / 6:.3f}")
plots.plot_curves(curves, log=True)

# %% [markdown]
# The α of momentum, 1/9, would have been far beyond the limit without it. Look at the slopes of the two lines. With the
# condition number κ, a step of plain descent leaves (κ - 1)/(κ + 1) of the way to go, and one with momentum in the long
# run (√κ - 1)/(√κ + 1). The *root* of a condition number is a lot less: instead of a thousand, about thirty.
#
# ## Every weight its own scale
#
# Another cure for the same illness. Suppose that the gradients of three weights are 1, -0.01 and 100. The first one
# wants an α of its own, and so do the others. RMSProp keeps for each weight a running mean of g² and divides by its
# root:
#
# $$v \leftarrow \rho\,v + (1 - \rho)\,g^2 \qquad w \leftarrow w - \alpha\,\frac{g}{\sqrt v + \varepsilon}$$

# %%
g = np.array([1.0, -0.01, 100.0])
w, v = np.zeros(3), np.zeros(3)
for t in range(1, 301):
    v = 0.99 * v + 0.01 * g**2
    step = 0.1 * g / (np.sqrt(v) + 1e-8)
    w -= step
    if t in (1, 2, 10, 300):
        print(f"step {t:3}: moves by {step.round(3)}")

theirs = nt.tensor(np.zeros(3), requires_grad=True)
optimizer = optim.RMSprop([theirs], lr=0.1, alpha=0.99)
for _ in range(300):
    theirs.grad = nt.tensor(g)
    optimizer.step()
assert np.allclose(w, theirs.numpy(), rtol=1e-12)

# %% [markdown]
# All three weights move equally far: the size of the gradient is gone, and what remains is about its sign. α now means
# "how far a weight moves in one step", which is a lot easier to guess.
#
# But look at the first line. We asked for steps of 0.1. **Why is the first one ten times as long?**
#
# ## Adam, as a document prints it
#
# Adam does both: a running mean m of g for the direction, and a running mean v of g² for the scale. One of the articles
# that this project started from prints it like this:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,g \qquad v \leftarrow \beta_2 v + (1-\beta_2)\,g^2 \qquad
# \theta \leftarrow \theta - \alpha\,\frac{m}{\sqrt v + \varepsilon}$$

# %%
beta1, beta2, eps = 0.9, 0.999, 1e-8
m, v = np.zeros(3), np.zeros(3)
as_printed = []
for _ in range(6000):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    as_printed.append((m / (np.sqrt(v) + eps))[0])
print("as multiples of α, steps 1 to 4:", np.round(as_printed[:4], 2))
print(f"the longest: step {np.argmax(as_printed) + 1}, {max(as_printed):.2f} α;  step 6000: {as_printed[-1]:.2f} α")

# %% [markdown]
# Both means start at 0, and they *remember* it. After one step m is a tenth of g, and v a thousandth of g². Then
# 0.1/√0.001 is about 3, and it becomes worse before it becomes better, since m forgets the zero much sooner than v
# does. The gradient was the same all the time!
#
# By how much are they too small? For a constant g, m after t steps is (1 - β₁)(1 + β₁ + … + β₁ᵗ⁻¹)·g = (1 - β₁ᵗ)·g. So
# divide by that. It is called *bias correction*, and the original paper has it:
#
# $$\hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t} \qquad
# \theta \leftarrow \theta - \alpha\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}$$

# %%
m, v, p = np.zeros(3), np.zeros(3), np.zeros(3)
corrected = []
for t in range(1, 6001):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    step = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    p -= 0.01 * step
    corrected.append(step[0])
assert np.allclose(corrected, 1, rtol=1e-6)

theirs = nt.tensor(np.zeros(3), requires_grad=True)
optimizer = optim.Adam([theirs], lr=0.01)
for _ in range(6000):
    theirs.grad = nt.tensor(g)
    optimizer.step()
assert np.allclose(p, theirs.numpy(), rtol=1e-10)
plots.plot_curves(
    {"as printed": as_printed, "corrected": corrected},
    np.arange(1, 6001),
    "step",
    "length of the step, as a multiple of α",
    log_x=True,
)

# %% [markdown]
# The corrected one is a straight line at 1, from the first step on, and nanonet's Adam is the same. All mistakes of the
# documents can be run like this:

# %%
print(documents.get("D2", 1).text())

# %% [markdown]
# ## Several paths through one landscape
#
# The same start, the same valley, 40 steps each.

# %%
optimizers = {
    "gradient descent": sgd(0.07),
    "momentum": sgd(0.03, momentum=0.8),
    "RMSProp": lambda w: optim.RMSprop(w, lr=0.15, alpha=0.9),
    "Adam": lambda w: optim.Adam(w, lr=0.4, betas=(0.8, 0.99)),
}
paths = {name: descend(make, valley, 40) for name, make in optimizers.items()}


def draw(loss, paths, title):
    w = nt.tensor(np.zeros(2), requires_grad=True)
    seen = plots.landscape(lambda: loss(w), [w], span=((-4.6, 1.6), (-1.6, 1.6)))
    picture = plots.plot_landscape(seen, title, ("w₀", "w₁"))
    picture.set_size_inches(8.4, 4.6)
    for (name, points), colour in zip(paths.items(), ("#b4531a", "#111111", "#c2187a", "#1b8a4b"), strict=True):
        picture.axes[0].plot(*points.T, ".-", color=colour, linewidth=1.5, markersize=4, label=name)
    picture.axes[0].legend(fontsize=8)
    return picture


draw(valley, paths, "Four ways down one valley")

# %% [markdown]
# Describe each path in a word or two. Gradient descent zigzags. Momentum swings, overshoots, and comes back. RMSProp
# and Adam do not go straight downhill at all: at first they go *diagonally*, equally far in both directions, because
# the scale of each gradient was divided out.
#
# That works so well here because the valley lies along an axis, and each weight has a curvature of its own. **What if
# the valley is turned?** The curvatures are now 1 and 1000, to see it clearly.


# %%
def steep(w):
    return valley(w, 1000)


def turned(w):
    return steep([0.8 * w[0] + 0.6 * w[1], 0.8 * w[1] - 0.6 * w[0]])


def steps_needed(make, loss, start, most=600, small=0.1):
    """After how many steps the loss is small, and stays so."""
    large = [i for i, p in enumerate(descend(make, loss, most, start)) if loss(p) > small]
    return large[-1] + 1 if large[-1] < most else f"more than {most}"


here, there = (-4.0, 1.0), (0.8 * -4.0 - 0.6 * 1.0, 0.8 * 1.0 + 0.6 * -4.0)  # the same place, turned
root = np.sqrt(1000)
for name, make in {
    "gradient descent, best α": sgd(2 / 1001),
    "momentum, best α and μ": sgd((2 / (1 + root)) ** 2, momentum=((root - 1) / (root + 1)) ** 2),
    "Adam": lambda w: optim.Adam(w, lr=0.2, betas=(0.9, 0.99)),
    "RMSProp": lambda w: optim.RMSprop(w, lr=0.02, alpha=0.9),
}.items():
    print(f"{name:25} along an axis: {steps_needed(make, steep, here):14}  turned: {steps_needed(make, turned, there)}")

# %% [markdown]
# Descent and momentum do not care about axes. Adam and RMSProp do: they scale *weight by weight*, and in the turned
# valley both weights have the same scale, so that there is nothing to divide out. In networks the axes mean something
# (each weight belongs to a unit of its own), and Adam is usually a good first choice. It is not a miracle.
#
# ## Weight decay, and where to put it
#
# To keep weights small one adds a penalty ½·λ·w² to the loss. Its gradient is λ·w: each step shrinks the weight by the
# factor 1 - αλ. With gradient descent you may add it to the loss, or to the gradient, or shrink the weight directly:
# that is all the same. **With Adam, too?** Three weights with gradients that are nothing but noise, of very different
# sizes:

# %%
noise = np.random.default_rng(0).normal(size=(300, 3)) * [0.01, 1.0, 100.0]


def decayed(make):
    w = nt.tensor(np.ones(3), requires_grad=True)
    optimizer = make([w])
    for g in noise:
        w.grad = nt.tensor(g)
        optimizer.step()
    return w.numpy()


for name, kind in (("in the gradient (Adam) ", optim.Adam), ("apart from it  (AdamW)", optim.AdamW)):
    with_decay = decayed(lambda w, kind=kind: kind(w, lr=0.001, weight_decay=0.5))
    without = decayed(lambda w, kind=kind: kind(w, lr=0.001, weight_decay=0.0))
    print(f"{name}: decay took {(without - with_decay).round(4)}")
print(f"what 300 steps of 1 - αλ take from a weight of 1: {1 - (1 - 0.001 * 0.5) ** 300:.4f}")

# %% [markdown]
# In the gradient, λ·w goes through the division by √v̂ like everything else. Where gradients are small it rules the
# step, and where they are large it is divided away. AdamW keeps it out: every weight decays alike. When people say
# "weight decay" with Adam, AdamW is what they mean.
#
# ## Noise, and why the rate should fall
#
# A mini-batch gives the gradient plus noise. Take a thousand weights with L = ½·w² each, whose gradients come with
# random noise of size 1, and α constant. **Will the weights arrive at 0?**


# %%
def noisy(rate, steps=400):
    """The mean of w² over a thousand weights, after each step."""
    rng = np.random.default_rng(0)
    w, seen = np.full(1000, 5.0), []
    for t in range(steps):
        seen.append(np.mean(w**2))
        w = w - rate(t) * (w + rng.normal(size=1000))
    return seen


curves = {
    "α = 0.3": noisy(lambda t: 0.3),
    "α = 0.01": noisy(lambda t: 0.01),
    "from 0.3 to 0": noisy(lambda t: 0.3 * (1 + np.cos(np.pi * t / 400)) / 2),
}
for name, seen in curves.items():
    print(f"{name:14} mean of w² at the end: {np.mean(seen[-20:]):.4f}")
print(f"α/(2 - α) for α = 0.3: {0.3 / 1.7:.4f}")
assert np.isclose(np.mean(curves["α = 0.3"][-100:]), 0.3 / 1.7, rtol=0.05)
plots.plot_curves(curves, log=True, ylabel="mean of w²")

# %% [markdown]
# With a constant rate they never arrive. Each step shrinks w² by (1 - α)² and adds α² of noise, and the two balance at
# α/(2 - α). A small α has a low floor, and takes forever to get there. So begin with a large one and let it fall:
# that is what a *schedule* is for. (RMSProp in the valley, above, had no noise, but steps of constant length: the same
# disease, and the same cure.)
#
# ## Schedules
#
# A scheduler changes the optimizer's rate at each call of `scheduler.step()`. The common shapes:

# %%
schedules = {
    "step": lambda o: optim.lr_scheduler.StepLR(o, step_size=30, gamma=0.3),
    "cosine": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=100),
    "warm-up, then cosine": lambda o: optim.lr_scheduler.SequentialLR(
        o,
        [
            optim.lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=10),
            optim.lr_scheduler.CosineAnnealingLR(o, T_max=90),
        ],
        milestones=[10],
    ),
    "one cycle": lambda o: optim.lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=100, cycle_momentum=False),
}


def rates(schedule):
    optimizer = optim.SGD([nt.tensor(0.0, requires_grad=True)], lr=1.0)
    scheduler = schedule(optimizer)
    found = []
    for _ in range(100):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


plots.plot_curves({name: rates(schedule) for name, schedule in schedules.items()}, ylabel="learning rate")

# %% [markdown]
# Why a *warm-up*? At the very start the weights are random, the gradients large, and Adam's v̂ is an estimate from a
# handful of them. Long steps at that moment are steps in the dark.
#
# On the digits: batches of 16, gradient descent with momentum, a rate that is a bit too bold. Constant, and with a
# cosine that takes it to 0.

# %% tags=["rough"]
bold = sgd(0.2, momentum=0.9)
steps = 600
constant = losses_of(bold, steps, batch=16)
falling = losses_of(bold, steps, batch=16, schedule=lambda o: optim.lr_scheduler.CosineAnnealingLR(o, T_max=steps))


def smooth(losses, width=30):
    return np.convolve(losses, np.ones(width) / width, mode="valid")


curves = {"constant": smooth(constant), "cosine": smooth(falling)}
assert curves["cosine"][-1] < curves["constant"][-1]
plots.plot_curves(curves, log=True, ylabel="loss, mean of 30 batches")

# %% [markdown]
# ## The same network, four optimizers
#
# Batches of 32, 200 steps, each optimizer with four rates. **Which one will win? And which one forgives a wrong rate?**

# %% tags=["rough"]
contest = {
    "gradient descent": (sgd, (0.03, 0.1, 0.3, 1.0)),
    "momentum": (lambda lr: sgd(lr, momentum=0.9), (0.003, 0.01, 0.03, 0.1)),
    "RMSProp": (lambda lr: lambda w: optim.RMSprop(w, lr=lr), (0.0003, 0.001, 0.003, 0.01)),
    "Adam": (lambda lr: lambda w: optim.Adam(w, lr=lr), (0.001, 0.003, 0.01, 0.03)),
}
curves = {}
for name, (kind, rates_to_try) in contest.items():
    runs = [losses_of(kind(lr), 200, batch=32) for lr in rates_to_try]
    ends = [np.mean(losses[-30:]) for losses in runs]
    curves[name] = smooth(runs[int(np.argmin(ends))])
    tried = "   ".join(f"{lr:<6}: {end:.1f}" for lr, end in zip(rates_to_try, ends, strict=True))
    print(f"{name:17} loss at the end for α = {tried}")
plots.plot_curves(curves, log=True, ylabel="loss, mean of 30 batches", title="Each with its best rate")

# %% [markdown]
# Read each row before you look at the picture. From the worst rate of an optimizer to its best one the loss changes
# more than from one optimizer to the next, each with its best rate. That tells what to tune first: the learning rate,
# before the name of the optimizer.
#
# ## Exercises
#
# **Exercise 1.** The velocity.

# %%
print(exercises.get("momentum").statement)


# %%
def step(p, g, b, lr, mu):
    raise NotImplementedError  # your turn


print(exercises.check("momentum", step))

# %% [markdown]
# **Exercise 2.** Adam. Here is the version of the article, to see what the checker says about it. Yours goes below.


# %%
def as_the_article_has_it(p, g, m, v, t, lr, beta1, beta2, eps):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return p - lr * m / (np.sqrt(v) + eps), m, v


print(exercises.check("adam", as_the_article_has_it, hint=2))


# %%
def step(p, g, m, v, t, lr, beta1, beta2, eps):
    raise NotImplementedError  # your turn


print(exercises.check("adam", step))

# %% [markdown]
# **Exercise 3**, without a checker: find μ and α with which the valley of this notebook is crossed in the fewest steps.
# How close do you come to the rule that was used above?
