"""The doorway: every array computation of the engine passes through `Backend.run`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Rule = Callable[..., Any]
HOMES: dict[type, Backend] = {}  # for each kind of array that is in use, the backend that computes with it


class Backend:
    """Arrays of one kind (`xp`, an array module) and the kernels that are claimed to equal some of the rules.

    A kernel takes the rule's arguments without `xp` and returns what the rule returns. `device` is where the arrays
    lie, "cpu" or "cuda"; `upload` and `download` are the only ways between there and NumPy.
    """

    device = "cpu"

    def __init__(self, name: str, xp: Any, array_type: type, kernels: dict[Rule, Rule] | None = None) -> None:
        self.name = name
        self.xp = xp
        self.array_type = array_type
        self.kernels: dict[Rule, Rule] = kernels or {}

    def upload(self, array: Any) -> Any:
        """A NumPy array as one of this backend's: itself, where these are NumPy's."""
        return array

    def stage(self, array: Any) -> Callable[[], Any]:
        """Begin to upload; the function that is returned gives the array, which may then be computed with."""
        uploaded = self.upload(array)
        return lambda: uploaded

    def adopt(self, array: Any) -> Any:
        """Another library's array as one of this backend's, in the same memory."""
        return self.upload(array)

    def download(self, array: Any) -> Any:
        """One of this backend's arrays as NumPy's: itself, where it is one."""
        return array

    def of(self, array: Any) -> Backend:
        """The backend that computes with `array`: this one, unless the array lies on another device."""
        return self if isinstance(array, self.array_type) else self.elsewhere("backward", [array])

    def elsewhere(self, name: str, inputs: Sequence[Any]) -> Backend:
        """The backend for `inputs` of the operation `name`, some of which are not this one's. Refuses a mixture."""
        kinds = {type(getattr(x, "array", x)) for x in inputs}
        found = {
            HOMES[kind].device: HOMES[kind] for kind in kinds if kind in HOMES
        }  # not of numbers, which fit anywhere
        if len(found) > 1:
            raise ValueError(f"{name}: the inputs lie on {' and '.join(sorted(found))}; bring them together with .to()")
        if not found or self.array_type in kinds:
            return self
        (home,) = found.values()
        if type(self) not in {type(b) for b in HOMES.values()}:  # it watches another backend
            remedy = f'call nt.use("{home.name}") before what watches'
            raise RuntimeError(f"{name}: {self.name} is being watched, and the input is on {home.device}; {remedy}")
        return home

    def run(self, rule: Rule, *args: Any, **attrs: Any) -> Any:
        """`rule(xp, *args, **attrs)`, by a kernel where this backend has one for the rule."""
        kernel = self.kernels.get(rule)
        try:
            if kernel is not None:
                return kernel(*args, **attrs)
            return rule(self.xp, *args, **attrs)
        except (ValueError, TypeError, AttributeError) as error:
            named = _named(error, rule, args)
            if named is error:
                raise
            raise named from error

    def promote(self, kind: str, arrays: list[Any]) -> None:
        """Cast integers among `arrays`, in place of the list: see `Op.promote`. Python numbers adapt by themselves."""
        types = [a.dtype for a in arrays if isinstance(a, self.array_type)]
        floats = [t for t in types if t.kind in "fc"]
        if len(floats) == len(types):
            return
        if not floats and kind == "common" and not any(isinstance(a, float) for a in arrays):
            return
        wanted = self.xp.result_type(*floats) if floats else self.xp.float32
        for i, a in enumerate(arrays):
            if isinstance(a, self.array_type) and a.dtype.kind not in "fc":
                arrays[i] = a.astype(wanted)


def _named(error: Exception, rule: Rule, args: tuple[Any, ...]) -> Exception:
    """`error`, or, where it is the array module's and not an op's, one that names the op and what it got."""
    op: Any = getattr(rule, "op", None)
    text = " ".join(str(error).split()).rstrip(".")
    if op is None or rule is not op.forward or re.match(r"[\w\[\]]+: ", text):
        return error
    inputs = list(zip(op.input_names(), args, strict=False))
    shapes = [f"{name} {tuple(x.shape)}" for name, x in inputs if hasattr(x, "shape")]
    if "could not be broadcast" in text or "shape mismatch" in text:
        return ValueError(f"{op.name}: the shapes {' and '.join(shapes)} do not broadcast; make their axes equal or 1")
    missing = [name for name, x in inputs if x is None]
    if "NoneType" in text and missing:
        return TypeError(f"{op.name}: expected an array or a number for {missing[0]}, got None")
    if "unexpected keyword argument" in text:
        return TypeError(f"{op.name}: {text[text.index('got an') :]}")
    kind = ValueError if isinstance(error, ValueError) else TypeError
    return kind(f"{op.name}: {text}" + (f"; got {', '.join(shapes)}" if shapes else ""))


class Doorway:
    """Which backend computes now. `Doorway.backend` is read at every operation; `use` replaces it."""

    backend: Backend


def current() -> Backend:
    """The backend that computes now."""
    return Doorway.backend


def home(array: Any) -> Backend:
    """The backend that computes with `array` now: the current one, or that of the array's device."""
    return Doorway.backend.of(array)


@contextmanager
def installed(backend: Backend) -> Iterator[Backend]:
    """Within the block `backend` computes; afterwards the one before does, also after an error.

    Whatever wants to see, check or replace computations (anomaly detection, tracing, timing, capturing) wraps
    the current backend in one of its own and installs that.
    """
    before = Doorway.backend
    Doorway.backend = backend
    try:
        yield backend
    finally:
        Doorway.backend = before


# What a rule may ask of `xp`: NumPy's functions by NumPy's names and arguments, then those NumPy lacks (each written
# once per kind of array in the backend's module). Tensors offer the same names, so that a backward rule can run on
# them and be recorded; a test holds every rule to this list.
VOCABULARY = """
    abs negative sign exp exp2 expm1 log log2 log10 log1p sqrt square reciprocal sin cos tan arcsin arccos arctan
    sinh cosh tanh floor ceil rint trunc clip add subtract multiply divide power maximum minimum hypot arctan2 logaddexp
    floor_divide remainder isnan isfinite isinf
    equal not_equal less less_equal greater greater_equal logical_and logical_or logical_not
    sum mean prod max min cumsum cumprod argmax argmin all any argsort sort flip
    reshape transpose swapaxes moveaxis squeeze expand_dims broadcast_to concatenate stack pad tril triu
    roll where take take_along_axis matmul einsum tensordot trace diagonal eye
    zeros ones full zeros_like ones_like full_like arange asarray result_type
    float32 float64 int64 pi inf nan

    erf sigmoid masked_fill inv solve det cholesky put_add windows fold_windows
""".split()  # noqa: SIM905 (a list of words reads better than a list of strings)
