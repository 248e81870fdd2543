"""Counts of right and wrong verdicts, and their tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nanonet_benchmarks.gradcorpus.case import Case
from nanonet_benchmarks.gradcorpus.runner import Outcome

TRUE = ("pass", "subgradient")  # the verdicts with which a gradient is let through


@dataclass
class Tally:
    """How a tool did. Pairs are (how many, of how many).

    wrong_passed    wrong gradients that it let through
    right_failed    right ones that it refused
    kinks           points on a kink with an acceptable verdict
    undecided       right gradients and kinks that are called inconclusive, right ones that are called subgradients
    errors          cases that ended with an exception which is no verdict
    repaired        wrong gradients that the library had put right before its checker saw them
    causes          wrong gradients with a named mistake of which it named the right kind
    seconds         all cases together
    """

    wrong_passed: tuple[int, int] = (0, 0)
    right_failed: tuple[int, int] = (0, 0)
    kinks: tuple[int, int] = (0, 0)
    undecided: int = 0
    errors: int = 0
    repaired: int = 0
    causes: tuple[int, int] = (0, 0)
    seconds: float = 0.0


def tally(cases: Sequence[Case], outcomes: Mapping[str, Outcome]) -> Tally:
    """The counts over those cases that have an outcome."""
    found = [(case, outcomes[case.name]) for case in cases if case.name in outcomes]
    wrong = [(c, o) for c, o in found if c.label == "wrong"]
    right = [(c, o) for c, o in found if c.label == "right"]
    kinked = [(c, o) for c, o in found if c.label == "kinked"]
    named = [(c, o) for c, o in wrong if o.verdict == "fail" and "unknown" not in c.kinds]
    return Tally(
        wrong_passed=(sum(o.verdict in TRUE for _, o in wrong), len(wrong)),
        right_failed=(sum(o.verdict in ("fail", "kink") for _, o in right), len(right)),
        kinks=(sum(c.accepts(o.verdict) for c, o in kinked), len(kinked)),
        undecided=sum(o.verdict == "inconclusive" and not c.accepts("fail") for c, o in found)
        + sum(o.verdict == "subgradient" for _, o in right),
        errors=sum(o.verdict == "error" for _, o in found),
        repaired=sum(o.verdict == "repaired" for _, o in found),
        causes=(sum(o.kind in c.kinds for c, o in named), len(named)),
        seconds=sum(o.seconds for _, o in found),
    )


def overview(cases: Sequence[Case], results: Mapping[str, Mapping[str, Outcome]]) -> str:
    """A line for each tool."""
    tallies = {name: tally(cases, outcomes) for name, outcomes in results.items()}
    lines = [
        "| Checker | Wrong passed | Right failed | Kinks judged rightly | Undecided | Repaired | Crashed | Seconds |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, t in tallies.items():
        pairs = [_of(pair) for pair in (t.wrong_passed, t.right_failed, t.kinks)]
        rest = [str(count) for count in (t.undecided, t.repaired, t.errors)]
        lines.append(f"| {name} | {' | '.join(pairs + rest)} | {t.seconds:.1f} |")
    return "\n".join(lines)


def by_trait(cases: Sequence[Case], results: Mapping[str, Mapping[str, Outcome]]) -> str:
    """For each tool and trait: wrong gradients passed, and right ones failed, of how many."""
    traits = list(dict.fromkeys(case.trait for case in cases))
    lines = [f"| Checker | {' | '.join(traits)} |", "|---" * (len(traits) + 1) + "|"]
    for name, outcomes in results.items():
        tallies = [tally([c for c in cases if c.trait == trait], outcomes) for trait in traits]
        lines.append(f"| {name} | {' | '.join(_both(t) for t in tallies)} |")
    return "\n".join(lines)


def mistakes(cases: Sequence[Case], outcomes: Mapping[str, Outcome]) -> list[str]:
    """The cases on which the verdict is not acceptable, in words."""
    found = [(case, outcomes[case.name]) for case in cases if case.name in outcomes]
    return [_sentence(case, outcome) for case, outcome in found if not case.accepts(outcome.verdict)]


def _sentence(case: Case, outcome: Outcome) -> str:
    note = f": {outcome.note}" if outcome.note else ""
    return f"{case.name}: {outcome.verdict}, acceptable {'/'.join(case.expected)}{note}"


def _of(pair: tuple[int, int]) -> str:
    return f"{pair[0]} of {pair[1]}"


def _both(t: Tally) -> str:
    return f"{_of(t.wrong_passed)} passed, {_of(t.right_failed)} failed"
