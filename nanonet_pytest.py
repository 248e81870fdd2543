"""pytest's door to nanonet's gradient checks: a fixture, a marker, an option, a section of the summary.

It stands outside the package nanonet because pytest imports it at the start of every run, in every project whose
environment has nanonet: neither NumPy nor nanonet may be imported before a check is made. What a check does is in
nanonet/gradcheck/pytest_plugin.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

RUNNING = pytest.StashKey[pytest.Item]()
PROPERTY = "gradcheck"  # in a test report's user_properties, which pytest-xdist brings home from its workers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("nanonet", "gradient checks").addoption(
        "--gradcheck-seed",
        type=int,
        default=None,
        metavar="N",
        help="seed of every gradient check, to repeat what a summary has printed",
    )


def pytest_configure(config: pytest.Config) -> None:
    text = "gradcheck(mode, directions, rtol, atol, seed): defaults of the checks that a test makes with `gradcheck`"
    config.addinivalue_line("markers", text)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[RUNNING] = item


# Of the session, as Hypothesis refuses fixtures of a single function; the test that runs is looked up in each call.
@pytest.fixture(scope="session")
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Fail the test unless a gradient is right; otherwise return the Report.

    gradcheck(f, inputs)                    f: a function of nanonet's Tensors
    gradcheck(forward, backward, inputs)    plain NumPy functions, such as the adapters for other libraries give

    Options, for one call or with @pytest.mark.gradcheck(...) for a test: mode, directions, rtol, atol, seed; in a call
    also name and (for a pair) cache. They mean what they mean in nanonet.gradcheck and nanonet.check_backward.
    """
    config = request.config

    def gradcheck(*function_and_inputs: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        from nanonet.gradcheck.pytest_plugin import checked

        return checked(
            config.stash.get(RUNNING, None), config.getoption("gradcheck_seed"), function_and_inputs, options
        )

    return gradcheck


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The section "gradient checks", where there was one."""
    reports = [report for found in terminalreporter.stats.values() for report in found]
    records = {report.nodeid: dict(report.user_properties)[PROPERTY] for report in reports if _has_record(report)}
    if not records:
        return
    from nanonet.gradcheck.pytest_plugin import summary

    failed = {report.nodeid for report in reports if getattr(report, "failed", False)}
    terminalreporter.write_sep("=", "gradient checks")
    for line in summary(records, failed):
        terminalreporter.write_line(line)


def _has_record(report: Any) -> bool:
    """Is it the last report of a test that made checks? That of its teardown holds all of them."""
    return getattr(report, "when", None) == "teardown" and any(key == PROPERTY for key, _ in report.user_properties)
