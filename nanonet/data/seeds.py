"""Seeds and the generators that come from them."""

from __future__ import annotations

import numpy as np

from nanonet.random import default_generator

LIMIT = 2**32  # scikit-learn's seeds end here


def seed_of(owner: str, seed: int | None) -> int:
    """`seed`, checked; for None a new one from the default generator, so that `nt.manual_seed` decides."""
    if seed is None:
        return int(default_generator().integers(LIMIT))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < LIMIT:
        raise ValueError(f"{owner}: expected a seed from 0 to 2³² - 1, or None, got {seed!r}")
    return int(seed)


def generator(seed: int, *place: int) -> np.random.Generator:
    """The generator of one place, such as (epoch, batch): the same however one got there, and independent of others."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=place)))
