"""`nanonet train NETWORK`, `nanonet models`, `nanonet generate`: the documents' networks on the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Argument, Option = typer.Argument, typer.Option
INTERRUPTED = 130
SHARED = ("epochs", "batch_size", "lr", "seed")  # options of `nanonet train` that every recipe has as settings
ALWAYS = ("data", "changes", "config", "backend", "out", "overwrite", "resume", *SHARED)


def train_network(
    name: str,
    context: typer.Context,
    changes: Sequence[str],
    config: Path | None,
    backend: str,
    out: Path | None,
    overwrite: bool,
    resume: bool,
) -> None:
    """`nanonet train NETWORK`: by its recipe."""
    from nanonet.program import networks
    from nanonet.program.folder import Run

    given = explicitly_given(context)
    foreign = [option for option in given if option not in ALWAYS]
    if foreign:
        raise ValueError(
            f"--{foreign[0].replace('_', '-')}: only for tables; the settings of {name} are given as --set KEY=VALUE, "
            f"and nanonet models {name} lists them"
        )
    shared = {option: context.params[option] for option in SHARED if option in given}
    settings = networks.settings_of(name, {**shared, **parse_changes(changes)}, config)
    run = Run(out or Path("runs") / name)

    def begin(recipe: Any) -> None:
        count = sum(w.size for w in recipe.weights().values())
        print(f"{recipe.title}: {count:,} weights, {recipe.steps:,} steps of {settings.batch_size} samples", flush=True)

    done = networks.train(name, settings, run, backend, overwrite=overwrite, resume=resume, begin=begin)
    Console(highlight=False).print(figures_table(done.figures))
    print(f"{run.path}: the network, its figures and pictures ({done.seconds:,.0f} s)")
    if done.history.interrupted:
        print(f"stopped early; to go on with it, give the same command with --resume (and --out {run.path})")
        raise typer.Exit(INTERRUPTED)


def explicitly_given(context: typer.Context) -> list[str]:
    """The options that the person wrote."""
    named = {name: context.get_parameter_source(name) for name in context.params}
    return [name for name, source in named.items() if source is not None and source.name == "COMMANDLINE"]


def parse_changes(changes: Sequence[str]) -> dict[str, str]:
    """["lr=0.001", "hidden=64,32"] -> {"lr": "0.001", "hidden": "64,32"}."""
    found: dict[str, str] = {}
    for change in changes:
        key, sign, value = change.partition("=")
        if not sign or not key.strip():
            raise ValueError(f"--set: expected KEY=VALUE such as lr=0.001, got {change!r}")
        found[key.strip().replace("-", "_")] = value.strip()
    return found


def models(
    name: Annotated[str | None, Argument(metavar="[NETWORK]", help="One network: its settings.")] = None,
) -> None:
    """The documents' networks that nanonet train knows, or one's settings with their values."""
    from nanonet import recipes

    table = Table(box=None, padding=(0, 2, 0, 0))
    if name is None:
        table.add_column("network")
        table.add_column("what it is")
        for each in recipes.names():
            table.add_row(each, recipes.find(each).summary)
    else:
        recipe = recipes.find(name)
        table.add_column("setting")
        table.add_column("value")
        table.add_column("what it does")
        for setting, value, words in recipe.Settings().settings():
            table.add_row(setting, as_text(value), words)
        print(f"{name}: {recipe.summary}")
    Console(highlight=False).print(table)
    if name is not None:
        print(f"nanonet train {name} --set KEY=VALUE …")


def generate(
    folder: Annotated[Path, Argument(help="The folder of a run.")],
    inputs: Annotated[list[str] | None, Argument(metavar="[TEXT]…", help="What to go on with; - reads lines.")] = None,
    count: Annotated[int, Option(help="How many texts or images.")] = 1,
    length: Annotated[int, Option(help="Tokens at most.")] = 300,
    temperature: Annotated[float, Option(help="0: the likeliest; 1: as the network says.")] = 0.8,
    top_k: Annotated[int, Option(help="Among the k likeliest; 0: all.")] = 0,
    top_p: Annotated[float, Option(help="Among the likeliest with this probability together.")] = 1.0,
    beams: Annotated[int, Option(help="Above 1: search for the likeliest text.")] = 1,
    seed: Annotated[int, Option(help="Same seed, same text.")] = 0,
    backend: Annotated[str, Option(help="numpy, numba or cuda.")] = "numpy",
    out: Annotated[Path | None, Option(help="Where pictures go.", show_default="FOLDER")] = None,
) -> None:
    """Use a trained network: text that it goes on with, images that it draws, an answer for each TEXT."""
    import nanonet as nt
    from nanonet.program import networks
    from nanonet.program.folder import Run
    from nanonet.program.settings import refuse, why_not
    from nanonet.recipes import Use
    from nanonet.training.checkpoint import write_atomically

    how = Use(count, length, temperature, top_k, top_p, beams, seed)
    refuse("--backend", backend, not (reason := why_not(backend)), reason)
    texts = [line.rstrip("\n") for line in sys.stdin] if inputs == ["-"] else list(inputs or ())
    with nt.use(backend):
        shown = networks.use(Run(folder), texts, how)
    for line in shown.lines:
        print(line)
    for file, picture in shown.pictures.items():
        path = (out or folder) / file
        write_atomically(path, picture)
        print(path)


def figures_table(figures: Mapping[str, float]) -> Table:
    """The figures by which a recipe is judged."""
    table = Table(title="On held-out data", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,.4f}" if isinstance(value, float) else str(value))
    return table


def as_text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
