"""A derivative from one complex step: f'(x) = Im f(x + ih) / h, without any difference and so without cancellation.

It holds for analytic functions only, and an implementation must carry the imaginary part through: |x|, a cast to
float or a comparison loses it. So nothing is believed that real steps do not confirm (`confirmed`).
Squire and Trapp 1998, SIAM Review 40(1); Martins, Sturdza and Alonso 2003, ACM TOMS 29(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.reference.ladder import EPS, Line

TINY = (1e-40, 1.7e-40, 0.6e-40)  # h: its square vanishes beside 1; different ones, because they round differently
REAL = (1e-3, 1e-5, 1e-7, 1e-9, 1e-10)  # steps, times max(1, |x|), at which real differences confirm
AGREEMENT = 1e-8  # relative, between the two
SHARP = 1e-5  # what rounding may do, at most, to differences that confirm


@dataclass(frozen=True)
class Steps:
    """∂f_i/∂x for all outputs, with error bars, and the samples that real steps are compared with."""

    value: np.ndarray
    bar: np.ndarray
    confirmed: np.ndarray  # for which outputs


def complex_step(f: Line, x: float, at_x: np.ndarray) -> Steps | None:
    """The derivatives at x of all outputs of f; None where f does not take complex numbers.

    Three tiny steps, two of them from x moved by a rounding error, show what rounding does to the result.
    """
    scale = max(1.0, abs(x))
    found, real = [], []
    for h, moved in zip(TINY, (x, x * (1 + 2 * EPS), x * (1 - 2 * EPS)), strict=True):
        y = _complex(f, complex(moved, h * scale), at_x)
        if y is None:
            return None
        found.append(np.imag(y) / (h * scale))
        real.append(np.real(y))
    value = found[0]
    with np.errstate(all="ignore"):
        if not same_function(real[0], at_x, np.ptp(real, axis=0)):
            return None
        bar = 2 * np.ptp(found, axis=0) + 16 * EPS * np.abs(value)
        if not np.all(np.isfinite(bar)):
            return None
        known, blind = _confirmed(f, x, at_x, value)
    return Steps(value, np.maximum(bar, blind), known)


def _confirmed(f: Line, x: float, at_x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which values agree with real steps, and how far the agreement is blind: a least error bar.

    With real steps C = f' + h² f'''/6 + O(h⁴), with imaginary ones R = f' - h² f'''/6 + O(h⁴): their mean is f' but
    for O(h⁴), where f is analytic. Where it is not, R is no derivative along the real axis, and the mean is another.
    """
    known, blind = _unmoved(f, x, at_x, value)
    for first in _steps(x):
        if np.all(known):
            break
        h = (x + first) - x
        above, below = f(x + h), f(x - h)
        turned = _complex(f, complex(x, h), at_x)
        if turned is None or not np.all(np.isfinite(above)) or not np.all(np.isfinite(below)):
            continue
        real, imaginary = (above - below) / (2 * h), np.imag(turned) / h
        size = np.maximum(np.maximum(np.abs(above), np.abs(below)), np.abs(at_x))
        noise = EPS * (size + abs(x) * np.abs(value)) / h
        near = np.maximum(np.maximum(np.abs(real), np.abs(imaginary)), np.abs(value))
        agrees = np.abs((real + imaginary) / 2 - value) <= AGREEMENT * near + 4 * noise
        sharp = 4 * noise <= SHARP * np.abs(value)  # only where rounding leaves digits is agreement evidence
        blind = np.where(agrees & sharp & ~known, noise, blind)
        known = known | (agrees & sharp)
    return known, blind


def _unmoved(f: Line, x: float, at_x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outputs that do not depend on x: no imaginary part, and no change at large real steps."""
    still = value == 0
    if not np.any(still):
        return still, np.zeros(value.shape)
    largest = 0.05 * max(1.0, abs(x))
    for h in (largest, -largest):
        still = still & (f(x + h) == at_x)
    return still, np.where(still, EPS * np.abs(at_x) / largest, 0.0)


def same_function(y: np.ndarray, at_x: np.ndarray, spread: np.ndarray) -> bool:
    """Does f compute the same in another dtype? Not where a constant depends on the dtype, as some eps do.

    `spread` is what rounding does to the values.
    """
    scale = np.maximum(np.abs(at_x), 1e-3 * np.max(np.abs(at_x), initial=0.0))
    return bool(np.all(np.abs(y - at_x) <= 1e-12 * scale + 8 * spread))


def _steps(x: float) -> list[float]:
    scale = max(1.0, abs(x))
    found = [h * scale for h in REAL]
    if 0 < abs(x) < 0.5:
        found.insert(1, 1e-3 * abs(x))
    return found


def _complex(f: Line, z: complex, at_x: np.ndarray) -> np.ndarray | None:
    """f at a complex number, or None where the result cannot be one."""
    try:
        with np.errstate(all="ignore"):
            y = f(z)
    except Exception:  # many functions refuse complex numbers, each in its own way
        return None
    return y if y.dtype.kind == "c" and y.shape == at_x.shape else None
