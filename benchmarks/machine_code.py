"""Two compilations of a kernel, compared without running them: registers, spills, occupancy, instructions."""

from __future__ import annotations

from typing import Any, Literal

CodeOutcome = Literal["faster", "slower", "same", "ambiguous", "incomparable"]


def compare_code(a: dict[str, Any], b: dict[str, Any], smallest: float = 0.02) -> tuple[CodeOutcome, str]:
    """What became of `Row.compiled` from A to B, and the sentence for it.

    Worse are more spills, less occupancy, and more instructions, by more than `smallest`, in the inner loop (of the
    whole kernel where there is no loop). More registers are worse where the occupancy is not known; where it is known
    it says what they cost. "slower" where something became worse and nothing better, "faster" the other way round.
    """
    if b.get("error") or a.get("error"):
        return _with_errors(a, b)
    worse, better = [], []
    for name, change in _changes(a, b).items():
        before, after, more_is_worse, least = change
        if before is None or after is None or abs(after - before) <= least * smallest * max(before, 1):
            continue
        text = f"{name} {_number(before)} → {_number(after)}"
        (worse if (after > before) == more_is_worse else better).append(text)
    if not worse and not better:
        return "same", "the same machine code, by its figures"
    if worse and better:
        return "ambiguous", f"the machine code is worse in {', '.join(worse)}, and better in {', '.join(better)}"
    if worse:
        return "slower", f"worse machine code: {', '.join(worse)}"
    return "faster", f"better machine code: {', '.join(better)}"


def _with_errors(a: dict[str, Any], b: dict[str, Any]) -> tuple[CodeOutcome, str]:
    if a.get("error") and b.get("error"):
        return "incomparable", f"it compiles in neither: {b['error']}"
    return ("slower", f"it no longer compiles: {b['error']}") if b.get("error") else ("faster", "it compiles now")


Change = tuple[float | None, float | None, bool, float]  # before, after, is more worse, share of `smallest` that counts


def _changes(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Change]:
    """{figure: before, after, …}."""
    found: dict[str, Change] = {"bytes of spills": (a.get("spills"), b.get("spills"), True, 0.0)}
    if a.get("occupancy") is not None and b.get("occupancy") is not None:
        found["occupancy"] = (a["occupancy"], b["occupancy"], False, 0.0)
    else:
        found["registers"] = (a.get("registers"), b.get("registers"), True, 0.0)
    loop = bool(a.get("inner_loop")) and bool(b.get("inner_loop"))
    where, name = ("inner_loop", "instructions in the inner loop") if loop else ("instructions", "instructions")
    found[name] = (_total(a.get(where)), _total(b.get(where)), True, 1.0)
    return found


def _total(counts: dict[str, int] | None) -> float | None:
    return float(sum(counts.values())) if counts else None


def _number(x: float) -> str:
    return f"{x:g}" if x == int(x) else f"{x:.2f}"
