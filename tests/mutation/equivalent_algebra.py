"""Equivalent mutants of products, convolutions and matrices, of resizing, joining, padding and recurrence."""

from __future__ import annotations

from tests.mutation.reason import ALL_NONE, EXTRA_AXIS, PARTS, SAME_SHAPE, SHORTCUT, SQUARE, TWO_AXES, Equivalent

ALGEBRA = [
    Equivalent(
        "adaptive.average_transposed",
        ("divides(size, spans) -> False",),
        SHORTCUT,
    ),
    Equivalent(
        "correlation.convolve_backward",
        ("like_input(xp, dx, x, w) -> like_input(xp, dx, w, x)",),
        "It only asks whether the two have equally many axes.",
    ),
    Equivalent(
        "correlation.convolve_backward",
        ("(dy, dx, dw) -> (dy, dw, dx)",),
        ALL_NONE,
    ),
    Equivalent(
        "correlation.convolve_transposed_backward",
        (
            "like_input(xp, correlate(xp, dy, w, stride, dilation, padding, groups), x, w)"
            " -> like_input(xp, correlate(xp, dy, w, stride, dilation, padding, groups), w, x)",
        ),
        "It only asks whether the two have equally many axes.",
    ),
    Equivalent(
        "correlation.convolve_transposed_backward",
        ("(dy, dx, dw) -> (dy, dw, dx)",),
        ALL_NONE,
    ),
    Equivalent(
        "correlation.weigh",
        (
            "x.shape[1] * prod(kernel) * prod(y.shape[2:]) -> x.shape[1] * prod(kernel) + prod(y.shape[2:])",
            "x.shape[1] * prod(kernel) * prod(y.shape[2:]) -> x.shape[1] * prod(kernel)",
            "x.shape[1] * prod(kernel) * prod(y.shape[2:]) -> prod(y.shape[2:])",
            "x.shape[1] * prod(kernel) -> x.shape[1] + prod(kernel)",
            "x.shape[1] * prod(kernel) -> x.shape[1]",
            "x.shape[1] -> x.shape[2]",
            "x.shape[1] * prod(kernel) -> prod(kernel)",
            "y.shape[2:] -> y.shape",
            "y.shape[2:] -> y.shape[:]",
            "y.shape[2:] -> y.shape[3:]",
            "y.shape[2:] -> y.shape[1:]",
        ),
        PARTS,
    ),
    Equivalent(
        "einsum.gradient",
        (
            "label in wanted -> not label in wanted",
            "label in wanted -> True",
        ),
        "An identity matrix renames a label: the product is the same, only slower.",
    ),
    Equivalent(
        "einsum.gradient",
        ("sorted(set(ascii_letters) - set(''.join(labels))) -> set(ascii_letters) - set(''.join(labels))",),
        "Any unused letter will do.",
    ),
    Equivalent(
        "einsum.gradient",
        (
            "n not in found and (n != 1 or not found) -> True",
            "n not in found and (n != 1 or not found) -> n not in found or (n != 1 or not found)",
            "n not in found and (n != 1 or not found) -> n not in found",
            "n not in found and (n != 1 or not found) -> n != 1 or not found",
        ),
        "Joins in a vector of ones where none is needed: a factor of 1 along an axis that is there.",
    ),
    Equivalent(
        "inverse.Cholesky.backward",
        ("y.shape[-1] -> y.shape[-2]",),
        SQUARE,
    ),
    Equivalent(
        "inverse.Det.backward",
        ("bool(on_host(xp.all(y != 0))) -> on_host(xp.all(y != 0))",),
        "The condition asks for its truth itself.",
    ),
    Equivalent(
        "inverse.Det.backward",
        (
            "xp.expand_dims(y, (-2, -1)) * xp.swapaxes(xp.inv(x), -1, -2) if regular else cofactors(xp, x)"
            " -> cofactors(xp, x)",
        ),
        SHORTCUT,
    ),
    Equivalent(
        "inverse.cofactors",
        ("(j >= xp.expand_dims(i, 1)).astype(i.dtype) -> j >= xp.expand_dims(i, 1)",),
        "An integer plus a boolean is that integer or the next.",
    ),
    Equivalent(
        "inverse.cofactors",
        ("i + xp.expand_dims(i, 1) -> i - xp.expand_dims(i, 1)",),
        "i + j and i - j are odd together, and only that decides the sign.",
    ),
    Equivalent(
        "inverse.cofactors",
        (
            "x.shape[-1] -> x.shape[-2]",
            "x.shape[-1] -> x.shape[-2] (2)",
        ),
        SQUARE,
    ),
    Equivalent(
        "join.Concatenate.backward",
        ("axis or 0 -> axis or -1",),
        "A tuple 0 times and -1 times are both empty.",
    ),
    Equivalent(
        "join.Concatenate.backward",
        ("tuple(dxs) -> dxs",),
        "The tape reads a list as it reads a tuple.",
    ),
    Equivalent(
        "join.Concatenate.backward",
        ("xp.reshape(part, shape) if axis is None else part -> xp.reshape(part, shape)",),
        SAME_SHAPE,
    ),
    Equivalent(
        "linalg.Matmul.backward",
        (
            "xp.expand_dims(a, 0) if row else a -> xp.expand_dims(a, 0)",
            "da = xp.squeeze(da, -2) if row else da -> nothing",
            "xp.squeeze(da, -2) if row else da -> da",
            "xp.squeeze(da, -2) -> da",
        ),
        EXTRA_AXIS,
    ),
    Equivalent(
        "linalg.Matmul.backward",
        (
            "a.ndim == 2 and b.ndim == 2 -> False",
            "b.ndim == 2 and a.ndim > 2 -> b.ndim == 2",
            "b.ndim == 2 and a.ndim > 2 -> False",
            "a.ndim > 2 -> a.ndim >= 2",
            "a.ndim > 2 -> a.ndim < 2",
            "a.ndim > 2 -> a.ndim == 2",
            "a.ndim > 2 -> a.ndim > 1",
            "a.ndim > 2 -> a.ndim > 3",
            "rows(xp, dy) -> dy",
        ),
        SHORTCUT,
    ),
    Equivalent(
        "linear.Linear.backward",
        (
            "x.ndim == 2 -> x.ndim == 1 (2)",
            "dw = dw if w.ndim == 2 else xp.reshape(dw, w.shape) -> nothing",
            "dw if w.ndim == 2 else xp.reshape(dw, w.shape) -> xp.reshape(dw, w.shape) if w.ndim == 2 else dw",
            "dw if w.ndim == 2 else xp.reshape(dw, w.shape) -> dw",
            "w.ndim == 2 -> w.ndim != 2 (3)",
            "w.ndim == 2 -> w.ndim == 1 (3)",
            "xp.reshape(dw, w.shape) -> dw",
            "xp.sum(dy2, axis=0) -> dy2",
        ),
        EXTRA_AXIS,
    ),
    Equivalent(
        "linear.Linear.backward",
        (
            "x if x.ndim == 2 else rows(xp, x) -> rows(xp, x)",
            "dy if dy.ndim == 2 and w.ndim == 2 else xp.reshape(dy, (x2.shape[0], w2.shape[0]))"
            " -> xp.reshape(dy, (x2.shape[0], w2.shape[0]))",
            "w.ndim == 2 -> w.ndim == 3 (2)",
            "dx if x.ndim == 2 else xp.reshape(dx, x.shape) -> xp.reshape(dx, x.shape)",
            "dw if w.ndim == 2 else xp.reshape(dw, w.shape) -> xp.reshape(dw, w.shape)",
            "w.ndim == 2 -> w.ndim == 3 (3)",
        ),
        SAME_SHAPE,
    ),
    Equivalent(
        "linear.Linear.backward",
        ("xp.sum(dy2, axis=0) -> xp.sum(dy2, axis=-2)",),
        TWO_AXES,
    ),
    Equivalent(
        "padding.Pad.backward",
        ("before or after -> True",),
        SHORTCUT,
    ),
    Equivalent(
        "recurrent.gru_back",
        (
            "xp.concatenate([da_r, da_z, da_n], axis=-1) -> xp.concatenate([da_r, da_z, da_n], axis=1)",
            "xp.concatenate([da_r, da_z, da_n * r], axis=-1) -> xp.concatenate([da_r, da_z, da_n * r], axis=1)",
        ),
        TWO_AXES,
    ),
    Equivalent(
        "recurrent.lstm_back",
        (
            "xp.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=-1)"
            " -> xp.concatenate([di * i * (1 - i), df * f * (1 - f), dg * (1 - g * g), do * o * (1 - o)], axis=1)",
        ),
        TWO_AXES,
    ),
    Equivalent(
        "recurrent.unroll_back",
        ("None if b is None else xp.sum(dgh, axis=0) -> xp.sum(dgh, axis=0)",),
        "Nobody asks for the gradient of a bias that is None.",
    ),
    Equivalent(
        "recurrent.unroll_back",
        ("(dgxs, dghs) -> (dghs, dgxs)",),
        ALL_NONE,
    ),
    Equivalent(
        "recurrent.unroll_back",
        (
            "xp.concatenate(dghs, axis=0) -> xp.concatenate(dghs)",
            "xp.concatenate(dghs, axis=0) -> xp.concatenate(dghs, axis=-2)",
            "xp.concatenate(befores, axis=0) -> xp.concatenate(befores)",
            "xp.concatenate(befores, axis=0) -> xp.concatenate(befores, axis=-2)",
            "xp.sum(dgh, axis=0) -> xp.sum(dgh, axis=-2)",
        ),
        TWO_AXES,
    ),
    Equivalent(
        "resize.resample_transposed",
        (
            "list(range(out)) -> range(out)",
            "list(sources) -> sources",
        ),
        "NumPy takes a range, and a tuple within a tuple, for the list of its integers.",
    ),
]
