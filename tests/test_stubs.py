"""The stubs that editors read are those that the registry gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from nanonet import stubs


@pytest.mark.parametrize("name", ["__init__.pyi", "functional.pyi", "tensor.pyi"])
def test_stub_is_up_to_date(name: str) -> None:
    text = stubs.stubs()[name]
    assert (Path(stubs.__file__).parent / name).read_text(encoding="utf-8") == text, "run: python -m nanonet.stubs"


def test_a_stale_stub_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stubs, "HERE", tmp_path)
    monkeypatch.setattr(stubs, "stubs", lambda: {"functional.pyi": "new"})
    (tmp_path / "functional.pyi").write_text("old", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["stubs", "--check"])
    assert stubs.main() == 1
    assert "functional.pyi" in capsys.readouterr().out
