"""`nanonet bench` as it is called: files, exit status, one line for each mistake, Ctrl-C that keeps what there is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from nanonet import cli_bench
from nanonet_benchmarks import session, sizes, timer
from nanonet_benchmarks.machine import fingerprint, gpu, roofline
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report.files import load
from nanonet_benchmarks.workloads import names
from tests import bench_records as made


def bench(*arguments: str) -> int:
    """Run the command; its exit status. Errors come through, as the command `nanonet` receives them."""
    status = get_command(cli_bench.app).main(list(arguments), prog_name="nanonet bench", standalone_mode=False)
    return status if isinstance(status, int) else 0


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """In an empty folder, with ceilings and a timer that answer at once; the list holds what the timer was asked."""
    asked: list[Any] = []

    def run(workloads: Sequence[Any], plan: timer.Plan, progress: Callable[[timer.Progress], None]) -> list[Row]:
        asked.append((workloads, plan))
        rows = [made.timed(one.name, one.size, "numpy", 1e-3, flops=one.flops, bytes=one.bytes) for one in workloads]
        for row in rows:
            progress(timer.Progress(0.5, "measuring", row))
        return rows

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(timer, "run", run)
    monkeypatch.setattr(roofline, "measure", lambda effort: iter(made.ceilings(1)))
    monkeypatch.setitem(sys.modules, "nanonet_kernels.inspection.survey", None)
    return asked


def test_without_arguments_it_shows_everything_and_says_where_it_is_written(
    quick: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench() == 0
    out = capsys.readouterr().out
    for words in ("Ceilings", "matmul 512³", "From which size may a GPU win?", "nanonet-bench.json: written"):
        assert words in out
    record = load("nanonet-bench.json")
    assert {row.evidence for row in record.rows} == {"measured", "skipped"}
    assert {row.workload for row in record.rows} >= set(names())
    assert record.more["break_even"]
    assert Path("nanonet-bench.html").exists()


def test_it_measures_within_the_time_and_on_the_threads_that_were_asked_for(quick: list[Any]) -> None:
    assert bench("matmul", "--size", "2x3x4", "--threads", "1", "--time", "7", "--json", "a.json") == 0
    [(workloads, plan)] = quick
    assert [one.size for one in workloads] == [{"m": 2, "n": 3, "k": 4}]
    assert plan.threads == (1,)
    assert 0 < plan.seconds <= 7
    record = load("a.json")
    assert {row.workload for row in record.rows} == {"kernels", "matmul"}  # no ceilings, since a workload was named
    assert sorted(path.name for path in Path().iterdir()) == ["a.html", "a.json"]


def test_csv_and_html_go_where_they_are_asked_to(quick: list[Any]) -> None:
    assert bench("matmul", "--size", "8", "--csv", "t.csv", "--html", "p.html") == 0
    assert sorted(path.name for path in Path().iterdir()) == ["nanonet-bench.json", "p.html", "t.csv"]


def test_full_asks_for_more(quick: list[Any]) -> None:
    bench("--quick")
    bench("--full")
    (few, short), (many, long) = quick
    assert len(many) > len(few)
    assert long.seconds > short.seconds
    assert long.caches == ("hot", "cold")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nonsense"], "no workload 'nonsense'; there are"),
        (["matmul", "--size", "big"], "expected numbers above 0"),
        (["matmul", "--size", "0"], "expected numbers above 0"),
        (["matmul", "--size", "2x3"], "expected mxnxk, got 2x3"),
        (["--device", "tpu"], "expected cpu, cuda or all"),
        (["--threads", "0"], "expected 1 or more"),
        (["--time", "-1"], "above 0"),
        (["--json", "nowhere/a.json"], "folder does not exist"),
        (["--html", "."], "is a folder"),
    ],
)
def test_a_wrong_call_is_one_line_and_measures_nothing(quick: list[Any], arguments: list[str], expected: str) -> None:
    with pytest.raises(cli_bench.WrongCallError, match=expected) as caught:
        bench(*arguments)
    assert "\n" not in str(caught.value)
    assert quick == []


def test_without_a_gpu_device_cuda_is_one_line(quick: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for reason in (gpu.NO_CUPY, gpu.NO_DRIVER, gpu.NO_DEVICE):
        monkeypatch.setattr(gpu, "missing", lambda reason=reason: reason)
        with pytest.raises(cli_bench.WrongCallError, match=r"--device cuda: ") as caught:
            bench("--device", "cuda")
        assert str(caught.value) == f"--device cuda: {reason}"
    assert quick == []


def test_without_a_gpu_the_cpu_is_measured_and_one_line_says_why(
    quick: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "missing", lambda: gpu.NO_DRIVER)
    assert bench("matmul", "--size", "8") == 0
    assert " ".join(capsys.readouterr().out.split()).count(gpu.NO_DRIVER) == 1
    assert {v.device for one in quick[0][0] for v in one.variants} == {"cpu"}
    monkeypatch.setattr(gpu, "missing", lambda: "")
    monkeypatch.setattr(fingerprint, "describe_gpu", lambda: made.machine()["gpu"])
    assert bench("matmul", "--size", "8") == 0
    assert {v.device for one in quick[1][0] for v in one.variants} == {"cpu", "cuda"}


def test_what_does_not_fit_into_memory_is_skipped_with_one_line(
    quick: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(session, "free_memory", lambda: 2**20)
    assert bench("matmul", "--size", "512") == 0
    assert "too little memory" in capsys.readouterr().out
    reasons = [row.reason for row in load("nanonet-bench.json").rows if row.evidence == "skipped"]
    assert any("too little memory" in reason for reason in reasons)
    assert quick[0][0] == []


def test_ctrl_c_keeps_what_was_measured(
    quick: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = made.product(512, "numpy", 9e10)

    def run(workloads: Any, plan: Any, progress: Callable[[timer.Progress], None]) -> list[Row]:
        progress(timer.Progress(0.1, "measuring", row))
        raise KeyboardInterrupt

    monkeypatch.setattr(timer, "run", run)
    assert bench() == cli_bench.INTERRUPTED
    record = load("nanonet-bench.json")
    assert row in record.rows
    assert record.more["interrupted"]
    assert "nanonet-bench.json: written" in capsys.readouterr().out
    assert "stopped by Ctrl-C" in Path("nanonet-bench.html").read_text(encoding="utf-8")


INTERRUPTIBLE = """
import sys, time
sys.path.insert(0, {tests!r})
from tests import bench_records as made
from nanonet_benchmarks import timer
from nanonet_benchmarks.machine import roofline
roofline.measure = lambda effort: iter(made.ceilings(1))

def run(workloads, plan, progress):
    row = made.product(512, "numpy", 9e10)
    progress(timer.Progress(0.1, "measuring", row))
    print("measuring", flush=True)
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass  # as the timer: it returns what there is
    return [row]

timer.run = run
from typer.main import get_command
from nanonet import cli_bench
sys.exit(get_command(cli_bench.app).main([], standalone_mode=False))
"""


def test_a_real_ctrl_c_ends_it_with_130_and_the_file(tmp_path: Path) -> None:
    """The timer handles the signal and returns; the rest must not go on as if nothing had happened."""
    program = INTERRUPTIBLE.format(tests=str(Path(__file__).parents[1]))
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "measuring\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
    assert process.returncode == cli_bench.INTERRUPTED
    assert "the files hold what had been measured" in out
    record = load(tmp_path / "nanonet-bench.json")
    assert record.more["interrupted"]
    assert not any(row.evidence == "compiled" or row.workload == "machine code" for row in record.rows)


def test_a_small_product_is_really_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stands in for anything here: processes are started, results checked, samples taken."""
    monkeypatch.chdir(tmp_path)
    assert bench("matmul", "--size", "32", "--threads", "1", "--time", "2") == 0
    rows = load("nanonet-bench.json").rows
    ours = [row for row in rows if row.variant.startswith("numpy")]
    assert [row.evidence for row in ours] == ["measured"]
    assert ours[0].error is not None
    assert ours[0].bound is not None
    assert ours[0].error <= ours[0].bound


def test_a_report_is_the_same_page_again(quick: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    bench("matmul", "--size", "8")
    first = Path("nanonet-bench.html").read_bytes()
    assert bench("report", "nanonet-bench.json", "--html", "again.html", "--csv", "t.csv") == 0
    assert Path("again.html").read_bytes() == first
    capsys.readouterr()
    assert bench("report", "nanonet-bench.json") == 0
    assert "matmul 8³" in capsys.readouterr().out


def test_files_that_are_missing_or_spoilt_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bench("report", str(tmp_path / "nothing.json"))
    spoilt = tmp_path / "spoilt.json"
    spoilt.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="expected JSON"):
        bench("report", str(spoilt))
    with pytest.raises(ValueError, match="expected JSON"):
        bench("compare", str(spoilt), str(spoilt))


def test_compare_ends_with_1_where_something_is_slower(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here by its machine code, which needs no time: more registers, and spills."""

    def code(name: str, **facts: Any) -> str:
        found = {"registers": 64, "spills": 0, "shared": 0, "occupancy": 0.5, "instructions": {"FFMA": 64}} | facts
        row = Row("machine code", {}, "tile", "sm_90", "compiled", compiled=found)
        Record(made.machine(), [row]).save(tmp_path / name)
        return str(tmp_path / name)

    before, after = code("a.json"), code("b.json", spills=128, registers=255)
    assert bench("compare", before, before) == 0
    assert bench("compare", before, after) == 1
    assert "slower" in capsys.readouterr().out


def test_the_list_names_every_workload_and_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert bench("list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in names())
    assert "mxnxk" in out


def test_sizes_are_read_as_people_write_them() -> None:
    assert sizes.parse("512") == (512,)
    assert sizes.parse("512x256x128") == sizes.parse("512,256,128") == sizes.parse("512×256×128") == (512, 256, 128)
    assert sizes.parse("1M") == (2**20,)
    assert sizes.parse("4k") == (4096,)


def test_help_loads_nothing_heavy() -> None:
    program = "import sys, nanonet.cli_bench; print(sorted(m for m in sys.modules if m in ('numba', 'torch', 'cupy')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"


def test_a_record_is_plain_json(quick: list[Any]) -> None:
    bench("matmul", "--size", "8")
    data = json.loads(Path("nanonet-bench.json").read_text(encoding="utf-8"))
    assert set(data) == {"version", "machine", "more", "rows"}
    assert data["rows"][-1]["samples"]
