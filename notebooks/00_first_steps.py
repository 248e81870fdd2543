# %% [markdown]
# # First steps
# A tensor remembers how it was made; `backward()` walks back over that memory. Run the cells with jupytext, or the
# whole file with `python notebooks/00_first_steps.py`. The course (derivative of a scalar, chain rule, one neuron, … a
# small GPT) will stand beside this file.

# %%
import numpy as np

import nanonet as nt
from nanonet import data, nn
from nanonet.teach.steps import numbers, recorded_steps

# %% [markdown]
# ## One neuron, forward and backward
# ŷ = tanh(w·x + b), loss = (ŷ - 1)². Every line below is a computation that the engine made, with its numbers.

# %%
x = nt.tensor([1.0, 2.0])
w = nt.tensor([0.5, -0.25], requires_grad=True)
b = nt.tensor(0.1, requires_grad=True)

with recorded_steps() as steps:
    loss = (nt.tanh(nt.dot(w, x) + b) - 1.0) ** 2
    loss.backward()

for step in steps:
    shown = "  ".join(f"{name} = {numbers(value)}" for name, value in step.values)
    print(f"{step.phase:8} {step.op:10} {step.formula:42} {shown}")

# %% [markdown]
# ## Is that right?
# Nudge `b` by ±h and look how the loss changes: the central difference. `nt.gradcheck` does it for every element, with
# an error bar.

# %%
h = 1e-3


def loss_at(bias: float) -> float:
    return ((np.tanh(0.5 * 1.0 - 0.25 * 2.0 + bias) - 1.0) ** 2).item()


print("backward:  ", b.grad.item())
print("difference:", (loss_at(0.1 + h) - loss_at(0.1 - h)) / (2 * h))
report = nt.gradcheck(
    lambda w, b: (nt.tanh(nt.dot(w, np.array([1.0, 2.0])) + b) - 1.0) ** 2, [np.array([0.5, -0.25]), 0.1]
)
print(report)
assert report.verdict == "pass"

# %% [markdown]
# ## A network on real digits
# D2's 128-64-10 network. A few epochs are enough to see it learn.

# %%
digits = data.load("digits")
x_train, x_test, y_train, y_test = data.train_test_split(digits.x, digits.y, test_size=0.2, seed=0, stratify=digits.y)
nt.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
model.compile(optimizer="adam", loss="cross_entropy", metrics=("accuracy",))
model.fit(x_train, y_train, epochs=5, batch_size=32, seed=0)
accuracy = model.evaluate(x_test, y_test)["accuracy"]
print(f"{accuracy:.1%} of {len(y_test)} digits that it had not seen")
assert accuracy > 0.9
