"""Derivatives as functions of functions: grad, value_and_grad, vjp, jvp, jacobian, hessian.

Each runs the function on inputs of its own, so that nobody's `.grad` is touched, and walks the tape towards these
inputs only. Results are Tensors. They can be differentiated again, by another transform or by `backward()`, with
respect to everything outside that requires a gradient; where there is no such thing, or within `no_grad()`, they
are constants, which is cheaper.

Inputs are Tensors, arrays, numbers or lists, of floats. Arguments that are not differentiated are passed on as they
are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends.base import home
from nanonet.device import place
from nanonet.op import REGISTRY
from nanonet.tape import Entry, recorded
from nanonet.tensor import Tensor, apply, as_gradient, as_tensor, gradients
from nanonet.variable import Variable, enable_grad, mode

Argnums = int | Sequence[int]


def grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """∂f/∂x as a function of f's arguments: `grad(f)(x, ...)` has x's shape.

    `f` must return one number, shape (); else ValueError. `argnums` is the argument to differentiate, or a sequence
    of them, and then the result is a tuple.
    """
    value_and_gradient = _value_and_grad("grad", f, argnums)

    @_like(f, "gradient")
    def gradient(*args: Any, **kwargs: Any) -> Any:
        return value_and_gradient(*args, **kwargs)[1]

    return gradient


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., tuple[Tensor, Any]]:
    """(f, ∂f/∂x) as a function of f's arguments, for the price of one forward and one backward. See `grad`."""
    return _value_and_grad("value_and_grad", f, argnums)


def _value_and_grad(name: str, f: Callable[..., Any], argnums: Argnums) -> Callable[..., tuple[Tensor, Any]]:
    @_like(f, "value and gradient")
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        run = _run(name, f, args, argnums, kwargs)
        if run.several or run.outputs[0].shape != ():
            got = f"{len(run.outputs)} outputs" if run.several else f"shape {run.outputs[0].shape}"
            raise ValueError(f"{name}: expected f to return one number, shape (), got {got}; add .sum(), or use vjp")
        dxs = run.pull([home(y := run.outputs[0].array).xp.ones_like(y)])
        return run.value(), dxs[0] if isinstance(argnums, int) else tuple(dxs)

    return value_and_gradient


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Tensor, ...]]]:
    """(f(*primals), pullback), where pullback(dy) = (Jᵀ dy, ...), one for each primal: reverse mode.

    Where f returns a tuple, dy is one of the same shapes. The pullback can be called many times.
    """
    run = _run("vjp", f, primals, range(len(primals)), {})

    def pullback(dy: Any) -> tuple[Tensor, ...]:
        return tuple(run.pull(dy if run.several else [dy]))

    return run.value(), pullback


def jvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """(f(*primals), J · tangents): forward mode, in the shape of f's output.

    g(u) = Jᵀu is linear in u, so the transpose of its own derivative is J: one backward through the backward.
    """
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError("jvp: expected tuples of primals and tangents; for one argument: jvp(f, (x,), (v,))")
    run = _run("jvp", f, primals, range(len(primals)), {})
    vs = _cotangents("jvp: tangents", tangents, run.inputs)
    us = [Tensor.wrap(home(y.array).xp.ones_like(y.array)).requires_grad_() for y in run.outputs]
    with enable_grad():
        g = vjp_of(run.outputs, run.inputs, us, create_graph=True)
    dys = vjp_of(g, us, vs, create_graph=run.is_recorded(vs))
    return run.value(), tuple(dys) if run.several else dys[0]


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """∂y/∂x as a function of f's arguments, in shape y.shape + x.shape: one backward per element of y.

    A tuple of them where f returns a tuple; each a tuple where `argnums` is a sequence.
    """

    @_like(f, "Jacobian")
    def matrix(*args: Any, **kwargs: Any) -> Any:
        run = _run("jacobian", f, args, argnums, kwargs)
        found: list[Any] = []
        for y in run.outputs:
            units = home(y.array).xp.eye(y.size, dtype=y.dtype).reshape(y.size, *y.shape)
            rows = [vjp_of([y], run.inputs, [units[i]], create_graph=run.is_recorded()) for i in range(y.size)]
            of_y = [_stack([row[i] for row in rows], y, x) for i, x in enumerate(run.inputs)]
            found.append(of_y[0] if isinstance(argnums, int) else tuple(of_y))
        return tuple(found) if run.several else found[0]

    return matrix


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """∂²f/∂x∂x as a function of f's arguments, in shape x.shape + x.shape; f must return one number.

    Where `argnums` is a sequence, a tuple of tuples: [i][j] is ∂²f/∂xᵢ∂xⱼ.
    """
    return jacobian(grad(f, argnums), argnums)


def vjp_of(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor], dys: Sequence[Any], create_graph: bool = False
) -> list[Tensor]:
    """Σ dyᵀ ∂output/∂input for each input; zeros for an input that no output depends on. No `.grad` is touched.

    The graph is kept, so this may be called again with other `dys`.
    """
    found: dict[int, Tensor] = {}

    def keeper(x: Tensor) -> Callable[[Tensor], None]:
        def keep(dx: Tensor) -> None:
            found[id(x)] = dx if create_graph or x.is_leaf else Tensor(dx)  # + hands one array to both its inputs

        return keep

    removers = [x.register_hook(keeper(x)) for x in inputs if x.requires_grad]
    try:
        with _towards(inputs, outputs) as reached:
            roots = [(y, as_tensor(dy, y.dtype, y.device)) for y, dy in zip(outputs, dys, strict=True) if reached(y)]
            gradients([y for y, _ in roots], [dy for _, dy in roots], create_graph, retain_graph=True)
    finally:
        for remove in removers:
            remove()
    return [found[id(x)] if id(x) in found else Tensor.wrap(home(x.array).xp.zeros_like(x.array)) for x in inputs]


@contextmanager
def _towards(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Iterator[Callable[[Tensor], bool]]:
    """Within the block a walk from `outputs` goes to `inputs` only; gives a test for what depends on them.

    Nothing is computed for other leaves, and the hooks on other ways are not called.
    """
    wanted = {id(x) for x in inputs if x.requires_grad}
    on_the_way: set[Entry] = set()

    def reached(y: Variable) -> bool:
        return id(y) in wanted or y.entry in on_the_way

    before: list[tuple[Entry, list[bool]]] = []
    try:
        for entry in recorded(outputs):  # inputs' entries come before the entries that use them
            before.append((entry, entry.needs))
            entry.needs = [need and reached(x) for x, need in zip(entry.inputs, entry.needs, strict=True)]
            if any(entry.needs):
                on_the_way.add(entry)
        yield reached
    finally:
        for entry, needs in before:
            entry.needs = needs


@dataclass
class _Run:
    """One call of a function on inputs of our own."""

    name: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    several: bool  # did it return a tuple?
    outside: bool  # does somebody outside want gradients of the results?

    def value(self) -> Any:
        """What the function returned; a copy outside the graph, unless the graph leads outside."""
        values = [y if self.outside else Tensor(y) for y in self.outputs]
        return tuple(values) if self.several else values[0]

    def is_recorded(self, others: Sequence[Tensor] = ()) -> bool:
        """Shall the derivative be recorded, to be differentiated again?"""
        return mode.recording and (self.outside or any(x.requires_grad for x in others))

    def pull(self, dys: Sequence[Any]) -> list[Tensor]:
        dys = _cotangents(f"{self.name}: dy", dys, self.outputs)
        return vjp_of(self.outputs, self.inputs, dys, create_graph=self.is_recorded(dys))


def _run(name: str, f: Callable[..., Any], args: Sequence[Any], argnums: Argnums, kwargs: dict[str, Any]) -> _Run:
    outside = mode.recording
    mine = list(args)
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in places:
        if not -len(args) <= i < len(args):
            raise ValueError(f"{name}: expected argnums to name one of the {len(args)} positional arguments, got {i}")
    with enable_grad():
        for i in places:
            mine[i] = _fresh(name, i, args[i], outside)
        inputs = [mine[i] for i in places]
        y = f(*mine, **kwargs)
        several = isinstance(y, tuple | list)
        outputs = [as_tensor(one) for one in (y if several else [y])]
    for one in outputs:
        if one.dtype.kind != "f":
            raise TypeError(f"{name}: expected f to return floats, got {one.dtype}, which has no derivative")
    return _Run(name, inputs, outputs, several, outside and _leads_outside(outputs, inputs))


def _fresh(name: str, place: int, x: Any, record: bool) -> Tensor:
    """A tensor equal to x, of which nobody else knows. Its graph goes on to x if x is part of one outside."""
    x = as_tensor(x)
    if x.dtype.kind != "f":
        raise TypeError(
            f"{name}: argument {place} is {x.dtype}, only floats have derivatives; use 2.0 for 2, x.astype('float32')"
        )
    if record and x.requires_grad:
        return apply(REGISTRY["array.reshape"], x, shape=x.shape)
    return x.detach().requires_grad_()


def _leads_outside(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> bool:
    """Do the outputs depend on leaves other than `inputs` that require a gradient?"""
    own = {id(x) for x in inputs}
    used = [*outputs, *(x for entry in recorded(outputs) for x in entry.inputs if isinstance(x, Variable))]
    return any(x.wants_grad and x.entry is None and id(x) not in own for x in used)


def _cotangents(what: str, dys: Sequence[Any], ys: Sequence[Tensor]) -> list[Tensor]:
    if not isinstance(dys, tuple | list) or len(dys) != len(ys):
        raise ValueError(f"{what}: expected a tuple of {len(ys)}, one for each of {[y.shape for y in ys]}")
    found = [as_gradient(what, dy, y) for dy, y in zip(dys, ys, strict=True)]
    for dy, y in zip(found, ys, strict=True):
        if dy.shape != y.shape:
            raise ValueError(f"{what}: expected shape {y.shape}, got {dy.shape}")
    return found


def _stack(rows: list[Tensor], y: Tensor, x: Tensor) -> Tensor:
    """Rows of x's shape, one per element of y, as one Tensor of shape y.shape + x.shape."""
    if not rows:
        return Tensor.wrap(place(np.zeros(y.shape + x.shape, x.dtype), x.device))
    return apply(REGISTRY["array.reshape"], apply(REGISTRY["array.stack"], *rows, axis=0), shape=y.shape + x.shape)


def _like(f: Callable[..., Any], what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Name and document a derivative after the function it belongs to."""

    def decorate(derivative: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(derivative, f)
        derivative.__doc__ = f"The {what} of {getattr(f, '__name__', 'a function')}.\n\n{f.__doc__ or ''}".strip()
        return derivative

    return decorate
