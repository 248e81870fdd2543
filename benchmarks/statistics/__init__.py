"""Statistics for times: they have heavy tails, drift, and differ from process to process more than within one."""

from nanonet_benchmarks.statistics.paired import Difference, paired
from nanonet_benchmarks.statistics.permutation import RunTest, between_runs, holm, sign_flip
from nanonet_benchmarks.statistics.summary import Processes, interval, mad, median, trend

__all__ = [
    "Difference",
    "Processes",
    "RunTest",
    "between_runs",
    "holm",
    "interval",
    "mad",
    "median",
    "paired",
    "sign_flip",
    "trend",
]
