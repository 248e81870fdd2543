"""An op at a sample, forward and backward, on any backend: the same numbers on each, brought back to NumPy."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends.base import Backend, Rule, installed
from nanonet.backends.numpy import backend as textbook
from nanonet.device import on_host, place
from nanonet.functional import function_of
from nanonet.generator import get_state, set_state
from nanonet.op import Op, Sample
from nanonet.sampling import Draw
from nanonet.tensor import Tensor
from nanonet.transforms import vjp_of

SPECIAL = (np.nan, np.inf, -np.inf, -0.0)

Arrays = dict[str, np.ndarray]  # by what they are: "output 0", "gradient of input 1", …


class Watched(Backend):
    """A backend that notes which rules its kernels compute, which run as they are written, and what dtypes they give.

    A kernel may hand its work back to the rule (for a dtype or a layout it was not made for): that is no kernel's.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend.name, backend.xp, backend.array_type, backend.kernels)
        self.backend = backend
        self.by_kernel: set[str] = set()
        self.by_rule: set[str] = set()
        self.dtypes: list[tuple[str, tuple[str, ...]]] = []  # of every rule's outputs or gradients; "" for None

    def run(self, rule: Rule, *args: Any, **attrs: Any) -> Any:
        kernel = self.kernels.get(rule)
        op: Any = getattr(rule, "op", None)
        name = rule.__name__ if op is None else f"{op.name}.{rule.__name__}"
        with _returns_of(rule, kernel is not None) as returned:
            result = self.backend.run(rule, *args, **attrs)
        own = kernel is not None and kernel is not textbook.kernels.get(rule)
        handed_back = any(result is one for one in returned)
        (self.by_kernel if own and not handed_back else self.by_rule).add(name)
        self.dtypes.append((name, _dtypes(result[0] if rule.__name__ == "forward" else result)))
        return result


@contextmanager
def _returns_of(rule: Any, wanted: bool) -> Iterator[list[Any]]:
    """What the rule's own code returns within the block, whoever calls it."""
    returned: list[Any] = []

    def look(frame: Any, event: str, value: Any) -> None:
        if event == "return" and frame.f_code is rule.__code__:
            returned.append(value)

    before = sys.getprofile()
    sys.setprofile(look if wanted else before)
    try:
        yield returned
    finally:
        sys.setprofile(before)


def _dtypes(found: Any) -> tuple[str, ...]:
    arrays = found if isinstance(found, tuple | list) else (found,)
    return tuple(str(getattr(one, "dtype", "")) for one in arrays)


@dataclass(frozen=True)
class Call:
    """An op at a sample, forward and backward: the same numbers on every backend."""

    op: type[Op]
    sample: Sample
    dtype: np.dtype
    seed: int
    strided: bool
    special: bool

    def on(self, backend: Backend) -> Arrays:
        """All that comes out, as NumPy arrays, by what it is."""
        state = get_state()
        try:
            with installed(backend), np.errstate(all="ignore"):
                return self._run(backend)
        finally:
            set_state(state)  # so that the next backend draws the same random numbers

    def _run(self, backend: Backend) -> Arrays:
        given: list[Tensor] = []
        arrays = self.sample.draw(self.seed, self.dtype)
        args = [self._lifted(d, v, backend, given) for d, v in zip(self.sample.args, arrays, strict=True)]
        found = function_of(self.op)(*args, **self.sample.attrs)
        outputs = [y for y in (found if isinstance(found, tuple | list) else [found]) if isinstance(y, Tensor)]
        arrived: Arrays = {f"output {i}": _host(y.array) for i, y in enumerate(outputs)}
        roots, wanted = [y for y in outputs if y.requires_grad], [x for x in given if x.requires_grad]
        rng = np.random.default_rng(self.seed + 1)
        dys = [self._moved(rng.standard_normal(y.shape).astype(_host(y.array).dtype), backend) for y in roots]
        if roots and wanted:
            gradients = vjp_of(roots, wanted, dys)
            arrived |= {f"gradient of input {i}": _host(dx.array) for i, dx in enumerate(gradients)}
        arrived |= {f"input {i} after the call": _host(x.array) for i, x in enumerate(given)}
        return arrived | {f"dy {i} after the call": _host(dy.array) for i, dy in enumerate(dys)}

    def _lifted(self, draw: Any, value: Any, backend: Backend, given: list[Tensor]) -> Any:
        """The value with Tensors on the backend for its arrays, which are added to `given`."""
        if isinstance(draw, list):
            return [self._lifted(d, v, backend, given) for d, v in zip(draw, value, strict=True)]
        if not isinstance(draw, Draw):
            return value
        x = self._moved(value, backend)
        if draw.floating and draw.differentiable and self.op.is_differentiable():
            x.requires_grad_()
        given.append(x)
        return x

    def _moved(self, array: np.ndarray, backend: Backend) -> Tensor:
        array = array.copy()
        if self.special and array.dtype.kind == "f":
            flat = array.reshape(-1)
            count = min(len(SPECIAL), flat.size // 2)  # every other element: the rest meets them in sums
            flat[: 2 * count : 2] = SPECIAL[:count]
        x = place(array)
        return Tensor.wrap(backend.xp.stack([x, x], axis=-1)[..., 0] if self.strided and array.ndim else x)


def _host(array: Any) -> np.ndarray:
    """A copy as a NumPy array."""
    return np.array(on_host(array))
