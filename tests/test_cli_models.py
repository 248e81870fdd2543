"""nanonet train NETWORK, models and generate: what a person sees, also when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanonet import recipes
from nanonet.cli import main

COMMAND = [sys.executable, "-c", "import sys; from nanonet.cli import main; sys.exit(main())"]
QUICK = ["--set", "hidden=8", "--epochs", "1"]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_network_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "mlp", *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "610 weights, 41 steps of 32 samples" in shown
    assert "On held-out data" in shown
    assert main(["predict", "runs/mlp", "rows.csv"]) == 1
    assert "nanonet generate runs/mlp TEXT… uses it" in capsys.readouterr().err
    about = json.loads(Path("runs/mlp/model.json").read_text())
    assert about["recipe"] == "mlp"
    assert about["settings"]["hidden"] == [8]


def test_the_networks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in recipes.names())
    assert main(["models", "mlp"]) == 0
    assert "share of the hidden units left out" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "mlp", "--set", "hiden=3"], "mlp: there is no setting 'hiden'; did you mean 'hidden'?"),
        (["train", "mlp", "--set", "lr"], "--set: expected KEY=VALUE such as lr=0.001, got 'lr'"),
        (["train", "mlp", "--lr", "-1"], "mlp: expected lr as a number above 0, got -1.0"),
        (["train", "mlp", "--target", "x"], "--target: only for tables"),
        (["train", "mlp", "--backend", "tpu"], "--backend: expected"),
        (["train", "mlp", "--config", "none.json"], "none.json: No such file"),
        (["train", "mlp", "--resume"], "there is no run.json"),
        (["train", "digits", "--set", "lr=1"], "--set and --config: only for networks"),
        (["models", "mpl"], "there is no recipe 'mpl'"),
        (["generate", "nowhere"], "nowhere: there is no model.json"),
        (["generate", "nowhere", "--top-p", "0"], "generate: expected top_p as above 0 and at most 1"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) in (1, 2)
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_a_killed_run_goes_on_to_the_same_weights() -> None:
    arguments = ["train", "mlp", "--set", "hidden=8", "--epochs", "40"]
    process = subprocess.Popen([*COMMAND, *arguments, "--out", "killed"], stdout=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not Path("killed/last.safetensors").exists() and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = json.loads(Path("killed/run.json").read_text())
    assert done["recipe"] == "mlp"
    assert main([*arguments, "--out", "killed", "--resume"]) == 0
    assert main([*arguments, "--out", "whole"]) == 0
    assert Path("killed/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()
    assert os.path.getsize("killed/history.csv") > 0


def test_ctrl_c_keeps_what_was_trained() -> None:
    arguments = ["train", "mlp", "--set", "hidden=8", "--epochs", "4000", "--out", "stopped"]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not Path("stopped/last.safetensors").exists() and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "stopped by Ctrl-C after step" in out
    assert "--resume" in out
    assert json.loads(Path("stopped/model.json").read_text())["interrupted"]
