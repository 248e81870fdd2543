"""Optimizer: parameters in groups, what is remembered of each, and the step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nanonet.backends.base import Rule, home
from nanonet.device import device_of, on_host, place
from nanonet.ops import update
from nanonet.tensor import Tensor
from nanonet.variable import enable_grad

Array = Any
Group = dict[str, Any]


class Optimizer:
    """Base of all optimizers: `params` is an iterable of Tensors, or of dicts that describe groups.

    A group has its own options: `SGD([{"params": a, "lr": 0.1}, {"params": b}], lr=0.01)`.

    param_groups    [{"params": [...], "lr": ..., ...}]; options may be changed between steps
    state           {parameter: {name: array or number}}, made at a parameter's first step

    A subclass says in `rule_for` how one parameter changes. Parameters change in place.
    Raises ValueError for no parameters, a parameter given twice, or an option out of range; TypeError for what is
    no Tensor.
    """

    def __init__(self, params: Iterable[Any], defaults: Group) -> None:
        if isinstance(params, Tensor | dict | str):
            raise TypeError(
                f"{self._name}: expected an iterable of Tensors or of dicts, got a {type(params).__name__}; "
                "put it in a list, or use model.parameters()"
            )
        self.defaults = defaults
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        params = list(params)
        if not params:
            raise ValueError(f"{self._name}: expected parameters, got none; has the model layers with weights?")
        for group in params if isinstance(params[0], dict) else [{"params": params}]:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        groups = [", ".join(f"{k}={v!r}" for k, v in group.items() if k != "params") for group in self.param_groups]
        return f"{self._name}({'; '.join(groups)})"

    def add_param_group(self, group: Group) -> None:
        """Optimize further parameters too: `{"params": tensors, "lr": 0.1}`; options left out have their defaults."""
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f"{self._name}: expected a group such as {{'params': [...], 'lr': 0.1}}, got {group!r:.80}")
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        taken = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            self._check_parameter(p, i, taken)
            taken.add(id(p))
        group = {**group, "params": params}
        for option, default in self.defaults.items():
            group.setdefault(option, default)
        self.check_options(group)
        self.param_groups.append(group)

    def _check_parameter(self, p: Any, i: int, taken: set[int]) -> None:
        if not isinstance(p, Tensor):
            raise TypeError(f"{self._name}: parameter {i}: expected a Tensor, got a {type(p).__name__}")
        if p.entry is not None:
            raise ValueError(
                f"{self._name}: parameter {i} is the result of {p.entry.op.name}; pass the tensors before it"
            )
        if not p.requires_grad:
            raise ValueError(f"{self._name}: parameter {i} {p.shape} needs no gradient; make it requires_grad=True")
        if id(p) in taken:
            raise ValueError(f"{self._name}: parameter {i} {p.shape} is given twice; pass it once, in one group")

    def check_options(self, group: Group) -> None:
        """Refuse options out of range, at construction and for every added group."""
        for option in ("lr", "eps", "weight_decay", "momentum", "alpha", "lr_decay", "initial_accumulator_value"):
            if option in group and not group[option] >= 0:
                raise ValueError(f"{self._name}: expected {option} ≥ 0, got {group[option]}")
        for beta in group.get("betas", ()):
            if not 0 <= beta < 1:
                raise ValueError(f"{self._name}: expected betas in [0, 1), got {group['betas']}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients: None, or zeros in place. Call it once per step, for `backward()` adds."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif p.grad is not None:
                    p.grad.array[...] = 0
                    p.grad.written()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient. Returns what `closure`, which may compute the loss, returned."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                g = p.grad.array
                if g.shape != p.array.shape:
                    raise ValueError(f"{self._name}: a parameter of shape {p.shape} has a gradient of shape {g.shape}")
                if group["maximize"]:
                    g = home(g).run(update.uphill, g)
                self._update(p, g, self.state.setdefault(p, {}), group)
        return loss

    def _update(self, p: Tensor, g: Array, state: dict[str, Any], group: Group) -> None:
        rule, names, attrs = self.rule_for(state, group)
        memory = [self._recall(state, name, p.array, group) if name else None for name in names]
        new, *found = home(p.array).run(rule, p.array, g, *memory, **attrs)
        store(p, new)
        for old, now in zip(memory, found, strict=True):
            if old is not None and now is not old:  # it was no kernel in place
                old[...] = now

    def rule_for(self, state: dict[str, Any], group: Group) -> tuple[Rule, Sequence[str], dict[str, Any]]:
        """The update rule, the names of its memory (in `state`; "" for none), and its attributes.

        `state` is what is remembered of the parameter so far: an empty dict at its first step.
        """
        raise NotImplementedError(f"{self._name}: write rule_for()")

    def start(self, group: Group) -> float:
        """What the memory holds before the first step."""
        return 0.0

    def _recall(self, state: dict[str, Any], name: str, p: Array, group: Group) -> Array:
        if name not in state:
            state[name] = home(p).xp.full_like(p, self.start(group))
        elif type(state[name]) is not type(p):  # the parameter has moved to another device since
            state[name] = place(state[name], device_of(p))
        return state[name]

    def state_dict(self) -> dict[str, Any]:
        """{"state": {i: {name: array or number}}, "param_groups": [...]}, with parameters as numbers 0, 1, ….

        PyTorch's layout and names. The arrays are copies: training on does not change them.
        """
        params = [p for group in self.param_groups for p in group["params"]]
        number = {id(p): i for i, p in enumerate(params)}
        state = {i: {k: _copy(v) for k, v in self.state[p].items()} for i, p in enumerate(params) if p in self.state}
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a `state_dict()` of an optimizer of the same kind for parameters of the same number and shapes.

        Raises ValueError, having changed nothing, for one that does not fit.
        """
        try:
            groups, saved = state_dict["param_groups"], state_dict["state"]
            sizes = [len(group["params"]) for group in groups]
            numbers = [i for group in groups for i in group["params"]]
        except (KeyError, TypeError):
            raise ValueError(f"{self._name}: expected a state_dict with 'state' and 'param_groups'") from None
        ours = [len(group["params"]) for group in self.param_groups]
        if sizes != ours:
            raise ValueError(f"{self._name}: the state is for groups of {sizes} parameters, this optimizer has {ours}")
        lacking = sorted({option for group in groups for option in self.defaults.keys() - group.keys()})
        if lacking:
            raise ValueError(f"{self._name}: the state is of another optimizer, it lacks {', '.join(lacking)}")
        params = [p for group in self.param_groups for p in group["params"]]
        found: dict[Tensor, dict[str, Any]] = {}
        for i, p in zip(numbers, params, strict=True):
            values = saved.get(i, saved.get(str(i)))  # JSON turns the numbers into strings
            if values is not None:
                found[p] = {name: self._fitted(p, name, value) for name, value in values.items()}
        self.state = found
        for mine, group in zip(self.param_groups, groups, strict=True):
            mine.update({k: tuple(v) if isinstance(v, list) else v for k, v in group.items() if k != "params"})

    def _fitted(self, p: Tensor, name: str, value: Any) -> Any:
        if isinstance(value, int | float) or value is None:
            return value
        array = np.asarray(on_host(value.array if isinstance(value, Tensor) else value)).copy()
        if name == "step":  # PyTorch keeps the count in a tensor
            return int(array)
        if array.shape != p.shape:
            raise ValueError(f"{self._name}: {name} has shape {array.shape}, its parameter has {p.shape}")
        return place(array.astype(p.dtype, copy=False), p.device)


def store(x: Tensor, array: Array) -> None:
    """Make `array` the value of `x`, in x's own memory; nothing to copy where a kernel wrote it there."""
    if array is not x.array:
        x.array[...] = array
    x.written()


def _copy(value: Any) -> Any:
    return value.copy() if hasattr(value, "shape") else value
