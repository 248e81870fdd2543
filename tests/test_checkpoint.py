"""Checkpoints: complete or absent, and a resumed run goes on bit for bit."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import nanonet as nt
from nanonet import nn, optim, random
from nanonet.data import DataLoader
from nanonet.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau, StepLR
from nanonet.training import (
    Callback,
    Checkpoint,
    CheckpointError,
    EarlyStopping,
    Schedule,
    Trainer,
    checkpoint,
    load_checkpoint,
    save_checkpoint,
)

rng = np.random.default_rng(0)
X = rng.standard_normal((90, 6)).astype(np.float32)
Y = (X @ rng.standard_normal((6, 3))).argmax(1)


def network():
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def trainer(optimizer="adam", seed=0):
    nt.manual_seed(seed)
    return Trainer(network(), optimizer, lr=0.01)


def same(a, b):
    """Weights and optimizer memory, bit for bit."""
    for name, value in a.model.state_dict().items():
        np.testing.assert_array_equal(value.array, b.model.state_dict()[name].array, err_msg=name)
    one, two = a.optimizer.state_dict(), b.optimizer.state_dict()
    assert one["param_groups"] == two["param_groups"]
    for i, memory in one["state"].items():
        for name, value in memory.items():
            np.testing.assert_array_equal(value, two["state"][i][name], err_msg=f"{i} {name}")


SCHEDULES = {
    "none": lambda: [],
    "step": lambda: [Schedule(lambda o: StepLR(o, 2, 0.5))],
    "cosine-per-batch": lambda: [Schedule(lambda o: CosineAnnealingLR(o, 25), every="batch")],
    "one-cycle-per-batch": lambda: [Schedule(lambda o: OneCycleLR(o, 0.05, 6 * 6), every="batch")],
    "plateau": lambda: [Schedule(lambda o: ReduceLROnPlateau(o, patience=0, threshold=0.3))],
    "early-stopping": lambda: [EarlyStopping(patience=2, min_delta=0.3, restore_best_weights=True)],
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_three_epochs_and_three_more_equal_six(tmp_path, optimizer, schedule):
    arguments = {"batch_size": 16, "validation_split": 0.1, "verbose": 0}
    straight = trainer(optimizer)
    wanted = straight.fit(X, Y, epochs=6, callbacks=SCHEDULES[schedule](), **arguments)
    first = trainer(optimizer)
    first.fit(X, Y, epochs=3, callbacks=[Checkpoint(tmp_path), *SCHEDULES[schedule]()], **arguments)
    resumed = trainer(optimizer, seed=99)
    random.rand(7)  # the generator stands elsewhere; the checkpoint knows where it stood
    again = [*SCHEDULES[schedule](), Checkpoint(tmp_path)]
    found = resumed.fit(X, Y, epochs=6, callbacks=again, resume_from=tmp_path, **arguments)
    assert found == wanted
    assert found.stopped == wanted.stopped
    same(straight, resumed)


def test_a_run_that_forgets_the_generator_is_noticed(tmp_path, monkeypatch):
    """The comparison above must fail where a part of the state is lost: here the dropout masks'."""
    straight = trainer()
    wanted = straight.fit(X, Y, epochs=4, verbose=0)
    first = trainer()
    first.fit(X, Y, epochs=2, callbacks=[Checkpoint(tmp_path)], verbose=0)
    monkeypatch.setattr(random, "set_state", lambda state: None)
    resumed = trainer(seed=99)
    found = resumed.fit(X, Y, epochs=4, callbacks=[Checkpoint(tmp_path)], resume_from=tmp_path, verbose=0)
    assert found != wanted


class Die(Callback):
    """End the run in the middle of an epoch, as a crash would."""

    def __init__(self, batch):
        self.left = batch

    def on_batch_end(self, trainer):
        self.left -= 1
        if not self.left:
            raise OSError("power cut")


@pytest.mark.parametrize("batch", [1, 5, 6, 7, 15])
def test_resume_in_the_middle_of_an_epoch(tmp_path, batch):
    arguments = {"batch_size": 16, "verbose": 0, "validation_data": (X[:10], Y[:10])}
    straight = trainer()
    wanted = straight.fit(X, Y, epochs=3, **arguments)
    with pytest.raises(OSError, match="power cut"):
        trainer().fit(X, Y, epochs=3, callbacks=[Checkpoint(tmp_path, batches=1), Die(batch + 1)], **arguments)
    resumed = trainer(seed=5)
    found = resumed.fit(
        X,
        Y,
        epochs=3,
        callbacks=[Checkpoint(tmp_path), Die(-1)],
        resume_from=tmp_path / "last.safetensors",
        **arguments,
    )
    assert found.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12)
    same(straight, resumed)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from test_checkpoint import X, Y, trainer, Checkpoint
print("begin", flush=True)
trainer().fit(X, Y, epochs=400, batch_size=16, verbose=0, callbacks=[Checkpoint({folder!r}, batches=1)])
"""


def test_killed_at_any_moment_the_last_complete_checkpoint_resumes(tmp_path):
    for attempt, delay in enumerate((0.05, 0.13)):
        folder = tmp_path / str(attempt)
        program = PROGRAM.format(tests=os.path.dirname(__file__), folder=str(folder))
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline().strip() == b"begin"
            last = folder / "last.safetensors"
            deadline = time.monotonic() + 60
            while not last.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        state = checkpoint.load_state(last)
        epochs = state["epoch"] + 1
        resumed = trainer(seed=3)
        found = resumed.fit(
            X, Y, epochs=epochs, batch_size=16, verbose=0, callbacks=[Checkpoint(folder)], resume_from=folder
        )
        straight = trainer()
        wanted = straight.fit(X, Y, epochs=epochs, batch_size=16, verbose=0)
        np.testing.assert_allclose(found["loss"], wanted["loss"], rtol=1e-12)
        same(straight, resumed)


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_killed_while_saving_the_old_checkpoint_stays(tmp_path, step):
    """The process ends, without any clean-up, at each step of the writing of the second checkpoint."""
    program = f"""
import os, builtins
from pathlib import Path
from nanonet.training import checkpoint
path = Path({str(tmp_path)!r}) / "c.safetensors"
checkpoint.save_state(path, {{"a": 1}})
class File:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *error): return self.file.__exit__(*error)
    def write(self, data):
        if {step!r} == "write":
            self.file.write(data[: len(data) // 2]); self.file.flush(); os._exit(9)
        return self.file.write(data)
    def flush(self): self.file.flush()
    def fileno(self): return self.file.fileno()
checkpoint.open = lambda *a: File(builtins.open(*a))
if {step!r} in ("fsync", "replace"): setattr(os, {step!r}, lambda *a: os._exit(9))
checkpoint.save_state(path, {{"a": 2}})
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 9
    assert checkpoint.load_state(tmp_path / "c.safetensors") == {"a": 1}
    checkpoint.save_state(tmp_path / "c.safetensors", {"a": 3})
    assert checkpoint.load_state(tmp_path / "c.safetensors") == {"a": 3}
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"], (
        "the next save takes the half-written file's place"
    )


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_gets_one_line_and_loses_nothing(tmp_path, monkeypatch, call):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, network(), epoch=1)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, call, full)
        with pytest.raises(CheckpointError, match="No space left on device") as caught:
            save_checkpoint(path, network(), epoch=2)
    assert "\n" not in str(caught.value)
    assert load_checkpoint(path, network())["epoch"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_full_disk_while_training_keeps_weights_and_history(tmp_path, monkeypatch):
    one = trainer()
    calls = []

    def fill(path, data, write=checkpoint.write_atomically):
        calls.append(path)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, data)

    monkeypatch.setattr(checkpoint, "write_atomically", fill)
    with pytest.raises(CheckpointError, match="No space left"):
        one.fit(X, Y, epochs=5, callbacks=[Checkpoint(tmp_path)], verbose=0)
    assert one.history.epochs == 3
    assert load_checkpoint(tmp_path / "last.safetensors", network())["epoch"] == 2


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot write"):
        save_checkpoint(tmp_path / "file" / "c.safetensors", network())


def spoil(path, how):
    data = path.read_bytes()
    if how == "truncated":
        path.write_bytes(data[: len(data) - 100])
    elif how == "half a header":
        path.write_bytes(data[:40])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("epoch,loss\n1,0.5\n")
    elif how == "one bit":
        path.write_bytes(data[:-10] + bytes([data[-10] ^ 1]) + data[-9:])
    elif how == "foreign":
        save_file({"w": np.zeros(3)}, path)
    elif how == "version":
        save_file({"w": np.zeros(3)}, path, {"format": checkpoint.FORMAT, "version": "99", "state": "{}", "crc32": "0"})
    elif how == "no state":
        save_file({}, path, {"format": checkpoint.FORMAT, "version": checkpoint.VERSION, "crc32": "0"})
    elif how == "missing":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "truncated"),
        ("half a header", "truncated"),
        ("empty", "truncated"),
        ("text", "no safetensors file"),
        ("one bit", "checksum"),
        ("foreign", "no checkpoint of nanonet"),
        ("version", "version 99"),
        ("no state", "damaged"),
        ("missing", "no file"),
        ("folder", "cannot read"),
    ],
)
def test_bad_files_get_one_line_and_change_nothing(tmp_path, how, message):
    path = tmp_path / "c.safetensors"
    saved = trainer()
    saved.fit(X, Y, verbose=0, callbacks=[Checkpoint(tmp_path)])
    os.replace(tmp_path / "last.safetensors", path)
    spoil(path, how)
    one, twin = trainer(), trainer()
    state = random.get_state()
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(path, one.model, one.optimizer)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    same(one, twin)
    assert random.get_state() == state


def test_every_changed_bit_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "c.safetensors"
    state = {"weights": np.arange(4.0), "place": {"epoch": 3, "generator": 12345678901234567890}, "name": "adam"}
    checkpoint.save_state(path, state)
    data = path.read_bytes()
    noticed = 0
    for bit in range(0, 8 * len(data), 3):
        spoilt = bytearray(data)
        spoilt[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoilt)
        try:
            assert repr(checkpoint.load_state(path)) == repr(state), bit
        except CheckpointError:
            noticed += 1
    assert noticed > 0.9 * 8 * len(data) / 3


def test_a_checkpoint_of_another_optimizer_with_the_same_options_is_refused(tmp_path):
    saved = trainer("adam")
    saved.fit(X, Y, verbose=0)
    saved.save(tmp_path / "c.safetensors")
    with pytest.raises(CheckpointError, match="a run with Adam, this one has AdamW"):
        trainer("adamw").fit(X, Y, epochs=2, verbose=0, resume_from=tmp_path / "c.safetensors")


def test_arrays_whose_paths_read_alike_stay_apart(tmp_path):
    path = checkpoint.save_state(tmp_path / "c", {"a": {"b.c": np.zeros(2)}, "a.b": {"c": np.ones(2)}})
    state = checkpoint.load_state(path)
    assert state["a"]["b.c"].tolist() == [0, 0]
    assert state["a.b"]["c"].tolist() == [1, 1]


def test_parts_that_do_not_fit_change_nothing(tmp_path):
    path = tmp_path / "c.safetensors"
    saved = trainer()
    saved.fit(X, Y, verbose=0)
    saved.save(path)
    other = nn.Sequential(nn.Linear(6, 4))
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_checkpoint(path, other)
    one, twin = trainer(), trainer()
    with pytest.raises(CheckpointError, match="does not fit the optimizer"):
        load_checkpoint(path, one.model, optim.Adam(nn.Linear(6, 3).parameters()))
    same(one, twin)
    with pytest.raises(CheckpointError, match="scheduler: it was not saved"):
        load_checkpoint(path, one.model, one.optimizer, StepLR(one.optimizer, 2))
    StepLR(twin.optimizer, 2)  # which notes the first rate in the groups
    same(one, twin)
    with pytest.raises(CheckpointError, match="another optimizer"):
        load_checkpoint(path, one.model, optim.SGD(one.model.parameters()))
    with pytest.raises(CheckpointError, match="batch_size"):
        one.fit(X, Y, batch_size=8, verbose=0, resume_from=path)
    same(one, twin)


def test_resuming_without_a_callback_of_the_run_is_refused(tmp_path):
    first = trainer()
    first.fit(X, Y, verbose=0, callbacks=[Checkpoint(tmp_path), Schedule(lambda o: StepLR(o, 2))])
    with pytest.raises(CheckpointError, match="had the callbacks Schedule"):
        trainer().fit(X, Y, epochs=2, verbose=0, callbacks=[Checkpoint(tmp_path)], resume_from=tmp_path)
    with pytest.raises(CheckpointError, match="not saved by a Trainer"):
        save_checkpoint(tmp_path / "other.safetensors", network(), optim.SGD(network().parameters()))
        trainer().fit(X, Y, verbose=0, resume_from=tmp_path / "other.safetensors")


def test_own_loop_saves_and_loads_every_part(tmp_path):
    def build():
        nt.manual_seed(1)
        model = network()
        optimizer = optim.RMSprop(model.parameters(), momentum=0.5, centered=True)
        return model, optimizer, StepLR(optimizer, 1, 0.5), DataLoader((X, Y), 16, shuffle=True, seed=4)

    def run(model, optimizer, scheduler, loader, epochs):
        for _ in range(epochs):
            for x, y in loader:
                optimizer.zero_grad()
                nt.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
            scheduler.step()

    straight = build()
    run(*straight, 4)
    first = build()
    run(*first, 2)
    note = {"classes": ["a", "b"], "mean": np.arange(3.0), "best": float("inf")}
    save_checkpoint(tmp_path / "c", *first, epoch=2, batch=0, history={"loss": [1.0, 0.5]}, note=note)
    second = build()
    random.rand(3)
    found = load_checkpoint(tmp_path / "c", *second)
    assert (found["epoch"], found["batch"], found["history"]) == (2, 0, {"loss": [1.0, 0.5]})
    assert found["note"]["classes"] == ["a", "b"]
    assert found["note"]["best"] == float("inf")
    np.testing.assert_array_equal(found["note"]["mean"], np.arange(3.0))
    run(*second, 2)
    for a, b in zip(straight[0].parameters(), second[0].parameters(), strict=True):
        np.testing.assert_array_equal(a.array, b.array)
    assert straight[2].get_last_lr() == second[2].get_last_lr()


def test_the_file_is_plain_safetensors_with_json(tmp_path):
    saved = trainer()
    saved.fit(X, Y, verbose=0, callbacks=[Checkpoint(tmp_path)])
    tensors = load_file(tmp_path / "last.safetensors")
    np.testing.assert_array_equal(tensors["model.0.weight"], saved.model[0].weight.array)
    data = (tmp_path / "last.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert json.loads(header["__metadata__"]["state"])["epoch"] == 1


@pytest.mark.parametrize(
    "value",
    [
        np.float32(2.5),
        np.zeros((0, 3)),
        np.array(3, np.int64),
        np.ones((3, 2)).T,
        np.array([True, False]),
        np.arange(3, dtype=">f8"),
    ],
)
def test_arrays_come_back_as_they_were(tmp_path, value):
    checkpoint.save_state(tmp_path / "c", {"deep": [{"value": value}]})
    found = checkpoint.load_state(tmp_path / "c")["deep"][0]["value"]
    np.testing.assert_array_equal(found, value)
    assert np.shape(found) == value.shape


def test_what_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not JSON serializable"):
        checkpoint.save_state(tmp_path / "c", {"f": print})
    with pytest.raises(CheckpointError, match="stands for an array"):
        checkpoint.save_state(tmp_path / "c", {"$array": 1})
    assert not (tmp_path / "c").exists()
