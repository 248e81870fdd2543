"""Trainer: fit, evaluate and predict for any Module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nanonet import random
from nanonet.data import Dataset
from nanonet.device import on_host
from nanonet.nn import Module
from nanonet.optim import clip_grad_norm_
from nanonet.tensor import Tensor
from nanonet.training import metrics as m
from nanonet.training.batches import Batches, array_of, inputs_of, is_loader, make_loader, split_off
from nanonet.training.callbacks import Callback, in_order, named
from nanonet.training.checkpoint import SUFFIX, CheckpointError, load_state, restore, save_checkpoint
from nanonet.training.choices import CLASSIFICATION, find_loss, find_optimizer
from nanonet.training.history import History
from nanonet.training.interrupt import Interrupt
from nanonet.training.progress import display
from nanonet.variable import no_grad


class DivergedError(ArithmeticError):
    """The loss became NaN or infinite. `history` has the figures of the epochs before."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


class Trainer:
    """Trains a Module.

    model       any Module; a network of several inputs is called as model(x1, x2, …)
    optimizer   an Optimizer of the model's parameters, or "sgd", "momentum", "rmsprop", "adagrad", "adam", "adamw"
    loss        "cross_entropy", "binary_cross_entropy", "bce_with_logits", "mse", "mae", … (Keras's names too), a loss
                module, or a function (output, target) -> number; `choices.find_loss` says what names do with outputs
    metrics     "accuracy", "precision", "recall", "f1", "roc_auc", "rmse", "mae", or functions f(y_true, y_pred);
                None: accuracy for classification, nothing else
    lr          the learning rate of an optimizer that is given by name; None: 0.01 for sgd, else PyTorch's default
    clip_norm   scale the gradients down to this norm, if they exceed it
    penalty     a function of the model, added to the loss: `lambda model: l2_penalty(model.parameters(), 1e-4)`

    history, epoch, batch   of the last fit: its figures, epochs completed, batches completed in the epoch after
    """

    def __init__(
        self,
        model: Module,
        optimizer: Any = "adam",
        loss: Any = "cross_entropy",
        metrics: Sequence[Any] | None = None,
        *,
        lr: float | None = None,
        clip_norm: float | None = None,
        penalty: Callable[[Module], Any] | None = None,
    ) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"Trainer: expected a Module, got a {type(model).__name__}")
        if isinstance(metrics, str):
            raise TypeError(f"Trainer: expected a list of metrics, got {metrics!r}; write [{metrics!r}]")
        self.model = model
        self.optimizer = find_optimizer(optimizer, list(model.parameters()), lr)
        self.loss, self.kind = find_loss(loss, model)
        names = (["accuracy"] if self.kind in CLASSIFICATION else []) if metrics is None else metrics
        self.metrics = [m.find(name) for name in names]
        self.clip_norm = clip_norm
        self.penalty = penalty
        self.history = History()
        self.epoch = self.batch = 0
        self.tally = m.Tally(self.metrics, self.kind)
        self.loader: Batches = ()
        self.callbacks: list[Callback] = []

    def fit(
        self,
        x: Any,
        y: Any = None,
        epochs: int = 1,
        batch_size: int = 32,
        validation_split: float = 0.0,
        validation_data: Any = None,
        callbacks: Iterable[Callback] = (),
        shuffle: bool = True,
        seed: int | None = None,
        verbose: int | bool | None = None,
        resume_from: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train until `epochs` epochs are complete; returns their figures.

        x, y                arrays, Tensors or lists of N samples (x may be a tuple of them, for several inputs), or x
                            alone a DataLoader of (x, y) batches. Floats are cast to the model's dtype
        validation_split    the share of samples at the end, before shuffling, to validate with and not to train with
        validation_data     (x, y) or a DataLoader to validate with
        shuffle, seed       a new order in each epoch; without a seed `nt.manual_seed` decides
        verbose             0 nothing, 1 a bar per epoch, 2 a line per epoch; None: a bar in a terminal, else lines
        resume_from         a checkpoint, or the folder of a `Checkpoint`: go on as if the run had not stopped

        Ctrl-C ends the run after the current batch and keeps what was trained; a second one ends it at once. Raises
        DivergedError where the loss becomes NaN or infinite, ValueError for data that does not fit.
        """
        if isinstance(epochs, bool) or not isinstance(epochs, int | np.integer) or epochs < 0:
            raise ValueError(f"fit: expected epochs as a whole number of at least 0, got {epochs!r}")
        x, y, held_out = split_off(x, y, validation_split)
        if held_out is not None and validation_data is not None:
            raise ValueError("fit: give validation_split or validation_data, not both")
        validation_data = held_out if validation_data is None else validation_data
        validation = None if validation_data is None else self._validation(validation_data, batch_size)
        self.loader = make_loader("fit", self.model, x, y, batch_size, shuffle, seed)
        self.history, self.epoch, self.batch = History(), 0, 0
        self.tally = m.Tally(self.metrics, self.kind)
        self.callbacks = in_order(callbacks)
        # What overflows is seen in the loss, which every batch checks.
        with self._mode(training=True), np.errstate(over="ignore", invalid="ignore"), Interrupt() as interrupt:
            self._run(epochs, validation, [*display(verbose, epochs), *self.callbacks], resume_from, interrupt)
        return self.history

    def stop(self, why: str) -> None:
        """End the fit after this epoch (for callbacks)."""
        self.history.stopped = why

    def evaluate(self, x: Any, y: Any = None, batch_size: int = 32) -> dict[str, float]:
        """{"loss": …, metric: …} on x and y, or on a DataLoader: in evaluation mode, nothing changes."""
        return self._evaluate(make_loader("evaluate", self.model, x, y, batch_size))

    def predict(self, x: Any, batch_size: int = 32) -> Any:
        """The model's outputs for x (N, …), as a NumPy array; a tuple of arrays for a model of several outputs.

        x may be a DataLoader: of batches (x, y) it uses x.
        """
        parts: list[Any] = []
        with self._mode(training=False), no_grad():
            for batch in make_loader("predict", self.model, x, None, batch_size, targets=False):
                parts.append(self.model(*inputs_of(self.model, batch, targets=not isinstance(x, tuple))[0]))
        if isinstance(parts[0], tuple | list):
            return tuple(np.concatenate([on_host(y.array) for y in ys]) for ys in zip(*parts, strict=True))
        return np.concatenate([on_host(y.array) for y in parts])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Save everything that `fit(resume_from=path)` needs, in one step: see `nanonet.training.checkpoint`."""
        loader = self.loader if hasattr(self.loader, "state_dict") else None
        return save_checkpoint(
            path,
            self.model,
            self.optimizer,
            None,
            loader,
            epoch=self.epoch,
            batch=self.batch,
            history=self.history,
            stopped=self.history.stopped,
            rule=type(self.optimizer).__name__,
            tally=self.tally.state_dict(),
            callbacks={name: callback.state_dict() for name, callback in named(self.callbacks)},
        )

    def _run(
        self, epochs: int, validation: Batches | None, callbacks: list[Callback], resume_from: Any, interrupt: Interrupt
    ) -> None:
        begun: list[Callback] = []
        try:
            for callback in callbacks:
                callback.on_fit_begin(self)
                begun.append(callback)
            if resume_from is not None:
                self._resume(Path(resume_from))
            while self.epoch < epochs and not self.history.stopped:
                self._epoch(validation, callbacks, interrupt)
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            for callback in begun:
                callback.on_fit_end(self)

    def _epoch(self, validation: Batches | None, callbacks: Sequence[Callback], interrupt: Interrupt) -> None:
        for callback in callbacks:
            callback.on_epoch_begin(self)
        for batch in self.loader:
            self._train(batch)
            for callback in callbacks:
                callback.on_batch_end(self)
            interrupt.check()
        if not self.batch:
            raise ValueError("fit: the loader gave no batch; one that can be gone through only once needs epochs=1")
        figures = self.tally.figures()
        if validation is not None:
            figures |= {f"val_{name}": value for name, value in self._evaluate(validation).items()}
        self.epoch, self.batch = self.epoch + 1, 0
        self.tally = m.Tally(self.metrics, self.kind)
        self.history.append(figures)
        for callback in callbacks:
            callback.on_epoch_end(self, figures)
        interrupt.check()

    def _train(self, batch: Any) -> None:
        inputs, target = inputs_of(self.model, batch)
        self.optimizer.zero_grad()
        output = self.model(*inputs)
        loss: Any = self.loss(output, target)
        if self.penalty is not None:
            loss = loss + self.penalty(self.model)
        value = _number(loss)
        if not np.isfinite(value):
            raise DivergedError(self._diagnosis(value, inputs, target), self.history)
        loss.backward()
        if self.clip_norm is not None:
            clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        self.batch += 1
        self.tally.add(value, len(inputs[0]), target, output)

    def _diagnosis(self, value: float, inputs: Sequence[Tensor], target: Any) -> str:
        place = f"fit: the loss is {value} in epoch {self.epoch + 1}, batch {self.batch + 1}"
        if not all(np.isfinite(on_host(x.array)).all() for x in inputs):
            return f"{place}: its inputs contain NaN or Inf; clean the data"
        if target is not None and not np.isfinite(array_of("fit", target)).all():
            return f"{place}: its targets contain NaN or Inf; clean the data"
        lr = self.optimizer.param_groups[0]["lr"]
        return (
            f"{place}; try a smaller learning rate (it is {lr:g}), clip_norm=1.0, or scaled inputs; "
            "nanonet.detect_anomaly() names the operation"
        )

    def _evaluate(self, loader: Batches) -> dict[str, float]:
        tally = m.Tally(self.metrics, self.kind)
        with self._mode(training=False), no_grad():
            for batch in loader:
                inputs, target = inputs_of(self.model, batch)
                output = self.model(*inputs)
                tally.add(_number(self.loss(output, target)), len(inputs[0]), target, output)
        return tally.figures()

    def _validation(self, data: Any, batch_size: int) -> Batches:
        if isinstance(data, tuple | list) and len(data) == 2:
            x, y = data
            return make_loader("validation_data", self.model, x, y, batch_size)
        if not is_loader(data) and not isinstance(data, Dataset):
            raise ValueError(f"fit: expected validation_data as (x, y) or a DataLoader, got a {type(data).__name__}")
        return make_loader("validation_data", self.model, data, None, batch_size)

    def _resume(self, path: Path) -> None:
        if path.is_dir():
            path = path / f"last{SUFFIX}"
        state = load_state(path)
        callbacks = dict(named(self.callbacks))
        more = state.get("more", {})
        if "tally" not in more:
            raise CheckpointError(f"checkpoint: {path} was not saved by a Trainer; use load_checkpoint")
        if more["rule"] != type(self.optimizer).__name__:
            raise CheckpointError(
                f"checkpoint: {path} is of a run with {more['rule']}, this one has {type(self.optimizer).__name__}"
            )
        lost = sorted(more["callbacks"].keys() - callbacks.keys())
        if lost:
            raise CheckpointError(f"checkpoint: the run in {path} had the callbacks {', '.join(lost)}; pass them again")
        parts: dict[str, Any] = {"model": self.model, "optimizer": self.optimizer, "metrics": self.tally}
        if "loader" in state:
            parts["loader"] = self.loader
        parts |= {name: callbacks[name] for name in more["callbacks"]}
        restore(parts, {**state, "metrics": more["tally"], **more["callbacks"]}, str(path))
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.history = History(state["history"])
        self.history.stopped = more["stopped"]
        random.set_state(state["random"])

    @contextmanager
    def _mode(self, training: bool) -> Iterator[None]:
        """Within the block every module is in this mode; afterwards each is in the one it was in."""
        before = [(module, module.training) for module in self.model.modules()]
        self.model.train(training)
        try:
            yield
        finally:
            for module, mode in before:
                module.training = mode


def _number(loss: Any) -> float:
    if not isinstance(loss, Tensor) or loss.size != 1:
        shape = getattr(loss, "shape", type(loss).__name__)
        raise ValueError(f"Trainer: expected the loss to give one number, got {shape}; use reduction='mean'")
    return float(loss.item())
