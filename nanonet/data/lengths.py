"""Batches of samples of like length."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet.data.loader import DataLoader
from nanonet.data.seeds import generator

POOL = 32  # batches that are sorted together


class LengthLoader(DataLoader):
    """A DataLoader, shuffled, whose batches have samples of like length, so that little of a batch is padding.

    dataset     as for DataLoader
    lengths     (N,) of its samples
    batch_size, seed, drop_last, prefetch, device   as for DataLoader

    In each epoch the samples are shuffled, 32 batches of them at a time are sorted by length, and then the batches are
    shuffled. Raises ValueError for another number of lengths than of samples.
    """

    def __init__(self, dataset: Any, lengths: Any, batch_size: int = 1, seed: int | None = None, **options: Any):
        super().__init__(dataset, batch_size, shuffle=True, seed=seed, **options)
        self.lengths = np.asarray(lengths)
        if self.lengths.shape != (len(self.dataset),):
            raise ValueError(
                f"LengthLoader: expected lengths ({len(self.dataset)},), one a sample, got {self.lengths.shape}"
            )

    def _order(self, epoch: int) -> np.ndarray:
        order, pool = super()._order(epoch), POOL * self.batch_size
        for begin in range(0, len(order), pool):
            part = order[begin : begin + pool]
            order[begin : begin + pool] = part[np.argsort(self.lengths[part], kind="stable")]
        whole = len(order) - len(order) % self.batch_size
        batches = generator(self.seed or 0, epoch, 1).permutation(order[:whole].reshape(-1, self.batch_size))
        return np.concatenate([batches.reshape(-1), order[whole:]])
