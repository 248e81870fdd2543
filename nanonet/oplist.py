"""docs/ops.md, the list of all operations, from the registry: `python -m nanonet.oplist` (`--check` in the tests)."""

from __future__ import annotations

import sys
from pathlib import Path

import nanonet  # noqa: F401  (registers every op)
from nanonet.op import Op, ops

PATH = Path(__file__).parents[1] / "docs" / "ops.md"
HEAD = """# All operations

Generated from the registry by `python -m nanonet.oplist`; do not edit. `nt.` is the package (`import nanonet as nt`),
`F.` is `nanonet.functional`. Formulas are those of each class's docstring, which says more: semantics, errors, source.
"""


def main() -> int:
    """Write the list; with --check, only say whether it is out of date (exit status 1 then)."""
    text = oplist()
    stale = not PATH.exists() or PATH.read_text(encoding="utf-8") != text
    if "--check" in sys.argv:
        print("docs/ops.md: out of date; run: python -m nanonet.oplist" if stale else "docs/ops.md: up to date")
        return int(stale)
    PATH.write_text(text, encoding="utf-8")
    print(f"docs/ops.md: {sum(1 for _ in ops())} operations")
    return 0


def oplist() -> str:
    """The whole text: a table for each family, in order of their names."""
    families: dict[str, list[type[Op]]] = {}
    for op in ops():
        families.setdefault(op.__module__.rsplit(".", 1)[-1], []).append(op)
    return HEAD + "".join(_family(name, families[name]) for name in sorted(families))


def _family(name: str, members: list[type[Op]]) -> str:
    rows = "".join(entry(op) for op in sorted(members, key=lambda op: op.name))
    source = f"[nanonet/ops/{name}.py](../nanonet/ops/{name}.py)"
    return f"\n## {name}\n{source}\n\n| function | formula | gradients | shapes |\n| --- | --- | --- | --- |\n{rows}"


def entry(op: type[Op]) -> str:
    """An op's row."""
    prefix = "nt" if op.array else "F"
    names = ", ".join(f"`{prefix}.{name}`" for name in (op.name, *op.aliases))
    if op.method:
        names += f", `x.{op.name}()`"
    formulas = op.formulas()
    values = [f"{n} = {f}" if n != "y" else f for n, f in formulas.items() if not _is_gradient(n)]
    gradients = [f"{n} = {f}" for n, f in formulas.items() if _is_gradient(n)]
    cells = (names, _code(values), _code(gradients) or ("of its parts" if op.is_differentiable() else "none"))
    return f"| {' | '.join(cells)} | {_code([op.shapes])} |\n"


def _is_gradient(name: str) -> bool:
    return name.startswith("d") and len(name) > 1


def _code(texts: list[str]) -> str:
    """Formulas as code in a table's cell, where a bar must be escaped and a backtick cannot be."""
    return "<br>".join("`" + text.replace("`", "").replace("|", r"\|") + "`" for text in texts)


if __name__ == "__main__":
    sys.exit(main())
