"""What flows through each layer while a model trains: its outputs, their gradients, its parameters' gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.mode import is_grad_enabled
from nanonet.nn import Module
from nanonet.tensor import Tensor


@dataclass(frozen=True)
class Snapshot:
    """One array at one step.

    step        the number of the model's call, from 0
    values      its elements, or `keep` of them at equal distances
    size        how many elements it has
    norm        √Σx², of all elements
    zeros       the share of elements that are exactly 0
    finite      the share of elements that are neither NaN nor infinite
    """

    step: int
    values: np.ndarray
    size: int
    norm: float
    zeros: float
    finite: float

    @property
    def rms(self) -> float:
        """√(Σx²/size): the norm in a form that does not grow with the size."""
        return self.norm / max(self.size, 1) ** 0.5


class LayerRecorder:
    """Keeps what flows through a model within a `with` block; training goes on bit for bit as without it.

    model       a Module
    every       look at every so many of the model's calls
    layers      names of modules; None: all that hold no others
    keep        the most elements to keep of an array

    with LayerRecorder(model, every=10) as seen:
        model.fit(x, y)
    plot_norms(seen.gradients)

    outputs                 {layer: [Snapshot, …]} what each layer returned
    gradients               {layer: [Snapshot, …]} ∂loss/∂output, as the backward pass brings it
    parameter_gradients     {parameter: [Snapshot, …]} ∂loss/∂parameter, before anything clips it

    Calls under `no_grad` (validation, prediction) are not looked at. A layer that is called several times within one
    call of the model has as many snapshots of that step.
    """

    def __init__(self, model: Module, every: int = 1, layers: Iterable[str] | None = None, keep: int = 4096) -> None:
        if not isinstance(model, Module):
            raise TypeError(f"LayerRecorder: expected a Module, got a {type(model).__name__}")
        if every < 1 or keep < 1:
            raise ValueError(f"LayerRecorder: expected every ≥ 1 and keep ≥ 1, got {every} and {keep}")
        self.model, self.every, self.keep = model, every, keep
        self.names = _names(model, layers)
        self.calls = 0
        self.looking = False
        self.handles: list[Any] = []
        self.outputs: dict[str, list[Snapshot]] = {label: [] for label in self.names.values()}
        self.gradients: dict[str, list[Snapshot]] = {label: [] for label in self.names.values()}
        self.parameter_gradients: dict[str, list[Snapshot]] = {name: [] for name, _ in model.named_parameters()}

    def __enter__(self) -> LayerRecorder:
        self.handles = [self.model.register_forward_pre_hook(self._begin)]
        for name, label in self.names.items():
            self.handles.append(self.model.get_submodule(name).register_forward_hook(self._see(label)))
        for name, p in self.model.named_parameters():
            if p.requires_grad:
                self.handles.append(p.register_hook(self._parameter(name)))
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def _begin(self, module: Module, args: Any) -> None:
        if is_grad_enabled():
            self.looking = self.calls % self.every == 0
            self.step, self.calls = self.calls, self.calls + 1

    def _see(self, label: str) -> Any:
        def see(module: Module, args: Any, output: Any) -> None:
            if not self.looking or not is_grad_enabled():
                return
            step = self.step
            for y in output if isinstance(output, tuple | list) else [output]:
                if isinstance(y, Tensor) and y.dtype.kind == "f":
                    self.outputs[label].append(snapshot(step, y.array, self.keep))
                    if y.requires_grad:
                        y.register_hook(self._gradient(label, step))

        return see

    def _gradient(self, label: str, step: int) -> Any:
        def receive(dy: Tensor) -> None:
            self.gradients[label].append(snapshot(step, dy.array, self.keep))

        return receive

    def _parameter(self, name: str) -> Any:
        def receive(dp: Tensor) -> None:
            if self.looking:
                self.parameter_gradients[name].append(snapshot(self.step, dp.array, self.keep))

        return receive


def snapshot(step: int, array: np.ndarray, keep: int) -> Snapshot:
    """The figures of one array, and at most `keep` of its elements."""
    values = np.ravel(array)
    chosen = values if values.size <= keep else values[np.linspace(0, values.size - 1, keep).round().astype(int)]
    with np.errstate(over="ignore", invalid="ignore"):
        norm = float(np.sqrt(np.sum(np.square(values, dtype=np.float64))))
    size = max(values.size, 1)
    zeros, finite = np.count_nonzero(values == 0) / size, np.count_nonzero(np.isfinite(values)) / size
    return Snapshot(step, chosen.copy(), values.size, norm, zeros, finite)


def _names(model: Module, layers: Iterable[str] | None) -> dict[str, str]:
    """{name: what a plot calls it}."""
    modules = dict(model.named_modules())
    if layers is None:
        chosen = [name for name, module in modules.items() if not any(True for _ in module.children())]
    else:
        chosen = list(layers)
        unknown = [name for name in chosen if name not in modules]
        if unknown:
            known = ", ".join(name for name in modules if name)
            raise ValueError(f"LayerRecorder: there is no layer {unknown[0]!r}; the model has {known}")
    return {name: f"{name} {type(modules[name]).__name__}".strip() for name in chosen}
