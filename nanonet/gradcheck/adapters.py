"""Functions of PyTorch, JAX and autograd as pairs (forward, backward) of plain NumPy functions, to be checked.

    nt.check_backward(*adapters.torch(f), inputs)

checks that library's gradient of f, in float64. A library is imported only when its adapter is used.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from nanonet.gradcheck import gradcheck

Pair = tuple[Callable[..., Any], Callable[..., Any]]


def torch(f: Any) -> Pair:
    """(forward, backward) of a function of tensors that returns one tensor.

    f may also be a torch.autograd.Function (the class or its apply) or an nn.Module. A module is copied, its parameters
    and buffers made double, and every call starts from them as they are now, so that dropout and running statistics
    do no harm. Its parameters are not inputs; to check them too, make them so:

        adapters.torch(lambda x, w, b: torch.func.functional_call(module, {"weight": w, "bias": b}, (x,)))

    Floating arrays become double tensors that want gradients, other arrays tensors of their dtype; anything else is
    handed on. Random numbers are those that would come next now, the same in every call. Runs on the CPU.
    """
    library: Any = _library("torch", "PyTorch", "torch")
    if isinstance(f, type) and issubclass(f, library.autograd.Function):
        called: Callable[..., Any] = f.apply
    elif isinstance(f, library.nn.Module):
        called = _module(library, f)
    else:
        called = f
    drawn = library.get_rng_state()

    def run(inputs: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """y, and the tensors of the inputs."""
        tensors = [_tensor(library, x) for x in inputs]
        with _repeating(library, drawn):
            try:
                y = called(*tensors)
            except RuntimeError as error:
                if "dtype" in str(error):
                    error.add_note(
                        "adapters.torch: the inputs are float64; make modules and tensors within f .double()"
                    )
                raise
        return _single(y, library.Tensor, "torch", "tensor"), tensors

    def forward(*inputs: Any) -> np.ndarray:
        return run(inputs)[0].detach().numpy()

    def backward(dy: np.ndarray, *inputs: Any) -> tuple[Any, ...]:
        y, tensors = run(inputs)
        floats = [i for i, x in enumerate(inputs) if _is_float(x)]
        found: dict[int, Any] = {}
        if y.requires_grad:  # PyTorch refuses a detached y; its gradient is zero
            with _repeating(library, drawn):
                upstream = _shared(library, dy).to(y.dtype)
                dxs = library.autograd.grad(y, [tensors[i] for i in floats], upstream, allow_unused=True)
            found = {i: dx.detach().numpy() for i, dx in zip(floats, dxs, strict=True) if dx is not None}
        return tuple(found.get(i, np.zeros(np.shape(x))) if i in floats else None for i, x in enumerate(inputs))

    return forward, _named(backward, f)


@contextmanager
def _repeating(library: Any, drawn: Any) -> Iterator[None]:
    """The same random numbers in every call; and one thread, so that a sum is added up in the same order."""
    threads = library.get_num_threads()
    library.set_num_threads(1)
    try:
        with library.random.fork_rng(devices=[]), library.enable_grad():
            library.set_rng_state(drawn)
            yield
    finally:
        library.set_num_threads(threads)


def _module(library: Any, module: Any) -> Callable[..., Any]:
    """The module as a function without a memory."""
    module = copy.deepcopy(module).double()
    state = {name: one.detach().clone() for name, one in [*module.named_parameters(), *module.named_buffers()]}

    def called(*tensors: Any) -> Any:
        fresh = {name: one.clone() for name, one in state.items()}
        return library.func.functional_call(module, fresh, tensors)

    return called


def _tensor(library: Any, x: Any) -> Any:
    if _is_float(x):
        return _shared(library, np.asarray(x, np.float64)).requires_grad_()
    return _shared(library, x) if isinstance(x, np.ndarray) else x


def _shared(library: Any, x: np.ndarray) -> Any:
    """A tensor of this very array where that is possible: the checker should see it changed in place."""
    if any(stride < 0 for stride in x.strides):
        x = x.copy()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return library.from_numpy(x)


def jax(f: Callable[..., Any]) -> Pair:
    """(forward, backward) of a function of JAX arrays that returns one array; jax.custom_vjp, jit and so on included.

    Floating arrays are checked, in float64: 64 bits are switched on for the calls only. Keys of jax.random are inputs
    like others, or constants within f.
    """
    library: Any = _library("jax", "JAX", "jax")
    wide: Any = getattr(library, "enable_x64", None)  # its place since JAX 0.8
    if wide is None:
        wide = import_module("jax.experimental").enable_x64

    def of_floats(inputs: tuple[Any, ...]) -> tuple[Callable[..., Any], list[int]]:
        """f as a function of its floating inputs, and which these are."""
        floats = [i for i, x in enumerate(inputs) if _is_float(x)]
        arrays = [library.numpy.asarray(x) if isinstance(x, np.ndarray) else x for x in inputs]

        def g(*given: Any) -> Any:
            every = list(arrays)
            for i, x in zip(floats, given, strict=True):
                every[i] = x
            return _single(f(*every), library.Array, "jax", "array")

        return g, floats

    def forward(*inputs: Any) -> np.ndarray:
        with wide(True):
            g, floats = of_floats(inputs)
            return np.array(g(*[library.numpy.asarray(inputs[i], np.float64) for i in floats]))

    def backward(dy: np.ndarray, *inputs: Any) -> tuple[Any, ...]:
        with wide(True):
            g, floats = of_floats(inputs)
            y, vjp = library.vjp(g, *[library.numpy.asarray(inputs[i], np.float64) for i in floats])
            found = dict(zip(floats, vjp(library.numpy.asarray(dy, y.dtype)), strict=True))
            return tuple(np.array(found[i]) if i in found else None for i in range(len(inputs)))

    return forward, _named(backward, f)


def autograd(f: Callable[..., Any]) -> Pair:
    """(forward, backward) of a function written with autograd.numpy that returns one array."""
    library: Any = _library("autograd", "autograd", "autograd")

    def forward(*inputs: Any) -> np.ndarray:
        return np.array(_single(f(*inputs), np.ndarray | np.floating | float, "autograd", "array"))

    def backward(dy: np.ndarray, *inputs: Any) -> tuple[Any, ...]:
        floats = tuple(i for i, x in enumerate(inputs) if _is_float(x))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent of input")  # zeros say so, too
            vjp, _ = library.make_vjp(f, floats)(*inputs)
            found = dict(zip(floats, vjp(dy), strict=True))
        return tuple(found.get(i) for i in range(len(inputs)))

    return forward, _named(backward, f)


def _library(module: str, name: str, package: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ImportError(f"adapters.{module} needs {name}, which is not installed: pip install {package}") from error


def _is_float(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, np.ndarray | np.generic) and x.dtype.kind == "f")


def _single(y: Any, kind: Any, adapter: str, noun: str) -> Any:
    if isinstance(y, kind):
        return y
    got = type(y).__name__
    if isinstance(y, tuple | list):
        got += f" of {len(y)}; check one at a time: lambda *inputs: f(*inputs)[0]"
    raise TypeError(f"adapters.{adapter}: the function must return one {noun}, got {got}")


def _named(backward: Callable[..., Any], f: Any) -> Callable[..., Any]:
    """Reports speak of f, not of this file's function."""
    owner = getattr(f, "__self__", None)  # of a torch.autograd.Function's apply
    named = owner if isinstance(owner, type) else f
    backward.__name__ = str(getattr(named, "__name__", type(f).__name__))
    return backward


# The function nt.gradcheck hides this package; `import nanonet.gradcheck.adapters as ga` shall work all the same.
setattr(gradcheck, __name__.rpartition(".")[2], sys.modules[__name__])
