"""Backend parity: do a backend's kernels give what the textbook rules give, forward and backward?

An op and one of its samples are run twice, on the `numpy` backend and on another one, and every array that comes out
is compared: outputs, gradients, and what the inputs and cotangents are afterwards, since a kernel must not write into
them. Shapes, dtypes, the places of NaN and ±∞ and the signs of zeros must be the same; numbers may differ by

    |kernel - rule| ≤ op.parity · eps · max |rule|

Where no kernel took part and both backends compute with the same array module, they must not differ at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nanonet.backends import backends, use
from nanonet.backends.base import Backend
from nanonet.backends.numpy import backend as textbook
from nanonet.gradcheck.suite.exercise import Call, Watched
from nanonet.op import Op, Sample

LAYOUTS = ("contiguous", "strided")


@dataclass(frozen=True)
class Parity:
    """What a comparison found. It is true when the verdict is "pass".

    verdict     "pass"; "fail"; or "skipped": this backend cannot run here, and nothing was compared
    difference  the largest difference, in units of eps times the largest element of its array
    bound       what is allowed: the op's `parity`, or 0 where both backends ran the same code
    where       the array in which they differ most, and the layout
    why         on "fail" what is wrong, on "skipped" why it was
    kernels     the rules that a kernel of this backend computed, as "softmax.backward"
    rules       those that ran on contiguous arrays as the textbook writes them: no kernel was tested by these
    evidence    "measured"; "emulated": CUDA kernels in Numba's simulator; or "skipped"
    """

    op: str
    sample: str
    backend: str
    dtype: str
    verdict: str
    difference: float = 0.0
    bound: float = 0.0
    where: str = ""
    why: str = ""
    kernels: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    evidence: str = "measured"

    def __bool__(self) -> bool:
        return self.verdict == "pass"

    @property
    def ran(self) -> str:
        """Whether a kernel was tested: "kernel", "kernel and textbook rule", "textbook rule" or "nothing"."""
        return " and ".join(["kernel"] * bool(self.kernels) + ["textbook rule"] * bool(self.rules)) or "nothing"

    def __str__(self) -> str:
        subject = f"{self.verdict}: {self.op}{f' ({self.sample})' if self.sample else ''}, {self.backend} {self.dtype}"
        if self.verdict == "skipped":
            return f"{subject}: {self.why}"
        numbers = f"{self.difference:.3g} eps at {self.where}, allowed {self.bound:g}" if self.where else "equal"
        return f"{subject}: {self.why or numbers} ({self.ran}, {self.evidence})"


def check_parity(
    op: type[Op],
    sample: Sample,
    backend: str | Backend = "numba",
    dtype: Any = np.float32,
    seed: int = 0,
    special: bool = False,
) -> Parity:
    """Compare `op` at `sample` on `backend` with the textbook rules on NumPy.

    backend     a name that `nt.use` takes, or a Backend
    dtype       of the floating inputs
    seed        of the inputs' and the cotangents' values
    special     put NaN, ±∞ and -0.0 into the inputs and the cotangents; an op that refuses them there is "skipped"

    Contiguous arrays are tried, and strided ones. Raises ValueError for an unknown backend's name.
    """
    kind = np.dtype(dtype)
    name = backend if isinstance(backend, str) else backend.name
    about = (op.name, sample.name or sample.kink, name, kind.name)
    if isinstance(backend, str):
        reason = backends().get(backend, "")
        if reason:
            return Parity(*about, "skipped", why=reason, evidence="skipped")
        with use(backend) as found:
            backend = found
    kernels, rules = set[str](), set[str]()
    errors: list[tuple[float, str, str]] = []
    for layout in LAYOUTS:
        plain, watched = Watched(textbook), Watched(backend)
        call = Call(op, sample, kind, seed, layout == "strided", special)
        try:
            want = call.on(plain)
        except (ValueError, ArithmeticError) as error:
            if special:
                return Parity(*about, "skipped", why=f"the op refuses such values: {error}", evidence="skipped")
            raise
        try:
            got = call.on(watched)
        except Exception as error:  # whatever a kernel raises where the rule does not: it is not the rule
            errors.append((np.inf, f"{type(error).__name__}: {' '.join(str(error).split())}", layout))
            continue
        finally:
            kernels |= watched.by_kernel
            rules |= watched.by_rule if layout == "contiguous" else set()
        errors += [(np.inf, why, layout) for why in _wider(watched, plain)]
        errors += [(*_difference(got.get(key), one), f"{key}, {layout}") for key, one in want.items()]
    bound = 0.0 if not kernels and backend.xp is textbook.xp else op.parity
    difference, why, where = max(errors, key=lambda error: error[0], default=(0.0, "", ""))
    if why:
        why = f"{where}: {why}"
    elif not difference <= bound:
        why = f"{where}: differs by {difference:.3g} eps of the largest element, allowed {bound:g}"
    return Parity(
        *about,
        verdict="fail" if why else "pass",
        difference=difference,
        bound=bound,
        where=where if difference else "",
        why=why,
        kernels=tuple(sorted(kernels)),
        rules=tuple(sorted(rules)),
        evidence=evidence_of(name),
    )


def evidence_of(backend: str) -> str:
    """ "measured", or "emulated" where CUDA kernels run in Numba's simulator."""
    simulated = backend == "cuda" and os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")
    return "emulated" if simulated else "measured"


def _wider(watched: Watched, plain: Watched) -> Iterator[str]:
    """Kernels that return other dtypes than their rules, also where the tape casts the gradient back."""
    for (name, got), (rule, want) in zip(watched.dtypes, plain.dtypes, strict=False):
        pairs = zip(got, want, strict=False) if name == rule else ()
        wrong = next(((a, b) for a, b in pairs if a != b and a and b), None)
        if wrong:
            yield f"{name} returns {wrong[0]}, its rule {wrong[1]}"


def _difference(got: np.ndarray | None, want: np.ndarray) -> tuple[float, str]:
    """How far they are apart, in eps of the largest element; (∞, what is wrong) where that is no matter of rounding."""
    if got is None:
        return np.inf, "missing"
    if got.shape != want.shape:
        return np.inf, f"shape {got.shape}, expected {want.shape}"
    if got.dtype != want.dtype:
        return np.inf, f"dtype {got.dtype}, expected {want.dtype}"
    if want.dtype.kind != "f":
        wrong = np.count_nonzero(got != want)
        return (np.inf, f"{wrong} of {want.size} elements differ") if wrong else (0.0, "")
    if not np.array_equal(np.isnan(got), np.isnan(want)):
        return np.inf, "NaN in other places"
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return np.inf, "infinite in other places"
    zeros = (got == 0) & (want == 0)
    if not np.array_equal(np.signbit(got[zeros]), np.signbit(want[zeros])):
        return np.inf, "zeros of the other sign"
    error = float(np.max(np.abs(got[finite].astype(np.longdouble) - want[finite]), initial=0.0))
    largest = float(np.max(np.abs(want[finite]), initial=0.0))
    return error / (float(np.finfo(want.dtype).eps) * largest) if largest else (np.inf if error else 0.0), ""
