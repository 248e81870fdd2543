"""The generator that everything random draws from, unless it is given its own."""

from __future__ import annotations

from typing import Any

import numpy as np


class _State:
    generator = np.random.Generator(np.random.PCG64(0))


def manual_seed(seed: int) -> None:
    """Start the default generator again from `seed`, a non-negative integer: the same seed, the same figures."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"manual_seed: expected a non-negative integer, got {seed!r}")
    _State.generator = np.random.Generator(np.random.PCG64(int(seed)))


def default_generator() -> np.random.Generator:
    """The generator that `manual_seed` starts."""
    return _State.generator


def get_state() -> dict[str, Any]:
    """Where the default generator stands, as plain Python values (JSON can hold them)."""
    return dict(_State.generator.bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Put the default generator back to where `get_state` found it."""
    _State.generator.bit_generator.state = state
