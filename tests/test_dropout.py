"""Dropout draws masks with the promised statistics, repeatably; the default generator keeps its state."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nanonet as nt
import nanonet.functional as F
from nanonet import generator


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_drops_a_share_p_and_scales_the_rest_up(p: float) -> None:
    nt.manual_seed(0)
    y = F.dropout(nt.ones((200, 500)), p).array
    dropped = np.mean(y == 0)
    assert abs(dropped - p) < 5 * np.sqrt(p * (1 - p) / y.size)
    np.testing.assert_allclose(y[y != 0], 1 / (1 - p), rtol=1e-6)
    rows, columns = np.var(np.mean(y == 0, 1)), np.var(np.mean(y == 0, 0))
    assert rows < 2 * p * (1 - p) / 500
    assert columns < 2 * p * (1 - p) / 200


def test_the_gradient_goes_through_the_same_mask() -> None:
    x = nt.tensor(np.arange(1.0, 101.0), requires_grad=True)
    y = F.dropout(x, 0.5)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, y.array / x.array)
    assert 20 < np.count_nonzero(x.grad.array) < 80


def test_the_same_seed_draws_the_same_mask_whatever_the_dtype() -> None:
    draws = []
    for dtype in (np.float32, np.float64, np.float32):
        nt.manual_seed(3)
        draws.append(F.dropout(nt.ones((40, 5), dtype=dtype), 0.4).array != 0)
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])
    assert (draws[0] != (F.dropout(nt.ones((40, 5)), 0.4).array != 0)).any(), "the next draw is another one"


def test_nothing_is_drawn_where_nothing_can_be_dropped() -> None:
    before = generator.get_state()
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    for y in (F.dropout(x, 0.5, training=False), F.dropout(x, 0.5, False), F.dropout2d(nt.ones((2, 3, 4)), 0.5, False)):
        assert y.array.all()
    assert generator.get_state() == before


def test_p_of_1_gives_zeros_also_as_gradient() -> None:
    x = nt.tensor([1.0, 2.0], requires_grad=True)
    y = F.dropout(x, 1.0)
    y.sum().backward()
    assert y.tolist() == x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(50, 20, 3, 4), (50, 20, 6)])
def test_dropout2d_drops_whole_channels(shape: tuple[int, ...]) -> None:
    nt.manual_seed(1)
    y = F.dropout2d(nt.ones(shape), 0.25).array.reshape(*shape[:2], -1)
    assert (y == y[..., :1]).all()
    assert 0.15 < np.mean(y[..., 0] == 0) < 0.35


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_p_that_is_no_probability_is_refused(p: float) -> None:
    for training in (True, False):
        with pytest.raises(ValueError, match=r"dropout: expected a probability p from 0 to 1, got"):
            F.dropout(nt.ones(3), p, training)


def test_dropout2d_refuses_what_has_no_channels() -> None:
    with pytest.raises(ValueError, match=r"dropout2d: expected input \(N, C, H, W\) or \(N, C, L\), got shape"):
        F.dropout2d(nt.ones((2, 3)))


def test_the_state_of_the_default_generator_goes_through_json() -> None:
    nt.manual_seed(5)
    F.dropout(nt.ones(7))
    state = json.loads(json.dumps(generator.get_state()))
    first = F.dropout(nt.ones(100)).tolist()
    generator.set_state(state)
    assert F.dropout(nt.ones(100)).tolist() == first


@pytest.mark.parametrize("seed", [-1, 1.5, True, "a"])
def test_a_seed_that_is_no_natural_number_is_refused(seed: object) -> None:
    with pytest.raises(ValueError, match="manual_seed: expected a non-negative integer"):
        nt.manual_seed(seed)  # type: ignore[arg-type]
