"""`nanonet bench compare`: slower is called slower, noise is not, and what cannot be compared is said so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nanonet_benchmarks.compare import Verdict, compare, exit_code
from nanonet_benchmarks.record import Record, Row, seal

HERE = {"id": "0a1b2c3d"}
NAMES = ("gelu", "relu", "softmax", "layer_norm", "adam", "matmul")


def measured(name: str, rng: np.random.Generator, times: float = 1.0, processes: int = 5, spread: float = 0.004) -> Row:
    centre = 1e-3 * times * np.exp(spread * rng.standard_normal(processes))
    samples = [list(c * np.exp(0.002 * rng.standard_t(3, 20))) for c in centre]
    median = float(np.median(samples))
    return Row(name, {"n": 1024}, "numba", "cpu", "measured", samples=samples, median=median, cache="hot", threads=1)


def record(rng: np.random.Generator, machine: dict[str, Any] = HERE, processes: int = 5, **slower: float) -> Record:
    rows = [measured(name, rng, slower.get(name, 1.0), processes) for name in NAMES]
    return Record(machine, rows)


def outcomes(verdicts: list[Verdict]) -> dict[str, str]:
    return {v.key[0]: v.outcome for v in verdicts}


@pytest.mark.parametrize("processes", [3, 5])
def test_a_row_that_became_slower_is_found_and_the_exit_code_says_so(processes: int) -> None:
    rng = np.random.default_rng(0)
    verdicts = compare(record(rng, processes=processes), record(rng, processes=processes, gelu=1.1, adam=0.8))
    found = outcomes(verdicts)
    assert found.pop("gelu") == "slower"
    assert found.pop("adam") == "faster"
    assert set(found.values()) <= {"same", "ambiguous"}
    assert exit_code(verdicts) == 1
    gelu = verdicts[0]
    assert gelu.ratio == pytest.approx(1.1, rel=0.02)
    assert gelu.low is not None
    assert gelu.high is not None
    assert gelu.low < gelu.ratio < gelu.high
    assert gelu.sentence.startswith("gelu n=1024: numba, 1 thread, hot: slower: ")


def test_a_record_compared_with_itself_is_the_same_everywhere() -> None:
    one = record(np.random.default_rng(1))
    verdicts = compare(one, one)
    assert set(outcomes(verdicts).values()) == {"same"}
    assert exit_code(verdicts) == 0


def test_two_runs_of_the_same_code_give_no_alarm() -> None:
    rng = np.random.default_rng(2)
    assert sum(exit_code(compare(record(rng), record(rng))) for _ in range(30)) <= 2


def test_a_difference_that_does_not_count_is_not_called_slower() -> None:
    rng = np.random.default_rng(3)
    verdicts = compare(record(rng), record(rng, gelu=1.01))
    assert outcomes(verdicts)["gelu"] in ("same", "ambiguous")


def test_noise_that_is_larger_than_the_difference_is_ambiguous() -> None:
    rng = np.random.default_rng(4)
    a, b = (Record(HERE, [measured("gelu", rng, t, 3, spread=0.1)]) for t in (1.0, 1.06))
    (verdict,) = compare(a, b)
    assert verdict.outcome == "ambiguous"
    assert "cannot tell from noise" in verdict.sentence


def test_a_comparison_that_ignores_processes_would_raise_the_alarm() -> None:
    """The planted fault: with all samples taken as independent, a process that lies badly looks like slower code."""
    rng = np.random.default_rng(5)
    alarms = {True: 0, False: 0}
    for _ in range(40):
        a, b = (measured("gelu", rng, 1.0, 3, spread=0.04) for _ in range(2))
        for merged in alarms:
            rows = [replace(r, samples=[[x] for p in r.samples for x in p]) if merged else r for r in (a, b)]
            alarms[merged] += exit_code(compare(*(Record(HERE, [row]) for row in rows)))
    assert alarms[False] <= 5  # 2 are expected
    assert alarms[True] >= 10


def test_one_process_each_is_ambiguous_and_asks_for_more() -> None:
    rng = np.random.default_rng(6)
    (verdict,) = compare(*(Record(HERE, [measured("gelu", rng, t, 1)]) for t in (1.0, 2.0)))
    assert verdict.outcome == "ambiguous"
    assert "measure with more" in verdict.sentence


def test_another_machine_another_size_and_a_missing_row_are_incomparable() -> None:
    rng = np.random.default_rng(7)
    row = measured("gelu", rng)
    a = Record(HERE, [row])
    (elsewhere,) = compare(a, Record({"id": "ffffffff"}, [row]))
    assert elsewhere.outcome == "incomparable"
    assert "0a1b2c3d and ffffffff" in elsewhere.sentence
    resized = compare(a, Record(HERE, [replace(row, size={"n": 2048})]))
    assert [v.outcome for v in resized] == ["incomparable", "incomparable"]
    assert ["only in A" in v.sentence or "only in B" in v.sentence for v in resized] == [True, True]
    skipped = Row("gelu", {"n": 1024}, "numba", "cpu", "skipped", "no numba", cache="hot", threads=1)
    (missing,) = compare(a, Record(HERE, [skipped]))
    assert missing.outcome == "incomparable"
    assert "no numba" in missing.sentence
    assert exit_code([elsewhere, *resized, missing]) == 0


def test_machines_without_an_id_are_told_apart_by_what_they_have() -> None:
    row = measured("gelu", np.random.default_rng(8))
    (verdict,) = compare(Record({"cpu": "one", "cores": 2}, [row]), Record({"cpu": "other", "cores": 2}, [row]))
    assert verdict.outcome == "incomparable"
    assert "one and other" in verdict.sentence


def test_a_result_that_became_wrong_fails_the_comparison() -> None:
    row = measured("gelu", np.random.default_rng(9))
    wrong = Row("gelu", {"n": 1024}, "numba", "cpu", "skipped", "refused: y is wrong", cache="hot", threads=1)
    verdicts = compare(Record(HERE, [row]), Record(HERE, [wrong]))
    assert verdicts[0].broken
    assert exit_code(verdicts) == 1


def compiled(**facts: Any) -> Record:
    usual = {"registers": 32, "spills": 0, "occupancy": 1.0, "instructions": {"FFMA": 64}, "inner_loop": {"FFMA": 40}}
    return Record({}, [Row("machine code", {}, "gelu", "sm_90", "compiled", compiled=usual | facts)])


@pytest.mark.parametrize(
    ("facts", "outcome", "words"),
    [
        ({}, "same", "same machine code"),
        ({"spills": 8}, "slower", "spills 0 → 8"),
        ({"occupancy": 0.5}, "slower", "occupancy 1 → 0.50"),
        ({"inner_loop": {"FFMA": 44}}, "slower", "inner loop 40 → 44"),
        ({"inner_loop": {"FFMA": 30}}, "faster", "inner loop 40 → 30"),
        ({"registers": 40}, "same", "same machine code"),
        ({"spills": 8, "inner_loop": {"FFMA": 30}}, "ambiguous", "worse in"),
        ({"error": "ptxas failed"}, "slower", "no longer compiles: ptxas failed"),
    ],
)
def test_machine_code_that_became_worse_is_caught_without_a_gpu(facts: Any, outcome: str, words: str) -> None:
    verdicts = compare(compiled(), compiled(**facts))
    assert verdicts[0].outcome == outcome
    assert words in verdicts[0].sentence
    assert exit_code(verdicts) == int(outcome == "slower")


def test_registers_count_where_the_occupancy_is_not_known() -> None:
    a, b = (compiled(occupancy=None, registers=n) for n in (32, 40))
    assert compare(a, b)[0].outcome == "slower"


def test_machine_code_is_compared_across_machines() -> None:
    a, b = compiled(), replace(compiled(spills=4), machine={"id": "elsewhere"})
    assert compare(a, b)[0].outcome == "slower"


def test_a_record_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    one = record(np.random.default_rng(10))
    one.save(tmp_path / "a.json")
    again = Record.load(tmp_path / "a.json")
    assert again == one
    again.save(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"rows": []}', '{"version": 1, "machine": {}, "rows": []}'])
def test_a_file_that_is_no_record_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.json: expected") as error:
        Record.load(path)
    assert "\n" not in str(error.value)


GPU = {"device": "NVIDIA H100", "uuid": "GPU-1b2c", "driver": "580.65"}


def gpu_row(**changes: Any) -> Row:
    samples = [[1e-3, 1.1e-3, 1.2e-3]]
    usual: dict[str, Any] = {"samples": samples, "median": 1.1e-3, "gpu": GPU | {"seal": seal(samples, GPU)}}
    return Row("gelu", {"n": 8}, "cuda", "cuda: NVIDIA H100", "measured", **(usual | changes))


def test_a_gpu_time_with_the_seal_of_the_timer_is_accepted() -> None:
    assert Row.from_json(gpu_row().as_json()) == gpu_row()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gpu": None}, "was it measured on a GPU"),
        ({"gpu": GPU}, "needs seal from the GPU timer"),
        ({"gpu": GPU | {"seal": "0" * 64}}, "not those that the GPU timer measured"),
        ({"samples": [[1e-4]], "median": 1e-4}, "not those that the GPU timer measured"),
        ({"gpu": GPU | {"seal": seal([[1e-3, 1.1e-3, 1.2e-3]], GPU), "uuid": "GPU-ffff"}}, "not those"),
        ({"gpu": GPU | {"device": "NVIDIA A100", "seal": "0"}}, "the driver said NVIDIA A100"),
        ({"median": 1e-5}, "not among its samples"),
    ],
)
def test_a_forged_gpu_time_is_refused(changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gpu_row(**changes)


def test_a_time_on_an_architecture_is_refused_for_want_of_a_device() -> None:
    with pytest.raises(ValueError, match="device that it was measured on, got sm_90"):
        Row("gelu", {}, "cuda", "sm_90", "measured", samples=[[1.0]])
