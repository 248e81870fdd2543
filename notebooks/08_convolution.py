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
# # 8 · Convolution
#
# The network of notebook 5 saw a digit as a list of 64 numbers. Shuffle all pixels in the same way, and it learns just
# as well: it does not know which pixel lies beside which. A convolution knows. It is a layer like any other, a product
# with a matrix, but a matrix with very few free numbers in it, and with a backward pass that you can read off its
# picture.

# %%
import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import data, nn
from nanonet.teach import exercises, plots
from nanonet.teach.cards.jacobian import local_jacobian
from nanonet.teach.plots import style

# %% [markdown]
# ## A pattern that slides
#
# Take a short list of numbers, the *kernel* w, lay it on the signal x, multiply what lies on each other, add up, and
# move one place further:
#
# $$y_t = \sum_k x_{t+k}\,w_k$$
#
# **Compute the first three y on paper**, for x = (0, 0, 1, 1, 1, 0, 2, 0) and w = (-1, 0, 1). How long is y?


# %%
def convolve(x, w):
    y = np.zeros(len(x) - len(w) + 1)
    for t in range(len(y)):
        for k in range(len(w)):
            y[t] += x[t + k] * w[k]
    return y


x, w = np.array([0.0, 0, 1, 1, 1, 0, 2, 0]), np.array([-1.0, 0, 1])
print(convolve(x, w))

tx = nt.tensor(x[None, None], requires_grad=True)  # (samples, channels, length)
tw = nt.tensor(w[None, None], requires_grad=True)
assert np.array_equal(F.conv1d(tx, tw).numpy()[0, 0], convolve(x, w))

# %% [markdown]
# This kernel answers the question "does the signal rise here?": a positive number where it does, a negative one where
# it falls, 0 where it is flat. Another kernel asks another question. In a network the kernels are *learned*.
#
# (In mathematics a convolution turns the kernel round, and `np.convolve` does so. Networks do not, and call it a
# convolution all the same.)
#
# ## It is a matrix
#
# Every y is a weighted sum of the x, so there is a matrix C with y = C·x. **Draw it**: six rows, eight columns. Here it
# is, asked from the engine: the Jacobian ∂y/∂x of this step. The kernel is now (1, 2, 3), so that you can find it.

# %%
x, w = np.arange(1.0, 9.0), np.array([1.0, 2.0, 3.0])


def jacobian_of(f, wanted, *inputs):
    """The local Jacobian of f, which makes one step, with respect to one of its inputs."""
    step = nt.trace(f, *inputs).steps[0]
    return local_jacobian(step.op, step.call.arrays, step.call.attrs, wanted=wanted)


J = jacobian_of(F.conv1d, 0, x[None], w[None, None])
print(J.text)
assert (J.dense.size, np.count_nonzero(J.dense)) == (48, 18)

# %% [markdown]
# The same three numbers in each row, one place further to the right: a *Toeplitz* matrix. Two facts about convolutions
# are in this picture.
#
# - **Sparse**: a y sees three neighbours only. All other entries are 0, and stay 0.
# - **Shared**: 48 entries, 18 of them in use, and only three numbers to learn.
#
# And the way back? For y = C·x the gradient of x is Cᵀ·dy, as for every product (notebook 4). Read a *column* of the
# picture: x[2] is used by y[0], y[1] and y[2], with the weights 3, 2, 1. **So dx is a convolution as well, of what with
# what?**

# %%
dy = np.array([1.0, -2.0, 0.5, 0.0, 3.0, 1.0])
by_matrix = J.dense.T @ dy
padded = np.concatenate([[0, 0], dy, [0, 0]])
by_sliding = convolve(padded, w[::-1])

tx, tw = nt.tensor(x[None], requires_grad=True), nt.tensor(w[None, None], requires_grad=True)
F.conv1d(tx, tw).backward(dy[None])
print("Cᵀ·dy:            ", by_matrix)
print("w turned, over dy:", by_sliding)
assert np.allclose(by_matrix, by_sliding)
assert np.allclose(by_matrix, tx.grad.numpy()[0])

# %% [markdown]
# The kernel turned round, sliding over dy with zeros at both ends. So the *backward* of what networks call a
# convolution is what mathematicians call one.
#
# Now the kernel's own gradient. w[0] stands in each of the six rows. Notebook 2: every use adds a term.

# %%
print(jacobian_of(F.conv1d, 1, x[None], w[None, None]).text)

# %%
dw = np.array([dy @ x[k : k + 6] for k in range(3)])
assert np.allclose(dw, tw.grad.numpy()[0, 0])
assert np.allclose(dw, convolve(x, dy))
print("dw =", dw)

# %% [markdown]
# One term for each place at which the kernel was laid down: dy slides over x. Weight sharing costs nothing on the way
# back but a longer sum.
#
# ## Two dimensions
#
# An image, and a kernel of 3 × 3. Here are five digits of notebook 5 and what three hand-made kernels see in them.
# **Which one is which?** One answers to edges between left and right, one to edges between top and bottom, one blurs.

# %%
digits = data.load("digits")
images = digits.x.reshape(-1, 1, 8, 8)
kernels = np.array(
    [
        [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
        [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    ],
    np.float32,
)
kernels /= np.abs(kernels).sum(axis=(1, 2), keepdims=True)
seen = F.conv2d(nt.tensor(images[:5]), nt.tensor(kernels[:, None])).numpy()
print("images", images[:5].shape, "· kernels", kernels[:, None].shape, "->", seen.shape)
plots.plot_images(images[:5])

# %%


def draw_maps(maps, columns):
    picture = plots.plot_filters(maps, columns=columns)
    picture.axes[-1].set_title("y", loc="right")  # the scale of colours
    return picture


draw_maps(seen.transpose(1, 0, 2, 3).reshape(15, 6, 6), 5)

# %% [markdown]
# (Orange is positive, blue negative.) 8 × 8 became 6 × 6, since a kernel of 3 fits in six places. The matrix is now of
# size 36 × 64, and it is Toeplitz twice over: blocks that repeat, made of rows that shift.

# %%
image, kernel = images[:1].astype(np.float64), np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
J = jacobian_of(F.conv2d, 0, image, kernel)
print(J.structure.sentence)
print(f"{J.dense.size} entries, {np.count_nonzero(J.dense)} not 0, {np.unique(J.dense).size - 1} different ones")


def draw_matrix(matrix, title):
    picture = style.figure(7.0, 4.2)
    axes = picture.add_subplot()
    shown = axes.imshow(matrix, cmap=style.shades())
    style.colour_bar(picture, shown, axes, "entry")
    axes.set(xlabel="entry of x", ylabel="entry of y", title=title)
    return picture


draw_matrix(J.dense, "A convolution of an 8 × 8 image with 3 × 3 numbers, as a matrix")

# %% [markdown]
# A full layer from 64 to 36 would have all of these entries free.
#
# ## One sliding pattern does not mind where
#
# Move the digit one pixel to the right. **What happens to y?**

# %%
one = np.zeros((1, 1, 10, 10))
one[0, 0, 1:9, 1:9] = images[3, 0]
moved = np.roll(one, 1, axis=3)
y, y_moved = (F.conv2d(nt.tensor(a), nt.tensor(kernel)).numpy() for a in (one, moved))
assert np.allclose(y_moved[..., 1:], y[..., :-1])
print("y has moved one pixel, and is otherwise the same")

# %% [markdown]
# That is the reason for the shape of the matrix. What was learned at one place is known at every place.
#
# ## Padding and stride
#
# Two knobs. *Padding* p puts zeros around the image, so that the kernel may look over the edge. *Stride* s moves it s
# places at a time. **How large is y, for n pixels and a kernel of k?**

# %%
for k, p, s in ((3, 0, 1), (3, 1, 1), (5, 2, 1), (3, 1, 2), (2, 0, 2)):
    y = F.conv2d(nt.tensor(image), nt.tensor(np.ones((1, 1, k, k))), stride=s, padding=p)
    formula = (8 + 2 * p - k) // s + 1
    print(f"kernel {k}, padding {p}, stride {s}:  8 -> {y.shape[-1]}   ⌊(8 + 2·{p} - {k}) / {s}⌋ + 1 = {formula}")
    assert y.shape[-1] == formula

# %% [markdown]
# In one dimension, with both. Find the padding (the first row is cut) and the stride (two places per row):

# %%
print(jacobian_of(lambda x, w: F.conv1d(x, w, stride=2, padding=1), 0, x[None], w[None, None]).text)

# %% [markdown]
# Columns tell what an x is worth. x[0] is in one window only. How often is each pixel of an image used? Let the kernel
# be all ones and dy, too: then dx *counts* the windows.

# %%
ones = nt.tensor(np.ones((1, 1, 3, 3)))
for padding, stride in ((0, 1), (1, 1), (1, 2)):
    t = nt.tensor(np.zeros((1, 1, 6, 6)), requires_grad=True)
    nt.sum(F.conv2d(t, ones, stride=stride, padding=padding)).backward()
    print(f"padding {padding}, stride {stride}")
    print(t.grad.numpy()[0, 0].astype(int))

# %% [markdown]
# Without padding a corner is seen once, and a pixel in the middle nine times. Padding helps the border. With a stride
# of 2 and a kernel of 3, neighbours are used unequally, in a checkerboard. Networks that *draw* images, which go this
# way backwards, are known for the same pattern in their pictures.
#
# ## Max pooling is a switch
#
# After a convolution one often keeps only the largest of each 2 × 2 block: *is the pattern somewhere here?* It has no
# weights. **And its gradient?** If the largest entry of a block rises a little, y rises as much. If another one does,
# nothing happens.

# %%
x = np.array([[[1.0, 5, 2, 0], [3, 4, 8, 1], [0, 2, 6, 6], [7, 1, 3, 5]]])
tx = nt.tensor(x, requires_grad=True)
y = F.max_pool2d(tx, 2)
y.backward(np.array([[[10.0, 20], [30, 40]]]))
for name, array in (("x", x), ("y", y.numpy()), ("dx", tx.grad.numpy())):
    print(name, array[0].astype(int), sep="\n")

# %% [markdown]
# Each dy is handed to the one who won, whole; the others get nothing. In the lower right block two are equal. Either
# may have it; nanonet, like others, gives it to the first. Its Jacobian is a selection:

# %%
J = jacobian_of(lambda x: F.max_pool2d(x, 2), 0, x)
print(J.structure.name, "-", J.structure.meaning)
print(J.dense.astype(int))

# %% [markdown]
# One 1 in each row: that says which x the y has been taken from. (Average pooling has four entries of 1/4 in each row:
# it hands a quarter of dy to each.)
#
# ## As one product
#
# How does one compute it fast? Cut out all windows, and lay each in a row. Then the sliding is one product of matrices,
# for all windows and all kernels at once:

# %%
batch, filters = images[:5, 0].astype(np.float64), kernels.astype(np.float64)
windows = np.lib.stride_tricks.sliding_window_view(batch, (3, 3), axis=(1, 2))
rows = windows.reshape(5 * 6 * 6, 9)
product = (rows @ filters.reshape(3, 9).T).reshape(5, 6, 6, 3).transpose(0, 3, 1, 2)
theirs = F.conv2d(nt.tensor(batch[:, None]), nt.tensor(filters[:, None])).numpy()
assert np.allclose(product, theirs)
print("windows", rows.shape, "· kernels", filters.reshape(3, 9).T.shape, "->", product.shape)

# %% [markdown]
# ## A small network that sees
#
# Two convolutions, each with a ReLU and a pooling, then one full layer. Beside it the full network of notebook 5, which
# has about as many weights. **Which parts of the convolutional network hold most of its weights?**

# %%
x_train, x_test, y_train, y_test = data.train_test_split(images, digits.y, test_size=0.2, seed=0, stratify=digits.y)


def convolutional():
    nt.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 2 * 2, 10),
    )


def full():
    nt.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 25), nn.ReLU(), nn.Linear(25, 10))


print(convolutional().summary((32, 1, 8, 8)))
print("weights of the full network:", sum(p.size for p in full().parameters()))

# %% tags=["rough"]
moved_test = np.roll(x_test, 1, axis=3)  # one pixel to the right; the last column comes in at the left
moved_test[..., 0] = 0


def share_right(model, x):
    return np.mean(model.predict(x).argmax(axis=1) == y_test)


models, curves = {"convolutional": convolutional(), "full": full()}, {}
for name, model in models.items():
    model.compile(optimizer="adam", loss="cross_entropy", lr=0.01)
    options = {"epochs": 5, "batch_size": 16, "verbose": 0, "seed": 0}
    history = model.fit(x_train, y_train, validation_data=(x_test, y_test), **options)
    curves[name] = history["val_loss"]
    here, moved = share_right(model, x_test), share_right(model, moved_test)
    print(f"{name:14} unseen digits {here:.1%}, the same moved by one pixel {moved:.1%}")

model = models["convolutional"]
assert share_right(model, x_test) > 0.93
assert share_right(model, moved_test) > share_right(models["full"], moved_test)
plots.plot_curves(curves, log=True, xlabel="epoch", ylabel="loss of unseen digits")

# %% [markdown]
# Digits that all lie in the middle of their image do not need much sliding, and both networks read them. Moved by one
# pixel, which *no* network has practised, the convolutional one does better. But it is far from perfect. **Why, if
# convolutions do not mind where?** Its last layer is a full one, and does mind. (And pooling lets a pattern move within
# its block only.)
#
# ## What has it learned to see?
#
# The eight kernels of the first layer:

# %%
plots.plot_filters(model[0], columns=8, title="The kernels of the first layer")

# %% [markdown]
# Compare them with the three that were made by hand above. Some are edges in one direction or another. Nobody told the
# network about edges; they are useful, and gradients found them. This is what each of them makes of three digits, after
# the ReLU:

# %%
with nt.no_grad():
    maps = model[1](model[0](nt.tensor(x_test[:3]))).numpy()
plots.plot_images(x_test[:3])

# %%
draw_maps(maps.reshape(24, 8, 8), 8)

# %% [markdown]
# One row for each digit, one column for each kernel: a *feature map*. The second layer looks at these maps, and asks
# for patterns of patterns.
#
# ## Exercises
#
# **Exercise 1.** The sliding, backwards. A wrong attempt first: it forgets something that the columns of the matrix
# above show.


# %%
def forgetful(dy, x, w):
    K, places = len(w), len(dy)
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for t in range(places):
        dx[t : t + K] = dy[t] * w
        dw += dy[t] * x[t : t + K]
    return dx, dw


print(exercises.check("convolution-1d", forgetful, hint=3))


# %%
def backward(dy, x, w):
    raise NotImplementedError  # your turn


print(exercises.check("convolution-1d", backward))

# %% [markdown]
# **Exercise 2.** The switch.

# %%
print(exercises.get("max-pool-2d").statement)


# %%
def backward(dy, x):
    raise NotImplementedError  # your turn


print(exercises.check("max-pool-2d", backward))

# %% [markdown]
# **Exercise 3.** Two dimensions and a bias.

# %%
print(exercises.get("convolution-2d").statement)


# %%
def backward(dy, x, w, b):
    raise NotImplementedError  # your turn


print(exercises.check("convolution-2d", backward))
