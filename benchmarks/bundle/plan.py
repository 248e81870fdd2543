"""What a bundle is to measure, and the digest by which its results are known again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from nanonet_benchmarks.workloads import Workload

VERSION = 1


def make(workloads: Sequence[Workload], files: Mapping[str, bytes], commit: str) -> dict[str, Any]:
    """Plain values: the workloads with the variants that run on a GPU, and the SHA-256 of every file."""
    work = [
        {
            "workload": one.name,
            "size": one.size,
            "flops": one.flops,
            "bytes": one.bytes,
            "variants": [variant.name for variant in one.variants if variant.device == "cuda"],
        }
        for one in workloads
    ]
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}
    return {"version": VERSION, "commit": commit, "work": work, "files": hashes}


def digest(plan: Mapping[str, Any]) -> str:
    """SHA-256 of the plan: of the same text wherever it is written."""
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
