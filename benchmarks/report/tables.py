"""Tables of the page: with a caption, header cells that say what they head, and badges of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

SHOWN_GPUS = ("T4", "A100 SXM 80GB", "RTX 4090", "H100 SXM")  # in pictures; the tables have all
MEANING = {
    "measured": "timed here, after its result was checked",
    "emulated": "run in a simulator: right, but not timed",
    "modelled": "calculated by the model that is named; not timed",
    "compiled": "read from the machine code; not run",
    "skipped": "not done; the reason is given",
}


def badge(evidence: str, reason: str = "") -> str:
    """The evidence of a figure."""
    title = reason or MEANING[evidence]
    return f'<span class="badge {evidence}" title="{escape(title, quote=True)}">{evidence}</span>'


def table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = (), kind: str = ""
) -> str:
    """Cells are HTML already. The first cell of a row heads it; the columns in `numeric` are set as numbers."""

    def cell(tag: str, j: int, words: str) -> str:
        scope = ' scope="col"' if tag == "th" else ' scope="row"' if j == 0 else ""
        tag = "th" if j == 0 else tag
        number = ' class="num"' if j in numeric else ""
        return f"<{tag}{scope}{number}>{words}</{tag}>"

    head = "".join(cell("th", j, words) for j, words in enumerate(header))
    body = "".join(f"<tr>{''.join(cell('td', j, words) for j, words in enumerate(row))}</tr>" for row in rows)
    name = f' class="{kind}"' if kind else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}"><table{name}>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def bar(share: float, kind: str) -> str:
    """A bar of `share` of its cell's width; the figure stands beside it, so that it is silent to a screen reader."""
    return f'<span class="bar" aria-hidden="true"><span class="{kind}" style="width:{100 * share:.1f}%"></span></span>'


def figure(picture: str, caption: str, mark: str) -> str:
    return f"<figure><figcaption>{escape(caption)} {mark}</figcaption>{picture}</figure>"
