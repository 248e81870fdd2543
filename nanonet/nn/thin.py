"""ThinModule: a module that is one function of `nanonet.functional` with fixed options."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from nanonet import functional as F
from nanonet.nn.module import Module
from nanonet.tensor import Tensor, as_tensor


class ThinModule(Module):
    """`forward(*inputs)` is `F.<function>(*inputs, **options)`.

    A subclass names the function and its options with their defaults, in the order of the constructor's arguments;
    they become attributes. `REQUIRED` stands for an option without a default. Options in `unused` are PyTorch's,
    accepted so that its calls work, and not passed on. Those in `buffers` are tensors that are kept as buffers.
    """

    function: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    unused: ClassVar[tuple[str, ...]] = ()
    tensor_options: ClassVar[tuple[str, ...]] = ()
    REQUIRED: ClassVar[Any] = inspect.Parameter.empty

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        try:
            bound = inspect.signature(type(self)).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"{type(self).__name__}: {error}; its arguments are {inspect.signature(type(self))}"
            ) from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            if name in self.tensor_options:
                self.register_buffer(name, None if value is None else as_tensor(value).detach())
            else:
                setattr(self, name, value)

    def __init_subclass__(cls) -> None:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind, default=default) for name, default in cls.options.items()]
        cls.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]

    def forward(self, *inputs: Tensor, **named: Any) -> Any:
        options = {name: getattr(self, name) for name in self.options if name not in self.unused}
        return getattr(F, self.function)(*inputs, **named, **options)
