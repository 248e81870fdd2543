"""The processor: model, instruction sets, caches, clock governor; with gaps where the system does not tell them."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

CPUINFO, SYSTEM = Path("/proc/cpuinfo"), Path("/sys/devices/system/cpu")
# The instruction sets that decide how fast float32 arithmetic is, by LLVM's names.
SETS = (
    "sse2", "sse4.2", "avx", "f16c", "fma", "avx2", "avx512f", "avx512vnni", "avx512bf16", "amx-tile", "neon", "sve",
)  # fmt: skip


@dataclass(frozen=True)
class Cache:
    """One cache level: bytes of one instance, and how many logical processors share it."""

    level: int
    bytes: int
    shared_by: int


def processor() -> dict[str, Any]:
    """model, instruction sets, cores and threads, caches, clock governor, whether it is a virtual machine."""
    return {
        "model": _model(),
        "architecture": platform.machine(),
        "simd": instruction_sets(),
        "logical": os.cpu_count() or 1,
        "usable": usable(),
        "physical": _physical(),
        "caches": [asdict(one) for one in caches()],
        "governor": _read(SYSTEM / "cpu0/cpufreq/scaling_governor"),
        "turbo": _turbo(),
        "virtual": "hypervisor" in _words(CPUINFO, "flags"),
        "memory": _memory(),
    }


def usable() -> int:
    """Logical processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def instruction_sets() -> list[str]:
    """Those of SETS that are here: LLVM asks the processor itself. Without llvmlite, the system's list."""
    try:
        from llvmlite import binding

        found = {name for name, here in binding.get_host_cpu_features().items() if here}
    except (ImportError, RuntimeError):
        found = {word.replace("sse4_2", "sse4.2").replace("_", "-") for word in _words(CPUINFO, "flags")}
    return [name for name in SETS if name in found]


def caches(root: Path = SYSTEM / "cpu0/cache") -> list[Cache]:
    """Data caches from the first level to the last; none where the system does not say."""
    found: list[Cache] = []
    for folder in sorted(root.glob("index*")):
        size = re.fullmatch(r"(\d+)([KMG]?)", _read(folder / "size"))
        if size and _read(folder / "type") in ("Data", "Unified"):
            scale = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}[size[2]]
            sharing = _count(_read(folder / "shared_cpu_list"))
            found.append(Cache(int(_read(folder / "level") or 0), int(size[1]) * scale, sharing))
    return sorted(found, key=lambda one: one.level)


def _count(listed: str) -> int:
    """How many numbers "0-3,8" names; 1 where there is no list."""
    total = 0
    for part in filter(None, listed.split(",")):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total or 1


def _model() -> str:
    if CPUINFO.exists():
        name = re.search(r"^model name\s*:\s*(.+)$", CPUINFO.read_text(encoding="utf-8", errors="replace"), re.M)
        if name:
            return name[1].strip()
    if platform.system() == "Darwin":
        return output("sysctl", "-n", "machdep.cpu.brand_string") or "unknown"
    return platform.processor() or "unknown"


def _physical() -> int | None:
    """Cores without their second threads; None where the system does not say."""
    pairs = {(_read(cpu / "topology/physical_package_id"), _read(cpu / "topology/core_id")) for cpu in _processors()}
    return len(pairs) if pairs and ("", "") not in pairs else None


def _processors() -> list[Path]:
    return [path for path in SYSTEM.glob("cpu*") if re.fullmatch(r"cpu\d+", path.name)]


def _turbo() -> bool | None:
    """May the clock rise above its base? None where the system does not say."""
    boost, no_turbo = _read(SYSTEM / "cpufreq/boost"), _read(SYSTEM / "intel_pstate/no_turbo")
    return boost == "1" if boost else no_turbo == "0" if no_turbo else None


def _memory() -> int | None:
    """Bytes of main memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def free_memory() -> int | None:
    """Bytes that a process can still have without swapping; None where the system does not say."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", _read(Path("/proc/meminfo")), re.M)
    return int(found[1]) * 1024 if found else None


def _words(path: Path, key: str) -> set[str]:
    found = re.search(rf"^{key}\s*:\s*(.+)$", _read(path), re.M)
    return set(found[1].split()) if found else set()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def output(*command: str) -> str:
    """What a command prints; nothing where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
