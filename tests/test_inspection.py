"""A kernel is compiled for GPUs that are not here, and what is said of it is what NVIDIA's own tools say."""

import json
import re
import subprocess
from dataclasses import dataclass

import pytest

from nanonet_benchmarks.record import Row
from nanonet_kernels.cuda.kernel import CATALOGUE, Kernel
from nanonet_kernels.inspection import ARCHITECTURES, CompilationError, MissingToolError, architecture, inspect
from nanonet_kernels.inspection.__main__ import main
from nanonet_kernels.inspection.compile import Compiled, catalogue, compiled, machine_code
from nanonet_kernels.inspection.elf import sections
from nanonet_kernels.inspection.frontend import shared_analysis
from nanonet_kernels.inspection.report import Inspection, inspect_all
from nanonet_kernels.inspection.resources import resources
from nanonet_kernels.inspection.survey import batches, survey
from nanonet_kernels.inspection.tools import module, tool
from tests.inspected import Hoarder, misspelt, tiled

COMPILERS = "the compilers are not installed: pip install 'nanonet[inspect]'"
pytest.importorskip("numba_cuda", reason=COMPILERS)
pytest.importorskip("cuda.core", reason=COMPILERS)

EVERY = pytest.mark.parametrize("capability", ARCHITECTURES, ids=lambda c: "sm_{}{}".format(*c))


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """Nothing that was compiled before, in this process or in another, is taken from there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled.cache_clear()


@pytest.fixture
def planted():
    """Kernels of this file, which are in the catalogue during one test."""
    before = dict(CATALOGUE)
    yield {
        "tiled": Kernel(tiled, "f4* f4* f4* i8 i8", block=(16, 16), shared=512, name="planted.tiled"),
        "misspelt": Kernel(misspelt, "f4* f4* i8", name="planted.misspelt"),
    }
    CATALOGUE.clear()
    CATALOGUE.update(before)


@EVERY
def test_a_kernel_compiles_for_every_architecture_and_its_inner_loop_is_found(planted, capability):
    found = inspect(planted["tiled"], capability)
    assert found.problem == ""
    assert 24 <= found.registers <= 64
    assert (found.spills, found.stack) == (0, 0)
    assert found.shared == 2 * 16 * 16 * 4 + 512  # two tiles, and the dynamic part that it was made with
    assert found.inner_loop["FFMA"] == 16
    assert found.inner_loop["LDS.32"] == 32
    assert (found.inner_loop["LDG.32"], found.inner_loop["STS.32"], found.inner_loop["barrier"]) == (2, 2, 2)
    assert "unknown" not in found.instructions
    assert 0.2 < found.share("FFMA") < 0.3
    assert found.occupancy > 0.5


@EVERY
def test_registers_stack_and_shared_memory_are_those_that_cuobjdump_shows(planted, capability, tmp_path):
    kernel, gpu = planted["tiled"], architecture(capability)
    path = tmp_path / "kernel.cubin"
    path.write_bytes(machine_code(kernel, capability))
    shown = subprocess.run([tool("cuobjdump"), "-res-usage", path], capture_output=True, text=True, check=True).stdout
    numbers = re.search(rf"Function {kernel.entry}:\s+REG:(\d+) STACK:(\d+) SHARED:(\d+) .*CONSTANT\[0\]:(\d+)", shown)
    assert numbers is not None, shown
    registers, stack, shared, constant = map(int, numbers.groups())
    if capability >= (9, 0):
        shared -= gpu.shared_reserved  # cuobjdump counts the driver's part there
    found = resources(compiled(kernel, capability), kernel.entry, gpu)
    assert (found.registers, found.stack, found.shared, found.constant) == (registers, stack, shared, constant)
    assert found.barriers == 1


def test_a_log_that_tells_other_numbers_than_the_cubin_is_noticed(planted):
    kernel = planted["tiled"]
    made = compiled(kernel, (9, 0))
    forged = Compiled(made.cubin, re.sub(r"Used \d+ registers", "Used 99 registers", made.log))
    with pytest.raises(RuntimeError, match=r"the assembler 99 and 0"):
        resources(forged, kernel.entry, architecture(90))
    with pytest.raises(RuntimeError, match="the cubin has no such kernel"):
        resources(made, "another", architecture(90))


def test_spills_are_counted_and_are_a_problem_unless_declared():
    found = inspect(Hoarder(400), 90)
    assert found.spills >= 2 * 4 * (400 - 255)
    assert found.stack > 0
    assert found.instructions["STL.32"] + found.instructions.get("STL.128", 0) > 0
    assert re.fullmatch(r"planted.hoarder for sm_90: spills \d+ bytes, declared are 0", found.problem)
    assert inspect(Hoarder(400, spills=found.spills), 90).problem == ""
    assert inspect(Hoarder(100), 90).spills == 0


def test_a_kernel_that_cannot_be_launched_is_a_problem():
    found = inspect(Hoarder(200, block=(1024,)), 90)
    assert found.problem == "planted.hoarder for sm_90: cannot be launched, too little registers for one block"


def test_what_does_not_compile_is_said_in_one_line(planted):
    with pytest.raises(CompilationError, match=r"^planted.misspelt for sm_90: does not compile to PTX: .*no_such_func"):
        inspect(planted["misspelt"], 90)
    with pytest.raises(CompilationError, match=r"^planted.hoarder for sm_90: its PTX is refused: "):
        inspect(Broken(1), 90)


class Broken(Hoarder):
    def ptx(self, capability):
        return super().ptx(capability).replace("bar.sync 0;", "no.such.instruction;")


def test_an_architecture_that_lacks_the_instructions_is_skipped_with_the_reason():
    (found,) = inspect_all([Hoarder(10, needs=(8, 0))], architecture("75"))
    assert (found.skipped, found.problem, found.registers) == ("needs sm_80 or higher", "", 0)


def test_one_analysis_for_all_architectures_gives_the_same_machine_code(planted):
    kernel = planted["tiled"]
    alone = {c: machine_code(kernel, c) for c in [(7, 5), (9, 0), (12, 0)]}
    compiled.cache_clear()
    with shared_analysis():
        shared = {c: machine_code(kernel, c) for c in alone}
    for c, cubin in alone.items():  # names differ, in which Numba writes a count of what it compiled so far
        text = f".text.{kernel.entry}"
        assert sections(cubin)[text].data == sections(shared[c])[text].data


@dataclass(frozen=True)
class InC(Hoarder):
    """As a kernel in CUDA C, which shows its source before it is compiled."""

    text: str = "the source"
    options: tuple[str, ...] = ()

    def ptx(self, capability):
        asked.append(self.text)
        return super().ptx(capability)


asked: list[str] = []


def test_what_was_compiled_once_is_read_from_the_disk_until_the_source_or_an_option_changes(tmp_path):
    asked.clear()
    first = compiled(InC(8), (9, 0))
    compiled.cache_clear()
    assert compiled(InC(8), (9, 0)) == first
    assert asked == ["the source"]
    compiled(InC(8, text="another"), (9, 0))
    compiled(InC(8, options=("-DTILE=8",)), (9, 0))
    compiled(InC(8), (8, 0))
    assert asked == ["the source", "another", "the source", "the source"]
    assert len(list((tmp_path / "cache/nanonet/inspection").iterdir())) == 4


def test_a_cache_that_cannot_be_written_or_read_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert inspect(InC(8), 90).problem == ""


def test_a_row_of_the_benchmark_takes_an_inspection(planted):
    found = inspect(planted["tiled"], 90)
    row = Row("matmul", {"m": 64}, "planted", "sm_90", "compiled", compiled=found.as_json())
    assert Row.from_json(json.loads(json.dumps(row.as_json()))) == row
    assert {"registers", "spills", "shared", "occupancy", "limit", "instructions", "inner_loop"} <= set(found.as_json())


def test_missing_packages_are_named_with_the_remedy():
    with pytest.raises(
        MissingToolError, match=r"no_such_package cannot be imported .*pip install 'nanonet\[inspect\]'"
    ):
        module("no_such_package")
    with pytest.raises(MissingToolError, match=r"no_such_tool is not installed; pip install 'nanonet\[inspect\]'"):
        tool("no_such_tool")


def test_a_process_that_simulates_cuda_says_that_it_cannot_compile(planted, monkeypatch):
    from numba import config

    monkeypatch.setattr(config, "ENABLE_CUDASIM", 1)
    with pytest.raises(MissingToolError, match=r"simulates CUDA in this process; unset NUMBA_ENABLE_CUDASIM"):
        inspect(planted["tiled"], 90)


def test_the_catalogue_holds_every_kernel_of_the_package_and_imports_no_cupy():
    names = catalogue()
    assert all(isinstance(name, str) and kernel.name == name for name, kernel in names.items())
    assert any(name.startswith("cuda.") for name in names)


def test_batches_hold_every_name_once():
    names = [str(i) for i in range(37)]
    assert [n for piece in batches(names, 16) for n in piece] == names
    assert [len(piece) for piece in batches(names, 16)] == [16, 16, 5]


def test_the_command_prints_a_table_of_80_columns_and_writes_json(planted, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["planted.tiled", "--arch", "90", "--arch", "sm_75", "--json", str(tmp_path / "all.json")]) == 0
    printed = capsys.readouterr().out
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert re.search(r"tiled\s+90\s+\d+\s+0\s+2560\s+\d+%\s+\w+\s+2\d%\s+0%\s+32\n\s+75 ", printed)
    saved = [Inspection(**{**i, "limit": tuple(i["limit"])}) for i in json.loads((tmp_path / "all.json").read_text())]
    assert [i.architecture for i in saved] == ["sm_90", "sm_75"]
    assert saved[0] == inspect(planted["tiled"], 90)


def test_the_command_fails_on_undeclared_spills_and_on_what_does_not_compile(planted, capsys):
    CATALOGUE["planted.hoarder"] = Hoarder(400)  # pyright: ignore[reportArgumentType]
    assert main(["planted.hoarder", "planted.mis*", "--arch", "90", "--processes", "1"]) == 1
    problems = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split(":")[0] for line in problems] == ["planted.misspelt for sm_90", "planted.hoarder for sm_90"]


def test_the_command_refuses_unknown_kernels_and_architectures_in_one_line(planted, capsys):
    assert main(["no.such.kernel"]) == 2
    assert main(["planted.tiled", "--arch", "61"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("no kernel is named 'no.such.kernel'; there are ")
    assert second == "architecture: expected one of 75, 80, 86, 89, 90, 100, 120, got '61'"


def test_a_survey_in_several_processes_finds_what_one_process_finds():
    names = [name for name in catalogue() if name.startswith("cuda.")][:2]
    counted = []
    found = survey(names, [(9, 0)], processes=2, progress=counted.append)
    assert found == survey(names, [(9, 0)], processes=1)
    assert sum(counted) == len(found) == len(names)
