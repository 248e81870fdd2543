"""Records of the bench with figures that are made up, for tests of what is shown: nothing here was measured."""

from __future__ import annotations

import random
import statistics
from typing import Any

from nanonet_benchmarks.machine import crossings, devices, roofline
from nanonet_benchmarks.record import Record, Row, seal

GPU = "NVIDIA H100 80GB HBM3"


def machine(**changed: Any) -> dict[str, Any]:
    caches = [{"level": 1, "bytes": 32768, "shared_by": 1}, {"level": 2, "bytes": 2**20, "shared_by": 2}]
    cpu = {
        "model": "Test CPU", "architecture": "x86_64", "simd": ["sse2", "avx2"], "logical": 2, "usable": 2,
        "physical": 2, "caches": caches,
        "governor": "", "turbo": None, "virtual": True, "memory": 8 * 2**30,
    }  # fmt: skip
    blas = [{"library": "openblas 0.3", "kernel": "Haswell", "threads": 2, "layer": "pthreads", "of": "numpy"}]
    facts = {
        "cpu": cpu, "blas": blas, "environment": {}, "python": "CPython 3.11", "packages": {"numpy": "2.4"},
        "system": "Linux 6.1 x86_64", "gpu": {"reason": "no driver", "driver": "", "devices": []},
        "load": {"minute": 0.1, "share": 0.05}, "commit": "abc", "degraded": [], "id": "12345678",
    }  # fmt: skip
    return facts | changed


def timed(workload: str, size: dict[str, Any], variant: str, seconds: float, **more: Any) -> Row:
    """A row whose samples lie around `seconds`, always the same ones."""
    rng = random.Random(f"{workload} {variant} {size}")
    samples = [[seconds * (1 + abs(rng.gauss(0, 0.02))) for _ in range(8)] for _ in range(3)]
    median = statistics.median(s for process in samples for s in process)
    fields: dict[str, Any] = {"device": "cpu", "threads": 1, "cache": "hot", "error": 1e-7, "bound": 1e-6} | more
    return Row(
        workload, size, variant, evidence="measured", samples=samples, median=median, mad=0.01 * median,
        low=0.995 * median, high=1.005 * median, **fields,
    )  # fmt: skip


def on_gpu(row: Row, name: str = GPU, samples: list[list[float]] | None = None, **changed: Any) -> Row:
    """The row as the GPU timer would have written it."""
    samples = row.samples if samples is None else samples
    facts = {"device": name, "uuid": "GPU-1", "driver": "580.1"}
    facts["seal"] = seal(samples, facts)
    data = row.as_json() | {"device": f"cuda: {name}", "gpu": facts, "samples": samples, "threads": None}
    data["median"] = statistics.median(s for process in samples for s in process)
    return Row.from_json(data | changed)


def square(n: int) -> dict[str, Any]:
    return {"m": n, "n": n, "k": n}


def product(n: int, variant: str, rate: float, **more: Any) -> Row:
    return timed("matmul", square(n), variant, 2 * n**3 / rate, flops=2.0 * n**3, bytes=12.0 * n**2, **more)


def ceilings(count: int) -> list[Row]:
    fields = {"threads": count, "error": None, "bound": None}
    found = [timed("roofline", {"what": "compute", "level": "AVX2"}, "fused", 0.01, flops=1e9 * count, **fields)]
    for level, rate in (("L1", 2e11), ("L2", 1e11), ("memory", 1.2e10)):
        for name in ("read", "copy", "triad"):
            size = {"what": "bandwidth", "level": level, "bytes": 2**15}
            found.append(timed("roofline", size, name, 0.01, bytes=0.01 * rate * count, **fields))
    return found


def record(**more: Any) -> Record:
    """A little of everything."""
    rows = [*ceilings(1), *ceilings(2)]
    for threads in (1, 2):
        for n in (64, 512):
            rows += [product(n, name, rate, threads=threads) for name, rate in (("numpy", 9e10), ("numba: ikj", 1e10))]
    for name, rate in (("numpy", 1e9), ("numba: one pass", 9e9)):
        rows.append(
            timed(
                "gelu", {"n": 2**20}, name, 2**23 / rate, flops=15.0 * 2**20, bytes=2.0**23, notes=["interference: x"]
            )
        )
    for phase, seconds in (("forward", 1e-4), ("backward", 2e-4), ("", 3e-4)):
        rows.append(timed("training step", {"batch": 32}, "nanonet", seconds, phase=phase))
    rows.append(Row("matmul", square(64), "jax", "cpu", "skipped", reason="jax is not installed (pip install jax)"))
    code = {"registers": 96, "spills": 0, "shared": 16384, "occupancy": 0.5, "instructions": {"FFMA": 512, "LDS": 64}}
    rows.append(Row("machine code", {}, "matmul.tile_2d", "sm_90", "compiled", compiled=code))
    extra = {
        "made": "2026-01-02T03:04:05Z", "interrupted": False,
        "roofs": [one for device in devices.DEVICES for one in roofline.modelled(device)],
        "break_even": crossings.entries(rows, devices.DEVICES, roofline.host_copy(rows)),
    }  # fmt: skip
    return Record(machine(), rows, extra | more)
