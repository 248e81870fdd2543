"""Optimizers and losses by name, as Keras and PyTorch call them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nanonet import functional as F
from nanonet import nn, optim
from nanonet.device import on_host, place
from nanonet.tensor import Tensor, as_tensor

OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], dict[str, Any]]] = {
    "sgd": (optim.SGD, {"lr": 0.01}),
    "momentum": (optim.SGD, {"lr": 0.01, "momentum": 0.9}),
    "rmsprop": (optim.RMSprop, {}),
    "adagrad": (optim.Adagrad, {}),
    "adam": (optim.Adam, {}),
    "adamw": (optim.AdamW, {}),
}
LOSSES = {
    "cross_entropy": "cross_entropy",
    "categorical_crossentropy": "cross_entropy",
    "sparse_categorical_crossentropy": "cross_entropy",
    "nll": "nll_loss",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_crossentropy": "binary_cross_entropy",
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy_with_logits",
    "mse": "mse_loss",
    "mean_squared_error": "mse_loss",
    "mae": "l1_loss",
    "l1": "l1_loss",
    "mean_absolute_error": "l1_loss",
    "huber": "huber_loss",
    "smooth_l1": "smooth_l1_loss",
}
KINDS = {
    "cross_entropy": "multiclass",
    "nll_loss": "multiclass",
    "binary_cross_entropy": "binary",
    "binary_cross_entropy_with_logits": "logits",
    "CrossEntropyLoss": "multiclass",
    "NLLLoss": "multiclass",
    "BCELoss": "binary",
    "BCEWithLogitsLoss": "logits",
}
CLASSIFICATION = ("multiclass", "binary", "logits")


def find_optimizer(wanted: Any, params: list[Tensor], lr: float | None) -> optim.Optimizer:
    """The optimizer of a name for `params`; an Optimizer that is given must be for some of them."""
    if isinstance(wanted, optim.Optimizer):
        if lr is not None:
            raise ValueError("Trainer: the optimizer has its lr already; give lr with an optimizer's name only")
        ours = {id(p) for p in params}
        if not any(id(p) in ours for group in wanted.param_groups for p in group["params"]):
            raise ValueError("Trainer: the optimizer has no parameter of this model; make it with model.parameters()")
        return wanted
    if not isinstance(wanted, str) or wanted.lower() not in OPTIMIZERS:
        raise ValueError(f"Trainer: expected an Optimizer or one of {', '.join(OPTIMIZERS)}, got {wanted!r}")
    make, options = OPTIMIZERS[wanted.lower()]
    trained = [p for p in params if p.requires_grad]
    if not trained:
        raise ValueError("Trainer: the model has no parameter that requires a gradient; there is nothing to train")
    return make(trained, **(options if lr is None else options | {"lr": lr}))


def find_loss(wanted: Any, model: nn.Module) -> tuple[Callable[[Tensor, Any], Any], str]:
    """(loss(output, target), kind of the outputs as in `metrics`) of a name, a loss module or a function.

    A named loss takes the model's outputs for what the last layer of a Sequential says they are: cross-entropy of
    logits, of probabilities (Softmax) or of their logarithms (LogSoftmax); binary cross-entropy of probabilities, or of
    logits after a Linear.
    """
    if not isinstance(wanted, str):
        if not callable(wanted):
            raise ValueError(f"Trainer: expected a loss's name, module or function, got {wanted!r}")
        name = type(wanted).__name__ if isinstance(wanted, nn.Module) else getattr(wanted, "__name__", "")
        return wanted, KINDS.get(name, "")
    name = LOSSES.get(wanted.lower(), wanted)
    last = type(_last_layer(model)).__name__
    function = F.network_functions.get(name)
    if name == "cross_entropy" and last in ("Softmax", "LogSoftmax"):
        function = probability_cross_entropy if last == "Softmax" else log_cross_entropy
    if name == "binary_cross_entropy" and last == "Linear":
        name = "binary_cross_entropy_with_logits"
        function = F.network_functions[name]
    if function is None or (name not in KINDS and name not in LOSSES.values() and not name.endswith("_loss")):
        raise ValueError(f"Trainer: expected loss to be one of {', '.join(LOSSES)}, or a function, got {wanted!r}")
    kind = KINDS.get(name, "regression")
    return (_of_classes(function) if kind == "multiclass" else _of_numbers(function)), kind


def probability_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """-mean log output[target], for probabilities (N, C). An output of 0 counts as the smallest normal number."""
    tiny = float(np.finfo(output.dtype).tiny)
    return log_cross_entropy(F.array_functions["log"](F.array_functions["clip"](output, tiny, 1.0)), target)


def log_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """-mean output[target], for logarithms of probabilities (N, C); the target is classes (N,) or probabilities."""
    if target.ndim < output.ndim:
        return F.network_functions["nll_loss"](output, target)
    product = F.array_functions["multiply"](output, target)
    return F.array_functions["mean"](-F.array_functions["sum"](product, axis=1))


def _of_classes(function: Callable[..., Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """`function` of classes (N,), also as a column (N, 1) or as floats, or of one-hot rows (N, C), also of integers."""

    def loss(output: Tensor, target: Any) -> Tensor:
        target = _targets(target)
        if target.shape == output.shape:
            target = target.astype(output.dtype, copy=False)
        elif target.ndim == output.ndim == 2 and target.shape[1] == 1:
            target = target.reshape(-1)
        if target.ndim < output.ndim and target.dtype.kind == "f":
            target = _classes(target)
        return function(output, Tensor.wrap(place(target, output.device)))

    return loss


def _of_numbers(function: Callable[..., Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """`function` of targets that have the output's numbers but another shape, (N,) for (N, 1), or another dtype."""

    def loss(output: Tensor, target: Any) -> Tensor:
        target = _targets(target)
        if target.shape != output.shape and (*target.shape, 1) == output.shape:
            target = target.reshape(output.shape)
        return function(output, Tensor.wrap(place(target.astype(output.dtype, copy=False), output.device)))

    return loss


def _targets(target: Any) -> Any:
    if target is None:
        raise ValueError("loss: the batches have no targets; expected batches (x, y)")
    return as_tensor(target).array


def _classes(target: Any) -> np.ndarray:
    """Whole numbers that came as floats (from a file, say) as integers."""
    target = on_host(target)
    with np.errstate(invalid="ignore"):
        classes = target.astype(np.int64)
    wrong = np.flatnonzero(classes != target)
    if wrong.size:
        raise ValueError(f"loss: expected class numbers 0, 1, …, got {target.reshape(-1)[wrong[0]]} among the targets")
    return classes


def _last_layer(model: nn.Module) -> Any:
    while isinstance(model, nn.Sequential) and len(model):
        model = model[-1]
    return model
