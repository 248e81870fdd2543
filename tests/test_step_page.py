"""The page on stepping: its file, its transcript and its Python are run, and its table of keys is the program's.

NANONET_WRITE_DOCS=1 writes the transcript and the table anew.
"""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path

import pytest

import nanonet as nt
from nanonet.cli import main
from nanonet.teach.views.terminal.commands import COMMANDS, KEY_NAMES

PATH = Path(__file__).parents[1] / "docs" / "stepping.md"
PAGE = PATH.read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The page's file, in the current folder; returns the page's Python."""
    file, python = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    (tmp_path / "loss.py").write_text(file, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return python


def written(old: str, new: str) -> bool:
    if old != new and os.environ.get("NANONET_WRITE_DOCS"):
        PATH.write_text(PATH.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return True
    return False


def test_the_transcript_is_what_the_command_prints(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ((commands, target, shown),) = re.findall(r"\$ printf '(.*?)' \| nanonet step (.*?)\n(.*?)```", PAGE, re.S)
    monkeypatch.setattr(sys, "stdin", io.StringIO(commands.replace("\\n", "\n")))
    assert main(["step", target]) == 0
    printed = capsys.readouterr().out
    assert written(shown, printed) or shown == printed


def test_the_python_of_the_page_runs(example: str) -> None:
    scope: dict[str, object] = {}
    exec("import numpy as np\nimport nanonet as nt", scope)
    exec(example, scope)
    debugger = scope["d"]
    assert isinstance(debugger, nt.teach.Debugger)
    assert debugger.position == len(debugger)
    sys.modules.pop("loss")


def test_the_table_of_keys_is_the_programs() -> None:
    ((table,),) = [re.findall(r"\| key \| command \| \|\n\|---\|---\|---\|\n((?:\|.*\n)*)", PAGE)]
    rows = ""
    for command in COMMANDS:
        keys = " ".join(f"`{KEY_NAMES.get(key, key)}`" for key in command.keys)
        rows += f"| {keys} | {command.word} | {command.help} |\n"
    head = "|---|---|---|\n"
    assert written(head + table, head + rows) or table == rows
