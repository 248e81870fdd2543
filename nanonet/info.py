"""What this installation runs on: versions, BLAS and its kernel, threads, backends."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from nanonet.backends import backends

PACKAGES = ("nanonet", "numpy", "scipy", "numba", "scikit-learn", "safetensors", "cupy", "numba-cuda", "torch")
FORCING = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def describe() -> dict[str, Any]:
    """Everything that a timing depends on, as plain values.

    `blas` is a list of the BLAS libraries that are loaded with the kernel each chose; `forced` are the environment
    variables that override such choices (a forced OPENBLAS_CORETYPE makes NumPy's products slower than they could be).
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "blas": _blas(),
        "forced": {name: os.environ[name] for name in FORCING if name in os.environ},
        "backends": backends(),
    }


def _version(name: str) -> str:
    for candidate in (name, f"{name}-cuda12x", f"{name}-cuda13x"):
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _blas() -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_info  # comes with scikit-learn

    return [
        {
            "library": f"{pool['internal_api']} {pool['version'] or '?'}",
            "kernel": pool.get("architecture", "?"),
            "threads": pool["num_threads"],
            "of": Path(pool["filepath"]).name.split("-")[0].split(".so")[0],
        }
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
