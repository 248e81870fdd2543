"""detect_anomaly names the op and the line of the first NaN or Inf."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest

import nanonet as nt


def line() -> int:
    return inspect.currentframe().f_back.f_lineno  # type: ignore[union-attr]


def test_forward_names_op_file_and_line() -> None:
    x = nt.tensor([1.0, 0.0])
    with pytest.raises(nt.AnomalyError) as caught, nt.detect_anomaly():
        at = line() + 1
        y = nt.divide(1.0, x)
        nt.multiply(y, 0.0)
    text = str(caught.value)
    assert "the forward of divide gave Inf in 1 of 2 elements; all its inputs were finite" in text
    assert re.search(rf"test_anomaly\.py:{at}$", text)


def test_backward_names_the_line_of_the_forward() -> None:
    x = nt.tensor([0.0, 4.0], requires_grad=True)
    with pytest.raises(nt.AnomalyError) as caught, nt.detect_anomaly():
        at = line() + 1
        y = nt.power(x, 0.5)
        (y * 1.0).sum().backward()
    text = str(caught.value)
    assert "the backward of power gave Inf" in text
    assert text.endswith(f"test_anomaly.py:{at}")
    assert x.grad is None


def test_a_nan_that_came_in_is_said_to_have_come_in() -> None:
    x = nt.tensor([float("nan")])
    with pytest.raises(nt.AnomalyError, match="one of its inputs already held NaN"), nt.detect_anomaly():
        nt.add(x, 1.0)


def test_finite_work_passes_and_the_backend_is_restored() -> None:
    before = nt.current_backend()
    x = nt.tensor(np.ones(3), requires_grad=True)
    with nt.detect_anomaly():
        (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.array, [2.0, 2.0, 2.0])
    assert nt.current_backend() is before
