"""Train one of the documents' networks by its recipe, in a folder; read it back and use it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nanonet as nt
from nanonet import recipes
from nanonet.info import describe
from nanonet.models import ConfigError
from nanonet.program.folder import CHECKPOINT, MODEL, RUN, WEIGHTS, Run, as_json
from nanonet.program.settings import refuse, why_not
from nanonet.recipes import Recipe, Shown, Use
from nanonet.training.history import History

FORMAT = "nanonet-recipe-1"


@dataclass(frozen=True)
class Trained:
    """What a run came to: the recipe with its trained network, the curves, the figures on held-out data."""

    recipe: Recipe
    history: History
    figures: dict[str, float]
    seconds: float


def settings_of(name: str, changes: Mapping[str, Any], config: Path | None = None) -> recipes.Settings:
    """The recipe's settings: its own, those of a JSON or TOML file, and last the changes. Raises ConfigError."""
    settings = recipes.find(name).Settings()
    return settings.replace(**{**(read_config(config) if config else {}), **changes})


def read_config(path: Path) -> dict[str, Any]:
    """The settings in a file, JSON or TOML by its ending."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected text in UTF-8, got other bytes ({error.reason} at {error.start})"
        ) from None
    except ValueError as error:
        raise ConfigError(f"{path}: expected settings as JSON (or as TOML in a .toml file): {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f'{path}: expected settings such as {{"lr": 0.001}}, got a {type(values).__name__}')
    flat: dict[str, Any] = {}
    for name, value in values.items():  # {"network": {"n_layer": 4}} as well as {"n_layer": 4}
        flat |= value if isinstance(value, dict) else {name: value}
    return flat


def train(
    name: str,
    settings: recipes.Settings,
    run: Run,
    backend: str = "numpy",
    *,
    overwrite: bool = False,
    resume: bool = False,
    verbose: int | None = None,
    begin: Any = None,
) -> Trained:
    """Train by the recipe `name`, judge, and write the folder: weights, model.json, history, pictures, extras.

    After every row of the history, and every minute, the folder has a checkpoint; `resume` goes on from it and ends
    with the same weights as a run that was not stopped. `begin(recipe)` is called before the first step.
    """
    refuse("--backend", backend, not (reason := why_not(backend)), reason)
    with nt.use(backend):
        recipe = recipes.find(name)(settings)  # bad settings and missing data are found out before the folder is ours
        go_on = run.claim({"recipe": name, "settings": settings.to_dict(), "backend": backend}, overwrite, resume)
        if begin is not None:
            begin(recipe)
        start = time.perf_counter()
        history = recipe.loop(folder=run.path, verbose=verbose).run(resume=go_on)
        with recipe.judging():
            figures = recipe.test()
            pictures = recipe.pictures(history)
        trained = Trained(recipe, history, figures, time.perf_counter() - start)
    _write(run, name, backend, trained, pictures)
    return trained


def load(run: Run) -> Recipe:
    """The recipe of a finished run with its trained weights. Raises ValueError or OSError for any other folder."""
    about = description(run)
    extras = {name: _text(run.path / name) for name in about["extras"]}
    cls = recipes.find(about["recipe"])
    recipe = cls.restore(cls.Settings.from_dict(about["settings"]), extras)
    recipe.load_weights(_weights(run.path / WEIGHTS))
    return recipe


def description(run: Run) -> dict[str, Any]:
    """model.json of a folder that `train` wrote."""
    path = run.path / MODEL
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise KeyError(about["format"])
    except (FileNotFoundError, NotADirectoryError):
        unfinished = (run.path / RUN).exists() and (run.path / CHECKPOINT).exists()
        raise FileNotFoundError(
            f"{run.path}: the run is not finished; go on with nanonet train … --resume"
            if unfinished
            else f"{run.path}: there is no {MODEL}, so this is no folder that nanonet train wrote"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not what nanonet train NETWORK writes, or damaged ({error})") from None
    return about


def is_network(run: Run) -> bool:
    """Is this the folder of one of the documents' networks (and not of a table)?"""
    try:
        return json.loads((run.path / MODEL).read_text(encoding="utf-8")).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


def use(run: Run, inputs: Sequence[str], how: Use) -> Shown:
    """What the trained network gives for these inputs."""
    recipe = load(run)
    nt.manual_seed(how.seed)
    with recipe.judging():
        return recipe.use(inputs, how)


def _write(run: Run, name: str, backend: str, trained: Trained, pictures: Mapping[str, bytes]) -> None:
    """Pictures, extras, weights, and last model.json: where it is, everything is."""
    from safetensors.numpy import save

    extras = trained.recipe.extras()
    for file, content in {**pictures, **extras}.items():
        run.write(file, content)
    run.write(WEIGHTS, save(trained.recipe.weights(), {"format": FORMAT}))
    machine = describe()
    about = {
        "format": FORMAT,
        "recipe": name,
        "settings": trained.recipe.settings.to_dict(),
        "backend": backend,
        "figures": {key: value if value == value else None for key, value in trained.figures.items()},
        "steps": int(trained.history["step"][-1]) if trained.history else 0,
        "interrupted": trained.history.interrupted,
        "extras": sorted(extras),
        "files": sorted({*pictures, *extras}),
        "versions": {"python": machine["python"], **machine["packages"]},
    }
    run.write(MODEL, as_json(about))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file; train again") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: damaged ({error})") from None


def _weights(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_safetensors

    try:
        return load_safetensors(path.read_bytes())
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file; train again") from None
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({' '.join(str(error).split())})") from None
