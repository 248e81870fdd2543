"""Train a network on a Source, and write the folder of the run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

import nanonet as nt
from nanonet.device import on_host
from nanonet.info import describe
from nanonet.nn import Sequential
from nanonet.optim import Optimizer
from nanonet.program.folder import CHECKPOINT, FORMAT, HISTORY, MODEL, WEIGHTS, Run, as_json
from nanonet.program.measures import confusion, measure
from nanonet.program.network import LOSSES, build
from nanonet.program.pictures import pictures
from nanonet.program.settings import Settings
from nanonet.program.source import Reading, Source
from nanonet.training import Checkpoint, CSVLog, History, Trainer
from nanonet.training.choices import OPTIMIZERS


@dataclass(frozen=True)
class Outcome:
    """What a run came to: figures on the test part, the confusion matrix (classes only), the curves."""

    figures: dict[str, float]
    confusion: np.ndarray | None
    history: History
    outputs: np.ndarray


def train(
    source: Source,
    settings: Settings,
    run: Run,
    reading: Reading | None = None,
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: int | None = None,
) -> Outcome:
    """Train, test, and write model.safetensors, model.json, history.csv and pictures into the run's folder.

    After every epoch the folder has a checkpoint; `resume` goes on from it, and ends with the same numbers as a run
    that was not stopped. Ctrl-C ends the training early: what there is by then is tested and written as well
    (`history.interrupted` tells). Raises ValueError, OSError or DivergedError, one line each.
    """
    chosen = {"data": source.name, "sha256": source.fingerprint(), **asdict(settings)}
    chosen["hidden"] = list(settings.hidden)
    go_on = run.claim(chosen, overwrite, resume)
    with nt.use(settings.backend):
        nt.manual_seed(settings.seed)
        sizes = [source.train[0].shape[1], *settings.hidden, source.outputs]
        model = build(sizes, settings.dropout)
        watched = [] if source.task == "regression" else ["accuracy"]
        trainer = Trainer(model, make_optimizer(settings, model), LOSSES[source.task], watched)
        history = trainer.fit(
            *source.train,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            validation_split=settings.validation_split,
            callbacks=[CSVLog(run.path / HISTORY), Checkpoint(run.path)],
            seed=settings.seed,
            verbose=verbose,
            resume_from=run.path / CHECKPOINT if go_on else None,
        )
        outputs = trainer.predict(source.test[0], batch_size=1024)
    table = None if source.task == "regression" else confusion(source, outputs)
    outcome = Outcome(measure(source, outputs), table, history, outputs)
    _write(run, source, reading or Reading(), chosen, sizes, model, outcome)
    return outcome


def make_optimizer(settings: Settings, model: Sequential) -> Optimizer:
    """The optimizer by its name, with the given learning rate and weight decay."""
    make, options = OPTIMIZERS[settings.optimizer]
    if settings.lr is not None:
        options = {**options, "lr": settings.lr}
    if settings.weight_decay:
        options = {**options, "weight_decay": settings.weight_decay}
    return make(list(model.parameters()), **options)


def _write(
    run: Run, source: Source, reading: Reading, chosen: dict[str, Any], sizes: list[int], model: Any, outcome: Outcome
) -> None:
    """The pictures, the weights, and last model.json: where it is, everything is."""
    from safetensors.numpy import save

    for name, picture in pictures(source, outcome.history, outcome.outputs).items():
        run.write(name, picture)
    weights = {name: on_host(tensor.array) for name, tensor in model.state_dict().items()}
    run.write(WEIGHTS, save(weights, {"format": FORMAT}))
    machine = describe()
    about = {
        "format": FORMAT,
        "network": {"sizes": sizes, "activation": "relu", "dropout": chosen["dropout"]},
        "classes": list(source.classes),
        "image_shape": source.image_shape,
        "metrics": {name: value if value == value else None for name, value in outcome.figures.items()},
        "confusion_matrix": None if outcome.confusion is None else outcome.confusion.tolist(),
        "training": {**chosen, "epochs_done": outcome.history.epochs, "interrupted": outcome.history.interrupted},
        "reading": {"header": reading.header, "encoding": reading.encoding},
        "versions": {"python": machine["python"], **machine["packages"]},
        "preprocessor": json.loads(source.preprocessor.to_json()),
    }
    run.write(MODEL, as_json(about))
