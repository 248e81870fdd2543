"""A derivative from one complex step: f'(x) = Im f(x + ih) / h, without any difference and so without cancellation.

It holds for analytic functions only, and an implementation must carry the imaginary part through: |x|, a cast to
float or a comparison loses it. So nothing is believed that real steps do not confirm (`confirmed`).
Squire and Trapp 1998, SIAM Review 40(1); Martins, Sturdza and Alonso 2003, ACM TOMS 29(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nanonet.gradcheck.ladder import EPS, Line

TINY = (1e-40, 1.7e-40, 0.6e-40)  # h: its square vanishes beside 1; different ones, because they round differently
REAL = (1e-3, 1e-5, 1e-7)  # steps, times max(1, |x|), at which real differences confirm
AGREEMENT = 1e-8  # relative, between the two


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
        known, floor = _confirmed(f, x, at_x, value)
    return Steps(value, np.maximum(bar, floor), known)


def _confirmed(f: Line, x: float, at_x: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which values agree with real steps, and a least error bar for those that are zero.

    With real steps C = f' + h² f'''/6 + O(h⁴), with imaginary ones R = f' - h² f'''/6 + O(h⁴): their mean is f' but
    for O(h⁴), where f is analytic. Where it is not, R is no derivative along the real axis, and the mean is another.
    """
    known = np.zeros(value.shape, bool)
    floor = np.zeros(value.shape)
    for first in _steps(x):
        h = (x + first) - x
        above, below = f(x + h), f(x - h)
        turned = _complex(f, complex(x, h), at_x)
        if turned is None or not np.all(np.isfinite(above)) or not np.all(np.isfinite(below)):
            continue
        real, imaginary = (above - below) / (2 * h), np.imag(turned) / h
        size = np.maximum(np.maximum(np.abs(above), np.abs(below)), np.abs(at_x))
        noise = EPS * (size + abs(x) * np.abs(value)) / h
        near = np.maximum(np.abs(real), np.abs(imaginary))
        # Only where rounding leaves enough digits is agreement evidence; no change at all, of either kind, is too.
        still = (value == 0) & (near == 0)
        agrees = np.abs((real + imaginary) / 2 - value) <= AGREEMENT * np.maximum(near, np.abs(value)) + 4 * noise
        sharp = 4 * noise <= 1e-5 * np.abs(value)
        floor = np.where(still & ~known, noise, floor)
        known |= (agrees & sharp) | still
        if np.all(known):
            break
    return known, floor


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
