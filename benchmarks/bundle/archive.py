"""Write the bundle: a zip file that Python runs, with sources, machine code for GPUs, and the plan.

It holds nanonet_kernels, what measures of nanonet_benchmarks, and nanonet's core, whose rules are the oracles. With the
compiler at hand the kernels written in Python are in it as PTX, so that the other machine needs Python, NumPy and CuPy
only; kernels in CUDA C go as sources, which CuPy compiles there. The same sources give the same bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from nanonet_benchmarks import sizes
from nanonet_benchmarks.bundle import plan as planning
from nanonet_benchmarks.bundle.there import HOOK, capability
from nanonet_benchmarks.machine.code import without_paths
from nanonet_benchmarks.machine.fingerprint import commit
from nanonet_benchmarks.workloads import Workload, names

# Of nanonet_benchmarks: what measures and checks. Reports and the command stay here.
PARTS = ("bundle", "checking", "machine", "statistics", "timer", "workloads")
MODULES = ("__init__.py", "record.py", "statistics.py", "sizes.py")
NOT_OF_CORE = ("teach", "tour", "program")
SUFFIXES = (".py", ".cu", ".cuh", ".h", ".json")
ARCHITECTURES = ("sm_75", "sm_80", "sm_90")  # a GPU's driver translates the newest that is not newer than it
MOMENT = (1980, 1, 1, 0, 0, 0)  # every file's time in the archive


@dataclass(frozen=True)
class Made:
    """The bundle in words, and the digest of its plan."""

    words: str
    digest: str


def write(path: Path, told: Callable[[str], None] = lambda text: None) -> Made:
    """Write the bundle to `path`. ValueError where there is nothing that a GPU could run."""
    work = gpu_workloads()
    if not work:
        raise ValueError(
            "bench bundle: no workload of this version has a variant for a GPU; there is nothing to bundle"
        )
    files = dict(sources())
    compiled, reason = machine_code(told)
    files |= compiled
    plan = planning.make(work, files, commit())
    files["plan.json"] = json.dumps(plan, indent=1, sort_keys=True).encode()
    path.write_bytes(archive(files))
    size = f"{path.stat().st_size / 2**20:.1f} MB"
    kernels = len(compiled) // len(ARCHITECTURES)
    code = (
        f"PTX of {kernels} kernels for {', '.join(ARCHITECTURES)} and newer"
        if compiled
        else f"no PTX ({reason}), so that numba-cuda is needed there"
    )
    found = planning.digest(plan)
    return Made(f"{len(work)} workloads, {code}, {size}, plan {found[:12]}", found)


def gpu_workloads() -> list[Workload]:
    """All workloads at their sizes that have a variant for a GPU."""
    found = [one for name in names() for one in sizes.workloads([name], (), full=True)]
    return [one for one in found if any(v.device == "cuda" for v in one.variants)]


def sources() -> Iterator[tuple[str, bytes]]:
    """(name in the archive, text) of the three packages, and the entry."""
    for package in ("nanonet", "nanonet_kernels", "nanonet_benchmarks"):
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root)
            if path.suffix in SUFFIXES and "__pycache__" not in inside.parts and wanted(package, inside):
                hook = HOOK.encode() if package == "nanonet_kernels" and str(inside) == "__init__.py" else b""
                yield f"code/{package}/{inside.as_posix()}", path.read_bytes() + hook
    here = Path(__file__).parent
    yield "code/stand_in/numba/__init__.py", (here / "stand_in.py").read_bytes()
    yield "__main__.py", (here / "start.py").read_bytes()


def wanted(package: str, inside: Path) -> bool:
    """Does the bundle need this file of the package?"""
    if package == "nanonet":
        return inside.parts[0] not in NOT_OF_CORE and not inside.name.startswith("cli")
    return package == "nanonet_kernels" or str(inside) in MODULES or inside.parts[0] in PARTS


def machine_code(told: Callable[[str], None]) -> tuple[dict[str, bytes], str]:
    """{name in the archive: PTX} of the kernels written in Python, for every architecture; or why there is none."""
    try:
        from nanonet_benchmarks.bundle.needed import needed
        from nanonet_kernels.inspection import MissingToolError
        from nanonet_kernels.inspection.frontend import shared_analysis

        kernels = needed()
    except ImportError as error:
        return {}, without_paths(error)
    with shared_analysis():
        return _translated(kernels, told, (ImportError, MissingToolError))


def _translated(
    kernels: dict[str, Any], told: Callable[[str], None], missing: tuple[type[Exception], ...]
) -> tuple[dict[str, bytes], str]:
    found: dict[str, bytes] = {}
    for i, (name, kernel) in enumerate(kernels.items()):
        told(f"compiling {name}, {i + 1} of {len(kernels)}")
        for architecture in ARCHITECTURES:
            try:
                text = kernel.ptx(capability(architecture))
            except missing as error:
                return {}, without_paths(error)
            found[f"code/ptx/{architecture}/{name}.ptx"] = text.encode()
    return found, ""


def archive(files: dict[str, bytes]) -> bytes:
    """The zip file, with a first line by which Unix runs it; the same files give the same bytes."""
    out = io.BytesIO()
    out.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            target.writestr(entry, files[name], compresslevel=9)
    return out.getvalue()
