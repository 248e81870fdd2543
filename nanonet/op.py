"""The Op contract: a formula, its forward and its backward, side by side.

An op is a stateless specification. Its two rules are plain functions of arrays and of the array module `xp`;
they keep no state, change no input, and do not ask which backend runs them. A kernel is a claim tested against them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np

from nanonet.sampling import Draw

Array = Any  # numpy.ndarray, cupy.ndarray, or, with create_graph=True, a Tensor
Rule = Callable[..., Any]


@dataclass(frozen=True)
class Sample:
    """One call of the public function that the tests, the gradient check, parity and benchmarks all use.

    `args` are its positional arguments: `Draw`s (see `nanonet.sampling`) stand for arrays, lists of them for lists
    of arrays, anything else for itself. `kink` names what is not differentiable there ("tie", "x = 0").
    """

    args: tuple[Any, ...]
    attrs: Mapping[str, Any]
    name: str = ""
    kink: str = ""

    def draw(self, seed: int = 0, dtype: Any = np.float64) -> list[Any]:
        """The arguments, with arrays for Draws: floats in `dtype`, and the same ones for the same seed."""
        rng = np.random.default_rng(seed)

        def fill(x: Any) -> Any:
            if isinstance(x, Draw):
                return x.draw(rng, dtype)
            return [fill(one) for one in cast(list[Any], x)] if isinstance(x, list) else x

        return [fill(x) for x in self.args]


def sample(*args: Any, name: str = "", kink: str = "", **attrs: Any) -> Sample:
    """A `Sample`, written like the call."""
    return Sample(args, attrs, name, kink)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Op:
    """Base of all operations. A subclass is never instantiated; its parts are read as class attributes.

    docstring   first paragraph: `y = formula;  dx = gradient;  dw = gradient.` Then shapes, remarks, the source.
    latex       the same formulas in the same order in LaTeX, separated by `;`
    shapes      `x (N, D), w (M, D) -> y (N, M)`
    forward     `forward(xp, *arrays, **attrs) -> (y, saved)`; y is a tuple where there are several outputs
    backward    `backward(xp, saved, dy) -> (dx, ...)`, one gradient (or None) per input, in the shape of the
                broadcast operands: the tape undoes broadcasting. With a fourth argument `needs`, a tuple of
                bools, it can skip the work for inputs that want no gradient.
    call        optional: `call(input, weight, bias=None) -> (inputs, attrs)`, the public signature, which
                refuses wrong shapes and types; without it the signature is forward's without `xp`
    finish      optional, with `call`: `finish(outputs, *args, **kwargs) -> result`, what the public function returns
                of the op's outputs, called with its own arguments (batch_norm updates its running statistics here)
    samples     calls of the public function, for everything that exercises the op
    parity      how far a kernel may be from the rule it stands for: the largest difference allowed, in units of the
                dtype's eps times the array's largest element. 16 leaves room for a few roundings, a sum in another
                order, and an exp or erf by a polynomial (5 ulp); an op whose kernels need more says how much

    `promote`: "common" casts integers that meet floats to the floats' dtype, "float" also turns all-integer
    input into float32, "" leaves dtypes alone. `array` puts the function into `nanonet` itself (NumPy's names),
    otherwise it is in `nanonet.functional` only; `method` also makes it a Tensor method; `aliases` are further names,
    `operators` the Tensor operators it implements (`__add__`, `__radd__`).
    """

    name: ClassVar[str]
    latex: ClassVar[str] = ""
    shapes: ClassVar[str] = "x (…) -> y (…)"
    promote: ClassVar[str] = ""
    array: ClassVar[bool] = False
    method: ClassVar[bool] = False
    aliases: ClassVar[tuple[str, ...]] = ()
    operators: ClassVar[tuple[str, ...]] = ()
    samples: ClassVar[list[Sample]] = []
    parity: ClassVar[float] = 16.0
    forward: ClassVar[Rule]
    backward: ClassVar[Rule | None] = None
    call: ClassVar[Rule | None] = None
    finish: ClassVar[Rule | None] = None
    wants_needs: ClassVar[bool] = False
    abstract: ClassVar[bool] = True

    def __init_subclass__(cls, abstract: bool = False, name: str | None = None) -> None:
        for rule in ("forward", "backward", "call", "finish"):
            function = cls.__dict__.get(rule)
            if inspect.isfunction(function):
                setattr(cls, rule, staticmethod(function))
                function.op = cls  # type: ignore[attr-defined]  # so that a rule at the doorway knows its name
        cls.name = name or _snake_case(cls.__name__)
        cls.abstract = abstract
        if abstract:
            return
        if "call" in cls.__dict__:
            cls.__dict__["call"].__func__.__qualname__ = cls.name  # the name in Python's "unexpected keyword argument"
        if cls.backward is not None:
            cls.wants_needs = cls.backward.__code__.co_argcount == 4
        key = ("array." if cls.array else "network.") + cls.name
        if key in REGISTRY:
            raise ValueError(f"op {cls.name}: the name is taken by {REGISTRY[key].__module__}; choose another")
        REGISTRY[key] = cls

    @classmethod
    def is_differentiable(cls) -> bool:
        """Has it a gradient? Comparisons and argmax, for instance, have none."""
        return cls.backward is not None or issubclass(cls, Composite)

    @classmethod
    def formulas(cls, notation: str = "text") -> dict[str, str]:
        """{'y': formula, 'dx': gradient, ...} in "text" or "latex"."""
        source = (cls.__doc__ or "").split("\n\n")[0] if notation == "text" else cls.latex
        pairs = (part.split("=", 1) for part in " ".join(source.split()).rstrip(".").split(";") if "=" in part)
        return {left.strip(): right.strip() for left, right in pairs}

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """Parameters of the public function: call's, or forward's without `xp`, all of them positional too."""
        if cls.call is not None:
            return list(inspect.signature(cls.call).parameters.values())
        found = list(inspect.signature(cls.forward).parameters.values())[1:]
        positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return [p.replace(kind=positional) if p.kind is inspect.Parameter.KEYWORD_ONLY else p for p in found]

    @classmethod
    def input_names(cls) -> list[str]:
        """Names of the array inputs, as the rule's author wrote them: x, w, b, …"""
        kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
        found = list(inspect.signature(cls.forward).parameters.values())[1:]
        return [p.name for p in found if p.kind in kinds]


class Composite(Op, abstract=True):
    """An op made of other ops: `forward(xp, ...) -> y` runs on Tensors, the tape records its parts.

    It has no backward of its own; the chain rule through the parts is its backward.
    """


REGISTRY: dict[str, type[Op]] = {}


def ops() -> Iterator[type[Op]]:
    """Every registered op, in order of definition."""
    return iter(REGISTRY.values())
