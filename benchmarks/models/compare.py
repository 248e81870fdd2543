"""A recipe trained to its end beside its twin: agreement step by step, final figures, time. A record for each."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

import nanonet as nt
from nanonet import recipes
from nanonet.info import describe
from nanonet.recipes import Settings
from nanonet.training.checkpoint import write_atomically
from nanonet.training.steps import show_steps
from nanonet_benchmarks.models import twins
from nanonet_benchmarks.models.agreement import RTOL, agree, drawn
from nanonet_benchmarks.models.twin import as_torch

AGREEMENT_STEPS = 50
# Settings of the comparison step by step that differ from the recipe's own. The players of a GAN, and the ResNet at its
# high rate, amplify rounding: at their own rates of 5e-4 and 1e-2 the losses differ after 50 steps by 5e-3 and 2e-3 in
# float32, by 3e-15 and 3e-14 in float64.
AGREEMENT_SETTINGS: dict[str, dict[str, Any]] = {"gan": {"lr": 1e-4}, "cnn": {"lr": 1e-3}}


def compare(
    name: str,
    changes: Mapping[str, Any],
    seeds: Iterable[int],
    record: Path,
    work: Path,
    pictures: Path | None = None,
    backend: str = "numpy",
) -> dict[str, Any]:
    """Everything about one recipe, kept in the file `record`, part by part: what is there already is not run again.

    work        a folder for the runs: ours go on where they were stopped
    pictures    a folder for the pictures of the first seed's run
    backend     of nanonet's full run; the step by step agreement is NumPy's
    """
    settings = recipes.find(name).Settings().replace(**changes)
    found = opened(record, name, settings)
    if "agreement" not in found:
        found["agreement"] = {dtype: agreement(name, settings, dtype) for dtype in RTOL}
        keep(record, found)
    for seed in seeds:
        run = found["runs"].setdefault(str(seed), {})
        seeded = settings.replace(seed=seed)
        if "ours" not in run:
            print(f"{name}, seed {seed}: nanonet", flush=True)
            with nt.use(backend):
                run["ours"], drawings = ours(name, seeded, work / f"{name}-{seed}")
            run["ours"]["backend"] = backend
            keep(record, found)
            if pictures is not None and str(seed) == min(found["runs"], key=int):
                for file, picture in drawings.items():
                    write_atomically(pictures / (file if file.startswith(name) else f"{name}-{file}"), picture)
        if "twin" not in run:
            print(f"{name}, seed {seed}: PyTorch", flush=True)
            run["twin"] = theirs(name, seeded)
            keep(record, found)
    return found


def opened(record: Path, name: str, settings: Settings) -> dict[str, Any]:
    """The record so far, or a new one. One of other settings is not gone on with."""
    if record.exists():
        found = json.loads(record.read_text(encoding="utf-8"))
        if found["settings"] != settings.to_dict():
            raise ValueError(f"{record}: it is about other settings; give another --out, or remove it")
        return found
    versions = {"machine": describe(), "torch": torch.__version__}
    return {"recipe": name, "settings": settings.to_dict(), **versions, "runs": {}}


def keep(record: Path, found: dict[str, Any]) -> None:
    found["date"] = datetime.date.today().isoformat()
    write_atomically(record, (json.dumps(found, indent=1, ensure_ascii=False) + "\n").encode())


def agreement(name: str, settings: Settings, dtype: str) -> dict[str, Any]:
    """Both sides' figures at each of the first steps, without dropout, whose masks differ."""
    without = {row: 0.0 for row, value, _ in settings.settings() if "drop" in row and isinstance(value, float)}
    changes = {row: value for row, value, _ in settings.settings()}
    other = without | AGREEMENT_SETTINGS.get(name, {})
    found = agree(name, changes | other, dtype, AGREEMENT_STEPS)
    print(f"{name}, {dtype}: largest difference in {AGREEMENT_STEPS} steps {found.worst:.1e} of {RTOL[dtype]:.0e}")
    return {"settings": other, "worst": found.worst, "rtol": RTOL[dtype], "ours": found.ours, "twin": found.theirs}


def ours(name: str, settings: Settings, folder: Path) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """nanonet's run, whole."""
    recipe = recipes.find(name)(settings)
    loop = recipe.loop(folder=folder)
    history = loop.run(resume=(folder / "last.safetensors").exists())
    if history.interrupted:
        raise KeyboardInterrupt
    done = {"seconds": loop.seconds, "cpu_seconds": loop.cpu_seconds, "history": history}
    with recipe.judging():
        return {"figures": recipe.test(), **done}, recipe.pictures(history)


def theirs(name: str, settings: Settings) -> dict[str, Any]:
    """The twin's run over the batches that the recipe draws; its weights are judged by the recipe's figures."""
    recipe = recipes.find(name)(settings)
    twin = twins.find(name)(recipe)
    clock = Clock()
    with show_steps(None, recipe.steps, 0) as show:
        for i, batch in enumerate(drawn(recipe, recipe.steps), 1):
            figures = twin.step(as_torch(batch))
            show.step(i, figures)
            if i % max(recipe.every, recipe.steps // 10) == 0 or i == recipe.steps:
                show.row(i, figures)
    done = clock.spent()
    recipe.load_weights(twin.weights())
    with recipe.judging():
        return {"figures": recipe.test(), **done}


class Clock:
    """Seconds by the clock on the wall, and of the processor, since it was made."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def spent(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self.wall, "cpu_seconds": time.process_time() - self.processor}
