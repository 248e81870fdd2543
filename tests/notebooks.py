"""The course's notebooks: run a source in Jupyter, write the notebook beside it, compare what two runs printed.

    python -m tests.notebooks           # run all and write their .ipynb
    python -m tests.notebooks 03 05     # these

`notebooks/NAME.py` (jupytext's percent format) is what people edit; `NAME.ipynb`, the same cells with their outputs, is
made from it. A code cell may be tagged, `# %% tags=["rough"]`:

rough       its numbers may differ a little between machines, as after many steps of training
timing      its numbers are times: they are not compared
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
LIMIT = 180  # seconds that a notebook may take
TOLERANCE = {"": 1e-4, "rough": 0.05, "timing": float("inf")}  # relative; beside it one unit of the last digit
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def sources() -> list[Path]:
    """The course, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def read(path: Path) -> Any:
    """A source or a notebook as nbformat's notebook."""
    import jupytext

    return jupytext.read(path)


def execute(path: Path) -> Any:
    """Run a source from top to bottom in a fresh kernel; returns the notebook, cleaned. Raises what a cell raises."""
    from nbclient import NotebookClient

    notebook = read(path)
    options: Any = {"timeout": LIMIT, "resources": {"metadata": {"path": str(FOLDER)}}}
    with tempfile.TemporaryDirectory() as folder:
        # A kernel like everybody's: without the settings of the person who runs it, and as wide as a page.
        settings = {
            "IPYTHONDIR": folder,
            "COLUMNS": "100",
            "PYTHONHASHSEED": "0",
            "MPLCONFIGDIR": os.path.join(folder, "mpl"),
        }
        before = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings)
        try:
            NotebookClient(notebook, kernel_name="python3", **options).execute()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
    return cleaned(notebook)


def cleaned(notebook: Any) -> Any:
    """Without what differs from run to run: times, random ids, versions; the parts of one stream put together."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number:02}"
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    found: list[Any] = []
    for output in outputs:
        output.pop("transient", None)
        data = output.get("data", {})
        if len(data) > 1:  # a notebook shows the rich form; the plain one beside it may hold addresses
            data.pop("text/plain", None)
        if output.output_type == "stream" and found and found[-1].get("name") == output.name:
            found[-1]["text"] += output.text
        else:
            found.append(output)
    return found


def write(path: Path) -> Path:
    """Run a source and write the notebook beside it."""
    import nbformat

    notebook = execute(path)
    target = path.with_suffix(".ipynb")
    target.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return target


# What is compared


def unpaired(source: Any, notebook: Any) -> list[str]:
    """How the notebook's cells differ from its source's; empty where they are the same."""
    ours, theirs = (
        [(c.cell_type, c.source.strip(), c.metadata.get("tags", [])) for c in n.cells] for n in (source, notebook)
    )
    if len(ours) != len(theirs):
        return [f"the source has {len(ours)} cells, the notebook {len(theirs)}"]
    return [f"cell {i} differs" for i, (a, b) in enumerate(zip(ours, theirs, strict=True), 1) if a != b]


def shown(cell: Any) -> list[tuple[str, str]]:
    """(kind, text) of each output of a code cell; of a picture only that there is one."""
    found: list[tuple[str, str]] = []
    for output in cell.outputs:
        if output.output_type == "stream":
            found.append((output.name, output.text))
        elif output.output_type == "error":
            found.append(("error", f"{output.ename}: {output.evalue}"))
        else:
            found += [(kind, "" if kind.startswith("image") else text) for kind, text in sorted(output.data.items())]
    return found


def changes(stored: Any, fresh: Any) -> list[str]:
    """Where the outputs of two runs of one source differ by more than the tolerance; empty where they agree."""
    found: list[str] = []
    for number, (old, new) in enumerate(zip(stored.cells, fresh.cells, strict=True), 1):
        if old.cell_type != "code":
            continue
        tolerance = max(TOLERANCE.get(tag, 0.0) for tag in ["", *old.metadata.get("tags", [])])
        before, after = shown(old), shown(new)
        if [kind for kind, _ in before] != [kind for kind, _ in after]:
            found.append(f"cell {number}: shows {[k for k, _ in after]}, stored are {[k for k, _ in before]}")
            continue
        for (kind, a), (_, b) in zip(before, after, strict=True):
            found += [f"cell {number}, {kind}: {what}" for what in text_changes(a, b, tolerance)]
    return found


def text_changes(stored: str, fresh: str, tolerance: float) -> Iterator[str]:
    """Words must be equal, numbers within the relative tolerance or one unit of the last digit that is printed."""
    if NUMBER.sub("#", stored) != NUMBER.sub("#", fresh):
        lines = zip(stored.splitlines(), fresh.splitlines(), strict=False)
        differing = [(a, b) for a, b in lines if NUMBER.sub("#", a) != NUMBER.sub("#", b)]
        a, b = differing[0] if differing else (f"{len(stored)} characters", f"{len(fresh)}")
        yield f"stored {a!r}, now {b!r}"
        return
    for a, b in zip(NUMBER.findall(stored), NUMBER.findall(fresh), strict=True):
        x, y = float(a), float(b)
        if abs(x - y) > max(tolerance * max(abs(x), abs(y)), last_digit(a), last_digit(b)) * (1 + 1e-9):
            yield f"stored {a}, now {b}"


def last_digit(number: str) -> float:
    """The worth of the last printed digit: 0.01 for 3.14; nothing for a whole number, which must be exact."""
    digits, _, exponent = number.lower().partition("e")
    if "." not in digits:
        return 0.0
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))


def unfounded(notebook: Any) -> list[str]:
    """Decimal numbers in the prose that no cell computes or holds: they could become wrong unnoticed."""
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    printed = "\n".join(text for c in notebook.cells if c.cell_type == "code" for _, text in shown(c))
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    return sorted({n for n in re.findall(r"(?<![\w.])\d+\.\d+", prose) if n not in code and n not in printed})


def main(chosen: list[str]) -> None:
    for path in sources():
        if not chosen or any(path.name.startswith(name) for name in chosen):
            target = write(path)
            print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1000:.0f} KB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
