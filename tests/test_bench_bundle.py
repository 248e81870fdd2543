"""The bundle: one file that runs without nanonet, and results that are held to plan, schema and what a GPU can do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest

from nanonet_benchmarks.bundle import archive, merge, needed, plan, selftest, there
from nanonet_benchmarks.machine import gpu
from nanonet_benchmarks.record import Record, Row
from nanonet_benchmarks.report import files
from nanonet_benchmarks.report.page import page
from nanonet_benchmarks.workloads import Variant, find, names
from tests import bench_records as made

KERNEL = "code/ptx/sm_80/cuda.rectifier.relu.ptx"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with two workloads, whose GPU variants are only named here."""
    path = tmp_path_factory.mktemp("bundle") / "bench.pyz"
    variants = [Variant("cuda: naive", "cuda", lambda inputs: pytest.fail("no GPU here"), device="cuda")]
    work = [find("matmul", m=64, n=64, k=64), find("softmax", rows=8, columns=16)]
    work = [replace(one, variants=variants) for one in work]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "gpu_workloads", lambda: work)
        patch.setattr(archive, "machine_code", lambda told: ({KERNEL: b"// PTX"}, ""))
        archive.write(path)
        again = path.with_name("again.pyz")
        archive.write(again)
    assert again.read_bytes() == path.read_bytes()  # the same sources, the same bytes
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which Python finds NumPy and its own library: no nanonet, no Numba, no CuPy."""
    folder = tmp_path_factory.mktemp("bare")
    site = Path(numpy.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        if (site / name).exists():
            (folder / name).symlink_to(site / name)
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {
        "PYTHONPATH": str(folder)
    }


def run(path: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python without site-packages runs the file; only what `environment` names is found."""
    command = [sys.executable, "-S", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=path.parent, check=False)


def test_without_a_gpu_it_says_so_in_one_line(bundle: Path, bare: dict[str, str]) -> None:
    done = run(bundle, bare)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"nanonet bench bundle: no GPU here: {gpu.NO_CUPY}\n"


def test_its_correctness_checks_run_without_nanonet_numba_and_gpu(bundle: Path, bare: dict[str, str]) -> None:
    done = run(bundle, bare, "--self-test")
    assert (done.returncode, done.stderr) == (0, "")
    right = "the oracle accepts a right result and refuses a wrong one"
    assert done.stdout.splitlines() == [f"matmul: {right}", f"softmax: {right}"]


def test_without_numpy_it_says_what_to_install(bundle: Path, bare: dict[str, str]) -> None:
    done = run(bundle, bare | {"PYTHONPATH": ""})
    assert done.returncode == 2
    assert "NumPy is not installed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_damaged_bundle_does_not_run(bundle: Path, bare: dict[str, str], tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as source:
        contents = {name: source.read(name) for name in source.namelist()}
    contents["code/nanonet_benchmarks/record.py"] += b"# changed\n"
    path = tmp_path / "bench.pyz"
    path.write_bytes(archive.archive(contents))
    done = run(path, bare, "--self-test")
    assert done.returncode == 3
    assert "damaged: code/nanonet_benchmarks/record.py" in done.stderr


def test_kernels_are_imported_without_numba_but_not_compiled(
    bundle: Path, bare: dict[str, str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(bundle) as source:
        source.extractall(tmp_path)
    program = (
        "import nanonet_kernels, numba\n"
        "assert 'stand_in' in numba.__file__\n"
        "from nanonet_kernels.cuda.kernel import CATALOGUE\n"
        "import nanonet_kernels.cuda.rectifier, nanonet_benchmarks.bundle.work\n"
        "kernel = CATALOGUE['cuda.rectifier.relu']\n"
        "print(kernel.signature, kernel.ptx((9, 0)))\n"  # the newest PTX that is not newer than the device
        "try:\n    kernel.ptx((7, 5))\nexcept Exception as error:\n    print(type(error).__name__)\n"
    )
    environment = bare | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "code"), bare["PYTHONPATH"]])}
    command = [sys.executable, "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first == "['f4*', 'f4*', 'i8', 'f4', 'f4', 'f4'] // PTX"
    assert second.endswith("Error")  # nothing older is in the bundle, and there is no compiler


def test_every_workload_is_built_from_the_bundle_alone(bundle: Path, bare: dict[str, str], tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as source:
        source.extractall(tmp_path)
    program = (
        "import sys, nanonet, nanonet_kernels\n"
        "import nanonet_benchmarks.bundle.work\n"
        "from nanonet_benchmarks import sizes, workloads\n"
        "for name in workloads.names():\n"
        "    found = sizes.workloads([name], (), full=False)[0]\n"
        "    print(found.name, [v.name for v in found.variants if v.device == 'cuda'])\n"
        "outside = [m for m in sys.modules if m.startswith('nanonet') and sys.argv[1] not in sys.modules[m].__file__]\n"
        "assert not outside, outside\n"
    )
    environment = bare | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "code"), bare["PYTHONPATH"]])}
    command = [sys.executable, "-S", "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == len(names())


def test_kernels_are_in_it_as_ptx_for_old_and_new_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled for real, two of them; that all that is needed is there is held in tests/simulator."""
    pytest.importorskip("cuda.core", reason="the compiler for CUDA is not installed")
    names = ["cuda.rectifier.relu", "ladders.cuda_matmul.numba.naive"]
    every = needed.needed()
    assert not any(name.endswith("_f8") for name in every)
    monkeypatch.setattr(needed, "needed", lambda: {name: every[name] for name in names})
    found, reason = archive.machine_code(lambda text: None)
    assert reason == ""
    assert sorted(found) == [f"code/ptx/{one}/{name}.ptx" for one in sorted(archive.ARCHITECTURES) for name in names]
    for place, text in found.items():
        assert f".target {place.split('/')[2]}".encode() in text
        assert f".entry {place.split('/')[3].removesuffix('.ptx').replace('.', '_')}(".encode() in text


def test_the_self_test_finds_a_bound_that_lets_everything_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    right = find("matmul", m=8, n=8, k=8)
    monkeypatch.setattr(selftest, "find", lambda name, **size: right)
    assert selftest.check("matmul", right.size) == ""
    loose = replace(right, bound=lambda inputs, expected: {"c": 1e9})
    monkeypatch.setattr(selftest, "find", lambda name, **size: loose)
    assert selftest.check("matmul", right.size) == "one wrong element of c is accepted"
    strict = replace(right, bound=lambda inputs, expected: {"c": 0.0})
    monkeypatch.setattr(selftest, "find", lambda name, **size: strict)
    assert "is refused" in selftest.check("matmul", right.size)


def test_with_nothing_for_a_gpu_there_is_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "gpu_workloads", lambda: [])
    with pytest.raises(ValueError, match="nothing to bundle"):
        archive.write(tmp_path / "x.pyz")
    assert list(tmp_path.iterdir()) == []


def test_capabilities_are_read_from_names() -> None:
    assert [there.capability(name) for name in ("sm_75", "sm_90", "sm_120")] == [(7, 5), (9, 0), (12, 0)]


# What comes back.

WORK = [
    {
        "workload": "matmul",
        "size": made.square(512),
        "flops": 2.0 * 512**3,
        "bytes": 12.0 * 512**2,
        "variants": ["a", "b"],
    }
]
PLAN = {"version": plan.VERSION, "commit": "abc", "work": WORK, "files": {}}
GPU_MACHINE = {"reason": "", "driver": "580.1", "devices": [{"name": made.GPU, "memory": 80 * 2**30}]}


def results(*rows: Row, of: dict[str, Any] | None = None, digest: str | None = None) -> Record:
    sent = PLAN if of is None else of
    bundle = {"digest": plan.digest(sent) if digest is None else digest, "plan": sent}
    return Record(made.machine(gpu=GPU_MACHINE, id="feedbeef"), list(rows), {"bundle": bundle, "made": "2026-02-03"})


def good(variant: str = "a", rate: float = 2e13, **changed: Any) -> Row:
    return made.on_gpu(made.product(512, variant, rate), **changed)


def test_results_of_a_bundle_are_merged_and_shown_as_measured_there() -> None:
    skipped = Row("matmul", made.square(512), "b", "cuda", "skipped", reason="too little memory")
    before = made.record()
    record = merge.merge(before, results(good(), skipped), PLAN)
    assert record.rows == [*before.rows, good(), skipped]
    again = merge.merge(record, results(good(rate=3e13)))
    assert len(again.rows) == len(record.rows)  # the newer row took the place of the older one
    assert [one["machine"]["id"] for one in again.more["merged"]] == ["feedbeef"]
    html = page(again)
    assert f"matmul 512³, cuda: {made.GPU}" in html
    assert merge.summary([good(), skipped]) == f"1 rows measured on {made.GPU}, 1 skipped"


def edited_samples() -> Row:
    data = good().as_json()
    data["samples"][0][0] /= 10
    return Row.from_json(data)


def cpu_time_as_gpu() -> Row:
    return replace(made.product(512, "a", 9e10), device=f"cuda: {made.GPU}")


def compiled_row() -> Row:
    return Row("matmul", made.square(512), "a", "sm_90", "compiled", compiled={"registers": 1})


REFUSED: dict[str, tuple[Callable[[], Record], str]] = {
    "a CPU's time called a GPU's": (lambda: results(cpu_time_as_gpu()), "GPU time needs"),
    "edited samples": (lambda: results(edited_samples()), "not those that the GPU timer measured"),
    "another median than the samples'": (lambda: results(good(median=min(good().samples[0]))), "says a median"),
    "faster than the GPU can compute": (lambda: results(good(rate=2e15)), "TFLOP/s is more than the H100 SXM can do"),
    "a GPU that the machine does not have": (
        lambda: results(made.on_gpu(made.product(512, "a", 2e13), name="NVIDIA L4")), "that machine has"),
    "a wrong result": (lambda: results(good(error=1.0, bound=1e-6)), "without a right result"),
    "an unchecked result": (lambda: results(good(error=None, bound=None)), "without a right result"),
    "fewer bytes than the plan": (lambda: results(good(bytes=1.0)), "other operations or bytes"),
    "a variant that was not asked for": (lambda: results(good("c")), "not in the bundle's plan"),
    "a size that was not asked for": (
        lambda: results(made.on_gpu(made.product(64, "a", 2e11))), "not in the bundle's plan"),
    "compiled, not measured": (lambda: results(compiled_row()), "got compiled"),
    "another plan under the same digest": (
        lambda: results(good(), of=PLAN | {"commit": "x"}, digest=plan.digest(PLAN)), "changed after it was written"),
    "results of another bundle": (lambda: results(good(), of=PLAN | {"commit": "x"}), "another bundle"),
    "a plan of another version": (lambda: results(good(), of=PLAN | {"version": 0}), "another version"),
    "no plan at all": (lambda: replace(results(good()), more={}), "without its plan"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_true_is_refused_in_one_line(name: str) -> None:
    forge, expected = REFUSED[name]
    with pytest.raises(ValueError, match=expected) as caught:
        merge.merge(made.record(), forge(), PLAN)
    assert "\n" not in str(caught.value)


def test_bytes_that_no_memory_moves_are_refused() -> None:
    row = made.timed("gelu", {"n": 2**20}, "a", 1e-8, bytes=2.0**23)
    work = [{"workload": "gelu", "size": {"n": 2**20}, "flops": None, "bytes": 2.0**23, "variants": ["a"]}]
    sent = PLAN | {"work": work}
    with pytest.raises(ValueError, match="more than the H100 SXM can move"):
        merge.merge(made.record(), results(made.on_gpu(row), of=sent))


def test_a_refused_file_leaves_the_record_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.main import get_command

    from nanonet import cli_bench

    monkeypatch.chdir(tmp_path)
    made.record().save("nanonet-bench.json")
    before = Path("nanonet-bench.json").read_bytes()
    results(good(error=1.0)).save("gpu.json")
    command = get_command(cli_bench.app)
    with pytest.raises(ValueError, match="without a right result"):
        command.main(["merge", "gpu.json"], standalone_mode=False)
    assert Path("nanonet-bench.json").read_bytes() == before
    results(good()).save("gpu.json")
    command.main(["merge", "gpu.json"], standalone_mode=False)
    assert good() in files.load("nanonet-bench.json").rows


def test_the_plan_is_read_from_a_bundle_and_its_digest_is_that_of_any_writing(bundle: Path, tmp_path: Path) -> None:
    found = merge.plan_of(bundle)
    assert plan.digest(found) == plan.digest(json.loads(json.dumps(found, indent=4)))
    assert plan.digest(found) != plan.digest(found | {"commit": "else"})
    other = tmp_path / "x.pyz"
    other.write_text("no zip", encoding="utf-8")
    with pytest.raises(ValueError, match="expected a file of nanonet bench bundle"):
        merge.plan_of(other)
