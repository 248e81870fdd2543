"""Mutants that are not wrong: what they compute is the same for every input that reaches them, with the reason why."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """`changes` of the function `target`, as `Mutant.change` has them, and why none of them matters."""

    target: str
    changes: tuple[str, ...]
    reason: str

    def mutants(self) -> list[str]:
        return [f"{self.target}: {change}" for change in self.changes]


COMMUTES = "A product in the other order is the same product."
ALL_NONE = "Names for the same value exchange their places: both are None, or both lists of None."
SHORTCUT = "The other branch gives the same gradient; this one only saves time where it can be taken."
ZERO = "Zero stays zero."
TWO_AXES = "The arrays have two axes (or one), so that this names the same axis."
SQUARE = "The matrices are square: both axes have the same length."
SAME_SHAPE = "Reshapes what has this shape already."
EXTRA_AXIS = "An axis of length 1 more in front, or before the last: the tape sums it away with the broadcast ones."
REPLACED = "The values are replaced afterwards: they only keep the formula from warning."
ANY_NEGATIVE = "reshape works out the length for any negative number."
PARTS = "Decides how many samples are taken at a time; their sum is the same however the batch is cut."

EQUIVALENT = [
    Equivalent("adaptive.average_transposed", ("divides(size, spans) -> False",), SHORTCUT),
    Equivalent(
        "channel_norm.GroupNorm.backward", ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",), COMMUTES
    ),
    Equivalent("norm.LayerNorm.backward", ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",), COMMUTES),
    Equivalent("norm.RmsNorm.backward", ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",), COMMUTES),
    Equivalent("classification.CrossEntropy.backward", ("(dq, dtarget) -> (dtarget, dq)",), COMMUTES),
    Equivalent("loss.L1Loss.backward", ("(slope, dlosses, dweight) -> (dlosses, slope, dweight)",), COMMUTES),
    Equivalent("loss.MseLoss.backward", ("(d, dlosses, dweight) -> (dlosses, d, dweight)",), COMMUTES),
    Equivalent("loss.SmoothL1Loss.backward", ("(s, dlosses) -> (dlosses, s)",), COMMUTES),
    Equivalent("correlation.convolve_backward", ("(dy, dx, dw) -> (dy, dw, dx)",), ALL_NONE),
    Equivalent("correlation.convolve_transposed_backward", ("(dy, dx, dw) -> (dy, dw, dx)",), ALL_NONE),
    Equivalent(
        "correlation.convolve_backward",
        ("like_input(xp, dx, x, w) -> like_input(xp, dx, w, x)",),
        "It only asks whether the two have equally many axes.",
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
        "elu.exponential_slope",
        ("xp.minimum(x, 0) -> xp.minimum(x, 1)",),
        "Above 0 the exponential is not chosen; it is only kept from overflowing.",
    ),
    Equivalent(
        "elementwise.Arctan2.backward",
        ("xp.where(r2 == 0, 1.0, r2) -> xp.where(r2 == 0, 2.0, r2)",),
        "At the origin the quotient is multiplied by a = b = 0.",
    ),
    Equivalent("embedding.Embedding.backward", ("padding_idx is not None -> True",), "No label equals None."),
    Equivalent(
        "channel_norm.BatchNorm.backward",
        ("max(n, 1) -> max(n, 2)", "max(n, 1) -> max(n, 2) (2)"),
        "n is never 1: batch_norm refuses one value per channel.",
    ),
    Equivalent("recurrent.unroll_back", ("(dgxs, dghs) -> (dghs, dgxs)",), ALL_NONE),
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
        ("sorted(set(ascii_letters) - set(''.join(labels))) -> set(ascii_letters) - set(''.join(labels))",),
        "Any unused letter will do.",
    ),
    Equivalent(
        "einsum.gradient",
        ("label in wanted -> not label in wanted", "label in wanted -> True"),
        "An identity matrix renames a label: the product is the same, only slower.",
    ),
    Equivalent(
        "einsum.gradient",
        (
            "n not in found and (n != 1 or not found) -> True",
            "n not in found and (n != 1 or not found) -> n not in found or (n != 1 or not found)",
            "n not in found and (n != 1 or not found) -> n not in found",
            "n not in found and (n != 1 or not found) -> n != 1 or not found",
            "n != 1 -> n != 0",
        ),
        "Joins in a vector of ones where none is needed: a factor of 1 along an axis that is there.",
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
        ("i + xp.expand_dims(i, 1) -> i - xp.expand_dims(i, 1)",),
        "i + j and i - j are odd together, and only that decides the sign.",
    ),
    Equivalent(
        "inverse.cofactors",
        ("x.shape[-1] -> x.shape[-2]", "x.shape[-1] -> x.shape[-2] (2)"),
        SQUARE,
    ),
    Equivalent("inverse.Cholesky.backward", ("y.shape[-1] -> y.shape[-2]",), SQUARE),
    Equivalent(
        "linalg.Matmul.backward",
        (
            "a.ndim == 2 and b.ndim == 2 -> False",
            "b.ndim == 2 -> b.ndim == 3",
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
        "linear.Linear.backward",
        (
            "x if x.ndim == 2 else rows(xp, x) -> rows(xp, x)",
            "dy if dy.ndim == 2 and w.ndim == 2 else xp.reshape(dy, (x2.shape[0], w2.shape[0]))"
            " -> xp.reshape(dy, (x2.shape[0], w2.shape[0]))",
            "w.ndim == 2 -> w.ndim == 3 (2)",
            "dx if x.ndim == 2 else xp.reshape(dx, x.shape) -> xp.reshape(dx, x.shape)",
        ),
        SAME_SHAPE,
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
        ("dw if w.ndim == 2 else xp.reshape(dw, w.shape) -> xp.reshape(dw, w.shape)", "w.ndim == 2 -> w.ndim == 3 (3)"),
        SAME_SHAPE,
    ),
    Equivalent("padding.Pad.backward", ("before or after -> True",), SHORTCUT),
    Equivalent(
        "power.power_base_log",
        ("a > 0 -> a >= 0",),
        "a is not 0 there.",
    ),
    Equivalent(
        "power.power_base_log",
        (
            "int | float -> float (2)",
            "xp.where(a <= 0, 1.0, a) -> xp.where(a <= 0, 2.0, a)",
            "b * 0 -> b + 0",
            "b * 0 -> b",
            "b * 0 -> b * 1",
            "b * 0 -> b * -1",
        ),
        REPLACED,
    ),
    Equivalent(
        "power.power_base_slope",
        ("2 * a if b == 2 else b * a ** (b - 1) if b else 0.0 -> b * a ** (b - 1) if b else 0.0",),
        SHORTCUT,
    ),
    Equivalent(
        "power.power_base_slope",
        ("xp.abs(a) -> a", "xp.abs(a) > 0 -> xp.abs(a) > 1"),
        "Where b = 0 and a is neither 0 nor NaN, b a^(b - 1) is 0 whatever the exponent.",
    ),
    Equivalent("rectifier.Prelu.backward", ("x > 0 -> x >= 0 (2)",), "At x = 0 what is masked, x dy, is 0."),
    Equivalent(
        "recurrent.unroll_back",
        ("None if b is None else xp.sum(dgh, axis=0) -> xp.sum(dgh, axis=0)",),
        "Nobody asks for the gradient of a bias that is None.",
    ),
    Equivalent("reduce.Logsumexp.backward", ("xp.all(finite) -> False",), SHORTCUT),
    Equivalent(
        "reduce.Logsumexp.backward",
        ("xp.where(finite, y, 0.0) -> xp.where(finite, y, 1.0)",),
        "There e^(-inf - y) is 0 for every finite y.",
    ),
    Equivalent("reduce.keep_axes", ("isinstance(axis, tuple) -> True",), "expand_dims takes an integer as well."),
    Equivalent("scan.Prod.backward", ("xp.not_equal(x, 0) -> x",), "A number is true where it is not 0."),
    Equivalent(
        "scan.Prod.backward",
        ("xp.reshape(moved, (*moved.shape[:last[0]], -1)) -> xp.reshape(moved, (*moved.shape[:last[0]], -2))",),
        ANY_NEGATIVE,
    ),
    Equivalent("scan.Cumprod.backward", ("xp.reshape(x, (-1,)) -> xp.reshape(x, (-2,))",), ANY_NEGATIVE),
    Equivalent(
        "scan.Cumprod.backward",
        (
            "before[..., :moved.shape[-1]] -> before",
            "before[..., :moved.shape[-1]] -> before[..., :]",
            "before[..., :moved.shape[-1]] -> before[..., :moved.shape[-1] + 1]",
        ),
        "It has just as many elements, or one where x has none, and that one broadcasts to none.",
    ),
    Equivalent("scan.products_of_others", ("remaining -> True",), "A block more than is used."),
    Equivalent(
        "statistics.Std.backward",
        (
            "xp.where(flat, 0.0, dy * scale / xp.where(flat, 1.0, y))"
            " -> xp.where(0.0, flat, dy * scale / xp.where(flat, 1.0, y))",
            "xp.where(flat, 0.0, dy * scale / xp.where(flat, 1.0, y)) -> dy * scale / xp.where(flat, 1.0, y)",
            "xp.where(flat, 0.0, dy * scale / xp.where(flat, 1.0, y))"
            " -> xp.where(flat, 1.0, dy * scale / xp.where(flat, 1.0, y))",
        ),
        "Where y = 0 every deviation is 0, and so is its product with any slope.",
    ),
    Equivalent("statistics.Std.backward", ("xp.where(flat, 1.0, y) -> xp.where(flat, 2.0, y)",), REPLACED),
    Equivalent(
        "statistics.VectorNorm.backward",
        ("ord == 1 -> False", "ord == 1 -> ord == 0", "ord == 2 -> False", "ord == 2 -> ord == 1"),
        SHORTCUT,
    ),
    Equivalent(
        "statistics.VectorNorm.backward",
        (
            "xp.where(zero, 0.0, dy / safe) -> xp.where(0.0, zero, dy / safe)",
            "xp.where(zero, 0.0, dy / safe) -> xp.where(zero, 1.0, dy / safe)",
            "xp.where(zero, 0.0, dy / safe) -> dy / safe",
        ),
        "Where the norm is 0 every x is 0, and so is its product with any slope.",
    ),
    Equivalent(
        "statistics.VectorNorm.backward",
        (
            "xp.where(off, 1.0, xp.abs(x)) -> xp.where(off, 2.0, xp.abs(x))",
            "xp.where(zero, 1.0, y) -> xp.where(zero, 2.0, y)",
        ),
        REPLACED,
    ),
    Equivalent(
        "join.Concatenate.backward",
        ("xp.reshape(part, shape) if axis is None else part -> xp.reshape(part, shape)",),
        SAME_SHAPE,
    ),
    Equivalent(
        "join.Concatenate.backward", ("axis or 0 -> axis or -1",), "A tuple 0 times and -1 times are both empty."
    ),
    Equivalent("join.Concatenate.backward", ("tuple(dxs) -> dxs",), "The tape reads a list as it reads a tuple."),
    Equivalent(
        "inverse.Det.backward",
        ("bool(xp.all(y != 0)) -> xp.all(y != 0)",),
        "The condition asks for its truth itself.",
    ),
    Equivalent(
        "inverse.cofactors",
        ("(j >= xp.expand_dims(i, 1)).astype(i.dtype) -> j >= xp.expand_dims(i, 1)",),
        "An integer plus a boolean is that integer or the next.",
    ),
    Equivalent(
        "scan.backward_recurrence",
        (
            "xp.concatenate([a[..., step:], xp.zeros_like(a[..., :step])], axis=-1)"
            " -> -xp.concatenate([a[..., step:], xp.zeros_like(a[..., :step])], axis=-1)",
        ),
        "Every product has two of these as factors, or a factor that has the other sign already: they cancel.",
    ),
    Equivalent(
        "scan.backward_recurrence",
        ("step < x.shape[-1] -> step <= x.shape[-1]",),
        "One round more, which looks beyond the end and adds zeros.",
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
        (
            "xp.concatenate(dghs, axis=0) -> xp.concatenate(dghs)",
            "xp.concatenate(dghs, axis=0) -> xp.concatenate(dghs, axis=-2)",
            "xp.concatenate(befores, axis=0) -> xp.concatenate(befores)",
            "xp.concatenate(befores, axis=0) -> xp.concatenate(befores, axis=-2)",
            "xp.sum(dgh, axis=0) -> xp.sum(dgh, axis=-2)",
        ),
        TWO_AXES,
    ),
    Equivalent("norm.LayerNorm.backward", ("xp.sum(dy, axis=0) -> xp.sum(dy, axis=-2)",), TWO_AXES),
    Equivalent("linear.Linear.backward", ("xp.sum(dy2, axis=0) -> xp.sum(dy2, axis=-2)",), TWO_AXES),
    Equivalent(
        "scan.Cumsum.backward",
        ("0 if axis is None else axis -> axis", "0 if axis is None else axis -> -1 if axis is None else axis"),
        TWO_AXES,
    ),
    Equivalent(
        "scan.Cumprod.backward",
        ("moved[..., :-1] -> moved", "moved[..., :-1] -> moved[..., :]"),
        "One element more than is read.",
    ),
    Equivalent(
        "resize.resample_transposed",
        ("list(range(out)) -> range(out)", "list(sources) -> sources"),
        "NumPy takes a range, and a tuple within a tuple, for the list of its integers.",
    ),
    Equivalent(
        "rounding.Step.backward",
        ("xp.zeros_like(dy) -> xp.zeros_like(dy) * 0", "xp.zeros_like(dy) -> -xp.zeros_like(dy)"),
        ZERO,
    ),
]


def reasons() -> dict[str, str]:
    """{mutant's key: why it is equivalent}."""
    return {key: entry.reason for entry in EQUIVALENT for key in entry.mutants()}
