"""Trainer, callbacks, metrics, history: what fit promises."""

import io
import math
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from sklearn import metrics as sk

import nanonet as nt
from nanonet import functional as F
from nanonet import nn, optim
from nanonet.data import ArrayDataset, DataLoader
from nanonet.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from nanonet.training import (
    Callback,
    CSVLog,
    DivergedError,
    EarlyStopping,
    History,
    Schedule,
    TensorBoardLog,
    Trainer,
    metrics,
    progress,
)

rng = np.random.default_rng(0)
X = rng.standard_normal((120, 4))
LABELS = (X @ rng.standard_normal((4, 3))).argmax(1)
BINARY = (X.sum(1) > 0).astype(np.int64)


def network(*tail, outputs=3):
    nt.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, outputs), *tail)


def fit(model, *data, epochs=25, **options):
    compiled = {
        k: options.pop(k) for k in ("optimizer", "loss", "metrics", "lr", "penalty", "clip_norm") if k in options
    }
    trainer = Trainer(model, **({"lr": 0.02} | compiled))
    return trainer, trainer.fit(*data, epochs=epochs, verbose=0, seed=1, **options)


@pytest.mark.parametrize(
    ("tail", "loss", "targets", "outputs"),
    [
        ((), "cross_entropy", LABELS, 3),
        ((), "cross_entropy", LABELS[:, None], 3),
        ((nn.Softmax(-1),), "categorical_crossentropy", np.eye(3)[LABELS], 3),
        ((nn.Softmax(-1),), "sparse_categorical_crossentropy", LABELS, 3),
        ((nn.LogSoftmax(-1),), "cross_entropy", np.eye(3, dtype=int)[LABELS], 3),
        ((), nn.CrossEntropyLoss(), LABELS, 3),
        ((), lambda y, t: F.cross_entropy(y, t), LABELS, 3),
        ((nn.Sigmoid(),), "binary_crossentropy", BINARY, 1),
        ((nn.Sigmoid(),), "bce", BINARY[:, None].astype(np.float32), 1),
        ((), "binary_cross_entropy", BINARY, 1),
        ((), "bce_with_logits", BINARY, 1),
    ],
)
def test_classifiers_learn_with_every_way_to_name_a_loss(tail, loss, targets, outputs):
    trainer, history = fit(network(*tail, outputs=outputs), X, targets, loss=loss, metrics=["accuracy"])
    assert history["accuracy"][-1] > 0.9
    assert history["loss"][-1] < 0.4 < history["loss"][0]
    assert trainer.evaluate(X, targets)["accuracy"] > 0.9


def test_softmax_with_cross_entropy_has_the_gradient_of_logits():
    """A named loss must not take the softmax of a softmax."""
    one, two = network(), network(nn.Softmax(-1))
    _, a = fit(one, X, LABELS, epochs=3)
    _, b = fit(two, X, LABELS, epochs=3)
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-4)


def test_regression_of_d2_finds_slope_and_intercept():
    x = np.linspace(0, 1, 100)[:, None]
    y = 2 * x + 1 + np.random.default_rng(3).uniform(0, 1, x.shape)
    nt.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 1)).compile("sgd", "mean_squared_error", lr=0.2)
    history = model.fit(x, y, epochs=100, verbose=0)
    assert list(history) == ["loss"]
    assert abs(history["loss"][-1] - 1 / 12) < 0.03
    assert abs(model[0].weight.item() - 2) < 0.3
    assert model.predict(x).shape == (100, 1)


def test_the_figures_are_those_of_the_whole_epoch():
    """With a learning rate of 0 the batches' figures add up to those of all samples, also with a smaller last batch."""
    model = network()
    names = ["accuracy", "precision", "recall", "f1", "roc_auc"]
    trainer, history = fit(model, X, LABELS, epochs=1, batch_size=50, lr=0.0, metrics=names)
    output = model(nt.Tensor(X.astype(np.float32)))
    scores, predicted = F.softmax(output, -1).detach().array, output.array.argmax(1)
    wanted = {
        "loss": F.cross_entropy(output, nt.Tensor(LABELS)).item(),
        "accuracy": sk.accuracy_score(LABELS, predicted),
        "precision": sk.precision_score(LABELS, predicted, average="macro", zero_division=0),
        "recall": sk.recall_score(LABELS, predicted, average="macro", zero_division=0),
        "f1": sk.f1_score(LABELS, predicted, average="macro", zero_division=0),
        "roc_auc": sk.roc_auc_score(LABELS, scores, multi_class="ovr"),
    }
    for found in ({k: v[0] for k, v in history.items()}, trainer.evaluate(X, LABELS, batch_size=7)):
        assert found == pytest.approx(wanted, rel=1e-5)


def test_metrics_of_labels_probabilities_and_logits():
    p = np.array([0.1, 0.6, 0.4, 0.9])
    true = np.array([0, 1, 1, 1])
    assert metrics.accuracy(true, p) == metrics.accuracy(true, p[:, None]) == 0.75
    assert metrics.accuracy(true, np.log(p / (1 - p)), kind="logits") == 0.75
    assert metrics.accuracy([0, 1, 2], [0, 1, 1]) == pytest.approx(2 / 3)
    assert metrics.precision(true, p) == 1.0
    assert metrics.recall(true, p) == pytest.approx(2 / 3)
    assert metrics.f1(true, p) == pytest.approx(0.8)
    assert metrics.roc_auc(true, p) == 1.0
    assert math.isnan(metrics.roc_auc([1, 1], [0.2, 0.3]))
    assert metrics.confusion_matrix(true, p).tolist() == [[1, 0], [1, 2]]
    assert metrics.rmse([1.0, 2.0], nt.Tensor([[1.0], [4.0]])) == pytest.approx(math.sqrt(2))
    assert metrics.mae([1.0, 2.0], [1.0, 4.0]) == 1.0
    false_positive, true_positive, thresholds = metrics.roc_curve(true, p)
    assert len(false_positive) == len(true_positive) == len(thresholds)
    with pytest.raises(ValueError, match="roc_curve"):
        metrics.roc_curve([0, 1, 2], np.eye(3))
    with pytest.raises(ValueError, match="2 labels, y_pred has 3"):
        metrics.accuracy([0, 1], [0, 1, 1])


def test_own_metric_sees_all_targets_and_outputs():
    def largest(y_true, y_pred):
        assert y_true.shape == (120,)
        assert y_pred.shape == (120, 3)
        return float(y_pred.max())

    _, history = fit(network(), X, LABELS, epochs=1, metrics=[largest, "acc"])
    assert list(history) == ["loss", "largest", "accuracy"]


def test_validation_split_is_the_last_part_before_shuffling():
    model = network()
    trainer, history = fit(model, X, LABELS, epochs=2, validation_split=0.25)
    assert history["val_loss"][-1] == pytest.approx(trainer.evaluate(X[90:], LABELS[90:])["loss"], rel=1e-6)
    other = network()
    _, same = fit(other, X[:90], LABELS[:90], epochs=2, validation_data=(X[90:], LABELS[90:]))
    assert same == history


def test_loader_data_set_and_arrays_give_the_same():
    histories = []
    for data in (
        (X, LABELS),
        (nt.Tensor(X), nt.Tensor(LABELS)),
        (X.tolist(), LABELS.tolist()),
        (ArrayDataset(X, LABELS),),
        (DataLoader((X, LABELS), 32, shuffle=True, seed=1),),
    ):
        _, history = fit(network(), *data, epochs=2)
        histories.append(history)
    assert all(history == histories[0] for history in histories)


def test_several_inputs_and_outputs():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(2, 3)

        def forward(self, x, z):
            return self.a(x) + self.b(z)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(4, 3)

        def forward(self, x):
            return self.a(x), x

    model = Pair()
    trainer, history = fit(model, (X, X[:, :2]), LABELS, epochs=3, validation_split=0.5)
    assert history.epochs == 3
    assert trainer.predict((X, X[:, :2])).shape == (120, 3)
    scores, inputs = Trainer(Both(), loss=lambda y, t: F.cross_entropy(y[0], t)).predict(X, batch_size=50)
    assert scores.shape == (120, 3)
    np.testing.assert_array_equal(inputs, X.astype(np.float32))


def test_same_seed_same_figures():
    runs = []
    for seed in (1, 1, 2):
        model = network(nn.Dropout(0.2))
        nt.manual_seed(seed)
        runs.append(Trainer(model).fit(X, LABELS, epochs=2, verbose=0))
    assert runs[0] == runs[1] != runs[2]


def test_modes_come_back_and_evaluation_changes_nothing():
    model = network(nn.Dropout(0.5), nn.BatchNorm1d(3))
    model[3].eval()
    trainer, _ = fit(model, X, LABELS, epochs=1)
    assert model.training
    assert not model[3].training
    before = {k: v.array.copy() for k, v in model.state_dict().items()}
    first = trainer.evaluate(X, LABELS)
    assert trainer.evaluate(X, LABELS) == first
    trainer.predict(X)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.array, before[name])
    assert all(p.grad is None or p.grad.array is not None for p in model.parameters())


def test_penalty_and_clipping_reach_the_step():
    model = network()
    seen = []

    class Watch(Callback):
        def on_batch_end(self, trainer):
            seen.append(math.sqrt(sum(float((p.grad.array**2).sum()) for p in trainer.model.parameters())))

    penalty = {"penalty": lambda m: optim.l2_penalty(m.parameters(), 10.0)}
    _, history = fit(model, X, LABELS, epochs=1, clip_norm=0.1, callbacks=[Watch()], **penalty)
    assert history["loss"][0] > 10
    assert max(seen) <= 0.1001


def test_optimizer_may_be_given():
    model = network()
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.5))
    assert trainer.optimizer.param_groups[0]["lr"] == 0.5
    assert Trainer(model, "Adam", lr=0.25).optimizer.param_groups[0]["lr"] == 0.25
    model[0].requires_grad_(False)
    assert len(Trainer(model, "sgd").optimizer.param_groups[0]["params"]) == 2


class Figures(Callback):
    """Puts its own numbers in the place of val_loss."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, trainer, figures):
        figures["val_loss"] = self.values[trainer.epoch - 1]


def test_early_stopping_waits_and_restores_the_best_weights():
    weights = {}

    class Keep(Callback):
        def on_epoch_end(self, trainer, figures):
            weights[trainer.epoch] = trainer.model[0].weight.array.copy()

    model = network()
    stopping = EarlyStopping(patience=2, min_delta=0.1, restore_best_weights=True)
    callbacks = [Figures([1.0, 0.5, 0.45, 0.6, 0.1]), Keep(), stopping]
    _, history = fit(model, X, LABELS, epochs=9, callbacks=callbacks)
    assert history.epochs == 4
    assert history.stopped == "val_loss has not improved since epoch 2"
    np.testing.assert_array_equal(model[0].weight.array, weights[2])


def test_monitoring_an_unknown_figure_names_those_there_are():
    with pytest.raises(ValueError, match=r"no figure 'val_loss' to monitor, only loss, accuracy"):
        fit(network(), X, LABELS, callbacks=[EarlyStopping()])
    with pytest.raises(ValueError, match=r"no figure 'val_loss'"):
        fit(network(), X, LABELS, callbacks=[Schedule(lambda o: ReduceLROnPlateau(o))])


def test_schedule_moves_the_rate_per_epoch_or_batch():
    trainer, _ = fit(network(), X, LABELS, epochs=3, callbacks=[Schedule(lambda o: StepLR(o, 1, 0.5))])
    assert trainer.optimizer.param_groups[0]["lr"] == 0.02 * 0.5**3
    trainer, _ = fit(network(), X, LABELS, epochs=2, callbacks=[Schedule(lambda o: StepLR(o, 1, 0.5), every="batch")])
    assert trainer.optimizer.param_groups[0]["lr"] == 0.02 * 0.5**8
    with pytest.raises(ValueError, match="another optimizer"):
        fit(network(), X, LABELS, callbacks=[Schedule(StepLR(trainer.optimizer, 1))])


def test_csv_log_and_tensorboard_log(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = [CSVLog(tmp_path / "log.csv"), TensorBoardLog(tmp_path / "events")]
    _, history = fit(network(), X, LABELS, epochs=3, validation_split=0.2, callbacks=logs)
    head, *rows = (tmp_path / "log.csv").read_text().split()
    assert head == "epoch,loss,accuracy,val_loss,val_accuracy"
    assert [float(row.split(",")[1]) for row in rows] == history["loss"]
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [1, 2, 3]
    assert [e.value for e in events.Scalars("validation/accuracy")] == pytest.approx(history["val_accuracy"])


def test_tensorboard_log_without_tensorboard_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(ImportError, match=r"pip install 'nanonet\[tensorboard\]'"):
        TensorBoardLog(tmp_path)


def test_history_plots_and_names_its_best(tmp_path):
    history = History()
    history.append({"loss": 1.0, "val_loss": 2.0})
    history.append({"loss": 0.5, "val_loss": 3.0, "accuracy": 0.5})
    assert history.history["loss"] == [1.0, 0.5]
    assert history.best() == (1, 2.0)
    assert history.best("accuracy") == (2, 0.5)
    history.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_nan_loss_stops_with_place_and_hint():
    trainer = Trainer(network(), "sgd", "mse", lr=1e12)
    y = np.zeros((120, 3))
    with pytest.raises(DivergedError, match=r"epoch \d+, batch \d+; try a smaller") as caught:
        trainer.fit(X, y, epochs=50, verbose=0)
    assert "\n" not in str(caught.value)
    assert caught.value.history is trainer.history


def test_nan_in_the_data_is_named():
    x, y = X.copy(), X[:, :1].copy()
    x[100, 2] = y[7] = np.nan
    model = network(outputs=1)
    with pytest.raises(ValueError, match=r"^fit: x has nan at \[100, 2\]; fill it in"):
        fit(model, x, X[:, :1], loss="mse")
    with pytest.raises(ValueError, match=r"^fit: y has nan at \[7, 0\]"):
        fit(model, X, y, loss="mse")
    with pytest.raises(ValueError, match=r"^validation_data: x has nan"):
        fit(model, X, X[:, :1], loss="mse", validation_data=(x, X[:, :1]))
    with pytest.raises(DivergedError, match=r"the loss is nan in epoch 1, batch 4: its inputs contain NaN"):
        fit(model, DataLoader((x, X[:, :1]), 32), loss="mse")
    with pytest.raises(DivergedError, match=r"the loss is nan in epoch 1, batch 1: its targets contain NaN"):
        fit(model, DataLoader((X, y), 32), loss="mse")


def test_class_numbers_may_come_as_floats():
    _, expected = fit(network(), X, LABELS, epochs=2)
    _, found = fit(network(), X, LABELS.astype(float), epochs=2)
    assert found == expected
    with pytest.raises(ValueError, match=r"expected class numbers 0, 1, …, got [012].5"):
        fit(network(), X, LABELS + 0.5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_split": "0.2"}, ValueError, "validation_split from 0 to below 1, got '0.2'"),
        ({"validation_data": X}, ValueError, r"validation_data as \(x, y\) or a DataLoader, got a ndarray"),
        ({"callbacks": EarlyStopping("loss")}, TypeError, "expected a list of Callback objects"),
        ({"callbacks": [EarlyStopping]}, TypeError, "expected a list of Callback objects"),
        ({"metrics": [lambda true, pred: pred]}, ValueError, r"<lambda> gave an array \(120, 3\), expected one number"),
    ],
)
def test_what_fit_cannot_use_gets_one_clear_line(options, error, message):
    with pytest.raises(error, match=message) as caught:
        fit(network(), X, LABELS, epochs=1, **options)
    assert "\n" not in str(caught.value)


def test_batches_without_targets_and_schedules_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="the batches have no targets"):
        fit(network(), DataLoader(X, 32))
    with pytest.raises(TypeError, match="Schedule: expected a schedule or a function"):
        Schedule(0.1)
    with pytest.raises(KeyError, match="no number 'val_loss'; the figures are loss"):
        History(loss=[1.0]).best()
    with pytest.raises(OSError, match="CSVLog: cannot write") as caught:
        fit(network(), X, LABELS, epochs=1, callbacks=[CSVLog(tmp_path)])
    assert caught.value.filename == str(tmp_path)


def test_a_pair_in_a_list_is_validation_data():
    _, history = fit(network(), X, LABELS, epochs=1, validation_data=[X, LABELS])
    assert "val_loss" in history


def test_the_bar_shows_every_epoch_and_every_figure_in_a_narrow_terminal(monkeypatch):
    import rich.console

    text = io.StringIO()
    console = rich.console.Console(file=text, force_terminal=True, width=80, height=10, color_system=None)
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    Trainer(network(), metrics=["accuracy", "precision", "recall"]).fit(
        X, LABELS, epochs=30, verbose=1, validation_split=0.2
    )
    shown = text.getvalue()
    for epoch in range(1, 31):
        assert f"epoch {epoch}/30" in shown
    last = shown[shown.rindex("epoch 30/30") :]
    assert "3/3" in last
    assert "val_recall 0" in last
    assert "…" not in shown


def test_ctrl_c_keeps_what_was_trained_and_gives_the_handler_back():
    class Press(Callback):
        def on_batch_end(self, trainer):
            if trainer.epoch == 1 and trainer.batch == 2:
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    model = network()
    start = model[0].weight.array.copy()
    trainer, history = fit(model, X, LABELS, callbacks=[Press()])
    assert history.interrupted
    assert history.epochs == 1
    assert trainer.batch == 2
    assert (model[0].weight.array != start).any()
    assert signal.getsignal(signal.SIGINT) is before
    assert trainer.fit(X, LABELS, epochs=1, verbose=0).epochs == 1


def test_second_ctrl_c_interrupts_at_once():
    class Press(Callback):
        def on_batch_end(self, trainer):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("the second one must not get here")

    _, history = fit(network(), X, LABELS, callbacks=[Press()])
    assert history.interrupted


def test_fit_works_in_another_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(fit(network(), X, LABELS, epochs=1)[1]))
    thread.start()
    thread.join()
    assert found[0].epochs == 1


def test_lines_where_the_output_is_no_terminal(capsys):
    Trainer(network()).fit(X, LABELS, epochs=2, validation_split=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("epoch 2/2: loss ")
    assert ", val_accuracy 0." in lines[1]


def test_bar_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    Trainer(network()).fit(X, LABELS, epochs=2, verbose=1)
    text = capsys.readouterr().out
    assert "epoch 2/2" in text
    assert "4/4" in text
    assert "accuracy 0." in text


def test_importing_training_loads_no_heavy_library():
    program = (
        "import sys, nanonet.training; "
        "print([m for m in ('sklearn', 'rich', 'matplotlib', 'tensorboard', 'safetensors') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (lambda: Trainer(len), TypeError, "expected a Module"),
        (lambda: Trainer(network(), "adamm"), ValueError, "expected an Optimizer or one of sgd"),
        (lambda: Trainer(network(), optim.SGD(network().parameters())), ValueError, "no parameter of this model"),
        (lambda: Trainer(m := network(), optim.SGD(m.parameters()), lr=1.0), ValueError, "has its lr already"),
        (lambda: Trainer(network(), loss="dice"), ValueError, "expected loss to be one of"),
        (lambda: Trainer(network(), loss=3), ValueError, "loss's name"),
        (lambda: Trainer(network(), metrics=["accuracyy"]), ValueError, "metrics: expected accuracy"),
        (lambda: Trainer(network(), metrics="accuracy"), TypeError, "list of metrics"),
        (lambda: Trainer(nn.ReLU()), ValueError, "no parameter that requires a gradient"),
        (lambda: fit(network(), X), ValueError, "y is missing"),
        (lambda: fit(network(), X, LABELS[:7]), ValueError, "one length"),
        (lambda: fit(network(), X[:0], LABELS[:0]), ValueError, "no samples"),
        (lambda: fit(network(), X, LABELS, epochs=-1), ValueError, "epochs"),
        (lambda: fit(network(), X, LABELS, batch_size=0), ValueError, "batch_size"),
        (lambda: fit(network(), X, LABELS, validation_split=1.0), ValueError, "validation_split"),
        (lambda: fit(network(), X[:2], LABELS[:2], validation_split=0.9), ValueError, "one part empty"),
        (lambda: fit(network(), DataLoader((X, LABELS)), LABELS), ValueError, "leave y out"),
        (lambda: fit(network(), DataLoader((X, LABELS)), validation_split=0.1), ValueError, "give validation_data"),
        (lambda: fit(network(), X, LABELS, validation_split=0.1, validation_data=(X, LABELS)), ValueError, "not both"),
        (lambda: fit(network(), X, ["a"] * 120), TypeError, "expected numbers"),
        (lambda: fit(network(), iter([(X, LABELS)]), epochs=2), ValueError, "epochs=1"),
        (lambda: fit(network(), X, LABELS, loss=nn.CrossEntropyLoss(reduction="none")), ValueError, "reduction='mean'"),
        (lambda: fit(network(), X, LABELS + 5), ValueError, "cross_entropy"),
        (lambda: Trainer(network()).fit(X, LABELS, verbose=7), ValueError, "verbose"),
        (lambda: network().fit(X, LABELS), RuntimeError, "call compile"),
    ],
)
def test_mistakes_get_one_clear_line(do, error, message):
    with pytest.raises(error, match=message) as caught:
        do()
    assert "\n" not in str(caught.value)
