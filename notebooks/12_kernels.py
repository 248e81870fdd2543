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
# # 12 · Kernels: from three loops to the GPU
#
# All the mathematics is done. What is left is the question why the same sum takes a second in one program and a
# millisecond in another. The answer is seldom the number of multiplications. It is nearly always the *way of the data*:
# how often each number is fetched, and from how far away. You count that here, on the processor and then on a graphics
# card that is emulated.
#
# Counts are exact, and the same everywhere. Times are not: where a cell shows one, see what your machine says.

# %%
import os
import subprocess
import sys
from itertools import product
from timeit import repeat

import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

import nanonet as nt
import nanonet.functional as F
from nanonet.teach import exercises, plots
from nanonet.teach.plots import style
from nanonet_kernels.cpu import activation

# %% [markdown]
# ## Three loops
#
# C[i, j] = Σ_k A[i, k]·B[k, j]. **How many multiplications and additions is that for n × n matrices?**


# %%
def three_loops(A, B):
    C, operations = np.zeros((len(A), B.shape[1])), 0
    for i in range(len(A)):
        for j in range(B.shape[1]):
            for k in range(len(B)):
                C[i, j] += A[i, k] * B[k, j]
                operations += 2
    return C, operations


rng = np.random.default_rng(0)
n = 24
A, B = rng.normal(size=(n, n)), rng.normal(size=(n, n))
C, operations = three_loops(A, B)
assert np.allclose(C, A @ B)
assert operations == 2 * n**3
print(f"n = {n}: {operations:,} operations on {3 * n * n:,} numbers")

# %% [markdown]
# 2n³ operations, and only 3n² numbers. So every number is used again and again, n times. Remember that: it is what
# makes a matrix product fast, *if* a number is still at hand when it is needed again.
#
# ## The order of the loops
#
# The three loops may stand in any order: i-j-k, i-k-j, j-k-i, … The sum is the same. **Is the work the same?**
#
# A processor does not fetch single numbers from memory. It fetches *lines* of 64 bytes, eight float64 that lie side by
# side, and keeps them in a small fast memory, the cache. When the cache is full, the line that was not used for the
# longest time has to go. That is simple enough to be written down, so let us count how often a line is not there:


# %%
class Cache:
    def __init__(self, lines):
        self.lines, self.held, self.misses = lines, {}, 0

    def touch(self, address):
        line = address // 64
        if self.held.pop(line, None) is None:
            self.misses += 1
            if len(self.held) == self.lines:
                del self.held[next(iter(self.held))]  # the one not used for the longest time
        self.held[line] = True  # the newest


def misses(n, visits, lines=32):
    """How often a line is fetched when C[i, j] += A[i, k]·B[k, j] visits (i, j, k) in this order; stored row by row."""
    cache = Cache(lines)
    for i, j, k in visits:
        cache.touch(8 * (i * n + k))  # A
        cache.touch(8 * (n * n + k * n + j))  # B
        cache.touch(8 * (2 * n * n + i * n + j))  # C
    return cache.misses


def in_order(n, order):
    places = [order.index(letter) for letter in "ijk"]
    return ((turn[places[0]], turn[places[1]], turn[places[2]]) for turn in product(range(n), repeat=3))


n = 40
fetched = {order: misses(n, in_order(n, order)) for order in ("ijk", "jik", "ikj", "kij", "jki", "kji")}
for order, count in fetched.items():
    print(f"{' '.join(order)}: {count:8,} lines fetched, {3 * n**3 / count:5.1f} accesses for each")
assert min(fetched, key=fetched.get) in ("ikj", "kij")
print(f"worst to best: {max(fetched.values()) / min(fetched.values()):.1f} to 1")

# %% [markdown]
# Look at the innermost loop. With j there, B and C are read along their rows: one line serves eight turns. With k, B is
# read down a column, and each turn needs another line. With i, A *and* C are read down their columns: two lines in
# every turn. Same mathematics, same number of operations, and so much more traffic.
#
# ## Tiles
#
# Can one do better than the best order? B is still fetched n times as a whole. **What if we finish a small square
# before we go on?** Cut all matrices into tiles of t × t, and multiply tile by tile. What is in use must fit into the
# cache.


# %%
def in_tiles(n, t):
    for i0, k0, j0 in product(range(0, n, t), repeat=3):
        for i, k, j in product(range(t), repeat=3):
            yield i0 + i, j0 + j, k0 + k


tiles = [1, 2, 4, 8, 10, 20, 40]
traffic = {
    "32 lines": [misses(n, in_tiles(n, t), 32) for t in tiles],
    "128 lines": [misses(n, in_tiles(n, t), 128) for t in tiles],
}
best = {name: tiles[int(np.argmin(counts))] for name, counts in traffic.items()}
print("the best tile:", best, "  lines fetched:", {name: min(counts) for name, counts in traffic.items()})
print("the best order of plain loops:", min(fetched.values()))
plots.plot_curves(traffic, tiles, "size of a tile", "lines fetched")

# %% [markdown]
# A tile that is too small uses each line too little, one that is too large does not fit, and the best size depends on
# the cache. Real processors have three caches, one behind the other, and a few registers before them; a good BLAS (the
# library that NumPy calls for `A @ B`) tiles for all of them, and uses instructions that multiply several numbers at
# once. That is why you do not write your own matrix product.
#
# But look what your own machine says. Numba compiles the loops, so that Python itself costs nothing:


# %%
@njit
def ijk(A, B, C):
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            for k in range(A.shape[1]):
                C[i, j] += A[i, k] * B[k, j]


@njit
def ikj(A, B, C):
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]


@njit
def jki(A, B, C):
    for j in range(B.shape[1]):
        for k in range(A.shape[1]):
            for i in range(A.shape[0]):
                C[i, j] += A[i, k] * B[k, j]


for kernel in (ijk, ikj, jki):  # first is it right, then is it fast
    a, b, C = rng.normal(size=(7, 5)), rng.normal(size=(5, 3)), np.zeros((7, 3))
    kernel(a, b, C)
    assert np.allclose(C, a @ b)
print("three kernels, all right")


# %% tags=["timing"]
def seconds(f):
    """The best of fifteen."""
    return min(repeat(f, number=1, repeat=15))


A, B, C = rng.normal(size=(300, 300)), rng.normal(size=(300, 300)), np.zeros((300, 300))
for name, f in {
    "i j k": lambda: ijk(A, B, C),
    "i k j": lambda: ikj(A, B, C),
    "j k i": lambda: jki(A, B, C),
    "BLAS": lambda: A @ B,
}.items():
    with threadpool_limits(1):  # one thread for each, to be fair
        rate = 2 * 300**3 / seconds(f) / 1e9
    print(f"{name}: {rate:.1f} thousand million operations in a second")

# %% [markdown]
# ## A kernel is a claim
#
# A *kernel* is a function that does one piece of work on arrays that it is given, as fast as it can. It says nothing
# new: what it computes is written down elsewhere, as a rule in two lines that everybody can read. The kernel *claims*
# to compute the same. And a claim is tested, before anybody looks at the time.
#
# The rule: y = tanh(x + b), row by row. The kernel takes four columns at a time, which processors like. **Is it
# right?**


# %%
def rule(x, b):
    return np.tanh(x + b)


@njit
def fours(x, b, y):
    for i in range(x.shape[0]):
        for j in range(0, x.shape[1] - 3, 4):
            y[i, j] = np.tanh(x[i, j] + b[j])
            y[i, j + 1] = np.tanh(x[i, j + 1] + b[j + 1])
            y[i, j + 2] = np.tanh(x[i, j + 2] + b[j + 2])
            y[i, j + 3] = np.tanh(x[i, j + 3] + b[j + 3])


def claim_holds(kernel, rows, columns):
    x, b = rng.normal(size=(rows, columns)), rng.normal(size=columns)
    x[:1, :1] = np.inf  # and a value that is not like the others
    y = np.full_like(x, np.nan)  # what the kernel forgets stays "not a number"
    kernel(x, b, y)
    return np.allclose(y, rule(x, b), rtol=1e-12)


shapes = [(8, 16), (3, 64), (5, 7), (2, 1), (0, 4)]
print("fours:", {shape: claim_holds(fours, *shape) for shape in shapes})

# %% [markdown]
# With 16 and 64 columns all is well, and these are the sizes one tries first. With 7 the last three columns are never
# written. The most common mistake in all kernels: *the rest that does not fill a whole step*. So test odd sizes, one,
# and none.


# %%
@njit
def bias_tanh(x, b, y):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            y[i, j] = np.tanh(x[i, j] + b[j])


@njit
def bias_tanh_backward(y, dy, dx, db):
    """dx = dy ⊙ (1 - y²) and db = Σ dx over the rows, in one pass."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            dx[i, j] = dy[i, j] * (1 - y[i, j] * y[i, j])
            db[j] += dx[i, j]


assert all(claim_holds(bias_tanh, *shape) for shape in shapes)


def forward(x, b):
    y = np.empty_like(x)
    bias_tanh(x, b, y)
    return y, y


def backward(dy, y):
    dx, db = np.empty_like(y), np.zeros(y.shape[1])
    bias_tanh_backward(y, dy, dx, db)
    return dx, db


report = nt.check_backward(forward, backward, [rng.normal(size=(5, 7)), rng.normal(size=7)], cache=True)
print("bias_tanh: the claim holds, and its backward:", report.verdict)
assert report

# %% [markdown]
# In nanonet every operation has such a rule, and `nanonet_kernels` has a few kernels beside them. `nanonet check
# --backend numba` tests each against its rule. A peek at four of them:

# %%
x = rng.normal(size=(33, 65)).astype(np.float32)
w, b = nt.tensor(x[0].copy()), nt.tensor(x[1].copy())
functions = {
    "relu": F.relu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "softmax": lambda x: F.softmax(x, -1),
    "layer_norm": lambda x: F.layer_norm(x, (65,), w, b),
}
for name, f in functions.items():
    found = {}
    for backend in ("numpy", "numba"):
        with nt.use(backend):
            t = nt.tensor(x, requires_grad=True)
            y = f(t)
            y.backward(nt.tensor(np.cos(x)))
            found[backend] = y.numpy(), t.grad.numpy()
    pairs = zip(found["numpy"], found["numba"], strict=True)
    assert all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in pairs)
    print(f"{name}: kernel and rule agree, forward and backward")

# %% [markdown]
# ## Fused or composed
#
# GELU, the activation of notebook 10, is ½·x·(1 + tanh(c·(x + a·x³))). In NumPy each step reads whole arrays from
# memory and writes a whole new one. **How many numbers go back and forth for one result?** An array that counts:

# %%
work = {"operations": 0, "bytes": 0}


class Counted(np.ndarray):
    """Counts what NumPy does with it: an operation for each result, the bytes of all arrays that go in and out."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        plain = [np.asarray(x) if isinstance(x, np.ndarray) else x for x in inputs]
        out = np.asarray(getattr(ufunc, method)(*plain, **options))
        work["operations"] += out.size
        work["bytes"] += out.nbytes + sum(x.nbytes for x in plain if isinstance(x, np.ndarray))
        return out.view(Counted)


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * (x * x * x))))


x = rng.normal(size=100_000).astype(np.float32)
work.update(operations=0, bytes=0)
gelu(x.view(Counted))
each = {name: count / x.size for name, count in work.items()}
fused = each | {"bytes": 2.0 * x.itemsize}  # one loop: read x, write y
print("composed:", each, "for each element")
print("fused:   ", fused)
print(f"traffic: {each['bytes'] / fused['bytes']:.1f} to 1")

# %% [markdown]
# The same operations, and a small part of the traffic. The *fused* kernel reads x once, keeps everything in between in
# registers, and writes y once. It is right (see above); now it may be fast:

# %% tags=["timing"]
x = rng.normal(size=1_000_000).astype(np.float32)
y = np.empty_like(x)
activation.gelu_tanh(x, y)
assert np.allclose(y, gelu(x), atol=1e-5)
print(f"fused is {seconds(lambda: gelu(x)) / seconds(lambda: activation.gelu_tanh(x, y)):.1f} times as fast")

# %% [markdown]
# ## The roofline
#
# Operations for each byte: that is the **arithmetic intensity** of a kernel. A machine has two limits: how many
# operations it does in a second, and how many bytes it brings. With few operations for each byte it waits for memory;
# with many, it is busy. So the best possible speed is
#
# $$\min(\text{peak},\ \text{bandwidth} \times \text{intensity})$$
#
# Drawn over the intensity it looks like a roof. Take, as an example, a machine with a peak of 100 thousand million
# operations in a second and 20 thousand million bytes. **Where does the roof bend?** And where do our kernels stand?
# All points are counted.

# %%
peak, bandwidth = 100.0, 20.0  # thousand million a second; an example
large, small = 1000, 40  # float32; the loops and tiles are those counted above, in float64
intensities = {
    "x + y": 1 / (3 * 4),
    "GELU, composed": each["operations"] / each["bytes"],
    "GELU, fused": fused["operations"] / fused["bytes"],
    "matrix · vector": 2 * large**2 / (4 * (large**2 + 2 * large)),
    "matmul j k i": 2 * small**3 / (64 * fetched["jki"]),
    "matmul i k j": 2 * small**3 / (64 * fetched["ikj"]),
    "matmul, tiles": 2 * small**3 / (64 * min(traffic["128 lines"])),
    "matmul, n = 1000, ideal": 2 * large**3 / (3 * 4 * large**2),
}
for name, value in intensities.items():
    limit = min(peak, bandwidth * value)
    print(f"{name:24} {value:7.2f} operations for each byte: at most {limit / peak:6.1%} of the peak")


def roofline(points):
    picture = style.figure(6.8, 4.0)
    axes = picture.add_subplot()
    at = np.geomspace(0.01, 500, 200)
    axes.plot(at, np.minimum(peak, bandwidth * at), color=style.INK, linewidth=2)
    for number, (name, value) in enumerate(points.items()):
        height = min(peak, bandwidth * value)
        axes.plot(value, height, "o", color=style.CLASSES[number % 9])
        side, shift = ("right", 10) if value > 50 else ("left", 6)
        axes.annotate(name, (value, height), (shift, -12), textcoords="offset points", fontsize=8, ha=side)
    axes.set(
        xscale="log", yscale="log", xlabel="operations for each byte", ylabel="thousand million operations a second"
    )
    style.tidy(axes, grid="both")
    return picture


print(f"the roof bends at {peak / bandwidth:.0f} operations for each byte")
roofline(intensities)

# %% [markdown]
# Left of the bend a faster processor changes nothing, and fusing or tiling changes everything: they move the point to
# the *right*. Most of what a network does besides its matrix products stands on the left. This is why attention
# (notebook 10) is often fused into one kernel, tile by tile: then the matrix of weights never goes to memory.
#
# ## A graphics card
#
# A GPU has thousands of small workers, the *threads*, that all run the same function. They are organised:
#
# - A **grid** is all threads of one call. It is cut into **blocks**.
# - Threads of one block run on the same part of the chip, share a small fast memory, and can wait for each other.
#   Threads of different blocks cannot.
# - Each thread finds out who it is, `blockIdx`, `threadIdx`, and from that, which element is its own.
#
# There is no loop over the elements. The grid is the loop.
#
# Numba can emulate such a card in plain Python: every thread of the grid is run by the processor. That shows *what* is
# computed and how often memory is read. It says nothing about speed, and nothing here has run on a real card. The
# emulation is chosen before Numba is loaded, so it gets a process of its own:


# %%
def emulated(program):
    """Run a program in which Numba emulates a GPU; print what it prints."""
    settings = os.environ | {"NUMBA_ENABLE_CUDASIM": "1"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    print(done.stdout, end="")


emulated("""
import numpy as np
from numba import cuda

@cuda.jit
def add(x, y, out, who):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if i < out.size:
        out[i] = x[i] + y[i]
        who[i] = cuda.blockIdx.x

@cuda.jit
def add_without_asking(x, y, out):
    i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    out[i] = x[i] + y[i]

x, y = np.arange(10.0), np.full(10, 100.0)
out, who = np.zeros(10), np.zeros(10, int)
add[3, 4](x, y, out, who)  # 3 blocks of 4 threads
assert np.array_equal(out, x + y)
print("the block that computed each element:", who)
try:
    add_without_asking[3, 4](x, y, out)
except IndexError:
    print("without the if: an index out of bounds")
""")

# %% [markdown]
# Twelve threads for ten elements. **What would the last two do without the `if`?** The emulation raises an error. A
# real card would not: it would write into somebody else's memory. It is the rest that does not fill a whole step, once
# more.
#
# ## Neighbours read neighbours
#
# Threads work in groups of 32, a *warp*, in step. When they read, their 32 addresses are collected, and memory is
# fetched in pieces of 128 bytes. **How many pieces, if thread t reads A[0, t]? And if it reads A[t, 0]?**

# %%
thread, columns = np.arange(32), 1024
for name, element in {
    "A[0, t]   along a row": thread,
    "A[t, 0]   down a column": thread * columns,
    "A[0, 2 t] every other one": 2 * thread,
    "A[0, 7]   all the same": np.full(32, 7),
}.items():
    pieces = np.unique(element * 4 // 128).size  # float32
    print(f"{name:26} {pieces:2} pieces of 128 bytes for 32 numbers")

# %% [markdown]
# So the *last* index should go with the number of the thread. On a processor it was the innermost loop, here it is
# `threadIdx.x`. The reason is the same.
#
# ## The product, in tiles
#
# First the plain way: a thread for each element of C, which reads a row of A and a column of B. Then with tiles: a
# block of t × t threads fetches one tile of A and one of B *together*, each thread one number of each, into the memory
# that they share. Then everybody uses all of it. Between the two steps everybody must wait for everybody:
# `syncthreads`. **Why is there a second one, at the end of the loop?** Both kernels count what they read from the large
# memory.

# %%
emulated("""
import numpy as np
from numba import cuda, float32

TILE = 4

@cuda.jit
def plain(A, B, C, reads):
    j, i = cuda.grid(2)  # j goes with threadIdx.x: neighbours read neighbours
    if i < C.shape[0] and j < C.shape[1]:
        total = float32(0)
        for k in range(A.shape[1]):
            total += A[i, k] * B[k, j]
            cuda.atomic.add(reads, 0, 2)
        C[i, j] = total

@cuda.jit
def tiled(A, B, C, reads):
    a = cuda.shared.array((TILE, TILE), float32)  # one for each block
    b = cuda.shared.array((TILE, TILE), float32)
    j, i = cuda.grid(2)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for start in range(0, A.shape[1], TILE):
        a[y, x] = b[y, x] = 0  # what lies outside counts as 0
        if i < A.shape[0] and start + x < A.shape[1]:
            a[y, x] = A[i, start + x]
            cuda.atomic.add(reads, 0, 1)
        if start + y < B.shape[0] and j < B.shape[1]:
            b[y, x] = B[start + y, j]
            cuda.atomic.add(reads, 0, 1)
        cuda.syncthreads()  # the tiles are there
        for k in range(TILE):
            total += a[y, k] * b[k, x]
        cuda.syncthreads()  # everybody has used them
    if i < C.shape[0] and j < C.shape[1]:
        C[i, j] = total

rng = np.random.default_rng(0)
for n, k, m in ((16, 16, 16), (10, 7, 9)):
    A, B = rng.normal(size=(n, k)).astype(np.float32), rng.normal(size=(k, m)).astype(np.float32)
    blocks = -(-m // TILE), -(-n // TILE)  # rounded up
    counts = []
    for kernel in (plain, tiled):
        C, reads = np.full((n, m), np.nan, np.float32), np.zeros(1, int)
        kernel[blocks, (TILE, TILE)](A, B, C, reads)
        assert np.allclose(C, A @ B, atol=1e-5)
        counts.append(int(reads[0]))
    print(f"({n} x {k}) times ({k} x {m}): plain reads {counts[0]} numbers, tiled {counts[1]}")
""")

# %% [markdown]
# Both are right, also where the sizes are no multiples of the tile; and tiles of 4 × 4 read a quarter. The second
# `syncthreads` keeps a fast thread from overwriting the tile with the next one while a slow thread still reads it. Such
# a mistake is a *race*: it gives wrong numbers sometimes, on some cards. An emulation may never show it; thinking does.
#
# In general a tile of t × t reads each number t times less. What is that on the roof?

# %%
for t in (1, 4, 8, 16, 32):
    reads, operations = 2 * t * t, 2 * t**3  # for one step of one block
    print(
        f"tile {t:2}: {operations / (4 * reads):5.2f} operations for each byte, {4 * reads:5} bytes shared by a block"
    )


# %% [markdown]
# Real cards have far more operations for each byte than our example machine, so their roof bends further to the right,
# and a tile in shared memory is only the first step: then each thread computes several elements from registers, and
# the newest cards multiply whole small tiles in one instruction. It is always the same idea, one storey deeper: *fetch
# it once, use it often*.
#
# And always in the same order: a rule that one can read, a kernel that claims to be the same, a test that tries to
# refute it, and then the clock.
#
# ## Exercises
#
# **Exercise 1.** The backward of a product is two products. So a fast product makes a fast backward.

# %%
exercises.get("matmul")


# %%
def backward(dy, x, w):
    raise NotImplementedError  # your turn


exercises.check("matmul", backward)

# %% [markdown]
# **Exercise 2.** A norm over rows. When it is right, count with `Counted` what it reads and writes: how much would a
# fused kernel need?

# %%
exercises.get("rms-norm")


# %%
def backward(dy, x, g, eps=1e-5):
    raise NotImplementedError  # your turn


exercises.check("rms-norm", backward)

# %% [markdown]
# **Exercise 3**, without a checker: write a kernel for exercise 2 with `@njit`, one pass for each row. Make the claim
# a test, with the sizes of this notebook, before you look at the time.
#
# **Exercise 4**, without a checker: write the transpose of a matrix for the emulated card. Reading along rows means
# writing down columns, so one of them is always slow, unless a tile in shared memory is turned round in between.
