"""The page on gradient checks: its example runs, and every check in it passes."""

import re
from pathlib import Path

import nanonet as nt

PAGE = (Path(__file__).parents[1] / "docs" / "gradient-checks.md").read_text(encoding="utf-8")


def test_the_pages_checks_pass() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    lines = [line.split("  #")[0] for line in code.splitlines() if line.startswith("nt.")]
    scope: dict[str, object] = {}
    exec("import numpy as np\nimport nanonet as nt", scope)
    assert len(lines) == 4
    for line in lines:
        report = eval(line, scope)
        assert isinstance(report, nt.Report)
        assert report.verdict == "pass", str(report)
