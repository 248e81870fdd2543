"""The textbook backend: rules run on NumPy as they are written."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from nanonet.backends.base import VOCABULARY, Backend


def erf(x: Any) -> Any:
    """Error function 2/√π ∫₀ˣ exp(-t²) dt, which NumPy lacks."""
    from scipy import special  # here, because it would double the time that `import nanonet` takes

    return special.erf(x)


def put_add(x: Any, *, shape: tuple[int, ...], key: Any) -> Any:
    """Zeros of `shape`, then y[key] += x, where an index that occurs twice is added to twice."""
    y = np.zeros(shape, x.dtype)
    if _is_basic(key):
        y[key] = x
    else:
        np.add.at(y, key, x)
    return y


def _is_basic(key: Any) -> bool:
    """Slices, integers, None and ... pick every element at most once."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(
        p is None or p is Ellipsis or (isinstance(p, slice | int | np.integer) and not isinstance(p, bool))
        for p in parts
    )


_ours = {
    "erf": erf,
    "inv": np.linalg.inv,
    "solve": np.linalg.solve,
    "det": np.linalg.det,
    "cholesky": np.linalg.cholesky,
    "put_add": put_add,
}

xp = SimpleNamespace(**{name: _ours[name] if name in _ours else getattr(np, name) for name in VOCABULARY})

backend = Backend("numpy", xp, np.ndarray)
