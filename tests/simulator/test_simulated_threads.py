"""The simulator's own parts keep their promises: barriers, shared arrays, pointers (kernels/cuda/simulator.py)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numba import cuda as numba_cuda

from nanonet_kernels.cuda import simulator
from nanonet_kernels.cuda.device import row_sum
from tests.simulator.kernels import rounded
from tests.simulator.test_kernels_rows import check_softmax

cuda: Any = numba_cuda


@pytest.fixture(params=[1e-6, 1e-4, 5e-3])
def switching(request: Any) -> Iterator[None]:
    """Python changes threads this often (in seconds)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_a_block_adds_up_the_same_however_its_threads_take_turns() -> None:
    def kernel(x, y):
        shared = cuda.shared.array(64, np.float64)
        for k in range(5):
            y[5 * cuda.threadIdx.x + k] = row_sum(shared, x[cuda.threadIdx.x] + k)

    x = np.arange(7.0)
    for _ in range(10):
        y = np.full(35, np.nan)
        simulator.run(kernel, (1,), (7,), 0, [x, y])
        assert y.reshape(7, 5).tolist() == [[21.0 + 7 * k for k in range(5)]] * 7


@pytest.mark.usefixtures("switching")
def test_softmax_is_right_however_its_threads_take_turns() -> None:
    check_softmax("softmax", rounded(5, 7), 1, np.float32)


def test_a_missing_barrier_is_seen() -> None:
    """What another thread has not written yet is NaN, not what was there by chance."""

    def kernel(y):
        shared = cuda.shared.array(2, np.float64)
        if cuda.threadIdx.x == 0:
            y[0] = shared[1]
            cuda.syncthreads()
        else:
            cuda.syncthreads()
            shared[1] = 1.0

    y = np.zeros(1)
    simulator.run(kernel, (1,), (2,), 0, [y])
    assert np.isnan(y[0])


def test_two_shared_arrays_on_one_line_are_two() -> None:
    def kernel(y):
        a, b = cuda.shared.array(1, np.int64), cuda.shared.array(1, np.int64)
        a[0], b[0] = 1, 2
        y[0] = 10 * a[0] + b[0]

    y = np.zeros(1)
    simulator.run(kernel, (1,), (1,), 0, [y])
    assert y[0] == 12


def test_each_block_has_shared_arrays_of_its_own_and_dynamic_memory_of_its_size() -> None:
    def kernel(y):
        static, dynamic = cuda.shared.array(1, np.float32), cuda.shared.array(0, np.float32)
        y[cuda.blockIdx.x] = static[0]
        static[0] = 5.0
        y[2 + cuda.blockIdx.x] = dynamic.size

    y = np.zeros(4)
    simulator.run(kernel, (2,), (1,), 12, [y])
    assert np.isnan(y[:2]).all()
    assert y[2:].tolist() == [3, 3]


def test_threads_that_have_ended_are_not_waited_for() -> None:
    def kernel(y):
        if cuda.threadIdx.x < 2:
            cuda.syncthreads()
            y[cuda.threadIdx.x] = 1.0

    y = np.zeros(4)
    simulator.run(kernel, (1,), (4,), 0, [y])
    assert y.tolist() == [1, 1, 0, 0]


def test_an_error_in_one_thread_frees_the_others_and_says_where() -> None:
    def kernel(y):
        if cuda.threadIdx.x == 2:
            raise KeyError("planted")
        cuda.syncthreads()

    with pytest.raises(KeyError, match="planted") as caught:
        simulator.run(kernel, (1,), (4,), 0, [np.zeros(1)])
    assert caught.value.__notes__ == ["in thread (2, 0, 0) of block (0, 0, 0)"]


@pytest.mark.parametrize("i", [-1, 3])
def test_a_pointer_refuses_what_lies_outside(i: int) -> None:
    def read(x, y):
        y[0] = x[i]

    def write(x, y):
        x[i] = y[0]

    for kernel in (read, write):
        with pytest.raises(IndexError):
            simulator.run(kernel, (1,), (1,), 0, [np.zeros(3), np.zeros(1)])


def test_pointers_to_the_same_memory_see_each_others_writes() -> None:
    def kernel(x, y):
        x[0] = 3.0
        y[1] = y[0] + 1

    x = np.zeros(2)
    simulator.run(kernel, (1,), (1,), 0, [x, x])
    assert x.tolist() == [3, 4]
