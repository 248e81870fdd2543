"""Dropout's generator on CUDA against Philox4x32-10 written in NumPy: see tests/simulated_cuda.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nanonet_kernels.cuda import dropout, launch
from tests.simulated_cuda import DTYPES, on_device, poisoned

ONES = 0xFFFFFFFF


def numpy_philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Ten rounds on counters (N, 4), as in the paper's figure; everything in uint64, masked to 32 bits."""
    c = counter.astype(np.uint64)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c[:, 0] * np.uint64(0xD2511F53), c[:, 2] * np.uint64(0xCD9E8D57)
        high = [p1 >> np.uint64(32) ^ c[:, 1] ^ np.uint64(k0), p0 >> np.uint64(32) ^ c[:, 3] ^ np.uint64(k1)]
        c = np.stack([high[0], p1 & np.uint64(ONES), high[1], p0 & np.uint64(ONES)], axis=1)
        k0, k1 = (k0 + 0x9E3779B9) & ONES, (k1 + 0xBB67AE85) & ONES
    return c.astype(np.uint32)


def numpy_uniforms(n: int, seed: int, offset: int) -> np.ndarray:
    blocks = np.arange(-(-n // 4), dtype=np.uint64)
    parts = [blocks & np.uint64(ONES), blocks >> np.uint64(32)]
    parts += [np.full_like(blocks, offset & ONES), np.full_like(blocks, offset >> 32)]
    words = numpy_philox(np.stack(parts, axis=1), (seed & ONES, seed >> 32))
    return ((words.reshape(-1)[:n] >> np.uint32(8)) * np.float32(2.0**-24)).astype(np.float32)


KNOWN = [  # Random123's kat_vectors
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((ONES,) * 4, (ONES, ONES), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_its_known_answers(counter: Any, key: Any, words: str) -> None:
    expected = [int(word, 16) for word in words.split()]
    device: Any = dropout.philox(*(np.uint32(w) for w in (*counter, *key)))
    assert [int(w) for w in device] == expected
    assert numpy_philox(np.array([counter]), key)[0].tolist() == expected


SEEDS = [(0, 0), (1, 2), (2**63 + 12345, 2**40 + 7), (2**64 - 1, 2**64 - 1)]


@pytest.mark.parametrize(("seed", "offset"), SEEDS)
@pytest.mark.parametrize("size", [0, 1, 4, 7, 33])
def test_uniform_numbers_have_the_bits_of_numpys_philox(size: int, seed: int, offset: int) -> None:
    u = poisoned(size, np.float32)
    dropout.uniforms(u, seed, offset)
    assert u.get().tobytes() == numpy_uniforms(size, seed, offset).tobytes()


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 1.0])
def test_masks_and_results_are_those_of_the_uniform_numbers(p: float) -> None:
    x, seed, offset = np.random.default_rng(0).normal(size=(3, 7)), 42, 3
    scale = 0.0 if p == 1 else 1 / (1 - p)
    keep = (numpy_uniforms(x.size, seed, offset) >= np.float32(p)).reshape(x.shape)
    for dtype in DTYPES:
        y, captured, m = (poisoned(x.shape, dtype) for _ in range(3))
        state = on_device(np.array([seed, offset - 1], np.uint64))
        expected = x.astype(dtype) * (keep * dtype(scale))
        dropout.dropout(on_device(x, dtype=dtype), y, p, seed, offset)
        dropout.dropout_captured(on_device(x, dtype=dtype), captured, state, p, ahead=1)
        dropout.mask(m, p, seed, offset)
        np.testing.assert_array_equal(y.get(), expected)
        np.testing.assert_array_equal(captured.get(), expected)
        np.testing.assert_array_equal(m.get(), (keep * dtype(scale)).astype(dtype))


def test_the_mask_is_the_same_for_every_launch(monkeypatch: Any) -> None:
    masks = []
    for plan in [((1,), (1,)), ((2,), (3,)), ((5,), (2,))]:
        monkeypatch.setitem(launch.SIMULATOR, "elementwise", plan)
        m = poisoned(41, np.float32)
        dropout.mask(m, 0.5, 7, 9)
        masks.append(m.get().tobytes())
    assert len(set(masks)) == 1


def test_a_replayed_graph_draws_a_new_mask_each_time() -> None:
    x, state = on_device(np.ones(64, np.float32)), on_device(np.array([3, 0], np.uint64))
    for step in range(3):
        y = poisoned(64, np.float32)
        dropout.dropout_captured(x, y, state, 0.5)
        dropout.advance(state, 1)
        np.testing.assert_array_equal(y.get() > 0, numpy_uniforms(64, 3, step) >= 0.5)


def test_a_wrong_constant_in_the_generator_is_caught(monkeypatch: Any) -> None:
    monkeypatch.setattr(dropout, "_W0", np.uint64(0x9E3779B8))
    words: Any = dropout.philox(*(np.uint32(0),) * 6)
    assert [int(w) for w in words] != [int(word, 16) for word in KNOWN[0][2].split()]
