"""Philox and the dropout that draws from it: the published words, the same mask from NumPy and compiled."""

from __future__ import annotations

import numpy as np
import pytest

from nanonet_kernels.cpu import threads
from nanonet_kernels.cpu.dropout import dropout
from nanonet_kernels.cpu.philox import halves, philox, threshold, uniforms, words

SEED, OFFSET = 0x1234_5678_9ABC_DEF0, 0xFEDC_BA98_7654_3210
KNOWN = [  # Random123's known answers for philox4x32-10: counter, key, words
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, (2**32 - 1,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "want"), KNOWN)
def test_the_published_words_come_out(counter: tuple[int, ...], key: tuple[int, int], want: tuple[int, ...]) -> None:
    assert tuple(int(w) for w in philox(counter, key)) == want  # type: ignore[arg-type]


def kept(n: int, p: float, seed: int = SEED, offset: int = OFFSET) -> np.ndarray:
    """The compiled kernel's mask."""
    out = np.empty(n, np.float32)
    dropout(np.ones(n, np.float32), out, p, seed, offset)
    return out > 0


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 1023, 1024, 1027, 5000])
def test_the_compiled_mask_is_the_references(n: int) -> None:
    np.testing.assert_array_equal(kept(n, 0.3), uniforms(n, SEED, OFFSET) >= np.float32(0.3))


def test_the_mask_does_not_depend_on_the_threads() -> None:
    before = threads.threads()
    n = 4 * 70_001
    try:
        threads.set_threads(1)
        one = kept(n, 0.5)
        threads.set_threads(3)
        np.testing.assert_array_equal(kept(n, 0.5), one)
    finally:
        threads.set_threads(before)
    np.testing.assert_array_equal(one, uniforms(n, SEED, OFFSET) >= np.float32(0.5))


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.1, 0.25, 0.7, 1 - 2**-24])
def test_an_element_is_kept_where_its_uniform_number_is_at_least_p(p: float) -> None:
    draws = np.arange(0, 2**24, 997, dtype=np.uint32)
    uniform = draws.astype(np.float32) * np.float32(2**-24)
    np.testing.assert_array_equal(draws >= threshold(p), uniform >= np.float32(p))


def test_seed_offset_and_place_all_matter() -> None:
    draws = [words(64, SEED, OFFSET), words(64, SEED + 1, OFFSET), words(64, SEED, OFFSET + 1)]
    draws += [words(64, SEED + 2**32, OFFSET), words(64, SEED, OFFSET + 2**32)]
    assert len(np.unique(np.concatenate(draws))) == 5 * 64


def test_the_share_that_is_kept_is_right() -> None:
    share = kept(200_000, 0.3).mean()
    assert abs(share - 0.7) < 4 * np.sqrt(0.3 * 0.7 / 200_000)


def test_what_is_kept_is_scaled_and_backward_is_the_same_call() -> None:
    x = np.random.default_rng(0).standard_normal((7, 33)).astype(np.float32)
    y, dx = np.empty_like(x), np.empty_like(x)
    dropout(x, y, 0.25, 3, 4)
    mask = (uniforms(x.size, 3, 4) >= np.float32(0.25)).reshape(x.shape)
    np.testing.assert_allclose(y, x * mask / 0.75, rtol=1e-6)
    dropout(np.ones_like(x), dx, 0.25, 3, 4)
    np.testing.assert_array_equal(dx != 0, mask)


def test_wrong_numbers_are_refused() -> None:
    x = np.ones(4, np.float32)
    with pytest.raises(ValueError, match="probability p from 0 to below 1, got 1"):
        dropout(x, x.copy(), 1, 0, 0)
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="from 0 to 2⁶⁴ - 1"):
            halves(wrong)
