"""python -m nanonet_benchmarks.models NAME… : train recipes and their twins, and keep the records."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import torch
import typer

from nanonet import recipes
from nanonet.cli_models import parse_changes
from nanonet_benchmarks.models.compare import compare

Argument, Option = typer.Argument, typer.Option


def main(
    names: Annotated[list[str], Argument(help="Recipes: mlp, cnn, …; all.")],
    changes: Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="Another setting.")] = None,
    seeds: Annotated[str, Option(help="A run with each of these seeds.")] = "0",
    out: Annotated[Path, Option(help="The folder of the records.")] = Path("benchmarks/results/models"),
    work: Annotated[Path, Option(help="The folder of the runs.")] = Path("runs/models"),
    pictures: Annotated[Path | None, Option(help="Also keep the pictures, in this folder.")] = None,
    backend: Annotated[str, Option(help="Of nanonet's full run: numpy or numba.")] = "numba",
    threads: Annotated[int, Option(help="PyTorch's threads; BLAS has its own variables.")] = 1,
) -> None:
    """Agreement over 50 steps in float32 and float64; then both trained to the end and judged alike."""
    torch.set_num_threads(threads)
    for name in list(recipes.names()) if names == ["all"] else names:
        record = out / f"{name}.json"
        given = parse_changes(changes or [])
        compare(name, given, [int(seed) for seed in seeds.split(",")], record, work, pictures, backend)
        print(f"{record}: kept", flush=True)


if __name__ == "__main__":
    try:
        typer.run(main)
    except (ValueError, OSError, ArithmeticError) as error:
        sys.exit(f"models: {error}")
