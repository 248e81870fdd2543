"""Recurrent networks: a step, its gradient, and both along a whole sequence.

A layer first multiplies all of x by its input weights at once, gx = x W_ihᵀ + b_ih; what is left for the loop over time
is gh = h W_hhᵀ + b_hh and the step. Backwards, the loop gives the gradients of gx and gh for every time, and the
weights' gradient is again one product over all of them (backpropagation through time).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nanonet.op import Array, Composite, Op, sample
from nanonet.sampling import normal

# step(xp, gx, gh, h, c) -> (h, c, parts);  back(xp, parts, dh, dc) -> (dgx, dgh, dh of the step before or None, dc)
Step = Callable[..., tuple[Any, Any, tuple[Any, ...]]]
Back = Callable[..., tuple[Any, Any, Any, Any]]


def tanh_step(xp: Any, gx: Array, gh: Array, h: Array, c: None) -> tuple[Any, Any, tuple[Any, ...]]:
    h = xp.tanh(gx + gh)
    return h, None, (h,)


def tanh_back(xp: Any, parts: tuple[Any, ...], dh: Array, dc: None) -> tuple[Any, Any, Any, Any]:
    (h,) = parts
    da = dh * (1 - h * h)
    return da, da, None, None


def relu_step(xp: Any, gx: Array, gh: Array, h: Array, c: None) -> tuple[Any, Any, tuple[Any, ...]]:
    h = xp.maximum(gx + gh, 0)
    return h, None, (h > 0,)


def relu_back(xp: Any, parts: tuple[Any, ...], dh: Array, dc: None) -> tuple[Any, Any, Any, Any]:
    da = dh * parts[0]
    return da, da, None, None


def lstm_step(xp: Any, gx: Array, gh: Array, h: Array, c: Array) -> tuple[Any, Any, tuple[Any, ...]]:
    n = c.shape[-1]
    a = gx + gh  # (N, 4H): the gates i, f, g, o side by side
    both = xp.sigmoid(a[:, : 2 * n])
    i, f = both[:, :n], both[:, n:]
    g = xp.tanh(a[:, 2 * n : 3 * n])
    o = xp.sigmoid(a[:, 3 * n :])
    new = f * c + i * g
    tanh_c = xp.tanh(new)
    return o * tanh_c, new, (i, f, g, o, c, tanh_c)


def lstm_back(xp: Any, parts: tuple[Any, ...], dh: Array, dc: Array) -> tuple[Any, Any, Any, Any]:
    i, f, g, o, c, tanh_c = parts
    dc = dc + dh * o * (1 - tanh_c * tanh_c)
    di, df, dg, do = dc * g, dc * c, dc * i, dh * tanh_c
    da = xp.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=-1)
    return da, da, None, dc * f


def gru_step(xp: Any, gx: Array, gh: Array, h: Array, c: None) -> tuple[Any, Any, tuple[Any, ...]]:
    size = h.shape[-1]
    both = xp.sigmoid(gx[:, : 2 * size] + gh[:, : 2 * size])
    r, z = both[:, :size], both[:, size:]
    ghn = gh[:, 2 * size :]
    n = xp.tanh(gx[:, 2 * size :] + r * ghn)
    return n + z * (h - n), None, (r, z, n, h, ghn)


def gru_back(xp: Any, parts: tuple[Any, ...], dh: Array, dc: None) -> tuple[Any, Any, Any, Any]:
    r, z, n, h, ghn = parts
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h - n) * z * (1 - z)
    da_r = da_n * ghn * r * (1 - r)
    dgx = xp.concatenate([da_r, da_z, da_n], axis=-1)
    dgh = xp.concatenate([da_r, da_z, da_n * r], axis=-1)
    return dgx, dgh, dh * z, None


def unroll(xp: Any, step: Step, gx: Array, h: Array, c: Array | None, w: Array, b: Array | None, reverse: bool) -> Any:
    """The steps along the first axis of gx (T, N, G): y (T, N, H), the last h and c, and what backward needs."""
    times = gx.shape[0]
    order = range(times)[::-1] if reverse else range(times)
    ys, befores, parts = [None] * times, [None] * times, [None] * times
    wt = xp.swapaxes(w, 0, 1)
    for t in order:
        gh = xp.matmul(h, wt)  # (N, H) (H, G) -> (N, G)
        gh = gh if b is None else gh + b
        befores[t] = h
        h, c, parts[t] = step(xp, gx[t], gh, h, c)
        ys[t] = h
    return xp.stack(ys), h, c, (w, b, order, befores, parts)


def unroll_back(xp: Any, back: Back, saved: Any, dy: Array, dh: Array, dc: Array | None) -> Any:
    """(dgx, dh, dc, dw, db) of `unroll`; dh and dc come from its last step and go back to the first."""
    w, b, order, befores, parts = saved
    dgxs, dghs = [None] * len(order), [None] * len(order)
    for t in reversed(order):
        dgxs[t], dghs[t], direct, dc = back(xp, parts[t], dh + dy[t], dc)
        dh = xp.matmul(dghs[t], w)  # (N, G) (G, H) -> (N, H)
        dh = dh if direct is None else dh + direct
    dgh = xp.concatenate(dghs, axis=0)  # (T·N, G)
    dw = xp.matmul(xp.swapaxes(dgh, 0, 1), xp.concatenate(befores, axis=0))
    return xp.stack(dgxs), dh, dc, dw, None if b is None else xp.sum(dgh, axis=0)


def check_sequence(op: str, gates: int, gx: Any, h: Any, w: Any) -> None:
    """Refuse shapes that do not fit, and no time at all."""
    if len(gx.shape) != 3 or len(h.shape) != 2 or len(w.shape) != 2:
        raise ValueError(f"{op}: expected gx (T, N, G), h (N, H), w (G, H), got {gx.shape}, {h.shape}, {w.shape}")
    size = h.shape[1]
    if tuple(w.shape) != (gates * size, size) or tuple(gx.shape[1:]) != (h.shape[0], gates * size):
        raise ValueError(
            f"{op}: h (N, H) = {h.shape} needs gx (T, {h.shape[0]}, {gates * size}) and w ({gates * size}, {size}), "
            f"got {gx.shape} and {w.shape}"
        )
    if gx.shape[0] == 0:
        raise ValueError(f"{op}: expected a sequence of at least one step, got gx {gx.shape}")


class RnnSequence(Op):
    """yₜ = act(gxₜ + yₜ₋₁ wᵀ + b);  daₜ = (dyₜ + daₜ₊₁ w) ⊙ act'(aₜ);
    dgx = da;  dh = da₁ w;  dw = Σ daₜᵀ yₜ₋₁;  db = Σ daₜ.

    y₀ = h. Returns (y, y_T). `nonlinearity` is "tanh" or "relu"; with `reverse`, time runs from the last step to the
    first. Source: Elman 1990.
    """

    latex = (
        r"y_t = \mathrm{act}(gx_t + y_{t-1} w^\top + b); da_t = (dy_t + da_{t+1} w) \odot \mathrm{act}'(a_t); "
        r"dgx = da; dh = da_1 w; dw = \sum_t da_t^\top y_{t-1}; db = \sum_t da_t"
    )
    shapes = "gx (T, N, H), h (N, H), w (H, H), b (H) -> y (T, N, H), h (N, H)"
    samples = [
        sample(normal(3, 2, 4), normal(2, 4), normal(4, 4), normal(4)),
        sample(normal(3, 2, 4), normal(2, 4), normal(4, 4), None, reverse=True, name="reverse, no bias"),
        sample(normal(2, 1, 3), normal(1, 3), normal(3, 3), normal(3), nonlinearity="relu", name="relu"),
    ]

    def call(gx, h, w, b=None, nonlinearity="tanh", reverse=False):
        check_sequence("rnn_sequence", 1, gx, h, w)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"rnn_sequence: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
        return (gx, h, w, b), {"nonlinearity": nonlinearity, "reverse": reverse}

    def forward(xp, gx, h, w, b, *, nonlinearity, reverse):
        step = tanh_step if nonlinearity == "tanh" else relu_step
        y, h, _, saved = unroll(xp, step, gx, h, None, w, b, reverse)
        return (y, h), (nonlinearity, saved)

    def backward(xp, saved, dys):
        nonlinearity, rest = saved
        back = tanh_back if nonlinearity == "tanh" else relu_back
        dgx, dh, _, dw, db = unroll_back(xp, back, rest, dys[0], dys[1], None)
        return dgx, dh, dw, db


class LstmSequence(Op):
    """iₜ, fₜ, gₜ, oₜ = σ, σ, tanh, σ of aₜ = gxₜ + yₜ₋₁ wᵀ + b;  cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ;  yₜ = oₜ ⊙ tanh(cₜ);
    dhₜ = dyₜ + daₜ₊₁ w;  dcₜ = dcₜ₊₁ ⊙ fₜ₊₁ + dhₜ ⊙ oₜ ⊙ (1 - tanh²(cₜ));
    daₜ = (dcₜ ⊙ gₜ ⊙ i' ‖ dcₜ ⊙ cₜ₋₁ ⊙ f' ‖ dcₜ ⊙ iₜ ⊙ g' ‖ dhₜ ⊙ tanh(cₜ) ⊙ o');
    dgx = da;  dw = Σ daₜᵀ yₜ₋₁;  db = Σ daₜ.

    σ' = σ (1 - σ), tanh' = 1 - tanh²; the four gates stand side by side in a. y₀ = h, c₀ = c. Returns (y, y_T, c_T).
    With `reverse`, time runs from the last step to the first.
    Source: Hochreiter and Schmidhuber 1997, Gers et al. 2000.
    """

    latex = (
        r"(i_t, f_t, g_t, o_t) = (\sigma, \sigma, \tanh, \sigma)(gx_t + y_{t-1} w^\top + b); "
        r"c_t = f_t \odot c_{t-1} + i_t \odot g_t; y_t = o_t \odot \tanh c_t; dh_t = dy_t + da_{t+1} w; "
        r"dc_t = dc_{t+1} \odot f_{t+1} + dh_t \odot o_t \odot (1 - \tanh^2 c_t); "
        r"da_t = (dc_t \odot g_t \odot i'_t, "
        r"dc_t \odot c_{t-1} \odot f'_t, dc_t \odot i_t \odot g'_t, "
        r"dh_t \odot \tanh c_t \odot o'_t); "
        r"dgx = da; dw = \sum_t da_t^\top y_{t-1}; db = \sum_t da_t"
    )
    shapes = "gx (T, N, 4H), h (N, H), c (N, H), w (4H, H), b (4H) -> y (T, N, H), h (N, H), c (N, H)"
    samples = [
        sample(normal(3, 2, 12), normal(2, 3), normal(2, 3), normal(12, 3), normal(12)),
        sample(normal(3, 1, 8), normal(1, 2), normal(1, 2), normal(8, 2), None, reverse=True, name="reverse, no bias"),
    ]

    def call(gx, h, c, w, b=None, reverse=False):
        check_sequence("lstm_sequence", 4, gx, h, w)
        if tuple(c.shape) != tuple(h.shape):
            raise ValueError(f"lstm_sequence: h (N, H) = {h.shape} needs c of the same shape, got {c.shape}")
        return (gx, h, c, w, b), {"reverse": reverse}

    def forward(xp, gx, h, c, w, b, *, reverse):
        y, h, c, saved = unroll(xp, lstm_step, gx, h, c, w, b, reverse)
        return (y, h, c), saved

    def backward(xp, saved, dys):
        return unroll_back(xp, lstm_back, saved, *dys)


class GruSequence(Op):
    """rₜ, zₜ = σ(gxₜ + gh) of gh = yₜ₋₁ wᵀ + b;  nₜ = tanh(gxₜ + rₜ ⊙ gh);  yₜ = (1 - zₜ) ⊙ nₜ + zₜ ⊙ yₜ₋₁;
    dhₜ = dyₜ + dhₜ₊₁ ⊙ zₜ₊₁ + dghₜ₊₁ w;  dn = dhₜ ⊙ (1 - zₜ) ⊙ (1 - nₜ²);  dz = dhₜ ⊙ (yₜ₋₁ - nₜ) ⊙ zₜ ⊙ (1 - zₜ);
    dr = dn ⊙ gh ⊙ rₜ ⊙ (1 - rₜ);  dgx = (dr ‖ dz ‖ dn);  dgh = (dr ‖ dz ‖ dn ⊙ rₜ);  dw = Σ dghₜᵀ yₜ₋₁;  db = Σ dghₜ.

    The three parts r, z, n stand side by side in gx and gh. y₀ = h. Returns (y, y_T). With `reverse`, time runs from
    the last step to the first. Source: Cho et al. 2014; as in PyTorch, r multiplies the product and not yₜ₋₁.
    """

    latex = (
        r"(r_t, z_t) = \sigma(gx_t + y_{t-1} w^\top + b); n_t = \tanh(gx_t + r_t \odot gh_t); "
        r"y_t = (1 - z_t) \odot n_t + z_t \odot y_{t-1}; dh_t = dy_t + dh_{t+1} \odot z_{t+1} + dgh_{t+1} w; "
        r"dn = dh_t \odot (1 - z_t) \odot (1 - n_t^2); dz = dh_t \odot (y_{t-1} - n_t) \odot z_t \odot (1 - z_t); "
        r"dr = dn \odot gh_t \odot r_t \odot (1 - r_t); dgx = (dr, dz, dn); dgh = (dr, dz, dn \odot r_t); "
        r"dw = \sum_t dgh_t^\top y_{t-1}; db = \sum_t dgh_t"
    )
    shapes = "gx (T, N, 3H), h (N, H), w (3H, H), b (3H) -> y (T, N, H), h (N, H)"
    samples = [
        sample(normal(3, 2, 9), normal(2, 3), normal(9, 3), normal(9)),
        sample(normal(3, 1, 6), normal(1, 2), normal(6, 2), None, reverse=True, name="reverse, no bias"),
    ]

    def call(gx, h, w, b=None, reverse=False):
        check_sequence("gru_sequence", 3, gx, h, w)
        return (gx, h, w, b), {"reverse": reverse}

    def forward(xp, gx, h, w, b, *, reverse):
        y, h, _, saved = unroll(xp, gru_step, gx, h, None, w, b, reverse)
        return (y, h), saved

    def backward(xp, saved, dys):
        dgx, dh, _, dw, db = unroll_back(xp, gru_back, saved, dys[0], dys[1], None)
        return dgx, dh, dw, db


class RnnTanhCell(Composite):
    """y = tanh(x w_ihᵀ + b_ih + h w_hhᵀ + b_hh);  dh = rnn_sequence's, of one step.

    Arguments as `torch.rnn_tanh_cell`.
    """

    latex = r"y = \tanh(x w_{ih}^\top + b_{ih} + h w_{hh}^\top + b_{hh}); dh = da\, w_{hh}"
    shapes = "input (N, D), hx (N, H), w_ih (H, D), w_hh (H, H), b_ih (H), b_hh (H) -> y (N, H)"
    samples = [sample(normal(2, 3), normal(2, 4), normal(4, 3), normal(4, 4), normal(4), normal(4))]

    def forward(xp, input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
        gx = xp.expand_dims(xp.linear(input, w_ih, b_ih), 0)
        return xp.rnn_sequence(gx, hx, w_hh, b_hh)[1]


class RnnReluCell(Composite):
    """y = max(0, x w_ihᵀ + b_ih + h w_hhᵀ + b_hh);  dh = rnn_sequence's, of one step.

    Arguments as `torch.rnn_relu_cell`.
    """

    latex = r"y = \max(0, x w_{ih}^\top + b_{ih} + h w_{hh}^\top + b_{hh}); dh = da\, w_{hh}"
    shapes = RnnTanhCell.shapes
    samples = [sample(normal(2, 3), normal(2, 4), normal(4, 3), normal(4, 4), normal(4), normal(4))]

    def forward(xp, input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
        gx = xp.expand_dims(xp.linear(input, w_ih, b_ih), 0)
        return xp.rnn_sequence(gx, hx, w_hh, b_hh, "relu")[1]


class LstmCell(Composite):
    """h, c = one step of lstm_sequence with gx = x w_ihᵀ + b_ih;  dh = lstm_sequence's.

    `hx` is the pair (h, c). Returns the new pair. Arguments as `torch.lstm_cell`.
    """

    latex = r"(h, c) = \mathrm{lstm}(x w_{ih}^\top + b_{ih}, h, c); dh = da\, w_{hh}"
    shapes = "input (N, D), hx (h, c) (N, H), w_ih (4H, D), w_hh (4H, H), b_ih (4H), b_hh (4H) -> h, c (N, H)"
    samples = [sample(normal(2, 3), [normal(2, 2), normal(2, 2)], normal(8, 3), normal(8, 2), normal(8), normal(8))]

    def call(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
        if not isinstance(hx, tuple | list) or len(hx) != 2:
            raise TypeError(f"lstm_cell: expected hx to be the pair (h, c), got {type(hx).__name__}")
        return (input, *hx, w_ih, w_hh, b_ih, b_hh), {}

    def forward(xp, x, h, c, w_ih, w_hh, b_ih, b_hh):
        gx = xp.expand_dims(xp.linear(x, w_ih, b_ih), 0)
        return xp.lstm_sequence(gx, h, c, w_hh, b_hh)[1:]


class GruCell(Composite):
    """y = one step of gru_sequence with gx = x w_ihᵀ + b_ih;  dh = gru_sequence's.

    Arguments as `torch.gru_cell`.
    """

    latex = r"y = \mathrm{gru}(x w_{ih}^\top + b_{ih}, h); dh = dh_t \odot z_t + dgh_t\, w_{hh}"
    shapes = "input (N, D), hx (N, H), w_ih (3H, D), w_hh (3H, H), b_ih (3H), b_hh (3H) -> y (N, H)"
    samples = [sample(normal(2, 3), normal(2, 2), normal(6, 3), normal(6, 2), normal(6), normal(6))]

    def forward(xp, input, hx, w_ih, w_hh, b_ih=None, b_hh=None):
        gx = xp.expand_dims(xp.linear(input, w_ih, b_ih), 0)
        return xp.gru_sequence(gx, hx, w_hh, b_hh)[1]
