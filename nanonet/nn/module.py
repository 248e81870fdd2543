"""Module: parameters, buffers and submodules under one name, and what can be done with all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nanonet.conversion import as_place
from nanonet.creation import zeros_like
from nanonet.device import place
from nanonet.nn import state
from nanonet.nn.hooks import Hook, Hooks, RemovableHandle
from nanonet.nn.parameter import Parameter
from nanonet.tensor import Tensor


class Module:
    """Base of all layers and networks.

    A subclass calls `super().__init__()` first, sets its layers and Parameters as attributes, and defines `forward`.
    Attributes that are Parameters or Modules are found by `parameters()`, `state_dict()`, `train()`, `to()`.
    """

    training: bool = True
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]  # buffers that are not saved
    _hooks: Hooks | None = None

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        object.__setattr__(self, "_transient", set())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward; define forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return self._hooks.run(self, args, kwargs)

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif "_modules" not in self.__dict__:
            object.__setattr__(self, name, value)
        elif name in self._parameters:
            _expect(name, value, "a Parameter or None", value is None)
            self._parameters[name] = None
        elif name in self._modules:
            _expect(name, value, "a Module or None", value is None)
            self._modules[name] = None
        elif name in self._buffers:
            _expect(name, value, "a Tensor or None", value is None or isinstance(value, Tensor))
            self._buffers[name] = value
        else:
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        for kind in ("_parameters", "_modules", "_buffers"):
            found = self.__dict__.get(kind, ())
            if name in found:
                return found[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for found in (self._parameters, self._modules, self._buffers):
            if name in found:
                del found[name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._modules, *self._buffers})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` a parameter under `name`; None keeps the name for one that is absent (`bias=None`)."""
        _expect(name, param, "a Parameter or None", param is None or isinstance(param, Parameter))
        self._register(self._parameters_or_fail(name), name, param)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make `module` a submodule under `name`."""
        _expect(name, module, "a Module or None", module is None or isinstance(module, Module))
        self._parameters_or_fail(name)
        self._register(self._modules, name, module)

    register_module = add_module

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Keep `tensor` with the module, but out of `parameters()`: running statistics, masks.

        `persistent=False` leaves it out of `state_dict()`.
        """
        _expect(name, tensor, "a Tensor or None", tensor is None or isinstance(tensor, Tensor))
        self._parameters_or_fail(name)
        self._register(self._buffers, name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def _parameters_or_fail(self, name: str) -> dict[str, Parameter | None]:
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}.{name}: call super().__init__() before setting parameters and modules"
            )
        return self._parameters

    def _register(self, kind: dict[str, Any], name: str, value: Any) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise ValueError(f"{type(self).__name__}: expected a name without dots, got {name!r}")
        if name not in kind and hasattr(type(self), name):
            raise ValueError(
                f"{type(self).__name__}: {name!r} is a method or attribute of the class; choose another name"
            )
        self.__dict__.pop(name, None)
        for other in (self._parameters, self._modules, self._buffers):
            if other is not kind:
                other.pop(name, None)
        self._transient.discard(name)
        kind[name] = value

    # What it consists of

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """(name, module) of this module ("") and all below it; a module used twice comes once."""
        seen: set[int] = set()
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            name, module = waiting.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{k}" if name else k, m) for k, m in module._modules.items() if m is not None]
            waiting += reversed(below)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules directly below, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def children(self) -> Iterator[Module]:
        """The modules directly below, each once."""
        return (module for _, module in self.named_children())

    def get_submodule(self, target: str) -> Module:
        """The module of this dotted name; "" is the module itself."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = module._modules.get(name)
            if module is None:
                raise AttributeError(f"{type(self).__name__} has no submodule {target!r}")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of this dotted name."""
        return self._at(target, "_parameters")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of this dotted name."""
        return self._at(target, "_buffers")

    def _at(self, target: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        found = getattr(self.get_submodule(path), kind).get(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no {target!r} among its {kind[1:]}")
        return found

    def _named(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        found = self.named_modules(prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in found:
            for name, tensor in getattr(module, kind).items():
                if tensor is None or (remove_duplicate and id(tensor) in seen):
                    continue
                seen.add(id(tensor))
                yield (f"{path}.{name}" if path else name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(name, parameter) of this module and, unless `recurse=False`, all below; a tied parameter comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter, once: what an optimizer takes."""
        return (p for _, p in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(name, buffer), as `named_parameters`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Every buffer, once."""
        return (b for _, b in self.named_buffers(recurse=recurse))

    # Modes, for this module and all below it

    def train(self, mode: bool = True) -> Module:
        """Training mode: dropout drops, batch norm uses the batch's statistics. `train(False)` is `eval()`."""
        if not isinstance(mode, bool):
            raise TypeError(f"train: expected True or False, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Evaluation mode: dropout is off, batch norm uses its running statistics."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Let the parameters be learned (True) or stay as they are (False)."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients; `set_to_none=False` makes them zeros."""
        for p in self.parameters():
            if p.grad is not None:
                p.grad = None if set_to_none else zeros_like(p.grad)

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call `fn` with every module, those below first: to initialise weights, for instance."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, device_or_dtype: Any = None, *, device: str | None = None, dtype: Any = None) -> Module:
        """Move to a device ("cpu", "cuda") or cast floating parameters and buffers to a dtype, in place."""
        named = as_place(device_or_dtype)
        device = device if named[0] is None else named[0]
        dtype = dtype if named[1] is None else named[1]
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"to: expected a floating dtype, got {np.dtype(dtype)}; parameters have gradients")
        for tensor in [*self.parameters(), *self.buffers()]:
            if device is not None:
                _move(tensor, device)
            if dtype is not None and tensor.dtype.kind == "f":
                _cast(tensor, np.dtype(dtype))
        return self

    def cpu(self) -> Module:
        """Move to the main memory."""
        return self.to("cpu")

    def cuda(self) -> Module:
        """Move to the GPU."""
        return self.to("cuda")

    def float(self) -> Module:
        """Floating parameters and buffers as float32."""
        return self.to(np.float32)

    def double(self) -> Module:
        """Floating parameters and buffers as float64."""
        return self.to(np.float64)

    # State

    def state_dict(self, prefix: str = "") -> dict[str, Tensor]:
        """{name: tensor} of all parameters and persistent buffers, detached; the memory is shared with the module."""
        return state.state_dict(self, prefix)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> state.IncompatibleKeys:
        """Copy Tensors or arrays into the parameters and buffers of the same names.

        Raises StateDictError, which lists every missing name, unexpected name (unless `strict=False`) and wrong shape;
        then nothing has been changed.
        """
        return state.load_state_dict(self, state_dict, strict)

    # Hooks

    def _own_hooks(self) -> Hooks:
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks

    def register_forward_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Before each forward call `hook(module, args)`; what it returns, unless None, replaces the arguments."""
        return RemovableHandle(self._own_hooks().before, hook)

    def register_forward_hook(self, hook: Hook) -> RemovableHandle:
        """After each forward call `hook(module, args, output)`; what it returns, unless None, replaces the output."""
        return RemovableHandle(self._own_hooks().after, hook)

    def register_full_backward_hook(self, hook: Hook) -> RemovableHandle:
        """In each backward call `hook(module, grad_input, grad_output)` with tuples, None where there is no gradient.

        It runs when the gradients of all inputs are known. For a module of a single input, what it returns, unless
        None, replaces grad_input.
        """
        return RemovableHandle(self._own_hooks().backward, hook)

    # For people

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses, before the submodules."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        below = [f"({name}): " + repr(m).replace("\n", "\n  ") for name, m in self._modules.items()]
        if not below and "\n" not in extra:
            return f"{type(self).__name__}({extra})"
        lines = [*(extra.split("\n") if extra else []), *below]
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"

    def summary(self, example: Any) -> str:
        """Layers, output shapes and parameter counts as a table. `example` is an input (a Tensor or an array), a
        tuple of inputs, or an input's shape with its batch axis, such as (32, 784)."""
        from nanonet.nn.summary import summary  # summary.py knows Module

        return summary(self, example)


def _expect(name: str, value: Any, expected: str, holds: bool) -> None:
    if not holds:
        raise TypeError(f"{name}: expected {expected}, got {type(value).__name__}")


def _move(tensor: Tensor, device: str) -> None:
    """Another device for a parameter or buffer; its identity, which optimizers hold, stays."""
    array = place(tensor.array, device)
    if array is not tensor.array:
        tensor.replace(array)
    if tensor.grad is not None:
        tensor.grad = tensor.grad.detach().to(device)


def _cast(tensor: Tensor, dtype: Any) -> None:
    """Another dtype for a parameter or buffer; its identity, which optimizers hold, stays."""
    if tensor.dtype != dtype:
        tensor.replace(tensor.array.astype(dtype))
    if tensor.grad is not None:
        tensor.grad = tensor.grad.detach().astype(dtype)
