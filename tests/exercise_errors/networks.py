"""Planted errors in the exercises on networks, recurrence and attention."""

from __future__ import annotations

Planted = tuple[str, str, str, str]

NETWORKS: dict[str, list[Planted]] = {
    "two-layer-mlp": [
        ("dA1 * (Z1 > 0)", "dA1", "mask", "dx"),
        ("A1.T @ dy", "Z1.T @ dy", "input-for-output", "dw2"),
        ("dZ1.sum(axis=0)", "dZ1.mean(axis=0)", "mean-for-sum", "db1"),
        ("dy.sum(axis=0)", "dy", "missing-sum", "db2 has the shape"),
        ("x.T @ dZ1", "dZ1.T @ x", "transpose", "dw1 has the shape"),
        ("dZ1 @ w1.T,", "-dZ1 @ w1.T,", "sign", "dx"),
        ("A1.T @ dy", "A1.T @ dy / len(x)", "mean-for-sum", "dw2"),
        ("(Z1 > 0)", "(dA1 > 0)", "mask", ""),
    ],
    "dropout": [
        ("dy * mask", "dy", "mask", "right at nothing dropped"),
        (" / (1 - p)", "", "missing-factor", "right at nothing dropped"),
        ("(1 - p)", "(1 - p) ** 2", "extra-factor", ""),
        ("mask / (1 - p)", "(1 - mask) / (1 - p)", "mask", ""),
        (" / (1 - p)", " * (1 - p)", "scale", ""),
        ("dy * mask", "mask", "ignored-upstream", ""),
        ("dy * mask", "-dy * mask", "sign", ""),
    ],
    "embedding": [
        ("np.add.at(dw, idx, dy)", "dw[idx] = dy", "overwritten", "right at no index twice"),
        ("np.add.at(dw, idx, dy)", "dw[idx[::-1]] = dy[::-1]", "overwritten", "right at no index twice"),
        ("np.add.at(dw, idx, dy)", "np.add.at(dw, idx, dy / len(idx))", "mean-for-sum", ""),
        ("dw, idx, dy", "dw, (idx + 1) % len(w), dy", "off-by-one", ""),
        ("dw, idx, dy", "dw, idx, -dy", "sign", ""),
        ("dw, idx, dy", "dw, idx, 1", "ignored-upstream", ""),
        ("dw, idx, dy", "dw, idx, dy / np.bincount(idx)[idx][:, None]", "mean-for-sum", "right at no index twice"),
        ("    np.add.at(dw, idx, dy)\n", "", "zero", ""),
    ],
    "layered-backward": [
        ("2 * (A[L] - Y)", "(A[L] - Y)", "scale", ""),
        (" / m", "", "sum-for-mean", "right at a batch of one"),
        ("A[L] - Y", "Y - A[L]", "sign", ""),
        (" * g_slope(Z[l - 1])", "", "mask", ""),
        ("dZ @ A[l - 1].T", "(dZ @ A[l - 1].T).T", "transpose", "has the shape"),
        ("dZ.sum(axis=1, keepdims=True)", "dZ.mean(axis=1, keepdims=True)", "mean-for-sum", "db"),
        ("dZ.sum(axis=1, keepdims=True)", "dZ.sum(axis=1)", "unknown", "db[0] has the shape"),
        ("return dW, db", "return db, dW", "swapped-operands", "has the shape"),
        ("range(L, 0, -1)", "range(L, 1, -1)", "off-by-one", "None"),
    ],
}

RECURRENCE: dict[str, list[Planted]] = {
    "rnn-step": [
        ("dy * (1 - h_new**2)", "dy", "missing-factor", ""),
        ("dz @ u.T", "dz @ u", "transpose", "dh"),
        ("h.T @ dz", "h_new.T @ dz", "off-by-one", "du"),
        ("dz.sum(axis=0)", "dz.mean(axis=0)", "mean-for-sum", "db"),
        ("1 - h_new**2", "1 - h**2", "input-for-output", ""),
        ("x.T @ dz", "dz.T @ x", "transpose", "dw has the shape"),
        ("dz @ w.T, dz @ u.T", "-(dz @ w.T), dz @ u.T", "sign", "dx"),
        ("dz.sum(axis=0)", "dz", "missing-sum", "db has the shape"),
    ],
    "lstm-cell": [
        ("dc_new + dh_new * o * (1 - shown**2)", "dc_new", "missing-term", "dc is wrong too"),
        ("dc_new + dh_new * o * (1 - shown**2)", "dh_new * o * (1 - shown**2)", "missing-term", "dc is wrong too"),
        (" * (1 - shown**2)", "", "missing-factor", "dc is wrong too"),
        ("dc_all * g * i * (1 - i)", "dc_all * g", "missing-factor", "da"),
        ("[dai, daf, dag, dao]", "[daf, dai, dag, dao]", "swapped-operands", "da"),
        ("[dai, daf, dag, dao]", "[dai, daf, dao, dag]", "swapped-operands", "da"),
        ("axis=1), dc_all * f", "axis=1), dc_all", "missing-factor", "dc"),
        ("dh_new * shown * o * (1 - o)", "dh_new * shown", "missing-factor", "da"),
        ("dc_all * i * (1 - g**2)", "dc_all * i", "missing-factor", "da"),
        ("dc_all * c * f * (1 - f)", "0 * dc_all", "missing-term", "da"),
        ("axis=1), dc_all * f", "axis=1), -dc_all * f", "sign", "dc"),
    ],
    "gru-cell": [
        ("(h - n)", "h", "missing-term", "dzh"),
        ("(h - n)", "-n", "missing-term", "dzh"),
        ("(h - n)", "(n - h)", "sign", "dzh"),
        ("dy * (1 - z)", "dy * z", "swapped-operands", ""),
        ("dn * (1 - n**2)", "dn", "missing-factor", ""),
        ("dp * q * r * (1 - r)", "dp * q", "missing-factor", "drh"),
        ("dp * q * r * (1 - r)", "dp * r * (1 - r)", "missing-factor", "drh"),
        ("dp, dp * r", "dp, dp", "missing-factor", "dq"),
        ("(h - n) * z * (1 - z)", "(h - n)", "missing-factor", "dzh"),
        ("dn = dy * (1 - z)", "dn = dy", "missing-factor", ""),
    ],
}

ATTENTION: dict[str, list[Planted]] = {
    "attention": [
        ("    ds = ds / np.sqrt(q.shape[1])\n", "", "missing-factor", "dv is right"),
        ("np.sqrt(q.shape[1])", "q.shape[1]", "scale", "dv is right"),
        ("ds = a * (da - (da * a).sum(axis=1, keepdims=True))", "ds = da * (a > 0)", "missing-factor", "dq"),
        ("ds = a * (da - (da * a).sum(axis=1, keepdims=True))", "ds = a * (1 - a) * da", "missing-coupling", "dq"),
        ("ds = a * (da - (da * a).sum(axis=1, keepdims=True))", "ds = a * da", "missing-term", "dq"),
        ("sum(axis=1, keepdims=True)", "sum(axis=0)", "wrong-axis", "dq"),
        ("ds @ k, ds.T @ q", "-ds @ k, ds.T @ q", "sign", "dq"),
        ("a.T @ dy", "(a.T @ dy).T", "transpose", "dv has the shape"),
        ("a.T @ dy", "a.T @ dy / len(dy)", "mean-for-sum", "dv"),
    ],
}
