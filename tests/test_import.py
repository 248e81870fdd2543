"""`import nanonet` is quick: what is optional or heavy is loaded when first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nanonet as nt

HEAVY = ("matplotlib", "numba", "sklearn", "scipy", "cupy", "rich", "typer", "torch", "safetensors", "nanonet.nn")


def heavy_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert heavy_after("import nanonet") == set()


def test_a_small_training_step_loads_nothing_heavy() -> None:
    step = "import nanonet as nt; x = nt.tensor([1.0], requires_grad=True); (nt.tanh(x) * 2).sum().backward()"
    assert heavy_after(step) == set()


def test_what_is_loaded_is_seen() -> None:
    assert "scipy" in heavy_after("import nanonet as nt; nt.erf(nt.tensor([1.0]))")


def test_subpackages_come_with_their_first_use() -> None:
    assert "nanonet.nn" in heavy_after("import nanonet as nt; nt.nn.Linear(2, 3)")
    with pytest.raises(AttributeError, match="no attribute 'network'"):
        nt.network  # noqa: B018
