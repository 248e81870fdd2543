"""What the pytest fixture `gradcheck` does, and the summary of its checks. The hooks are in nanonet_pytest.py."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from nanonet.gradcheck import Report, check_backward, gradcheck

PROPERTY = "gradcheck"
MARKED = ("mode", "directions", "rtol", "atol", "seed")  # what the marker may say
MOST = 12  # seeds of a test, and tests with seeds, that are shown
MEANING = {
    "fail": "",
    "kink": """
  meaning:   the point lies on a kink, and the gradient is not between the slopes to its left and right; move the
             inputs off it (nanonet.gradcheck.strategies.tie_free draws such), or return a slope between the two""",
    "inconclusive": """
  meaning:   neither right nor wrong could be shown, which is not a pass: the error bar is wider than the smallest
             error worth finding; move or rescale the inputs, or give the atol that is good enough""",
}


def checked(item: Any, seed: int | None, given: tuple[Any, ...], options: Mapping[str, Any]) -> Report:
    """The report of one check in test `item`; AssertionError unless it is a pass. `seed` is the command line's."""
    __tracebackhide__ = True
    settings = {**_marked(item), **options}
    if seed is not None:
        settings["seed"] = seed
    report = _check(given, settings)
    if item is not None:
        _record(item, report)
    if not report:
        raise AssertionError(str(report) + MEANING[report.verdict])
    return report


def _check(given: tuple[Any, ...], settings: dict[str, Any]) -> Report:
    __tracebackhide__ = True
    if len(given) == 2 and callable(given[0]) and not callable(given[1]):
        name = getattr(given[0], "__name__", "").replace("<lambda>", "")
        return gradcheck(*given, **{"name": name, **settings})
    if len(given) == 3 and callable(given[0]) and callable(given[1]):
        return check_backward(*given, **settings)
    got = ", ".join("a function" if callable(one) else type(one).__name__ for one in given) or "nothing"
    raise TypeError(f"gradcheck: expected (f, inputs) or (forward, backward, inputs), got ({got})")


def _marked(item: Any) -> dict[str, Any]:
    """What the markers of a test say; the nearest counts."""
    __tracebackhide__ = True
    found: dict[str, Any] = {}
    for marker in item.iter_markers("gradcheck") if item is not None else ():
        if marker.args or not set(marker.kwargs) <= set(MARKED):
            got = ", ".join([*map(repr, marker.args), *marker.kwargs])
            raise TypeError(f"@pytest.mark.gradcheck: expected keywords among {', '.join(MARKED)}, got {got}")
        found = {**marker.kwargs, **found}
    return found


def _record(item: Any, report: Report) -> None:
    """Add a check to those of its test. JSON travels from a worker of pytest-xdist, and into a JUnit file."""
    properties = dict(item.user_properties)
    record = json.loads(properties.get(PROPERTY, '{"verdicts": {}, "closest": null, "seeds": [], "failed": null}'))
    record["verdicts"][report.verdict] = record["verdicts"].get(report.verdict, 0) + 1
    if report.verdict == "pass" and report.bar > 0:
        ratio = report.max_error / report.bar
        if record["closest"] is None or ratio > record["closest"][0]:
            record["closest"] = [ratio, report.max_error, report.bar]
    if report.mode == "fast" and report.seed not in record["seeds"]:
        record["seeds"].append(report.seed)
    if not report:  # the last one: of the examples that Hypothesis tries it is the smallest
        record["failed"] = _failure(report)
    item.user_properties[:] = [*((k, v) for k, v in item.user_properties if k != PROPERTY)]
    item.user_properties.append((PROPERTY, json.dumps(record)))


def _failure(report: Report) -> dict[str, Any]:
    """What the summary says of a check that did not pass."""
    where = "" if report.where is None else f"largest error {report.max_error:.3g} at {report.place}"
    cause = "" if report.cause is None else f"{report.cause.sentence} ({report.cause.kind})"
    return {
        "what": f"{report.verdict}: {report.name}".rstrip(": "),
        "where": where or report.note,
        "cause": "" if cause.startswith(report.note or "\0") and not where else cause,
        "seed": report.seed,
        "reproduce": report.reproduce,
    }


def summary(records: Mapping[str, str], failed: set[str]) -> Iterator[str]:
    """The lines of the section: records by test, and which tests failed."""
    found = {test: json.loads(text) for test, text in records.items()}
    yield _counts(found, failed)
    ratios = [(record["closest"], test) for test, record in found.items() if record["closest"] is not None]
    if ratios:
        (ratio, error, bar), test = max(ratios)
        yield f"largest error of a pass: {ratio:.2g} of its bar ({error:.2g}, ±{bar:.2g}) in {test}"
    yield from _seeds({test: record["seeds"] for test, record in found.items() if record["seeds"]})
    for test, record in found.items():
        if test in failed and record["failed"] is not None:
            yield from _failed(test, record["failed"])


def _counts(found: Mapping[str, Any], failed: set[str]) -> str:
    """How many checks of each verdict; a failure in a test that passes is what the test wanted to see."""
    counts: Counter[str] = Counter()
    for test, record in found.items():
        for verdict, n in record["verdicts"].items():
            wanted = verdict not in ("pass", "subgradient") and test not in failed
            counts[f"{verdict} (as its test expects)" if wanted else verdict] += n
    total, tests = counts.total(), len(found)
    order = ["pass", "subgradient", "inconclusive", "kink", "fail"]
    parts = ", ".join(
        f"{counts[v]} {v}" for v in sorted(counts, key=lambda v: ("(" in v, order.index(v.split(" (")[0])))
    )
    return f"{total} check{'s' * (total > 1)} in {tests} test{'s' * (tests > 1)}: {parts}"


def _seeds(seeds: Mapping[str, list[int]]) -> Iterator[str]:
    """Those of fast mode, with which --gradcheck-seed repeats a check."""
    for test, drawn in list(seeds.items())[:MOST]:
        more = f" and {len(drawn) - MOST} more" * (len(drawn) > MOST)
        yield f"fast mode's seed{'s' * (len(drawn) > 1)}: {', '.join(map(str, drawn[:MOST]))}{more} in {test}"
    if len(seeds) > MOST:
        yield f"fast mode's seeds of {len(seeds) - MOST} more tests are not shown"


def _failed(test: str, failure: Mapping[str, Any]) -> Iterator[str]:
    yield f"{failure['what']} in {test}" + (f": {failure['where']}" if failure["where"] else "")
    if failure["cause"]:
        yield f"  cause:     {failure['cause']}"
    seed = f" --gradcheck-seed {failure['seed']}" if failure["seed"] is not None else ""
    yield f"  reproduce: pytest {shlex.quote(test)}{seed}"
    if failure["reproduce"]:
        yield f"             {failure['reproduce']}"
