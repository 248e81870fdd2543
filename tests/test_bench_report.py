"""What the bench shows: the same bytes from the same file, nothing from elsewhere, evidence on every figure."""

from __future__ import annotations

import csv
import io
import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from nanonet_benchmarks.compare import Verdict
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import comparison, figures, files, spreadsheet, svg, terminal, verdicts, words
from nanonet_benchmarks.report.groups import baseline, groups, reasons
from nanonet_benchmarks.report.live import Screen
from nanonet_benchmarks.report.page import page
from nanonet_benchmarks.session import News
from tests import bench_records as made


@pytest.fixture(scope="module")
def text() -> str:
    return page(made.record())


def same_bytes(render: Callable[[Record], str], path: Path) -> bool:
    """Is the result the same for the record and for what is read back from its file, twice?"""
    made.record().save(path)
    return len({render(made.record()), render(Record.load(path)), render(Record.load(path))}) == 1


def test_the_page_is_the_same_bytes_from_the_same_file(tmp_path: Path) -> None:
    assert same_bytes(page, tmp_path / "a.json")
    clock = itertools.count()
    assert not same_bytes(lambda record: page(record) + str(next(clock)), tmp_path / "a.json")  # a clock would be seen


def test_the_page_is_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    source, out = tmp_path / "a.json", tmp_path / "a.html"
    made.record().save(source)
    program = (
        "import sys; from pathlib import Path; from nanonet_benchmarks.report.files import load, write\n"
        "list(write(load(sys.argv[1]), None, None, Path(sys.argv[2])))"
    )
    seed = {"PYTHONHASHSEED": "123"}
    subprocess.run([sys.executable, "-c", program, source, out], check=True, env=os.environ | seed)
    assert out.read_text(encoding="utf-8") == page(Record.load(source))


def requests(html: str) -> list[str]:
    """What a browser would fetch."""
    return re.findall(
        r"(?:src|href)=\"(?!#)[^\"]*|url\([^)]*\)|@import[^;]*|<(?:link|script|iframe|object)\b[^>]*", html
    )


def test_the_page_fetches_nothing(text: str) -> None:
    assert requests(text) == []
    assert requests('<img src="https://example.org/x.png">')
    assert requests("<style>@import 'x.css';</style>")


def unmarked(html: str) -> list[str]:
    """Figures and rows of figures without a badge of evidence."""
    figures_ = re.findall(r"<figure>.*?</figure>", html, re.S)
    tables = re.findall(r"<table(?! class=\"facts\").*?</table>", html, re.S)
    rows = [row for table in tables for row in re.findall(r"<tr>.*?</tr>", table.split("<tbody>")[1], re.S)]
    return [one for one in [*figures_, *rows] if 'class="badge ' not in one]


def test_every_figure_says_what_its_evidence_is(text: str) -> None:
    assert unmarked(text) == []
    assert unmarked(text.replace('class="badge measured"', ""))  # one without is found
    for kind in ("measured", "modelled", "compiled", "skipped"):
        assert f'class="badge {kind}"' in text


def test_all_parts_are_on_the_page(text: str) -> None:
    for name in ("machine", "workloads", "roofline", "break-even", "compiled", "skipped", "samples", "evidence"):
        assert f'<section id="{name}">' in text
    assert "jax is not installed" in text
    assert text.count("<svg viewBox") >= 2 + 1 + 8  # roofs of 1 and 2 threads, of GPUs; break-even of 2 workloads


def test_tables_have_captions_and_header_cells_that_say_what_they_head(text: str) -> None:
    tables = re.findall(r"<table.*?</table>", text, re.S)
    assert all("<caption>" in table for table in tables)
    assert all('scope="col"' in re.findall(r"<thead>.*?</thead>", table, re.S)[0] for table in tables)
    rows = [row for table in tables for row in re.findall(r"<tr>.*?</tr>", table.split("<tbody>")[1], re.S)]
    assert all(row.startswith('<tr><th scope="row"') for row in rows)


def test_pictures_are_well_formed_named_and_inside_their_frame(text: str) -> None:
    pictures = re.findall(r'<svg viewBox="0 0 \d+ \d+" role="img".*?</svg>', text, re.S)
    assert pictures
    for picture in pictures:
        root = ET.fromstring(picture)
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        assert root.attrib["aria-label"]
        assert "nan" not in picture.lower().replace("nanonet", "")
        for dot in root.iter("circle"):
            assert 0 <= float(dot.attrib["cx"]) <= width
            assert 0 <= float(dot.attrib["cy"]) <= height
        for line in root.iter("path"):
            places = [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", line.attrib["d"])]
            assert all(-1 <= x <= width + 1 and -1 <= y <= height + 1 for x, y in places)


def test_names_from_a_file_are_text_and_not_html() -> None:
    row = made.product(64, "<script>alert(1)</script>", 1e9, notes=["<b>x"])
    record = made.record()
    html = page(Record(record.machine, [*record.rows, row], record.more))
    assert "<script" not in html
    assert "<b>x" not in html
    assert "&lt;script&gt;" in html


def test_a_page_of_an_interrupted_run_says_so_and_needs_no_part_to_be_complete() -> None:
    html = page(made.record(interrupted=True))
    assert "stopped by Ctrl-C" in html
    some = Record(made.machine(), made.ceilings(1)[:1], {"interrupted": True})
    assert "<svg viewBox" not in page(some)  # one ceiling is no roofline
    assert page(Record(made.machine(), []))
    busy = made.machine(load={"minute": 4.0, "share": 2.0}, degraded=["degraded baseline: x"])
    assert "busy" in page(Record(busy, []))
    assert "degraded baseline: x" in page(Record(busy, []))


def test_a_gpu_measured_elsewhere_has_a_comparison_of_its_own() -> None:
    rows = [made.product(512, "numpy", 1e11), made.on_gpu(made.product(512, "cuda: naive", 1e12))]
    assert [group.title for group in groups(rows)] == ["matmul 512³, 1 thread", f"matmul 512³, cuda: {made.GPU}"]


def test_the_baseline_is_numpys_and_else_the_slowest() -> None:
    rows = [made.product(64, name, rate) for name, rate in (("NumPy row by row", 1e9), ("a", 5e8), ("numpy", 9e10))]
    group = groups(rows)[0]
    found = baseline(group)
    assert found is not None
    assert found.variant == "numpy"
    found = baseline(groups([made.product(64, "a", 1e9), made.product(64, "b", 5e8)])[0])
    assert found is not None
    assert found.variant == "b"


def test_each_reason_is_said_once() -> None:
    rows = [Row("matmul", made.square(n), "jax", "cpu", "skipped", reason="not installed") for n in (1, 2)]
    assert reasons(rows) == {"not installed": ["matmul jax"]}


def test_figures_in_words() -> None:
    assert words.seconds(1.2345e-3) == "1.23 ms"
    assert words.seconds(0.99999e-3) == "1.00 ms"
    assert words.seconds(None) == words.NOTHING
    assert words.rate(207e9, "FLOP/s") == "207 GFLOP/s"
    assert words.amount(32 * 2**10) == "32 KiB"
    assert words.digits(0.00123456) == "0.00123"
    assert words.size(made.square(512)) == "512³"
    assert words.size({"m": 2, "n": 3, "k": 4}) == "2 × 3 × 4"
    assert words.size({"n": 2**20, "dtype": "float32"}) == "1 M"
    assert words.size({"rows": 64, "columns": 2**21, "dtype": "float16"}) == "64 × 2 M, float16"
    assert words.interval(made.product(64, "x", 1e9)) == "± 0.5 %"
    assert words.interval(Row("w", {}, "v", "cpu", "skipped", reason="r")) == ""


def test_rates_are_operations_where_these_are_many_for_each_byte_and_bytes_else() -> None:
    found = words.work_rate(made.product(512, "x", 1e9))
    assert found is not None
    assert found[1] == "FLOP/s"
    few = words.work_rate(made.timed("gelu", {"n": 8}, "x", 1.0, flops=80.0, bytes=64.0))
    assert few is not None
    assert few[1] == "B/s"
    assert words.work_rate(made.timed("w", {}, "x", 1.0)) is None


def test_csv_has_a_line_for_each_row_and_no_formulas() -> None:
    record = made.record()
    evil = made.product(64, "=HYPERLINK(1)", 1e9)
    record = Record(record.machine, [*record.rows, evil], record.more)
    lines = list(csv.DictReader(io.StringIO(spreadsheet.text(record))))
    assert len(lines) == len(record.rows)
    assert all(line["evidence"] for line in lines)
    assert lines[-1]["variant"] == "'=HYPERLINK(1)"
    first = record.rows[0]
    assert float(lines[0]["flop_per_s"]) == pytest.approx((first.flops or 0) / (first.median or 1))


def printed(record: Record, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False, color_system=None)
    terminal.show(record, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_the_terminal_shows_evidence_on_each_line_of_figures_within_80_columns() -> None:
    lines = printed(made.record())
    assert max(map(len, lines)) <= 80
    figures_ = [line for line in lines if re.search(r"\d (?:[GMT]?(?:FLOP|B)/s|ms|µs)", line)]
    assert figures_
    assert all(re.search("measured|modelled|compiled", line) for line in figures_)
    text = "\n".join(lines)
    assert "jax is not installed" in text
    assert "interference (2)" in text
    assert "From which size may a GPU win?" in text


def test_a_degraded_baseline_is_said_first() -> None:
    record = Record(made.machine(degraded=["degraded baseline: OPENBLAS_CORETYPE=X"]), made.record().rows)
    assert any("degraded baseline" in line for line in printed(record)[:4])


def test_the_live_table_fits_80_columns_and_keeps_each_row_once() -> None:
    console = Console(width=80, height=24, file=io.StringIO(), force_terminal=True, color_system=None)
    screen = Screen(console)
    for row in made.record().rows * 2:
        screen(News(0.5, "process 1 of 3: " + "x" * 100, row))
    assert len(screen.rows) == len({row.key for row in made.record().rows})
    console.print(screen.picture())
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24


def test_without_a_terminal_nothing_is_drawn_while_it_measures() -> None:
    console = Console(file=io.StringIO())
    with Screen(console) as screen:
        screen(News(0.5, "x", made.product(64, "numpy", 1e9)))
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "expected JSON"),
        ("[]", "expected a file of nanonet bench"),
        ('{"version": 1, "machine": {}, "rows": []}', "expected version"),
        ('{"version": 2, "machine": {}, "rows": []}', "its machine has no blas"),
        ('{"version": 2, "machine": {}, "rows": [{"x": 1}]}', "unknown fields x"),
        ('{"version": 2, "machine": {}, "rows": [{}]}', "is not as nanonet bench writes it"),
        ('{"version": 2, "machine": {}, "rows": [3]}', "is not as nanonet bench writes it"),
        ('{"version": 2, "machine": 5, "rows": []}', "is not as nanonet bench writes it"),
        (b"\xff\xfe\x00", "no text"),
    ],
)
def test_a_file_that_is_something_else_gets_one_line_with_its_name(
    tmp_path: Path, content: str | bytes, expected: str
) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=expected) as caught:
        files.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_row_with_a_forged_time_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    made.record().save(path)
    path.write_text(
        path.read_text(encoding="utf-8").replace('"device": "cpu"', '"device": "cuda: H100"'), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="GPU time needs"):
        files.load(path)


def test_a_failed_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old", encoding="utf-8")

    def fail(record: Record) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(spreadsheet, "text", fail)
    with pytest.raises(OSError, match="disk full"):
        list(files.write(made.record(), None, path, None))
    assert path.read_text(encoding="utf-8") == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    record = made.record()
    list(files.write(record, tmp_path / "a.json", None, None))
    assert files.load(tmp_path / "a.json") == record


def test_verdicts_are_shown_worst_first_and_counted() -> None:
    found = [
        Verdict(("a",), "gelu", "same", "same", 1.0, 0.99, 1.01),
        Verdict(("b",), "matmul", "slower", "slower", 1.2, 1.1, 1.3),
        Verdict(("c",), "tile", "incomparable", "tile: only in A", broken=True),
    ]
    console = Console(width=80, file=io.StringIO(), color_system=None)
    verdicts.show(found, console)
    lines = [line for line in console.file.getvalue().splitlines() if line.strip()]  # type: ignore[attr-defined]
    assert [line.split()[0] for line in lines[1:4]] == ["slower", "same", "incomparable"]
    assert "1.200 [1.100, 1.300]" in lines[1]
    assert "tile: only in A" in lines[3]
    assert "wrong" in lines[3]
    assert lines[-1] == "1 slower, 1 same, 1 incomparable"


def test_distributions_show_every_variant_and_the_median_of_each_process() -> None:
    rows = [made.product(64, name, 1e9) for name in ("a", "b")]
    picture = ET.fromstring(figures.distribution(rows))
    assert sum("mark" in one.attrib["class"] for one in picture.iter("path")) == 2 * 3
    assert sum("hump" in one.attrib["class"] for one in picture.iter("path")) == 2
    assert comparison.distributions(groups(rows)).count("<details>") == 1


def test_the_parts_of_a_step_stand_beside_the_whole() -> None:
    seconds = {("numpy", "forward"): 1e-3, ("numpy", ""): 4e-3, ("fused", "forward"): 5e-4, ("fused", ""): 1e-3}
    rows = [made.timed("gelu", {"n": 8}, variant, s, phase=phase) for (variant, phase), s in seconds.items()]
    html = comparison.comparison(groups(rows)[0])
    speeds = [float(one) for one in re.findall(r"([\d.]+)×</td>", html)]
    assert speeds == [1.0, pytest.approx(4, rel=0.05)]
    lines = printed(Record(made.machine(), rows))
    assert any("together" in line and "× numpy" in line for line in lines)


def test_axes_have_ticks_even_where_no_power_of_ten_is_within() -> None:
    assert svg.horizontal(1.5, 8).ticks() == [2, 5]
    assert len(svg.horizontal(1e-3, 1e12).ticks()) <= 8
    assert svg.number(-0.0) == svg.number(0.01) == "0"
    assert svg.short(1.5e6) == "1.5M"
