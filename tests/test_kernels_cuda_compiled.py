"""CUDA kernels as PTX, made without a GPU, and the launch table. What the simulator cannot show, it being Python."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np
import pytest

FAMILIES = {  # and the number of kernels for float32
    "rectifier": 19, "activation": 16, "bias_activation": 12, "softmax": 4, "cross_entropy": 3, "reduce": 5,
    "layer_norm": 3, "rms_norm": 2, "batch_norm": 5, "dropout": 5, "update": 4, "adam": 3, "embedding": 2,
    "loss": 4, "smoothed_cross_entropy": 2,
}  # fmt: skip
OLDEST, NEWEST = (7, 5), (12, 0)
IN_FLOAT64 = {"cuda.adam.adam_numbers"}  # 1 - β₂ᵗ, once a step


def kernels_of(family: str) -> list[Any]:
    importlib.import_module(f"nanonet_kernels.cuda.{family}")
    catalogue = importlib.import_module("nanonet_kernels.cuda.kernel").CATALOGUE
    return [k for name, k in catalogue.items() if name.startswith(f"cuda.{family}.")]


def instructions(ptx: str) -> str:
    return ptx.split(".entry", 1)[1]


def double_instructions(ptx: str) -> list[str]:
    return re.findall(r"^\s*(?:@\S+ )?([a-z]\S*\.f64\S*) ", instructions(ptx), re.MULTILINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_kernels_compile_and_compute_in_float32(family: str) -> None:
    """A constant that Python holds as a double would turn the arithmetic around it into float64, 32 times slower."""
    kernels = [k for k in kernels_of(family) if not k.name.endswith("_f8")]
    assert len(kernels) == FAMILIES[family]
    for i, kernel in enumerate(kernels):
        ptx = kernel.ptx((OLDEST, NEWEST)[i % 2])
        assert f".visible .entry {kernel.entry}(" in ptx
        if kernel.name not in IN_FLOAT64:
            assert not double_instructions(ptx), kernel.name
        assert ".local" not in instructions(ptx), f"{kernel.name} keeps an array in local memory"


def test_a_double_constant_is_caught() -> None:
    elementwise = importlib.import_module("nanonet_kernels.cuda.elementwise")

    def make_double_constant(T: Any) -> Any:
        return lambda x: x * 0.1

    make_double_constant.__module__ = __name__
    kernel = elementwise.Elementwise(make_double_constant).kernels["f"]
    assert double_instructions(kernel.ptx(OLDEST))


@pytest.mark.parametrize("family", ["softmax", "reduce", "dropout", "adam"])
def test_one_function_serves_float64_too(family: str) -> None:
    kernel = next(k for k in kernels_of(family) if k.name.endswith("_f8"))
    assert double_instructions(kernel.ptx(NEWEST))


def test_plans_fit_every_architecture() -> None:
    launch: Any = importlib.import_module("nanonet_kernels.cuda.launch")
    device: Any = importlib.import_module("nanonet_kernels.cuda.device")
    rng = np.random.default_rng(0)
    for capability in [*launch.TABLE, (7, 0), (8, 7), (13, 0)]:
        for kind in launch.SIMULATOR:
            for _ in range(50):
                n, columns, inner = (int(10 ** rng.uniform(0, top)) for top in (8, 5, 3))
                grid, block = launch.plan(kind, n, columns, inner, capability)
                assert 1 <= np.prod(block) <= device.MOST_THREADS, (kind, n, columns, inner)
                assert all(b & (b - 1) == 0 for b in block)
                assert 1 <= grid[0] < 2**31
                assert len(grid) == 1 or 1 <= grid[1] < 2**16


def test_a_small_launch_takes_no_more_blocks_than_it_has_work_for() -> None:
    launch: Any = importlib.import_module("nanonet_kernels.cuda.launch")
    assert launch.plan("elementwise", 1000, capability=(9, 0)) == ((4,), (256,))
    assert launch.plan("rows", 7, 10, capability=(9, 0)) == ((1,), (2, 128))
    assert launch.plan("columns", 8, 10, capability=(9, 0)) == ((1, 1), (16, 16))
    assert launch.plan("total", 100, capability=(9, 0)) == ((1,), (256,))


def test_a_kind_that_does_not_exist_is_refused() -> None:
    launch: Any = importlib.import_module("nanonet_kernels.cuda.launch")
    with pytest.raises(ValueError, match="plan: expected one of elementwise, total"):
        launch.plan("diagonal", 3, capability=(9, 0))
