"""The losses keep PyTorch's semantics for all options, at any size of logits, and refuse what cannot be meant."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nanonet as nt
from nanonet import functional as F

REDUCTIONS = ["mean", "sum", "none"]
seeds = st.integers(0, 2**32 - 1)
reductions = st.sampled_from(REDUCTIONS)


def agree(name, inputs, constants=(), **attrs):
    """Value and gradients of nanonet's function `name` equal PyTorch's; `constants` are arguments without gradient."""
    torch = pytest.importorskip("torch")

    def theirs_of(x):
        return torch.tensor(x) if isinstance(x, np.ndarray) else x

    ours = [nt.tensor(x, requires_grad=True) for x in inputs]
    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    function = getattr(torch.nn.functional, name)
    y = getattr(F, name)(*ours, *constants, **attrs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's advice on kl_div's mean
        want = function(*theirs, *map(theirs_of, constants), **{k: theirs_of(v) for k, v in attrs.items()})
    equal(y, want, f"{name} {attrs}")
    dy = np.random.default_rng(0).standard_normal(y.shape)
    dxs = nt.vjp_of([y], ours, [dy])
    for dx, tdx in zip(dxs, torch.autograd.grad(want, theirs, torch.tensor(dy), allow_unused=True), strict=True):
        equal(dx, torch.zeros(dx.shape) if tdx is None else tdx, f"gradient of {name} {attrs}")
    return y, dxs


def equal(got, want, what):
    assert got.shape == tuple(want.shape), what
    scale = np.abs(np.nan_to_num(want.detach().numpy(), posinf=0, neginf=0)).max(initial=0.0)
    np.testing.assert_allclose(got.array, want.detach().numpy(), rtol=1e-10, atol=1e-10 * scale, err_msg=what)


def optional(rng, array):
    return array if rng.random() < 0.5 else None


@settings(max_examples=60, deadline=None)
@given(seeds, reductions)
def test_cross_entropy_and_nll_with_labels(seed, reduction):
    """Any spatial axes, weights, ignored labels (inside and outside the classes), smoothing, unbatched, empty."""
    rng = np.random.default_rng(seed)
    classes, spatial = int(rng.integers(1, 5)), tuple(rng.integers(1, 4, rng.integers(0, 3)))
    n = int(rng.integers(0, 4))
    shape, labels = ((classes,), ()) if rng.random() < 0.15 else ((n, classes, *spatial), (n, *spatial))
    x, target = rng.standard_normal(shape) * 10 ** rng.uniform(-1, 2), rng.integers(0, classes, labels)
    ignore_index = int(rng.choice([-100, 0, classes - 1, 255]))
    target = np.where(rng.random(labels) < 0.3, ignore_index, target)
    attrs = {"weight": optional(rng, rng.uniform(0.1, 2, classes)), "reduction": reduction}
    agree("nll_loss", [x], [target], ignore_index=ignore_index, **attrs)
    smoothing = float(rng.choice([0.0, 0.1, 1.0]))
    agree("cross_entropy", [x], [target], ignore_index=ignore_index, label_smoothing=smoothing, **attrs)


@settings(max_examples=30, deadline=None)
@given(seeds, reductions)
def test_cross_entropy_with_probabilities(seed, reduction):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(1, 5))
    shape = (
        (classes,)
        if rng.random() < 0.2
        else (int(rng.integers(0, 4)), classes, *rng.integers(1, 4, rng.integers(0, 3)))
    )
    x, target = rng.standard_normal(shape), rng.uniform(0, 1, shape)
    weight = optional(rng, rng.uniform(0.1, 2, classes))
    smoothing = float(rng.choice([0.0, 0.3]))
    agree("cross_entropy", [x, target], weight=weight, reduction=reduction, label_smoothing=smoothing)


@settings(max_examples=40, deadline=None)
@given(seeds, reductions)
def test_regression_losses(seed, reduction):
    """Also on a coarse grid, where ties and the edges of the quadratic parts are hit."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(0, 4, rng.integers(0, 4)))
    x, t = (np.round(2 * rng.standard_normal(shape)) / 2 for _ in range(2))
    attrs = {"reduction": reduction}
    weight = rng.uniform(0.1, 2, shape)
    agree("mse_loss", [x, t], **attrs)
    agree("l1_loss", [x, t], **attrs)
    agree("smooth_l1_loss", [x, t], beta=float(rng.choice([0.0, 0.5, 1.0, 2.0])), **attrs)
    agree("huber_loss", [x, t], delta=float(rng.choice([0.5, 1.0, 2.0])), **attrs)
    if x.size:
        agree("mse_loss", [x, t], weight=weight, **attrs)
        agree("l1_loss", [x, t], weight=weight, **attrs)
        agree("huber_loss", [x, t], delta=0.5, weight=weight, **attrs)


@settings(max_examples=40, deadline=None)
@given(seeds, reductions)
def test_binary_losses(seed, reduction):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(0, 4, rng.integers(1, 4)))
    x, t = rng.standard_normal(shape) * 10 ** rng.uniform(-1, 3), rng.uniform(0, 1, shape)
    weight = optional(rng, rng.uniform(0, 2, shape[rng.integers(0, len(shape)) :]))
    pos_weight = optional(rng, rng.uniform(0, 3, shape[-1:]))
    agree("binary_cross_entropy_with_logits", [x, t], weight=weight, pos_weight=pos_weight, reduction=reduction)
    agree("binary_cross_entropy", [rng.uniform(0, 1, shape), t], weight=weight, reduction=reduction)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from([*REDUCTIONS, "batchmean"]), st.booleans())
def test_kl_div(seed, reduction, log_target):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 4, rng.integers(0, 4)))
    x, t = rng.standard_normal(shape), rng.uniform(0.01, 1, shape)
    agree("kl_div", [x, np.log(t) if log_target else t], reduction=reduction, log_target=log_target)


@settings(max_examples=40, deadline=None)
@given(seeds, reductions)
def test_margin_losses(seed, reduction):
    """On a coarse grid, so that the margins are hit exactly."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(0, 4)), int(rng.integers(1, 4)))
    a, b, c = (np.round(2 * rng.standard_normal(shape)) / 2 for _ in range(3))
    signs = rng.choice([-1.0, 1.0], shape)
    margin = float(rng.choice([0.0, 0.5, 1.0]))
    agree("hinge_embedding_loss", [a], [signs], margin=margin, reduction=reduction)
    agree("margin_ranking_loss", [a, b], [signs], margin=margin, reduction=reduction)
    agree("soft_margin_loss", [a], [signs], reduction=reduction)
    a, b, c = (rng.standard_normal((shape[0], 3)) for _ in range(3))
    agree("cosine_embedding_loss", [a, b], [signs[:, 0]], margin=margin - 0.5, reduction=reduction)
    attrs = {"margin": margin + 0.5, "p": float(rng.choice([1, 2, 3, np.inf])), "swap": bool(rng.random() < 0.5)}
    agree("triplet_margin_loss", [a, b, c], reduction=reduction, **attrs)


@settings(max_examples=30, deadline=None)
@given(seeds, reductions, st.booleans())
def test_likelihood_losses(seed, reduction, full):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 4, rng.integers(1, 4)))
    x, t = rng.standard_normal(shape), rng.standard_normal(shape)
    for variance in {shape, shape[:-1], (*shape[:-1], 1)}:
        agree("gaussian_nll_loss", [x, t, rng.uniform(0.1, 2, variance)], full=full, reduction=reduction)
    agree("gaussian_nll_loss", [x, t], [0.5], full=full, reduction=reduction)
    counts = rng.integers(0, 6, shape).astype(float)
    agree("poisson_nll_loss", [x], [counts], full=full, reduction=reduction)
    agree("poisson_nll_loss", [np.exp(x)], [counts], log_input=False, full=full, reduction=reduction)


def test_variance_below_eps_and_equal_distances():
    agree("gaussian_nll_loss", [np.array([0.1, 0.2]), np.array([0.2, 0.1]), np.array([0.0, 1e-9])], full=True)
    same = np.array([[1.0, 2.0]])
    agree("triplet_margin_loss", [same, same, same + 1], eps=0.0, margin=5.0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_ten_thousand(dtype, reduction):
    """Exact values and gradients, no overflow, no warning (which would be an error here)."""
    big = 1e4
    x = nt.tensor(np.array([[big, -big, 0.0], [-big, big, 0.0], [big, big, -big]], dtype), requires_grad=True)
    y = F.cross_entropy(x, nt.tensor([0, 0, 2]), reduction=reduction)
    losses = np.array([0.0, 2 * big, 2 * big + np.log(2)])
    np.testing.assert_allclose(y.array, {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction], 1e-6)
    y.sum().backward()
    want = np.array([[0, 0, 0], [-1, 1, 0], [0.5, 0.5, -1]]) / (3 if reduction == "mean" else 1)
    np.testing.assert_allclose(x.grad.array, want, 1e-6)

    z = nt.tensor(np.array([big, -big, big, -big], dtype), requires_grad=True)
    y = F.binary_cross_entropy_with_logits(z, nt.tensor(np.array([1, 0, 0, 1], dtype)), reduction=reduction)
    losses = np.array([0.0, 0.0, big, big])
    np.testing.assert_allclose(y.array, {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction], 1e-6)
    y.sum().backward()
    np.testing.assert_allclose(z.grad.array, np.array([0, 0, 1, -1]) / (4 if reduction == "mean" else 1), 1e-6)

    z.grad = None
    y = F.soft_margin_loss(z, nt.tensor(np.array([1, -1, -1, 1], dtype)), reduction=reduction)
    np.testing.assert_allclose(y.array, {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction], 1e-6)
    y.sum().backward()
    np.testing.assert_allclose(z.grad.array, np.array([0, 0, 1, -1]) / (4 if reduction == "mean" else 1), 1e-6)
    assert z.grad.dtype == x.grad.dtype == y.dtype == dtype


@pytest.mark.parametrize("options", [{"label_smoothing": 0.1}, {"weight": np.array([1.0, 2.0, 3.0])}])
def test_cross_entropy_options_at_ten_thousand(options):
    x = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]])
    agree("cross_entropy", [x], [np.array([1, 1])], **options)


def test_regression_at_ten_thousand():
    x, t = np.array([1e4, -1e4]), np.array([-1e4, -1e4])
    for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        agree(name, [x, t])
    huge = nt.tensor(np.array([1e30], np.float32), requires_grad=True)
    F.huber_loss(huge, nt.tensor(np.zeros(1, np.float32))).backward()  # 1e30² would overflow
    assert huge.grad.item() == 1.0


def test_second_derivative_of_logits_at_zero():
    """σ'(0) = ¼: no kink, though |x| has one."""
    slope = nt.grad(lambda x: F.binary_cross_entropy_with_logits(x, nt.tensor(np.array(1.0))))
    assert nt.grad(slope)(np.array(0.0)).item() == pytest.approx(0.25, rel=1e-14)


def test_binary_cross_entropy_at_zero_and_one():
    x = np.array([0.0, 1.0, 0.0, 1.0, 1e-60])
    y, _ = agree("binary_cross_entropy", [x], [np.array([0.0, 1.0, 1.0, 0.0, 1.0])], reduction="none")
    np.testing.assert_array_equal(y.array, [0, 0, 100, 100, 100])


def test_kl_div_of_a_zero_target():
    agree("kl_div", [np.array([-1.0, -2.0])], [np.array([0.0, 1.0])], reduction="sum")
    agree("kl_div", [np.array([-1.0, -2.0]), np.array([0.0, 1.0])], reduction="sum")  # dt: PyTorch's nan


def test_masked_logits():
    """-inf for classes that are impossible; also where an ignored label would read one."""
    x = np.array([[0.0, -np.inf, 1.0], [-np.inf, 0.0, 1.0]])
    agree("cross_entropy", [x], [np.array([2, -100])])
    agree("cross_entropy", [x], [np.array([1, 1])])  # an impossible class: inf
    agree("nll_loss", [x], [np.array([0, -100])])


def test_mean_of_nothing_is_nan_and_its_gradient_zero():
    ignored = np.array([-100, -100])
    y, (dx,) = agree("cross_entropy", [np.ones((2, 3))], [ignored])
    assert np.isnan(y.item())
    np.testing.assert_array_equal(dx.array, np.zeros((2, 3)))
    agree("cross_entropy", [np.ones((2, 3))], [ignored], label_smoothing=0.1)
    agree("nll_loss", [np.ones((2, 3))], [ignored], weight=np.ones(3))
    for name in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "hinge_embedding_loss", "soft_margin_loss"):
        agree(name, [np.ones((0, 3))], [np.ones((0, 3))])
    agree("binary_cross_entropy_with_logits", [np.ones((0, 3))], [np.ones((0, 3))])
    agree("kl_div", [np.ones((0, 3))], [np.ones((0, 3))], reduction="batchmean")


def test_nan_goes_through():
    x = np.array([np.nan, 1.0])
    for name in ("mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits"):
        agree(name, [x], [np.array([0.0, 1.0])], reduction="none")
    agree("hinge_embedding_loss", [x], [np.array([-1.0, 1.0])], reduction="none")
    agree("cross_entropy", [x], [np.array(1)])


def test_arrays_lists_and_integers_are_taken():
    assert F.mse_loss([1.0, 2.0], [1.0, 4.0]).item() == 2.0
    assert F.mse_loss(nt.tensor([1, 2]), nt.tensor([1, 4])).item() == 2.0
    assert F.cross_entropy([[0.0, 0.0]], [1]).item() == pytest.approx(np.log(2))
    assert F.cross_entropy(np.zeros(2), 1).item() == pytest.approx(np.log(2))
    assert F.binary_cross_entropy_with_logits(nt.tensor([0.0, 0.0]), nt.tensor([0, 1])).item() == pytest.approx(
        np.log(2)
    )
    labels = nt.tensor(np.array([0, 1], np.uint8))
    assert F.cross_entropy(nt.zeros((2, 2)), labels).item() == pytest.approx(np.log(2))


def test_gradients_nobody_wants_are_not_computed():
    """A target that requires a gradient gets one, a constant one costs nothing."""
    x, t = nt.tensor([1.0, 2.0], requires_grad=True), nt.tensor([0.0, 0.0])
    F.mse_loss(x, t).backward()
    assert t.grad is None
    t.requires_grad_()
    F.mse_loss(x, t).backward()
    np.testing.assert_array_equal(t.grad.array, [-1.0, -2.0])


LOGITS = np.zeros((2, 3, 4))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.cross_entropy(np.zeros((2, 4)), np.array([0, 4])), ValueError, r"label 4 at \(1,\).*C = 4 classes"),
        (lambda: F.cross_entropy(np.zeros((2, 4)), np.array([0, -1])), ValueError, r"label -1 at \(1,\)"),
        (lambda: F.nll_loss(LOGITS, np.full((2, 4), 3)), ValueError, r"nll_loss: label 3 at \(0, 0\).*C = 3"),
        (lambda: F.cross_entropy(np.zeros(3), 3), ValueError, r"label 3 at \(\).*C = 3"),
        (
            lambda: F.cross_entropy(LOGITS, np.zeros((2, 3), int)),
            ValueError,
            r"target \(N, …\) = \(2, 4\), got \(2, 3\)",
        ),
        (lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros((2, 1), int)), ValueError, r"\(2,\), got \(2, 1\)"),
        (lambda: F.cross_entropy(np.zeros((2, 3)), np.zeros(2)), ValueError, r"input's shape \(2, 3\), got \(2,\)"),
        (lambda: F.nll_loss(np.zeros((2, 3)), np.zeros(2)), TypeError, r"integer labels, got float64.*astype"),
        (lambda: F.cross_entropy(np.zeros((2, 3), int), np.zeros(2, int)), TypeError, "floating input, got int64"),
        (lambda: F.cross_entropy(1.0, 0), ValueError, "0-d"),
        (lambda: F.cross_entropy(LOGITS, LOGITS, np.ones(4)), ValueError, r"C = 3 classes, got \(4,\)"),
        (lambda: F.cross_entropy(LOGITS, LOGITS, nt.ones((3,)).requires_grad_()), ValueError, "weight.*detach"),
        (
            lambda: F.cross_entropy(LOGITS, LOGITS, label_smoothing=1.5),
            ValueError,
            r"label_smoothing in \[0, 1\], got 1.5",
        ),
        (
            lambda: F.mse_loss(np.zeros(4), np.zeros((4, 1))),
            ValueError,
            r"mse_loss: target.*\(4,\), got \(4, 1\).*reshape",
        ),
        (lambda: F.l1_loss(np.zeros((4, 2)), np.zeros(2)), ValueError, r"l1_loss.*\(4, 2\), got \(2,\).*broadcast_to"),
        (lambda: F.huber_loss(np.zeros(4), np.zeros(3)), ValueError, "huber_loss"),
        (lambda: F.mse_loss(np.zeros(4), np.zeros(4), weight=np.ones(1)), ValueError, "weight needs input's shape"),
        (lambda: F.mse_loss(np.zeros(4), np.zeros(4), "avg"), ValueError, "mean, sum, none, got 'avg'"),
        (lambda: F.mse_loss(np.zeros(4), np.zeros(4), reduction="batchmean"), ValueError, "batchmean"),
        (lambda: F.smooth_l1_loss(np.zeros(4), np.zeros(4), beta=-1), ValueError, "beta >= 0"),
        (lambda: F.huber_loss(np.zeros(4), np.zeros(4), delta=0), ValueError, "delta > 0"),
        (lambda: F.binary_cross_entropy(np.full(2, 1.5), np.zeros(2)), ValueError, r"input in \[0, 1\].*with_logits"),
        (lambda: F.binary_cross_entropy(np.full(2, np.nan), np.zeros(2)), ValueError, r"input in \[0, 1\]"),
        (lambda: F.binary_cross_entropy(np.full(2, 0.5), np.full(2, -1)), ValueError, r"target in \[0, 1\]"),
        (
            lambda: F.binary_cross_entropy_with_logits(np.zeros(2), np.zeros((2, 1))),
            ValueError,
            r"\(2,\), got \(2, 1\)",
        ),
        (
            lambda: F.binary_cross_entropy_with_logits(np.zeros(2), np.zeros(2), pos_weight=np.ones(3)),
            ValueError,
            "pos_weight.*does not broadcast",
        ),
        (lambda: F.kl_div(np.zeros(2), np.zeros(3)), ValueError, "broadcast"),
        (
            lambda: F.gaussian_nll_loss(np.zeros(2), np.zeros(2), np.array([1.0, -1.0])),
            ValueError,
            "var >= 0, got -1.0",
        ),
        (lambda: F.gaussian_nll_loss(np.zeros((2, 3)), np.zeros((2, 3)), np.ones(3)), ValueError, r"var \(2, 3\)"),
        (lambda: F.triplet_margin_loss(np.ones(2), np.ones(2), np.ones(2), margin=0), ValueError, "margin > 0"),
        (lambda: F.triplet_margin_loss(np.ones((2, 2)), np.ones((2, 2)), np.ones(2)), ValueError, "number of axes"),
        (lambda: F.margin_ranking_loss(np.ones((2, 2)), np.ones((2, 2)), np.ones(2)), ValueError, "number of axes"),
        (lambda: F.cosine_embedding_loss(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))), ValueError, r"\(N\)"),
        (
            lambda: F.cosine_embedding_loss(np.ones((4, 2)), np.ones((4, 2)), np.ones(3)),
            ValueError,
            r"got \(4, 2\) and \(3",
        ),
        (lambda: F.hinge_embedding_loss(np.ones(2), np.ones(3)), ValueError, "hinge_embedding_loss.*broadcast"),
        (
            lambda: F.cross_entropy(np.ones((2, 3)), np.ones((2, 3)), ignore_index=1),
            ValueError,
            "ignore_index = 1 is for labels",
        ),
    ],
)
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_planted_fault_is_found():
    """The comparison with PyTorch fails when a factor is lost."""
    pytest.importorskip("torch")
    right = F.mse_loss
    F.mse_loss = lambda x, t, **attrs: right(x, t, **attrs) * 1.0000001
    try:
        with pytest.raises(AssertionError):
            agree("mse_loss", [np.ones(3), np.zeros(3)])
    finally:
        F.mse_loss = right
