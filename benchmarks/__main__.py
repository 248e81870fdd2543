"""`python -m nanonet_benchmarks`: the engine's figures on this machine, with what they depend on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nanonet.info import describe
from nanonet_benchmarks import engine_overhead, memory, training_step


def main() -> int:
    """Print the figures; with a file name as argument, write them there as JSON too."""
    machine = describe()
    for pool in machine["blas"]:
        print(f"{pool['library']} ({pool['kernel']}, {pool['threads']} threads) of {pool['of']}")
    if machine["forced"]:
        print(f"forced by the environment: {machine['forced']}")
    results: dict[str, Any] = {"machine": machine, "evidence": "measured"}

    print("\nOne small operation, forward and backward")
    overhead = results["engine_overhead_us"] = {}
    for name, (ours, by_hand) in engine_overhead.run().items():
        overhead[name] = 1e6 * (ours.median - by_hand.median)
        print(f"  {name:10} engine {ours}   NumPy {by_hand}   the engine adds {overhead[name]:.2f} µs")

    print("\nTraining step, 784-128-64-10, batch 32, Adam")
    try:
        timings = training_step.run()
    except ImportError:
        print("  skipped: PyTorch is not installed (pip install torch)")
    else:
        for name, timing in timings.items():
            print(f"  {name:14} {timing}")
        ratio = timings["nanonet"].median / timings["PyTorch eager"].median
        results["training_step"] = {n: vars(t) for n, t in timings.items()} | {"ratio": ratio}
        print(f"  ratio {ratio:.2f}")

    print("\nMemory over 10,000 training steps")
    before, after = results["memory_bytes"] = memory.run()
    print(f"  {before:,} bytes after 100 steps, {after:,} after 10,000")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(results, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
