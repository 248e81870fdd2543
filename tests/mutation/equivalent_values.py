"""Equivalent mutants of elementwise functions, losses, normalisations, reductions and scans."""

from __future__ import annotations

from tests.mutation.reason import ANY_NEGATIVE, COMMUTES, REPLACED, SHORTCUT, TWO_AXES, ZERO, Equivalent

VALUES = [
    Equivalent(
        "channel_norm.BatchNorm.backward",
        (
            "max(n, 1) -> max(n, 2)",
            "max(n, 1) -> max(n, 2) (2)",
        ),
        "n is never 1: batch_norm refuses one value per channel.",
    ),
    Equivalent(
        "channel_norm.GroupNorm.backward",
        ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",),
        COMMUTES,
    ),
    Equivalent(
        "classification.CrossEntropy.backward",
        ("(dq, dtarget) -> (dtarget, dq)",),
        COMMUTES,
    ),
    Equivalent(
        "elementwise.Arctan2.backward",
        ("xp.where(r2 == 0, 1.0, r2) -> xp.where(r2 == 0, 2.0, r2)",),
        "At the origin the quotient is multiplied by a = b = 0.",
    ),
    Equivalent(
        "elu.exponential_slope",
        ("xp.minimum(x, 0) -> xp.minimum(x, 1)",),
        "Above 0 the exponential is not chosen; it is only kept from overflowing.",
    ),
    Equivalent(
        "embedding.Embedding.backward",
        ("padding_idx is not None -> True",),
        "No label equals None.",
    ),
    Equivalent(
        "loss.L1Loss.backward",
        ("(slope, dlosses, dweight) -> (dlosses, slope, dweight)",),
        COMMUTES,
    ),
    Equivalent(
        "loss.MseLoss.backward",
        ("(d, dlosses, dweight) -> (dlosses, d, dweight)",),
        COMMUTES,
    ),
    Equivalent(
        "loss.SmoothL1Loss.backward",
        ("(s, dlosses) -> (dlosses, s)",),
        COMMUTES,
    ),
    Equivalent(
        "norm.mean_product",
        ("max(a.shape[-1], 1) -> a.shape[-1]", "max(a.shape[-1], 1) -> max(a.shape[-1], 0)"),
        "The mean of no features is only ever multiplied with arrays that have no elements.",
    ),
    Equivalent(
        "norm.LayerNorm.backward",
        ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",),
        COMMUTES,
    ),
    Equivalent(
        "norm.LayerNorm.backward",
        ("xp.sum(dy, axis=0) -> xp.sum(dy, axis=-2)",),
        TWO_AXES,
    ),
    Equivalent(
        "norm.RmsNorm.backward",
        ("mean_product(xp, g, xhat) -> mean_product(xp, xhat, g)",),
        COMMUTES,
    ),
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
        (
            "xp.abs(a) -> a",
            "xp.abs(a) > 0 -> xp.abs(a) > 1",
        ),
        "Where b = 0 and a is neither 0 nor NaN, b a^(b - 1) is 0 whatever the exponent.",
    ),
    Equivalent(
        "power.power_base_slope",
        ("2 * a if b == 2 else b * a ** (b - 1) if b else 0.0 -> b * a ** (b - 1) if b else 0.0",),
        SHORTCUT,
    ),
    Equivalent(
        "rectifier.Prelu.backward",
        ("x > 0 -> x >= 0 (2)",),
        "At x = 0 what is masked, x dy, is 0.",
    ),
    Equivalent(
        "reduce.Logsumexp.backward",
        ("xp.where(finite, y, 0.0) -> xp.where(finite, y, 1.0)",),
        "There e^(-inf - y) is 0 for every finite y.",
    ),
    Equivalent(
        "reduce.Logsumexp.backward",
        ("known(xp.all(finite)) -> False",),
        SHORTCUT,
    ),
    Equivalent(
        "reduce.Logsumexp.backward",
        ("known(xp.all(finite)) -> xp.all(finite)",),
        "In main memory the condition asks for its truth itself.",
    ),
    Equivalent(
        "reduce.keep_axes",
        ("isinstance(axis, tuple) -> True",),
        "expand_dims takes an integer as well.",
    ),
    Equivalent(
        "rounding.Step.backward",
        (
            "xp.zeros_like(dy) -> xp.zeros_like(dy) * 0",
            "xp.zeros_like(dy) -> -xp.zeros_like(dy)",
        ),
        ZERO,
    ),
    Equivalent(
        "scan.Cumprod.backward",
        (
            "before[..., :moved.shape[-1]] -> before",
            "before[..., :moved.shape[-1]] -> before[..., :]",
            "before[..., :moved.shape[-1]] -> before[..., :moved.shape[-1] + 1]",
        ),
        "It has just as many elements, or one where x has none, and that one broadcasts to none.",
    ),
    Equivalent(
        "scan.Cumprod.backward",
        (
            "moved[..., :-1] -> moved",
            "moved[..., :-1] -> moved[..., :]",
        ),
        "One element more than is read.",
    ),
    Equivalent(
        "scan.Cumprod.backward",
        ("xp.reshape(x, (-1,)) -> xp.reshape(x, (-2,))",),
        ANY_NEGATIVE,
    ),
    Equivalent(
        "scan.Cumsum.backward",
        (
            "0 if axis is None else axis -> axis",
            "0 if axis is None else axis -> -1 if axis is None else axis",
        ),
        TWO_AXES,
    ),
    Equivalent(
        "scan.Prod.backward",
        ("xp.not_equal(x, 0) -> x",),
        "A number is true where it is not 0.",
    ),
    Equivalent(
        "scan.Prod.backward",
        ("xp.reshape(moved, (*moved.shape[:last[0]], -1)) -> xp.reshape(moved, (*moved.shape[:last[0]], -2))",),
        ANY_NEGATIVE,
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
        "scan.products_of_others",
        ("remaining -> True",),
        "A block more than is used.",
    ),
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
    Equivalent(
        "statistics.Std.backward",
        ("xp.where(flat, 1.0, y) -> xp.where(flat, 2.0, y)",),
        REPLACED,
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
        "statistics.VectorNorm.backward",
        (
            "ord == 1 -> False",
            "ord == 1 -> ord == 0",
            "ord == 2 -> False",
            "ord == 2 -> ord == 1",
        ),
        SHORTCUT,
    ),
]
