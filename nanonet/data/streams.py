"""Streams: one long text as several texts side by side, in windows that follow each other."""

from __future__ import annotations

import numpy as np

from nanonet.data.dataset import Dataset


class Streams(Dataset):
    """For truncated backpropagation through time: sample w·streams + s is the window w of stream s.

    So a loader with batch_size=streams that does not shuffle gives, batch after batch, the windows of all streams in
    their order, and a network can hand its state over from one batch to the next.

    tokens  (length,) integers; what is left over at the end of a stream is not used
    A sample is (x, y, carry): x (window,) tokens, y (window,) the tokens that follow, carry 0 in a stream's first
    window, where there is nothing to be carried over, else 1.
    Raises ValueError for fewer than streams·window + 1 tokens. Source: Williams and Peng 1990.
    """

    def __init__(self, tokens: np.ndarray, streams: int, window: int) -> None:
        self.streams, self.window = streams, window
        self.windows = (len(tokens) - 1) // streams // window
        if self.windows < 1:
            raise ValueError(
                f"Streams: expected at least {streams * window + 1} tokens for {streams} streams with windows of "
                f"{window}, got {len(tokens)}; give more text, or fewer and shorter streams"
            )
        length = self.windows * window
        self.x = tokens[: streams * length].reshape(streams, length)
        self.y = tokens[1 : streams * length + 1].reshape(streams, length)

    def __len__(self) -> int:
        return self.streams * self.windows

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        return tuple(part[0] for part in self.batch(np.array([index])))

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        window, stream = np.divmod(rows, self.streams)
        columns = window[:, None] * self.window + np.arange(self.window)
        carry = (window > 0).astype(np.float32)
        x, y = (part[stream[:, None], columns].astype(np.int64) for part in (self.x, self.y))
        return x, y, carry
