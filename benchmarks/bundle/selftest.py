"""The bundle's own check, without a GPU: every workload's oracle accepts NumPy's result and refuses a wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np

from nanonet_benchmarks.checking.check import judge
from nanonet_benchmarks.workloads import find

MOST = 2**22  # elements of a workload that is checked here; a larger one is checked where it is measured


def self_test(plan: dict[str, Any]) -> int:
    """0 where all is right, else 1; a line for each workload."""
    failed = 0
    for name in dict.fromkeys(one["workload"] for one in plan["work"]):
        sizes = [one["size"] for one in plan["work"] if one["workload"] == name]
        problem = check(name, min(sizes, key=lambda size: sum(v for v in size.values() if isinstance(v, int))))
        print(f"{name}: {problem or 'the oracle accepts a right result and refuses a wrong one'}")
        failed += bool(problem)
    return int(failed > 0)


def check(name: str, size: dict[str, Any]) -> str:
    """What is wrong with the workload's oracle and bound; "" where nothing is."""
    workload = find(name, **size)
    inputs = workload.inputs(seed=0)
    expected = workload.oracle(inputs)
    bound = workload.bound(inputs, expected)
    right = {key: np.asarray(value).astype(np.float32) for key, value in expected.items()}
    accepted = judge(right, expected, bound)
    if accepted.refused:
        return f"the float64 result, rounded to float32, is refused: {accepted.refused}"
    for key, value in right.items():
        wrong = {k: v.copy() for k, v in right.items()}
        place = np.unravel_index(value.size // 2, value.shape)
        wrong[key][place] += np.float32(1 + abs(value[place]))
        if not judge(wrong, expected, bound).refused:
            return f"one wrong element of {key} is accepted"
    return ""
