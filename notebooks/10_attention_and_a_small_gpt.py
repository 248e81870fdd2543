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
# # 10 · Attention, and a small GPT
#
# A recurrent network (notebook 9) squeezes everything it has read into one state. Attention does not squeeze: every
# place in a text may look at every other place, and decides by itself where to look. You build that look-up by hand,
# find a mistake in a printed formula, forbid the future, and then write a small GPT that learns a rhyme.

# %%
import numpy as np

import nanonet as nt
import nanonet.functional as F
from nanonet import nn, optim
from nanonet.teach import documents, exercises, plots
from nanonet.teach.plots import style

# %% [markdown]
# ## A soft look-up
#
# A dictionary finds the one key that is equal to the query, and returns its value. That has no useful slope: move the
# query a little, and nothing changes, or everything. So let *all* keys answer, each as loudly as it fits:
#
# - a **score** for each key: how well does it fit? The product q·k, divided by √d;
# - a **weight** for each key: the softmax of the scores, positive, with the sum 1;
# - the **answer**: the average of the values with these weights.
#
# Three keys, with one value each. **Which value will the query (0, 4) bring back, nearly?**

# %%
K = np.array([[2.0, 0.0], [0.0, 2.0], [-2.0, -2.0]])
V = np.array([[10.0], [20.0], [30.0]])


def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


for q in ([0.0, 4.0], [2.0, 2.0], [0.0, 0.0]):
    P = softmax(np.array(q) @ K.T / np.sqrt(2))
    print("query", q, " weights", P.round(3), " answer", (P @ V).round(2))

# %% [markdown]
# Nearly 20: the second key fits. A query between two keys gets an average of both, and a query that says nothing gets
# the average of all. Everything here has a slope, so *what to look for* can be learned.
#
# With T queries at once it is two products of matrices with a softmax between them. Row i of the weights belongs to
# query i:
#
# $$S = QK^{\mathsf T}/\sqrt{d} \qquad P = \mathrm{softmax}(S)\ \text{row by row} \qquad Y = PV$$
#
# ## A formula that somebody has printed
#
# One of the articles that this project started from writes attention like this, with exponentials entry by entry:
#
# $$\frac{e^{QK^{\mathsf T}/\sqrt d}}{e^{QK^{\mathsf T}/\sqrt d}}\; V$$
#
# It looks like a softmax. **What does it compute?** And what is its gradient with respect to Q?

# %%
rng = np.random.default_rng(0)
T, d = 4, 3
Q, K, V = rng.normal(size=(T, d)), rng.normal(size=(T, d)), rng.normal(size=(T, 2))


def as_printed(Q, K, V):
    E = nt.exp(Q @ K.T / np.sqrt(d))
    return E / E @ V


q, k, v = (nt.tensor(a, requires_grad=True) for a in (Q, K, V))
Y = as_printed(q, k, v)
nt.sum(Y * rng.normal(size=Y.shape)).backward()
print("every row of the answer:", Y.numpy()[0].round(4), " the sum of all values:", V.sum(axis=0).round(4))
print("largest slope with respect to Q:", np.abs(q.grad.numpy()).max().round(12))
assert np.allclose(Y.numpy(), V.sum(axis=0))

# %% [markdown]
# A number divided by itself is 1. All weights are 1, every query gets the plain sum of all values, and nothing flows
# back to Q and K: this network could never learn where to look. And it would *run*: no shape is wrong, and the loss
# still falls a little, through V. The divisor must be the *sum along the row*. Our list of such places has it, run as
# printed and corrected:

# %%
print(documents.errata("D4")[0].text())

# %% [markdown]
# ## By hand, and the engine's own
#
# With the sum in the right place:


# %%
def attention(Q, K, V):
    S = Q @ K.T / np.sqrt(Q.shape[-1])
    E = nt.exp(S - nt.max(S, axis=-1, keepdims=True))
    P = E / nt.sum(E, axis=-1, keepdims=True)  # each row over the sum of its row
    return P @ V


mine, theirs = attention(q, k, v), F.scaled_dot_product_attention(q, k, v)
dy = nt.tensor(rng.normal(size=mine.shape))
slopes = [nt.vjp_of(Y, [q, k, v], dy) for Y in (mine, theirs)]
assert np.allclose(mine.numpy(), theirs.numpy(), rtol=1e-12)
assert all(np.allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14) for a, b in zip(*slopes, strict=True))
for name, f in (("by hand", attention), ("F.scaled_dot_product_attention", F.scaled_dot_product_attention)):
    print(f"{nt.gradcheck(f, [Q, K, V]).verdict}: {name}")

# %% [markdown]
# One goes back over every small step; the other is one operation with a backward of its own, and keeps only P. They
# agree, and both agree with differences.
#
# A question about that backward. **Add 5 to all scores of one row. What happens to its weights?** Nothing: the factor
# e⁵ cancels. So moving a whole row of scores has no effect, and the slopes in a row must add up to 0:

# %%
S = nt.tensor(Q @ K.T / np.sqrt(d), requires_grad=True)
(F.softmax(S, -1) @ V).backward(dy)
print("slopes at the scores:")
print(S.grad.numpy().round(3))
assert np.allclose(S.grad.numpy().sum(axis=1), 0, atol=1e-12)
assert not np.allclose(S.grad.numpy().sum(axis=0), 0, atol=1e-3)

# %% [markdown]
# Every row adds up to 0, the columns do not. If you ever write this backward by hand (exercise 1), that is a quick
# check: a softmax over the wrong axis does not pass it.
#
# ## Why the √d?
#
# q·k is a sum of d products. If the entries are like random numbers of size 1, the sum has the size √d: **longer
# vectors give larger scores.** What does a softmax do with large scores?

# %%
sizes = 2 ** np.arange(1, 11)
largest = {"divided by √d": [], "not divided": []}
slope = {"divided by √d": [], "not divided": []}
for size in sizes:
    queries, keys = rng.normal(size=(400, 1, size)), rng.normal(size=(400, 8, size))
    scores = np.sum(queries * keys, axis=-1)
    for name, s in (("divided by √d", scores / np.sqrt(size)), ("not divided", scores)):
        p = softmax(s)
        largest[name].append(p.max(axis=1).mean())
        slope[name].append((p * (1 - p)).mean())
for name, values in largest.items():
    print(f"largest of 8 weights, {name}: {values[0]:.2f} for d = 2, {values[-1]:.2f} for d = 1024")
plots.plot_curves(slope, sizes, "d", "mean slope p (1 - p) of a weight", log=True, log_x=True)

# %% [markdown]
# Without the root one weight becomes nearly 1 before anything is learned, the others nearly 0, and the slope p(1 - p)
# goes away with them: the vanishing gradient once more, this time in a softmax.
#
# ## The future is not to be seen
#
# A GPT learns to say what comes next. While it learns, the whole text lies in front of it, so it could just *look*.
# Therefore query i may only see the keys 0 … i: this is the **causal mask**. It is put on the *scores*, as -∞, before
# the softmax. **Why not set the weights to 0 after the softmax?**

# %%
seen = np.tri(T, dtype=bool)
S = Q @ K.T / np.sqrt(d)
before, after = softmax(np.where(seen, S, -np.inf)), softmax(S) * seen
print("sums of the rows, masked before the softmax:", before.sum(axis=1).round(3))
print("sums of the rows, masked after it:           ", after.sum(axis=1).round(3))
assert np.allclose(before @ V, F.scaled_dot_product_attention(q, k, v, is_causal=True).numpy())

# %% [markdown]
# After it, the weights do not add up to 1 any more, and worse: every weight still has the future in its denominator. A
# leak. How would you *find* a leak in somebody's network? Ask for the slope of each answer with respect to each input.
# Above the diagonal it must be 0:


# %%
def leaking(x):
    p = F.softmax(x @ x.T / np.sqrt(d), -1) * seen
    return p @ x


def tight(x):
    return F.scaled_dot_product_attention(x, x, x, is_causal=True)


def draw(maps, rows, columns, xlabel, ylabel, size=3.0):
    """Square maps side by side, on one scale: pale is 0."""
    picture = style.figure(size * len(maps), size + 0.5)
    for axes, (name, values) in zip(picture.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
        axes.imshow(values, cmap=style.shades(), vmin=0, vmax=max(np.max(v) for v in maps.values()))
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.set(title=name, xlabel=xlabel, ylabel=ylabel)
    return picture


x = rng.normal(size=(T, d))
influence = {}
for name, f in (("masked after", leaking), ("masked before", tight)):
    jacobian = nt.jacobian(f)(nt.tensor(x)).numpy()  # (T, d, T, d)
    influence[name] = np.sqrt(np.sum(jacobian**2, axis=(1, 3)))
    print(f"{name}: the future's part is {np.abs(influence[name][~seen]).sum():.3f}")
assert np.all(influence["masked before"][~seen] == 0)
draw(influence, range(T), range(T), "input at place", "answer at place")

# %% [markdown]
# On the left the upper triangle is pale, but not empty. Such a network gets a wonderful loss in training, and writes
# nonsense afterwards, when there is no future to look at.
#
# ## No order, and several heads
#
# One more thing about attention. **Shuffle the inputs. What happens to the answers?** (No mask now.)

# %%
shuffled = rng.permutation(T)
y, y_shuffled = (F.scaled_dot_product_attention(a, a, a).numpy() for a in map(nt.tensor, (x, x[shuffled])))
assert np.allclose(y[shuffled], y_shuffled)
print("the same answers, in the order", shuffled)

# %% [markdown]
# A score depends on *what* is there, and not on *where*. "Dog bites man" and "man bites dog" are the same to it. So the
# place must be put into the input: we add a learned vector for each place to the vector of the letter.
#
# And one average is one question. A letter may need to ask several at once: which word am I in, what came after this
# word the last time? So the width is split among several **heads**, each with queries, keys and values of its own;
# their answers stand side by side and go through one more matrix. `nn.MultiheadAttention` is that, and it returns the
# weights, to be looked at.
#
# ## A GPT in forty lines
#
# A **block** is: look around (attention), then think about it (a small network, at each place by itself). Both are
# *added* to what is there, so that the gradient has a straight way down through all blocks. A GPT is: letters and
# places to vectors, some blocks, vectors to scores for the next letter.


# %%
class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look = nn.MultiheadAttention(width, heads, batch_first=True)
        self.think = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        T = x.shape[1]
        future = nt.tensor(np.triu(np.ones((T, T), bool), k=1))  # True: not to be seen
        a = self.norm1(x)
        answer, self.weights = self.look(a, a, a, attn_mask=future, average_attn_weights=False)
        x = x + answer
        return x + self.think(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, letters, width=32, heads=2, blocks=2, window=32):
        super().__init__()
        self.window = window
        self.letter, self.place = nn.Embedding(letters, width), nn.Embedding(window, width)
        for table in (self.letter, self.place):
            nn.init.normal_(table.weight, std=0.1)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, letters)

    def forward(self, ids):  # (N, T) integers -> (N, T, letters) scores
        x = self.letter(ids) + self.place(nt.arange(ids.shape[1]))
        return self.scores(self.norm(self.blocks(x)))

    def write(self, ids, count, pick):
        """`count` more letters, one at a time: what `pick` picks from the scores becomes part of the input."""
        ids = list(ids)
        for _ in range(count):
            with nt.no_grad():
                scores = self(nt.tensor([ids[-self.window :]]))
            ids.append(int(pick(scores.numpy()[0, -1])))
        return ids


# %% [markdown]
# ## Is it right?
#
# Three questions, before any training. Are its gradients right, all the way through? Does the future leak? Does it
# start with the loss of somebody who knows nothing (notebook 6)?

# %%
nt.manual_seed(0)
tiny = GPT(letters=5, width=4, blocks=1, window=4).double()
ids = np.array([[0, 3, 1, 4]])


def loss_of(vectors):
    """Embeddings take integers, which have no slope; so the check starts from the vectors."""
    return F.cross_entropy(tiny.scores(tiny.norm(tiny.blocks(vectors)))[0], nt.tensor([3, 1, 4, 2]))


print("gradients:", nt.gradcheck(loss_of, [rng.normal(size=(1, 4, 4))]).verdict)

changed = ids.copy()
changed[0, 3] = 2  # another last letter
same = np.isclose(tiny(nt.tensor(ids)).numpy(), tiny(nt.tensor(changed)).numpy(), rtol=1e-12).all(axis=(0, 2))
print("scores unchanged at the places:", np.flatnonzero(same))
assert same.tolist() == [True, True, True, False]

# %% [markdown]
# ## Something to learn
#
# A text of our own, after an old nursery rhyme. Every line repeats the one before it, so a reader who *looks back*
# nearly always knows what comes next.

# %%
things = [
    "the loss that nobody likes.",
    "the score that raises ",
    "the weight that moves ",
    "the layer that holds ",
    "the slope that corrects ",
]
text = "".join("This is " + "".join(things[i::-1]) + "\n" for i in range(len(things)))
letters = sorted(set(text))
ids = np.array([letters.index(c) for c in text])
print(text)
print(len(text), "letters,", len(letters), "different ones")

# %% [markdown]
# The task at every place of a piece of 32 letters: say the next one. So a piece gives 32 samples at once, and thanks to
# the mask none of them sees its answer.

# %% tags=["rough"]
nt.manual_seed(0)
model = GPT(len(letters)).double()  # in float64: the same on every machine
steps, batch, window = 700, 2, model.window
optimizer = optim.Adam(model.parameters(), lr=0.004, betas=(0.9, 0.99))
schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 20, 2 * (1 - step / steps)))
draws = np.random.default_rng(0)
losses = []
for _ in range(steps):
    starts = draws.integers(0, len(ids) - window, size=batch)
    pieces = np.stack([ids[s : s + window + 1] for s in starts])
    optimizer.zero_grad()
    scores = model(nt.tensor(pieces[:, :-1]))
    loss = F.cross_entropy(scores.reshape(-1, len(letters)), nt.tensor(pieces[:, 1:].ravel()))
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.append(loss.item())

print(f"{sum(p.size for p in model.parameters())} numbers to learn")
print(f"loss {losses[0]:.2f} at the start, and log {len(letters)} = {np.log(len(letters)):.2f}")
print(f"loss {np.mean(losses[-50:]):.2f} at the end")
assert np.mean(losses[-50:]) < 0.3
plots.plot_curves({"mean of ten steps": np.reshape(losses, (-1, 10)).mean(axis=1)}, range(5, steps, 10))

# %% [markdown]
# The loss cannot reach 0: a piece begins anywhere, and after a lone "t" nobody knows what comes next. Now let it write.
# It gets a beginning, and always takes the likeliest letter:


# %%
def written(start, count, pick):
    return "".join(letters[i] for i in model.write([letters.index(c) for c in start], count, pick))


line = written("This is the slope", 107, np.argmax)
print(line)
assert line in text

# %% [markdown]
# It has learned that line by heart, and finds its way through five "the" and five "that" by looking back at what stands
# before them. Taking the likeliest letter always gives the same. For something new, *draw* the letter, with the
# probabilities that the network gives. A temperature below 1 makes it careful, above 1 it makes it reckless:


# %%
def drawn(temperature, seed):
    dice = np.random.default_rng(seed)
    return lambda scores: dice.choice(len(scores), p=softmax(scores / temperature))


for temperature in (0.5, 1.4, 2.0):
    print(f"temperature {temperature}:", written("This is ", 120, drawn(temperature, seed=1)), end="\n\n")

# %% [markdown]
# ## Where does it look?
#
# The weights of the last piece it has read, for both heads of both blocks. Row: the letter that asks. Column: the
# letter that is looked at. **Find the vertical stripes.** What do they have in common?

# %% tags=["rough"]
piece = "the weight that moves the score "
model(nt.tensor([[letters.index(c) for c in piece]]))
shown = [c if c != " " else "·" for c in piece]
maps = {}
for number, block in enumerate(model.blocks, 1):
    for head, weights in enumerate(block.weights.numpy()[0], 1):
        assert np.allclose(weights.sum(axis=1), 1)
        assert np.all(weights[~np.tri(window, dtype=bool)] == 0)
        maps[f"block {number}, head {head}"] = weights
draw(dict(list(maps.items())[:2]), shown, shown, "looked at", "asks", size=5.2)


# %%
def word_around(piece, i):
    return piece[piece.rfind(" ", 0, i + 1) + 1 : piece.find(" ", i)]


draw(dict(list(maps.items())[2:]), shown, shown, "looked at", "asks", size=5.2)

# %% [markdown]
# The upper triangle is empty: the mask. Near the diagonal a letter looks at its own word. And the stripes? These are
# the letters that most of the weight goes to, from all that come after them:

# %%
unique = 0
for name, weights in maps.items():
    received = np.array([weights[i + 1 :, i].sum() for i in range(window)])
    at = received[4:].argsort()[::-1][:2] + 4  # the first places have little choice
    print(name, "looks at", " and ".join(f"the {piece[i]} of {word_around(piece, i)}" for i in at))
    unique += sum(piece.count(piece[i]) == 1 for i in at)
print(unique, "of these", 2 * len(maps), "letters occur only once in this piece")

# %% [markdown]
# Mostly letters that occur once, and so tell which word it is. Nobody told the network to look there: it is what the
# gradient found. (Be careful with such pictures: they show where it looks, and not what it makes of it.)
#
# One thing to remember for notebook 12: there is a weight for each *pair* of places. A text twice as long costs four
# times as much, in time and in memory:

# %%
for T in (32, 1024, 32_768):
    print(f"{T:6} letters: {T * T:13,} weights for each head, {T * T * 4 / 2**20:8.3f} MiB in float32")

# %% [markdown]
# ## Exercises
#
# **Exercise 1.** The backward of attention, with a mask. You know the parts: two products and a softmax.

# %%
exercises.get("attention")


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


exercises.check("attention", backward)

# %% [markdown]
# **Exercise 2.** The layer norm that stands before both parts of a block.

# %%
exercises.get("layer-norm")


# %%
def backward(dy, cache):
    raise NotImplementedError  # your turn


exercises.check("layer-norm", backward)

# %% [markdown]
# **Exercise 3.** The table of the letters. A letter that occurs several times gets several gradients.

# %%
exercises.get("embedding")


# %%
def backward(dy, w, idx):
    raise NotImplementedError  # your turn


exercises.check("embedding", backward)

# %% [markdown]
# **Exercise 4**, without a checker: give the GPT one block instead of two, then no place vectors, then one head. Which
# of them does the rhyme need most? Then write a text of your own.
