"""Losses as modules. Formulas, shapes and remarks are those of the functions of `nanonet.functional`."""

from __future__ import annotations

from typing import Any

from nanonet.nn.thin import ThinModule

_OLD = {"size_average": None, "reduce": None}  # PyTorch's arguments of former times, in their places
_MEAN = {"reduction": "mean"}


class Loss(ThinModule):
    """`reduction` is "mean", "sum" or "none". `size_average` and `reduce` only keep PyTorch's order of arguments."""

    unused = ("size_average", "reduce")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.unused:
            if self.__dict__.pop(name, None) is not None:
                raise ValueError(
                    f"{type(self).__name__}: {name} is not supported; use reduction='mean', 'sum' or 'none'"
                )
        allowed = ("mean", "sum", "none", "batchmean") if self.function == "kl_div" else ("mean", "sum", "none")
        if self.reduction not in allowed:
            raise ValueError(
                f"{type(self).__name__}: expected reduction to be one of {', '.join(allowed)}, got {self.reduction!r}"
            )

    def extra_repr(self) -> str:
        shown = [n for n, default in self.options.items() if n in self.__dict__ and getattr(self, n) != default]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)


class L1Loss(Loss):
    """|input - target|."""

    function, options = "l1_loss", {**_OLD, **_MEAN}


class MSELoss(Loss):
    """(input - target)²."""

    function, options = "mse_loss", {**_OLD, **_MEAN}


class SmoothL1Loss(Loss):
    """With d = |input - target|: d² / (2 beta) where d < beta, else d - beta/2."""

    function, options = "smooth_l1_loss", {**_OLD, **_MEAN, "beta": 1.0}


class HuberLoss(Loss):
    """With d = |input - target|: d²/2 where d < delta, else delta (d - delta/2)."""

    function, options = "huber_loss", {**_MEAN, "delta": 1.0}


class NLLLoss(Loss):
    """-weight[target] · input[target]; the input holds log-probabilities (N, C, …), the target classes (N, …).

    The mean is divided by the sum of the weights; targets of `ignore_index` do not count.
    """

    function, tensor_options = "nll_loss", ("weight",)
    options = {"weight": None, "size_average": None, "ignore_index": -100, "reduce": None, **_MEAN}


class CrossEntropyLoss(Loss):
    """-log softmax(input)[target]: logits (N, C, …) with classes (N, …) or probabilities (N, C, …) as target."""

    function, tensor_options = "cross_entropy", ("weight",)
    options = {
        "weight": None,
        "size_average": None,
        "ignore_index": -100,
        "reduce": None,
        **_MEAN,
        "label_smoothing": 0.0,
    }


class BCELoss(Loss):
    """-weight (target log input + (1 - target) log(1 - input)); the input holds probabilities."""

    function, tensor_options, options = "binary_cross_entropy", ("weight",), {"weight": None, **_OLD, **_MEAN}


class BCEWithLogitsLoss(Loss):
    """BCELoss of sigmoid(input), without overflow; `pos_weight` multiplies the term of target 1."""

    function, tensor_options = "binary_cross_entropy_with_logits", ("weight", "pos_weight")
    options = {"weight": None, **_OLD, **_MEAN, "pos_weight": None}


class KLDivLoss(Loss):
    """target (log target - input); the input holds log-probabilities, with `log_target=True` the target as well.

    `reduction="batchmean"` divides the sum by the batch size, as the definition does; "mean" divides by all elements.
    """

    function, options = "kl_div", {**_OLD, **_MEAN, "log_target": False}


class HingeEmbeddingLoss(Loss):
    """input where target = 1, max(0, margin - input) where target = -1."""

    function, options = "hinge_embedding_loss", {"margin": 1.0, **_OLD, **_MEAN}


class MarginRankingLoss(Loss):
    """max(0, -target (input1 - input2) + margin), target ±1 says which shall be greater."""

    function, options = "margin_ranking_loss", {"margin": 0.0, **_OLD, **_MEAN}


class CosineEmbeddingLoss(Loss):
    """1 - cos(input1, input2) where target = 1, max(0, cos - margin) where target = -1."""

    function, options = "cosine_embedding_loss", {"margin": 0.0, **_OLD, **_MEAN}


class TripletMarginLoss(Loss):
    """max(0, ‖anchor - positive‖ₚ - ‖anchor - negative‖ₚ + margin)."""

    function = "triplet_margin_loss"
    options = {"margin": 1.0, "p": 2.0, "eps": 1e-6, "swap": False, **_OLD, **_MEAN}


class GaussianNLLLoss(Loss):
    """½ (log var + (input - target)² / var), called with (input, target, var); `full=True` adds ½ log 2π."""

    function, options = "gaussian_nll_loss", {"full": False, "eps": 1e-6, **_MEAN}


class PoissonNLLLoss(Loss):
    """e^input - target · input, or, with `log_input=False`, input - target · log(input + eps)."""

    function = "poisson_nll_loss"
    options = {"log_input": True, "full": False, "size_average": None, "eps": 1e-8, "reduce": None, **_MEAN}


class SoftMarginLoss(Loss):
    """log(1 + e^(-target · input)), target ±1."""

    function, options = "soft_margin_loss", {**_OLD, **_MEAN}
