"""Every CUDA kernel compiles for every architecture, without undeclared spills; the best products are mostly FFMA."""

import re

import pytest

from nanonet_kernels.inspection.architectures import ARCHITECTURES
from nanonet_kernels.inspection.compile import catalogue
from nanonet_kernels.inspection.survey import batches, inspect_batch

COMPILERS = "the compilers are not installed: pip install 'nanonet[inspect]'"
pytest.importorskip("numba_cuda", reason=COMPILERS)
pytest.importorskip("cuda.core", reason=COMPILERS)

# Rungs from the one with 128-bit loads on, those with tensor cores apart
TOP_RUNG = re.compile(r"ladders\.cuda_matmul\.\w+\.(vectorised|conflict_free|double_buffered|warp_tile|split_k)")
BATCHES = batches(list(catalogue()))


@pytest.mark.parametrize("names", BATCHES, ids=lambda names: f"{names[0]}-and-{len(names) - 1}-more")
def test_every_kernel_compiles_for_every_architecture_without_undeclared_spills(names):
    found = inspect_batch(names)
    assert {(i.name, i.architecture) for i in found} == {(n, a.name) for n in names for a in ARCHITECTURES.values()}
    assert [i.problem for i in found if i.problem] == []
    for i in found:
        where = f"{i.name} for {i.architecture}"
        assert i.skipped or i.instructions, where
        assert "unknown" not in i.instructions, f"{where}: machine code has a mnemonic that inspection does not know"
        if TOP_RUNG.fullmatch(i.name) and not i.skipped:
            assert i.share("FFMA") >= 0.7, f"{where}: of the inner loop {i.share('FFMA'):.0%} is FFMA"
            assert {"LDG.128", "LDGSTS.128"} & set(i.instructions), f"{where}: no 128-bit loads from global memory"
