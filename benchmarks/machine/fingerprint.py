"""What a figure depends on: processor, BLAS and its kernel, threads, environment, versions, GPU, load.

Nothing here tells who measured or where: no host names, user names or paths.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from nanonet_benchmarks.machine.gpu import describe as describe_gpu
from nanonet_benchmarks.machine.hardware import output, processor

PACKAGES = (
    "nanonet", "numpy", "scipy", "numba", "llvmlite", "cupy", "numba-cuda", "torch", "jax", "jaxlib", "numexpr",
)  # fmt: skip
IMPORTED = "KMP_DUPLICATE_LIB_OK"  # threadpoolctl sets it when it is imported; it says nothing
PREFIXES = ("OPENBLAS_", "OMP_", "MKL_", "NUMBA_", "GOMP_", "KMP_", "CUDA_", "CUPY_", "XLA_FLAGS", "NPY_DISABLE_CPU")
FORCED_KERNEL = "OPENBLAS_CORETYPE"
# Values are shown where they are a plain word or number; "…" stands for a path or anything longer.
PLAIN = re.compile(r"[\w.,:=\- ]{0,64}")


def fingerprint() -> dict[str, Any]:
    """Everything that a timing depends on, as plain values; `id` is the same for runs on equal machines.

    `degraded` lists what makes the baseline slower than this machine could be: a forced OPENBLAS_CORETYPE first.
    """
    importlib.import_module("numpy")  # its BLAS is loaded, so that threadpoolctl finds it
    machine: dict[str, Any] = {
        "cpu": processor(),
        "blas": blas(),
        "environment": environment(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "system": f"{platform.system()} {_kernel_version()} {platform.machine()}",
        "gpu": describe_gpu(),
        "load": load(),
        "commit": commit(),
    }
    machine["degraded"] = degraded(machine)
    machine["id"] = identity(machine)
    return machine


def identity(machine: dict[str, Any]) -> str:
    """Eight hex digits: the same for two runs whose figures may be compared as runs on one kind of machine.

    It depends on the processor, its caches, memory and core count, and on the GPU; not on versions, load or settings,
    since these are what one compares.
    """
    cpu = machine["cpu"]
    memory = round((cpu["memory"] or 0) / 2**30)
    fixed = [cpu["model"], cpu["architecture"], cpu["simd"], cpu["logical"], cpu["usable"], cpu["caches"], memory]
    gpus = [(one["name"], one.get("memory")) for one in machine["gpu"]["devices"]]
    return hashlib.sha256(json.dumps([fixed, gpus]).encode()).hexdigest()[:8]


def blas() -> list[dict[str, Any]]:
    """The BLAS libraries that are loaded, the kernel that each chose, and its threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    return [
        {
            "library": f"{pool['internal_api']} {pool['version'] or '?'}",
            "kernel": pool.get("architecture") or "?",
            "threads": pool["num_threads"],
            "layer": pool.get("threading_layer") or "",
            "of": _owner(pool["filepath"]),
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]


def _owner(path: str) -> str:
    """The package that brought a library, by the folder it lies in: "numpy.libs" is NumPy's."""
    folder = Path(path).parent.name
    return folder.removesuffix(".libs") if folder.endswith(".libs") else "the system"


def environment() -> dict[str, str]:
    """The variables that set threads, kernels and devices."""
    found = {name: os.environ[name] for name in sorted(os.environ) if name.startswith(PREFIXES) and name != IMPORTED}
    return {name: value if PLAIN.fullmatch(value) else "…" for name, value in found.items()}


def degraded(machine: dict[str, Any]) -> list[str]:
    """One sentence for each thing that makes the baseline slower than it could be."""
    found: list[str] = []
    forced = machine["environment"].get(FORCED_KERNEL)
    if forced:
        found.append(f"degraded baseline: {FORCED_KERNEL}={forced} forces the BLAS kernel; unset it")
    usable = machine["cpu"]["usable"]
    for pool in machine["blas"]:
        if pool["of"] in ("numpy", "the system") and pool["threads"] < usable:
            found.append(f"degraded baseline: BLAS of {pool['of']} has {pool['threads']} of {usable} threads")
    if machine["cpu"]["governor"] == "powersave" and machine["cpu"]["turbo"] is False:
        found.append("the clock is held low: governor powersave without turbo")
    return found


def load() -> dict[str, float | None]:
    """The load average of the last minute when it began, and as a share of the processors."""
    try:
        one = os.getloadavg()[0]
    except (AttributeError, OSError):
        return {"minute": None, "share": None}
    return {"minute": round(one, 2), "share": round(one / (os.cpu_count() or 1), 2)}


def commit() -> str:
    """The git commit of nanonet, with + where files were changed; nothing where this is not a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    found = output("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
    changed = output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no")
    return f"{found}+" if found and changed else found


def _version(name: str) -> str:
    for candidate in (name, f"{name}-cuda12x", f"{name}-cuda13x"):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _kernel_version() -> str:
    """The system's version without a vendor's or owner's own suffix: "6.8.0-45-generic" is 6.8.0."""
    found = re.match(r"[\d.]+", platform.release())
    return found[0] if found else ""
