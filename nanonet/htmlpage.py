"""HTML pages of one file, with their style and script inside, which need no network."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from html import escape
from importlib import resources


def document(title: str, body: str, style: str = "", script: str = "", mark: str = "nanonet") -> str:
    """A whole page: the house's style, then `style`; `script` runs when the page is there; `mark` names its maker."""
    style = resource("nanonet", "htmlpage.css") + style
    run = f"<script>{script}</script>" if script else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="generator" content="{escape(mark)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style></head>\n"
        f"<body><main>{body}</main>{run}</body></html>\n"
    )


def resource(package: str, name: str) -> str:
    """The text of a file that is installed beside the modules of `package`."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of cells that are HTML already; the columns in `numeric` are set as numbers. It scrolls where wide."""

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = [' class="num"' if j in numeric else "" for j in range(len(cells))]
        cells = [f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, cells, strict=True)]
        return f"<tr>{''.join(cells)}</tr>"

    return f'<div class="scroll"><table>{line("th", header)}{"".join(line("td", row) for row in rows)}</table></div>'


def count(things: Sized | int, name: str) -> str:
    """ "1 check", "2 checks"."""
    n = things if isinstance(things, int) else len(things)
    return f"{n:,} {name}{'' if n == 1 else 's'}"
