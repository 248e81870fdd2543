"""Backward rules with one planted mistake each, for the tests of the diagnosis."""

import numpy as np

rng = np.random.default_rng(7)
X, W, B = rng.normal(size=(4, 5)), rng.normal(size=(5, 3)), rng.normal(size=3)
K = X + 0.05 * np.sign(X)  # no element near a kink
S, R = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))  # square: a transposition keeps the shape
P, Q = rng.normal(size=(4, 5)), rng.uniform(0.5, 2.0, size=(4, 5))
V = rng.normal(size=7)
KERNEL, SIGNAL = rng.normal(size=3), rng.normal(size=9)
GAMMA = rng.uniform(0.5, 2.0, 5)
SIGNS = np.array([0.05, 1.5, -0.7, 0.3, 0.08, -2.0, 0.9, -0.1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def log_softmax(x):
    return np.log(softmax(x))


def linear(x, w, b):
    return x @ w + b


def hat(x):
    return (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)


def layer_norm(x, gamma):
    return hat(x) * gamma


def layer_norm_dx(dy, x, gamma, mean=True, projection=True):
    g = dy * gamma
    lost = (g.mean(-1, keepdims=True) if mean else 0) + (
        hat(x) * (g * hat(x)).mean(-1, keepdims=True) if projection else 0
    )
    return (g - lost) / x.std(-1, keepdims=True)


def mse(p, t):
    return np.mean((p - t) ** 2)


def conv(x, k):
    return np.array([np.sum(x[i : i + len(k)] * k) for i in range(len(x) - len(k) + 1)])


def conv_dk(dy, x, k):
    return np.array([np.sum(dy * x[j : j + len(dy)]) for j in range(len(k))])


def conv_dx(dy, x, k):
    return np.convolve(dy, k)


def cross_entropy(z):
    return -np.mean(log_softmax(z)[np.arange(4), [0, 2, 1, 2]])


def windows(x):
    return np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))


def conv2d(x, k, b):
    return np.einsum("nchwij,ocij->nohw", windows(x), k) + b[:, None, None]


def conv2d_dk(dy, x):
    return np.einsum("nohw,nchwij->ocij", dy, windows(x))


def conv2d_dx(dy, k):
    return np.einsum("nohwij,ocij->nchw", windows(np.pad(dy, ((0, 0), (0, 0), (2, 2), (2, 2)))), k[:, :, ::-1, ::-1])


IMAGE = [rng.normal(size=(3, 2, 5, 5)), rng.normal(size=(4, 2, 3, 3)), rng.normal(size=4)]
ONE_HOT = np.eye(5)[[0, 2, 1, 2]]
ROWS = np.array([0, 2, 2, 1, 0, 3])


def scatter(dy, keep="last"):
    dx = np.zeros((5, 3))
    if keep == "last":
        dx[ROWS] = dy
    else:
        np.add.at(dx, ROWS, dy)
    return dx


def changed(dx, at, by):
    dx = np.array(dx, dtype=float)
    dx[at] += by
    return dx


def revcumsum(dy, axis):
    return np.flip(np.cumsum(np.flip(dy, axis), axis), axis)


# (kind, forward, inputs, which input, its gradient with the mistake)
FAULTS = [
    ("sign", np.tanh, [X], 0, lambda dy, x: -dy * (1 - np.tanh(x) ** 2)),
    ("sign", lambda a, b: a - b, [P, Q], 1, lambda dy, a, b: dy),
    ("sign", lambda a, b: a / b, [P, Q], 1, lambda dy, a, b: dy * a / b**2),
    ("sign", np.cos, [X], 0, lambda dy, x: dy * np.sin(x)),
    ("scale", lambda x: x**2, [X], 0, lambda dy, x: dy * x),
    ("scale", mse, [P, Q], 0, lambda dy, p, t: dy * (p - t) / p.size),
    ("scale", linear, [X, W, B], 0, lambda dy, x, w, b: 0.3 * dy @ w.T),
    ("scale", np.exp, [X], 0, lambda dy, x: 3.7 * dy * np.exp(x)),
    ("scale", lambda x: 0.125 * x, [X], 0, lambda dy, x: dy),
    ("transpose", np.matmul, [S, R], 0, lambda dy, a, b: dy.T @ b.T),
    ("transpose", np.matmul, [S, R], 0, lambda dy, a, b: dy @ b),
    ("transpose", np.matmul, [S, R], 1, lambda dy, a, b: a @ dy),
    ("transpose", np.matmul, [S, R], 1, lambda dy, a, b: (a.T @ dy).T),
    ("transpose", linear, [X, W, B], 1, lambda dy, x, w, b: dy.T @ x),
    ("transpose", lambda x: np.tanh(x).T, [X], 0, lambda dy, x: dy * (1 - np.tanh(x.T) ** 2)),
    ("transpose", lambda x: x.transpose(1, 2, 0), [rng.normal(size=(3, 3, 3))], 0, lambda dy, x: dy.transpose(1, 2, 0)),
    ("swapped-operands", np.multiply, [P, Q], 0, lambda dy, a, b: dy * a),
    ("swapped-operands", np.matmul, [S, R], 0, lambda dy, a, b: dy @ a.T),
    ("swapped-operands", np.matmul, [S, R], 1, lambda dy, a, b: dy @ b.T),
    ("swapped-operands", np.matmul, [S, R], 0, lambda dy, a, b: b.T @ dy),
    ("swapped-operands", np.outer, [V, B], 0, lambda dy, a, b: dy.T @ a),
    ("ignored-upstream", np.tanh, [X], 0, lambda dy, x: 1 - np.tanh(x) ** 2),
    ("ignored-upstream", linear, [X, W, B], 1, lambda dy, x, w, b: x.T @ np.ones_like(dy)),
    ("ignored-upstream", mse, [P, Q], 0, lambda dy, p, t: 2 * (p - t) / p.size),
    ("ignored-upstream", np.exp, [X], 0, lambda dy, x: dy.mean() * np.exp(x)),
    ("missing-sum", linear, [X, W, B], 2, lambda dy, x, w, b: dy),
    ("missing-sum", linear, [X, W, B], 1, lambda dy, x, w, b: x[:, :, None] * dy[:, None, :]),
    ("missing-sum", lambda x, g, b: layer_norm(x, g) + b, [X, GAMMA, P[0]], 1, lambda dy, x, g, b: dy * hat(x)),
    ("wrong-axis", linear, [X, W, B], 2, lambda dy, x, w, b: dy.sum(1)),
    ("wrong-axis", lambda x, b: x + b, [S, V[:4]], 1, lambda dy, x, b: dy.sum(1)),
    ("wrong-axis", lambda x: x.sum(1), [S], 0, lambda dy, x: np.broadcast_to(dy[None, :], x.shape)),
    (
        "wrong-axis",
        softmax,
        [X],
        0,
        lambda dy, x: softmax(x) * (dy - np.sum(dy * softmax(x), 0, keepdims=True)),
    ),
    ("wrong-axis", lambda x: np.cumsum(x, 1), [X], 0, lambda dy, x: revcumsum(dy, 0)),
    ("mean-for-sum", linear, [X, W, B], 2, lambda dy, x, w, b: dy.mean(0)),
    ("mean-for-sum", linear, [X, W, B], 1, lambda dy, x, w, b: x.T @ dy / len(x)),
    ("mean-for-sum", lambda x: x.sum(0), [X], 0, lambda dy, x: np.broadcast_to(dy / 4, x.shape)),
    ("sum-for-mean", lambda x: x.mean(1), [X], 0, lambda dy, x: np.broadcast_to(dy[:, None], x.shape)),
    ("sum-for-mean", mse, [P, Q], 0, lambda dy, p, t: dy * 2 * (p - t)),
    ("sum-for-mean", cross_entropy, [X], 0, lambda dy, z: dy * (softmax(z) - ONE_HOT)),
    ("broadcast-not-undone", np.add, [X, GAMMA], 1, lambda dy, x, g: dy),
    ("broadcast-not-undone", np.multiply, [X, GAMMA], 1, lambda dy, x, g: dy * x),
    ("broadcast-not-undone", np.add, [X, X[:, :1]], 1, lambda dy, x, c: dy),
    ("input-for-output", np.tanh, [X], 0, lambda dy, x: dy * (1 - x**2)),
    ("input-for-output", sigmoid, [X], 0, lambda dy, x: dy * x * (1 - x)),
    ("input-for-output", np.exp, [X], 0, lambda dy, x: dy * x),
    ("input-for-output", np.sqrt, [Q], 0, lambda dy, x: dy / (2 * x)),
    ("input-for-output", softmax, [X], 0, lambda dy, x: x * (dy - np.sum(dy * x, -1, keepdims=True))),
    ("overwritten", lambda x: x + np.tanh(x), [X], 0, lambda dy, x: dy * (1 - np.tanh(x) ** 2)),
    ("overwritten", lambda x, w: x + np.tanh(x @ w), [S, R], 0, lambda dy, x, w: dy),
    ("overwritten", lambda x: x @ x, [S], 0, lambda dy, x: dy @ x.T),
    ("overwritten", lambda t: t[ROWS], [rng.normal(size=(5, 3))], 0, lambda dy, t: scatter(dy)),
    ("overwritten", linear, [X, W, B], 1, lambda dy, x, w, b: np.outer(x[-1], dy[-1])),
    ("missing-coupling", softmax, [X], 0, lambda dy, x: dy * softmax(x) * (1 - softmax(x))),
    ("missing-coupling", lambda x: np.cumsum(x), [V], 0, lambda dy, x: dy),
    ("missing-term", softmax, [X], 0, lambda dy, x: dy * softmax(x)),
    ("missing-term", log_softmax, [X], 0, lambda dy, x: dy),
    ("missing-term", layer_norm, [X, GAMMA], 0, lambda dy, x, g: layer_norm_dx(dy, x, g, mean=False)),
    ("missing-term", layer_norm, [X, GAMMA], 0, lambda dy, x, g: layer_norm_dx(dy, x, g, projection=False)),
    ("missing-term", layer_norm, [X, GAMMA], 0, lambda dy, x, g: layer_norm_dx(dy, x, g, False, False)),
    ("missing-term", lambda x: x * sigmoid(x), [X], 0, lambda dy, x: dy * sigmoid(x)),
    ("missing-term", lambda w: np.sum(np.tanh(w)) + 0.05 * np.sum(w**2), [X], 0, lambda dy, w: dy / np.cosh(w) ** 2),
    ("missing-factor", np.tanh, [X], 0, lambda dy, x: dy),
    ("missing-factor", lambda x, w: np.tanh(x @ w), [X, W], 0, lambda dy, x, w: dy @ w.T),
    ("mask", lambda x, w: np.maximum(x @ w, 0), [X, W], 1, lambda dy, x, w: x.T @ dy),
    ("missing-factor", layer_norm, [X, GAMMA], 0, lambda dy, x, g: layer_norm_dx(dy, x, np.ones(5))),
    ("missing-factor", np.multiply, [P, Q], 0, lambda dy, a, b: dy),
    ("extra-factor", np.sin, [X], 0, lambda dy, x: dy * np.cos(x) ** 2),
    ("extra-factor", linear, [X, W, B], 0, lambda dy, x, w, b: (dy * linear(x, w, b)) @ w.T),
    ("extra-factor", np.add, [P, Q], 0, lambda dy, a, b: dy * b),
    ("extra-factor", np.tanh, [X], 0, lambda dy, x: dy**2 * (1 - np.tanh(x) ** 2)),
    ("mask", lambda x: np.maximum(x, 0.0), [K], 0, lambda dy, x: dy),
    ("mask", lambda x: np.maximum(x, 0.0), [K], 0, lambda dy, x: dy * (x < 0)),
    ("mask", lambda x: np.where(x > 0, x, 0.1 * x), [K], 0, lambda dy, x: dy * (x > 0)),
    ("mask", lambda x: np.clip(x, -0.8, 0.8), [K], 0, lambda dy, x: dy * (x < 0.8)),
    ("mask", lambda x: np.where(x >= 0, x, 0.2 * x), [SIGNS], 0, lambda dy, x: dy * np.where(x > 0.1, 1, 0.2)),
    ("mask", lambda x: x.max(1), [K], 0, lambda dy, x: dy[:, None] * (x >= np.sort(x)[:, -2:-1])),
    ("zero", softmax, [X], 0, lambda dy, x: np.zeros_like(x)),
    ("zero", np.sin, [X], 0, lambda dy, x: np.zeros_like(x)),
    ("off-by-one", np.sin, [V], 0, lambda dy, x: np.roll(dy * np.cos(x), 1)),
    ("off-by-one", lambda x: x[1:], [X], 0, lambda dy, x: np.concatenate([dy, np.zeros((1, 5))])),
    ("off-by-one", lambda x: np.cumsum(x), [V], 0, lambda dy, x: revcumsum(dy, 0) - dy),
    ("flipped", lambda x: x[::-1], [V], 0, lambda dy, x: dy),
    ("flipped", conv, [SIGNAL, KERNEL], 1, lambda dy, x, k: conv_dk(dy, x, k)[::-1]),
    ("flipped", lambda x: np.cumsum(x, 1), [X], 0, lambda dy, x: np.cumsum(dy, 1)),
    ("flipped", conv, [SIGNAL, KERNEL], 0, lambda dy, x, k: np.convolve(dy, k[::-1])),
    ("single-entry", np.tanh, [X], 0, lambda dy, x: changed(dy * (1 - np.tanh(x) ** 2), (1, 2), 0.5)),
    ("single-entry", linear, [X, W, B], 1, lambda dy, x, w, b: changed(x.T @ dy, (4, 0), 1.0)),
    (
        "single-entry",
        softmax,
        [X],
        0,
        lambda dy, x: changed(0 * x + softmax(x) * (dy - np.sum(dy * softmax(x), -1, keepdims=True)), (0, 0), 0.2),
    ),
]

FAULTS += [
    ("missing-sum", conv2d, IMAGE, 2, lambda dy, x, k, b: dy.sum(0)),
    ("mean-for-sum", conv2d, IMAGE, 2, lambda dy, x, k, b: dy.mean((0, 2, 3))),
    ("mean-for-sum", conv2d, IMAGE, 1, lambda dy, x, k, b: conv2d_dk(dy, x) / 3),
    ("flipped", conv2d, IMAGE, 1, lambda dy, x, k, b: conv2d_dk(dy, x)[:, :, ::-1, ::-1]),
    ("flipped", conv2d, IMAGE, 0, lambda dy, x, k, b: conv2d_dx(dy, k[:, :, ::-1, ::-1])),
    ("transpose", conv2d, IMAGE, 1, lambda dy, x, k, b: conv2d_dk(dy, x).transpose(0, 1, 3, 2)),
    ("overwritten", conv2d, IMAGE, 1, lambda dy, x, k, b: conv2d_dk(dy[-1:], x[-1:])),
    ("off-by-one", conv2d, IMAGE, 0, lambda dy, x, k, b: np.roll(conv2d_dx(dy, k), 1, 2)),
    ("transpose", np.linalg.inv, [R], 0, lambda dy, x: -np.linalg.inv(x) @ dy @ np.linalg.inv(x)),
    ("missing-factor", lambda x: np.log(np.sum(np.exp(x), 1)), [X], 0, lambda dy, x: dy[:, None] + 0 * x),
    ("missing-term", lambda x: np.var(x, 1), [X], 0, lambda dy, x: dy[:, None] * 2 * x / 5),
    ("missing-factor", lambda x: hat(x.T).T, [X], 0, lambda dy, x: layer_norm_dx(dy.T, x.T, 1.0).T * x.std(0)),
]


def attention(q, k, v):
    return softmax(q @ k.T / 2) @ v


def attention_dq(dy, q, k, v):
    """Softmax's gradient without its sum."""
    return softmax(q @ k.T / 2) * (dy @ v.T) / 2 @ k


def two_layers(x, w, b, v):
    return np.tanh(x @ w + b) @ v


def hinge(s):
    return np.mean(np.maximum(0, 1 - LABELS * s))


LABELS = np.array([1.0, -1, 1, 1, -1, -1, 1])
SCORES = np.array([0.4, -1.5, -0.7, 0.2, 0.9, -0.3, 1.8])
HEADS = [rng.normal(size=(3, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 2))]
LAYERS = [rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=(4, 2))]
DEEP = [rng.normal(size=(5, 4)), rng.normal(size=(4, 4))]

FAULTS += [
    ("missing-term", attention, HEADS, 0, attention_dq),
    ("missing-factor", two_layers, LAYERS, 0, lambda dy, x, w, b, v: dy @ v.T @ w.T),
    ("missing-factor", two_layers, LAYERS, 1, lambda dy, x, w, b, v: x.T @ (dy @ v.T)),
    (
        "input-for-output",
        two_layers,
        LAYERS,
        0,
        lambda dy, x, w, b, v: (dy @ v.T * (1 - (x @ w + b) ** 2)) @ w.T,
    ),
    ("missing-factor", lambda x, w: np.tanh(3 * x @ w), DEEP, 1, lambda dy, x, w: 3 * x.T @ dy),  # saturated
    ("transpose", lambda x, w: np.tanh(x @ w), DEEP, 0, lambda dy, x, w: (dy * (1 - np.tanh(x @ w) ** 2)) @ w),
    ("mask", hinge, [SCORES], 0, lambda dy, s: -dy * LABELS * (LABELS * s < 0) / 7),
    ("mask", hinge, [SCORES], 0, lambda dy, s: -dy * LABELS / 7),
    ("missing-factor", lambda x: np.exp(np.sin(x)), [X], 0, lambda dy, x: dy * np.exp(np.sin(x))),
    ("missing-factor", lambda x: np.exp(np.sin(x)), [X], 0, lambda dy, x: dy * np.cos(x)),
    ("sign", lambda x: x * np.sin(x), [X], 0, lambda dy, x: dy * (np.sin(x) - x * np.cos(x))),
]

noise = np.random.default_rng(11)
# Wrong in no way that has a name.
NAMELESS = [
    (np.tanh, [X], 0, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * noise.uniform(0.5, 1.5, x.shape)),
    (linear, [X, W, B], 1, lambda dy, x, w, b: x.T @ dy + FIXED[: x.shape[1], :3]),
    (linear, [X, W, B], 2, lambda dy, x, w, b: dy.sum(0) * FIXED[0, :3]),
    (linear, [X, W, B], 0, lambda dy, x, w, b: dy @ (w.T + 0.1 * FIXED[:3, :5])),
    (softmax, [X], 0, lambda dy, x: dy @ FIXED[:5, :5]),
    (softmax, [X], 0, lambda dy, x: softmax(x) ** 1.1 * (dy - np.sum(dy * softmax(x), -1, keepdims=True))),
    (np.sin, [X], 0, lambda dy, x: dy * (1 - x**2 / 2)),
    (np.tanh, [X], 0, lambda dy, x: dy * sigmoid(x + 0.3)),
    (layer_norm, [X, GAMMA], 0, lambda dy, x, g: layer_norm_dx(dy, x, g) + 0.01 * FIXED[:4, :5]),
    (np.tanh, [X], 0, lambda dy, x: dy * (1 - np.tanh(x) ** 2) * (1 + 3e-6)),
    (np.tanh, [X], 0, lambda dy, x: dy * (1 - np.tanh(x) ** 2) + 1e-6 * FIXED[:4, :5]),
    (np.matmul, [S, R], 0, lambda dy, a, b: FIXED[:4, :4] @ dy @ b.T),
    (conv, [SIGNAL, KERNEL], 0, lambda dy, x, k: np.convolve(dy, k + FIXED[0, :3])),
    (mse, [P, Q], 0, lambda dy, p, t: dy * np.sign(p - t) * np.abs(p - t) ** 0.9),
    (np.exp, [X], 0, lambda dy, x: dy * (1 + x + x**2 / 2)),
    (lambda x: np.maximum(x, 0.0), [K], 0, lambda dy, x: dy * sigmoid(8 * x)),
    (np.tanh, [X], 0, lambda dy, x: dy * np.tanh(FIXED[:4, :5])),
    (linear, [X, W, B], 2, lambda dy, x, w, b: FIXED[0, :7] * dy[0, 0]),
    (lambda x: np.cumsum(x), [V], 0, lambda dy, x: dy @ FIXED[:7, :7]),
    (np.sqrt, [Q], 0, lambda dy, x: np.where(FIXED[:4, :5] > 0, dy / (2 * np.sqrt(x)), dy * FIXED[:4, :5])),
]
FIXED = np.random.default_rng(5).normal(size=(8, 8))
