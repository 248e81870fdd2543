"""The pages in docs/documents: written by `python -m nanonet.teach.documents`, with numbers computed as it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nanonet.teach.documents import mazur, regression
from nanonet.teach.documents.erratum import Erratum, Outcome
from nanonet.teach.documents.golden import Golden, golden_examples, same_digits
from nanonet.teach.documents.page import VERDICTS, rounded, table
from nanonet.teach.documents.registry import DOCUMENTS, errata

Outcomes = Mapping[str, Outcome]  # by an erratum's label

NOTE = "This page is written by `python -m nanonet.teach.documents`; a test checks that it is up to date."


def run_all() -> dict[str, Outcome]:
    """Every erratum's outcome, by its label."""
    return {one.label: one.run() for one in errata()}


def pages(outcomes: Outcomes | None = None) -> dict[str, str]:
    """{file name: text} of all pages. `outcomes` saves a second run."""
    found = run_all() if outcomes is None else outcomes
    texts = {f"{name}.md": document_page(name, found) for name in DOCUMENTS}
    return texts | {"mazur.md": mazur_page(), "README.md": index_page(found)}


def write(folder: Path) -> list[Path]:
    """Write all pages into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for name, text in pages().items():
        paths.append(folder / name)
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def document_page(document: str, outcomes: Outcomes) -> str:
    """The document's errata, and its worked examples in numbers."""
    file, _, subject = DOCUMENTS[document].partition(": ")
    parts = [
        f"# {document}: where it is wrong as written",
        f"`{file}`: {subject}. Each formula is run as it is written, beside its correction, on the same numbers. "
        f"A gradient is checked against finite differences, and the diagnosis names the mistake. {NOTE}",
    ]
    parts += [one.markdown(outcomes[one.label]).strip() for one in errata(document)]
    parts += [_example(one) for one in golden_examples() if one.name.startswith(document)]
    parts += [_regression()] if document == "D2" else []
    return "\n\n".join(parts) + "\n"


def _example(one: Golden) -> str:
    shown = {name: value for name, value in one.by_engine().items() if getattr(value, "size", 1) <= 20}
    return (
        f"## Worked example: {one.name}\n\n{one.source}. One forward and backward pass and one step with "
        f"α = {one.network.alpha:g}; the engine, the layered pseudocode and formulas written out by hand agree.\n\n"
        + table(("", "value"), [(f"`{name}`", rounded(value, 6)) for name, value in shown.items()])
    )


def _regression() -> str:
    lines = regression.path(*regression.points()).items()
    rows = [(name, *(rounded(value, 6) for value in values)) for name, values in lines]
    return "The line on its way from (0, 0):\n\n" + table(("", "slope", "intercept", "loss"), rows)


def mazur_page() -> str:
    """Mazur's printed numbers beside the computed ones."""
    computed = mazur.values(mazur.hand)
    rows: list[tuple[str, ...]] = []
    for name, text in mazur.PUBLISHED.items():
        same = "yes" if same_digits(text, computed[name]) else "no"
        rows.append((name, text, f"{computed[name]:.12f}", same, mazur.REMARKS.get(name, "")))
    head = ("", "as printed", "computed", "the same digits", "remark")
    return (
        f"# Mazur's 2-2-2 network\n\n{mazur.SOURCE}. The numbers are computed by the engine, by the layered pseudocode "
        f"and by hand, which agree; this table has those by hand. {NOTE}\n\n{table(head, rows)}\n\n"
        "The article says that the hidden weights are updated with the old output weights, and its w1+ … w4+ are. But "
        "the error after the first update and the outputs after 10,000 updates belong to a run in which the hidden "
        "layer's gradient went through the new output weights: with that rule every digit comes out, with the plain "
        "one it does not.\n\n" + _both_rules()
    )


def _both_rules() -> str:
    rows: list[tuple[str, ...]] = []
    for rule, new in (("old output weights (plain)", False), ("new output weights", True)):
        out = mazur.outputs(mazur.hand, (1, 9999, 10_000), new)
        errors = [mazur.error(out[n]) for n in (1, 9999, 10_000)]
        last = out[10_000]
        rows.append(
            (rule, f"{errors[0]:.9f}", f"{errors[1]:.10f}", f"{errors[2]:.10f}", f"{last[0]:.9f}", f"{last[1]:.9f}")
        )
    head = ("rule", "E after 1", "E after 9,999", "E after 10,000", "out_o1 after 10,000", "out_o2 after 10,000")
    return table(head, rows) + "\n"


def index_page(outcomes: Outcomes) -> str:
    """The list of all errata, with what came out."""
    parts = [
        "# The documents' formulas, run as written",
        "nanonet follows five articles. Where a formula is wrong as written, it is run literally beside its "
        "correction: `nanonet.teach.documents.get('D0', 3).run()` gives both results, `print(get('D0', 3).text())` "
        f"shows them, and `example('D0')` is the corrected worked example for `nt.trace`. {NOTE}",
    ]
    head = ("", "", "as written", "corrected", "named as")
    for name in DOCUMENTS:
        rows = [_row(one, outcomes[one.label]) for one in errata(name)]
        parts.append(f"## [{name}]({name}.md)\n\n{DOCUMENTS[name]}\n\n{table(head, rows)}")
    parts.append("## [Mazur's 2-2-2 network](mazur.md)\n\nThe well-known example, with its printed numbers reproduced.")
    return "\n\n".join(parts) + "\n"


def _row(one: Erratum, outcome: Outcome) -> tuple[str, ...]:
    kind = "" if outcome.cause is None else outcome.cause.kind
    return (one.label, one.title, VERDICTS[outcome.literal.verdict], VERDICTS[outcome.corrected.verdict], kind)
