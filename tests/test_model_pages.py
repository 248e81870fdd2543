"""The figures on the pages of docs/models are those of the records, and the records show what is promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nanonet import recipes
from nanonet_benchmarks.models import pages

ROOT = Path(__file__).parents[1]
RECORDS = pages.read_records(ROOT / pages.RECORDS, list(recipes.names()).index)


@pytest.mark.parametrize("path", sorted((ROOT / pages.PAGES).glob("*.md")), ids=lambda path: path.name)
def test_a_page_has_the_figures_of_the_records(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert pages.filled(page, RECORDS) == page, "python -m nanonet_benchmarks.models.pages"
    for linked in pages.links(page):
        assert (path.parent / linked).exists(), linked


def test_a_changed_figure_is_noticed() -> None:
    record: dict[str, Any] = {
        "agreement": {dtype: {"worst": 1e-9, "ours": [{}], "twin": [{}]} for dtype in ("float32", "float64")},
        "machine": {"cpu": "a processor"},
        "runs": {
            seed: {
                side: {"figures": {"accuracy": 0.9 + int(seed) / 100}, "cpu_seconds": 1.0} for side in ("ours", "twin")
            }
            for seed in ("0", "1")
        },
    }
    page = pages.filled("<!-- figures:mlp -->\n<!-- end -->", {"mlp": record})
    assert "0.905 ± 0.0071" in page
    changed = page.replace("0.905", "0.955", 1)
    assert pages.filled(changed, {"mlp": record}) == page != changed


@pytest.mark.parametrize("name", RECORDS)
def test_the_losses_of_a_record_agree(name: str) -> None:
    for dtype, rtol in (("float32", 1e-3), ("float64", 1e-8)):
        found = RECORDS[name]["agreement"][dtype]
        assert len(found["ours"]) >= 50
        assert found["worst"] <= rtol
        for ours, twin in zip(found["ours"], found["twin"], strict=True):
            assert ours["loss"] == pytest.approx(twin["loss"], rel=rtol)


def test_every_recipe_has_a_record() -> None:
    assert sorted(RECORDS) == sorted(recipes.names())
