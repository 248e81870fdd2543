"""The timer: workloads in, rows out."""

from __future__ import annotations

from nanonet_benchmarks.timer.plan import Plan, Progress
from nanonet_benchmarks.timer.run import run

__all__ = ["Plan", "Progress", "run"]
