"""Occupancy is counted as NVIDIA's cuda_occupancy.h counts it, and the table of GPUs says what that header says."""

import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nanonet_kernels.inspection.architectures import ARCHITECTURES, Architecture, architecture
from nanonet_kernels.inspection.occupancy import occupancy
from nanonet_kernels.inspection.tools import header

HEADER, GCC = header("cuda_occupancy.h"), shutil.which("gcc")
needs_reference = pytest.mark.skipif(
    HEADER is None or GCC is None,
    reason="needs gcc and cuda_occupancy.h (pip install nvidia-cuda-runtime) as the reference",
)
# The reference's limits, in the order in which the driver prints them; INT_MAX: this resource sets no limit.
RESOURCES = ("warps", "blocks", "registers", "shared memory", "barriers")
DRIVER = r"""
#include <stdio.h>
#include "cuda_occupancy.h"

int main(void) {
    cudaOccDeviceProp p; cudaOccFuncAttributes f; cudaOccDeviceState s; cudaOccResult r;
    int block; long dynamic;
    memset(&p, 0, sizeof p); memset(&f, 0, sizeof f); memset(&s, 0, sizeof s);
    s.carveoutConfig = SHAREDMEM_CARVEOUT_DEFAULT;
    f.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
    while (scanf("%d %d %d %d %d %d %d %zu %zu %zu %zu %d %d %d %zu %ld %d",
                 &p.computeMajor, &p.computeMinor, &p.maxThreadsPerBlock, &p.maxThreadsPerMultiprocessor,
                 &p.regsPerBlock, &p.regsPerMultiprocessor, &p.warpSize, &p.sharedMemPerBlock,
                 &p.sharedMemPerMultiprocessor, &p.sharedMemPerBlockOptin, &p.reservedSharedMemPerBlock,
                 &p.numSms, &block, &f.numRegs, &f.sharedSizeBytes, &dynamic, &f.numBlockBarriers) == 17) {
        f.maxThreadsPerBlock = p.maxThreadsPerBlock;
        f.maxDynamicSharedSizeBytes = dynamic;
        int status = cudaOccMaxActiveBlocksPerMultiprocessor(&r, &p, &f, &s, block, dynamic);
        printf("%d %d %d %d %d %d %d\n", status, r.activeBlocksPerMultiprocessor, r.blockLimitWarps, r.blockLimitBlocks,
               r.blockLimitRegs, r.blockLimitSharedMem, r.blockLimitBarriers);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory):
    """Asks NVIDIA's header: a list of (GPU, block, registers, static, dynamic, barriers) -> a list of its limits."""
    folder = tmp_path_factory.mktemp("occupancy")
    source, program = folder / "driver.c", folder / "driver"
    source.write_text(DRIVER)
    assert HEADER is not None
    assert GCC is not None
    subprocess.run([GCC, "-O1", "-w", f"-I{HEADER.parent}", source, "-o", program], check=True)
    return lambda questions: ask(program, questions)


def ask(program: Path, questions):
    lines = []
    for gpu, block, registers, static, dynamic, barriers in questions:
        device = [*gpu.capability, gpu.threads_block, gpu.threads, gpu.registers_block, gpu.registers, gpu.warp]
        device += [gpu.shared_default, gpu.shared, gpu.shared_block, gpu.shared_reserved, 1]
        lines.append(" ".join(map(str, [*device, block, registers, static, dynamic, barriers])))
    done = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True, check=True)
    answers = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    assert len(answers) == len(questions)
    assert all(status == 0 for status, *_ in answers)
    return [(blocks, dict(zip(RESOURCES, limits, strict=True))) for _, blocks, *limits in answers]


def questions(n: int, seed: int, gpus: list[Architecture]):
    """Random configurations: common ones, odd ones, and such that ask for more than there is."""
    draw = random.Random(seed)
    for i in range(n):
        gpu = gpus[i % len(gpus)]
        block = draw.choice([draw.randint(1, 1100), 32 * draw.randint(1, 32), 2 ** draw.randint(5, 10)])
        most = draw.choice([1024, 16 * 1024, gpu.shared_block, gpu.shared_block + 4096])
        static, dynamic = draw.choice([(0, 0), (draw.randint(0, 48 * 1024), 0), (0, draw.randint(0, most))])
        yield gpu, block, draw.randint(0, 255), static, dynamic, draw.randint(0, 16)


def ours(question):
    gpu, block, registers, static, dynamic, barriers = question
    return occupancy(gpu, block=block, registers=registers, shared=static + dynamic, barriers=barriers)


@needs_reference
def test_occupancy_equals_nvidias_header_on_ten_thousand_random_configurations(reference):
    asked = list(questions(10_000, seed=5, gpus=list(ARCHITECTURES.values())))
    impossible = 0
    for question, (blocks, limits) in zip(asked, reference(asked), strict=True):
        mine = ours(question)
        assert mine.blocks == blocks, (question, mine, limits)
        for resource, limit in limits.items():  # a resource that sets no limit counts as the most blocks of the SM
            assert min(mine.limits[resource], mine.limits["blocks"]) == min(limit, limits["blocks"]), (
                question,
                resource,
            )
        impossible += blocks == 0
    assert 500 < impossible < 5000  # both what can and what cannot be launched was asked


@needs_reference
@pytest.mark.parametrize(
    "field", ["blocks", "registers_unit", "shared_unit", "shared_reserved", "schedulers", "barriers"]
)
def test_a_wrong_entry_in_the_table_is_found(reference, field):
    gpu = ARCHITECTURES[(9, 0)]
    wrong = replace(gpu, **{field: getattr(gpu, field) * 2})
    asked = list(questions(3_000, seed=7, gpus=[gpu]))
    answers = reference(asked)
    differ = sum(ours((wrong, *q[1:])).blocks != blocks for q, (blocks, _) in zip(asked, answers, strict=True))
    assert differ > 0


def test_what_limits_is_named():
    gpu = architecture("90")
    assert occupancy(gpu, block=256, registers=255).limit == ("registers",)
    assert occupancy(gpu, block=64, registers=16, shared=100 * 1024).limit == ("shared memory",)
    assert occupancy(gpu, block=32, registers=16).limit == ("blocks",)
    assert occupancy(gpu, block=(32, 8), registers=32).limit == ("warps", "registers")
    assert occupancy(gpu, block=(32, 8), registers=32).occupancy == 1.0
    assert occupancy(gpu, block=2048, registers=32).blocks == 0


def test_occupancy_refuses_what_is_no_block():
    with pytest.raises(ValueError, match="at least 1 thread"):
        occupancy(architecture("80"), block=0, registers=32)


@pytest.mark.parametrize("word", [(8, 6), "86", 86, "8.6", "sm_86"])
def test_an_architecture_has_many_spellings(word):
    assert architecture(word).capability == (8, 6)


def test_an_unknown_architecture_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"expected one of 75, 80, 86, 89, 90, 100, 120, got '61'"):
        architecture("61")
