"""`python -m nanonet_benchmarks.gradcorpus`: gradient checkers side by side on the corpus."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nanonet.info import describe
from nanonet_benchmarks.gradcorpus import Case, cases
from nanonet_benchmarks.gradcorpus.runner import Outcome, Tool, run, tools
from nanonet_benchmarks.gradcorpus.table import by_trait, mistakes, overview, tally

RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the checkers, prints the tables and writes every verdict as JSON; 1 where nanonet's own erred."""
    options = _options(arguments)
    chosen = [tool for tool in tools() if options.tool.lower() in tool.name.lower()]
    for tool in chosen:
        if not tool.version:
            print(f"skipped: {tool.name} (pip install {tool.package})")
    chosen = [tool for tool in chosen if tool.version]

    def selected() -> list[Case]:
        return [case for case in cases() if options.case in case.name]

    results: dict[str, dict[str, Outcome]] = {}
    interrupted = _run(chosen, selected, results)
    print(_text(selected(), results))
    if interrupted:
        print("\ninterrupted: the tables hold what was run; nothing is written")
        return 130
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(_json(document(chosen, selected(), results)), encoding="utf-8")
    print(f"\nwritten to {options.out}")
    return int(any(mistakes(selected(), found) for name, found in results.items() if name.startswith("nanonet")))


def _options(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m nanonet_benchmarks.gradcorpus", description=__doc__)
    parser.add_argument("--tool", default="", help="only checkers with this in their name")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--out", type=Path, default=RESULTS / f"gradcorpus-{date.today()}.json", help="the JSON file")
    return parser.parse_args(arguments)


def _run(chosen: Sequence[Tool], selected: Any, results: dict[str, dict[str, Outcome]]) -> bool:
    """With a progress bar; true where it was interrupted."""
    columns = (TextColumn("{task.description:30}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        total = len(selected())
        bars = {tool.name: progress.add_task(tool.name, total=total) for tool in chosen}
        try:
            run(chosen, selected, results, lambda name: progress.advance(bars[name]))
        except KeyboardInterrupt:
            return True
    return False


def _text(chosen: Sequence[Case], results: Mapping[str, Mapping[str, Outcome]]) -> str:
    """The tables, and what nanonet's own checker got wrong."""
    parts = [overview(chosen, results), by_trait(chosen, results)]
    for name, found in results.items():
        if name.startswith("nanonet"):
            right, named = tally(chosen, found).causes
            parts.append(f"{name}: of {named} wrong gradients with a named mistake, the cause is right for {right}")
            parts += [f"  {line}" for line in mistakes(chosen, found)]
    return "\n\n".join(parts[:2]) + "\n\n" + "\n".join(parts[2:])


def document(
    chosen: Sequence[Tool], selected: Sequence[Case], results: Mapping[str, Mapping[str, Outcome]]
) -> dict[str, Any]:
    """Everything that was found, as plain values."""
    return {
        "date": date.today().isoformat(),
        "machine": describe(),
        "evidence": "measured",
        "tools": {tool.name: f"{tool.package} {tool.version}" for tool in chosen},
        "summary": {name: asdict(tally(selected, found)) for name, found in results.items()},
        "cases": {
            case.name: {
                "label": case.label,
                "trait": case.trait,
                "kinds": case.kinds,
                "expected": case.expected,
                "verdicts": {name: _entry(found[case.name]) for name, found in results.items() if case.name in found},
            }
            for case in selected
        },
    }


def _entry(outcome: Outcome) -> list[str]:
    """The verdict, and what else there is to say: the cause's kind, or the exception."""
    return [text for text in (outcome.verdict, outcome.kind, outcome.note) if text]


def _json(found: dict[str, Any]) -> str:
    """A line for each case."""
    rest = json.dumps(found | {"cases": {}}, indent=1)
    lines = [f"  {json.dumps(name)}: {json.dumps(case)}" for name, case in found["cases"].items()]
    start, end = rest.rsplit('"cases": {}', 1)
    return start + '"cases": {\n' + ",\n".join(lines) + "\n }" + end + "\n"


if __name__ == "__main__":
    sys.exit(main())
