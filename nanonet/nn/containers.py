"""Modules that hold modules: Sequential, ModuleList, ModuleDict; and ParameterList."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from nanonet.nn.module import Module
from nanonet.nn.parameter import Parameter

Self = TypeVar("Self", bound="_Indexed")


class _Indexed(Module):
    """Modules in order, under the names "0", "1", … (or given ones): list operations on them."""

    def _items(self) -> list[Module]:
        return [m for m in self._modules.values() if m is not None]

    def _set_items(self, modules: Iterable[Module]) -> None:
        modules = list(modules)
        self._modules.clear()
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def _name(self, index: int) -> str:
        n = len(self)
        if not isinstance(index, int) or not -n <= index < n:
            raise IndexError(f"{type(self).__name__}: expected an index from {-n} to {n - 1}, got {index!r}")
        return list(self._modules)[index]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._items())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._of(list(self._modules.items())[index])
        return self._modules[self._name(index)]

    def _of(self, items: list[tuple[str, Any]]) -> Module:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        if all(name.isdigit() for name in self._modules):
            self._set_items([m for name, m in self._modules.items() if m is not None and name not in names])
        else:
            for name in names:
                del self._modules[name]

    def append(self: Self, module: Module) -> Self:
        """One more at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self: Self, modules: Iterable[Module]) -> Self:
        """More at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self: Self, index: int, module: Module) -> Self:
        """One more before `index`; names are counted anew."""
        items = self._items()
        items.insert(index, module)
        self._set_items(items)
        return self

    def pop(self, index: int) -> Module:
        """Take a module out and return it."""
        module = self[index]
        del self[index]
        return module

    def __add__(self: Self, other: Iterable[Module]) -> Self:
        return type(self)().extend([*self, *other])

    def __iadd__(self: Self, other: Iterable[Module]) -> Self:
        return self.extend(other)


class Sequential(_Indexed):
    """y = layerₙ(… layer₁(x)). `Sequential(a, b)`, or `Sequential(OrderedDict(first=a, second=b))` with names.

    It can also be trained as it is: `compile`, then `fit`, `evaluate`, `predict` (see `nanonet.training.Trainer`).
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def _of(self, items: list[tuple[str, Any]]) -> Module:
        return Sequential(dict(items))

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)  # pyright: ignore[reportOptionalCall]
        return input

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = "cross_entropy",
        metrics: Sequence[Any] | None = None,
        **options: Any,
    ) -> Sequential:
        """Choose how `fit` trains: the arguments are those of `nanonet.training.Trainer`."""
        # The one import from above in this package, made when it is asked for: a model that trains itself
        # is what the documents' programs are written with.
        from nanonet.training import Trainer

        self._trainer = Trainer(self, optimizer, loss, metrics, **options)
        return self

    @property
    def trainer(self) -> Any:
        """The Trainer that `compile` made."""
        trainer = self.__dict__.get("_trainer")
        if trainer is None:
            raise RuntimeError("Sequential: call compile(optimizer, loss, metrics) before fit, evaluate and predict")
        return trainer

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """`Trainer.fit`: train on x and y; returns the History."""
        return self.trainer.fit(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """`Trainer.evaluate`: loss and metrics on x and y."""
        return self.trainer.evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """`Trainer.predict`: the outputs for x."""
        return self.trainer.predict(*args, **kwargs)


class ModuleList(_Indexed):
    """Modules in a list; it has no forward of its own."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _of(self, items: list[tuple[str, Any]]) -> Module:
        return ModuleList([module for _, module in items])

    def __repr__(self) -> str:
        """Equal neighbours are shown once: `(0-5): 6 x Linear(…)`."""
        groups: list[tuple[int, int, str]] = []
        for i, module in enumerate(self):
            text = repr(module)
            if groups and groups[-1][2] == text:
                groups[-1] = (groups[-1][0], i, text)
            else:
                groups.append((i, i, text))
        if not groups:
            return "ModuleList()"
        lines = [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in groups]
        return "ModuleList(\n  " + "\n  ".join(line.replace("\n", "\n  ") for line in lines) + "\n)"


class ModuleDict(Module):
    """Modules in a dictionary; it has no forward of its own."""

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        found = self._modules.get(key)
        if found is None:
            raise KeyError(f"ModuleDict: expected one of {', '.join(self._modules)}, got {key!r}")
        return found

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def keys(self) -> Iterable[str]:
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        return self._modules.items()

    def pop(self, key: str) -> Module:
        """Take a module out and return it."""
        module = self[key]
        del self[key]
        return module

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Set all of these."""
        for key, module in dict(modules).items():
            self[key] = module


class ParameterList(Module):
    """Parameters in a list; Tensors and arrays become Parameters."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: int) -> Any:
        return list(self._parameters.values())[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self.register_parameter(list(self._parameters)[index], _as_parameter(value))

    def append(self, value: Any) -> ParameterList:
        """One more at the end."""
        self.register_parameter(str(len(self)), _as_parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """More at the end."""
        for value in values:
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"({i}): Parameter of shape {p.shape}" for i, p in enumerate(self))


def _as_parameter(value: Any) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)
