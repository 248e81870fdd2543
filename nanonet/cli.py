"""nanonet, the command. Typer reads the arguments; the programs are in `nanonet.program` and `nanonet.tour`."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import nanonet as nt
from nanonet import cli_bench, cli_exercise, cli_models
from nanonet.cli_ideas import ideas
from nanonet.cli_step import step

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
Argument, Option = typer.Argument, typer.Option
INTERRUPTED = 130  # what shells say of a command that Ctrl-C ended


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status. A failure is one line on stderr; `--debug` also shows where."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Σ gets a ?, not an error
    try:
        status = app(args=[a for a in arguments if a != "--debug"], prog_name="nanonet", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except BrokenPipeError:  # nanonet … | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _failed("stopped by Ctrl-C", INTERRUPTED)
    except Exception as error:
        if debug:
            traceback.print_exc()
        usage = getattr(error, "format_message", None)  # typer's: an unknown option, a word where a number belongs
        if usage is not None:
            return _failed(f"{usage()} (nanonet --help says more)", 2)
        if isinstance(error, ValueError | OSError | ArithmeticError | ImportError):
            return _failed(_words(error), 1)
        return _failed(f"internal error, {type(error).__name__}: {error}; please report it, with --debug", 1)


def _failed(message: str, status: int) -> int:
    print(f"nanonet: {' '.join(message.split())}", file=sys.stderr)
    return status


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error) or type(error).__name__


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nanonet {nt.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def nanonet(
    context: typer.Context,
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    debug: Annotated[bool, Option("--debug", help="On an error, also show where in the code it arose.")] = False,
) -> None:
    """A neural-network engine written from scratch on NumPy. Start with: nanonet tour"""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def tour(
    out: Annotated[Path, Option(help="The folder for the page.")] = Path("nanonet-tour"),
    quick: Annotated[bool, Option(help="Fewer epochs, checks and timings: a few seconds.")] = False,
) -> None:
    """Train, step through, check and time; then a page with all of it. Takes about a minute."""
    from nanonet.tour import run

    run(out, quick, _console())


@app.command()
def train(
    context: typer.Context,
    data: Annotated[
        str,
        Argument(metavar="DATA", help="A CSV file; digits, iris, wine, …; or a network: gpt, vae, … (nanonet models)"),
    ],
    target: Annotated[str | None, Option(help="CSV: the column to predict; else the last one.")] = None,
    drop: Annotated[list[str] | None, Option(metavar="COL[,COL]", help="CSV: columns to leave out.")] = None,
    categorical: Annotated[list[str] | None, Option(metavar="COL[,COL]", help="CSV: numbers that are codes.")] = None,
    task: Annotated[str | None, Option(help="CSV: binary, multiclass or regression; else found.")] = None,
    decimal: Annotated[str, Option(help="CSV: the decimal sign.")] = ".",
    header: Annotated[bool | None, Option(help="CSV: whether the first line has the names; else found.")] = None,
    encoding: Annotated[str, Option(help="CSV: the text encoding.")] = "utf-8",
    hidden: Annotated[str, Option(help="Sizes of the hidden layers; none for none.")] = "128,64",
    optimizer: Annotated[str, Option(help="sgd, momentum, rmsprop, adagrad, adam or adamw.")] = "adam",
    lr: Annotated[float | None, Option(help="Learning rate; else the optimizer's usual one.")] = None,
    epochs: Annotated[int, Option(help="Rounds over the training rows.")] = 20,
    batch_size: Annotated[int, Option(help="Rows per step.")] = 32,
    validation_split: Annotated[float, Option(help="Share of the training rows to validate on.")] = 0.0,
    dropout: Annotated[float, Option(help="Share of hidden units left out in each step.")] = 0.0,
    weight_decay: Annotated[float, Option(help="L2 penalty (decoupled for adamw).")] = 0.0,
    seed: Annotated[int, Option(help="Same seed, same figures.")] = 0,
    backend: Annotated[str, Option(help="numpy, numba or cuda.")] = "numpy",
    out: Annotated[Path | None, Option(help="The folder of the run.", show_default="runs/DATA")] = None,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace the run that is in the folder.")] = False,
    resume: Annotated[bool, Option("--resume", help="Go on with the run that was stopped there.")] = False,
    changes: Annotated[list[str] | None, Option("--set", metavar="KEY=VALUE", help="Network: a setting.")] = None,
    config: Annotated[Path | None, Option(help="Network: a JSON or TOML file with settings.")] = None,
) -> None:
    """Train on DATA, or one of the documents' networks; test it, and write a folder with the model."""
    from nanonet import program, recipes

    if data in recipes.names() and not Path(data).exists():
        cli_models.train_network(data, context, changes or [], config, backend, out, overwrite, resume)
        return
    if changes or config:
        raise ValueError(f"--set and --config: only for networks ({', '.join(recipes.names())}); {data} is a table")

    folder = program.Run(out or Path("runs") / Path(data).stem)
    settings = program.Settings(
        program.parse_sizes(hidden),
        *(optimizer, lr, epochs, batch_size, validation_split, dropout, weight_decay, seed, backend),
    )
    reading = program.Reading(target, task, _listed(drop), _listed(categorical), decimal, header, encoding)
    source = program.open_source(data, reading, seed)
    for note in source.notes:
        print(f"note: {note}")
    print(source)
    outcome = program.train(source, settings, folder, reading, overwrite=overwrite, resume=resume)
    _show(outcome, source)
    print(f"{folder.path}: the model and its pictures; for new rows: nanonet predict {folder.path} ROWS.csv")
    if outcome.history.interrupted:
        print(f"stopped early; to go on with it, give the same command with --resume (and --out {folder.path})")
        raise typer.Exit(INTERRUPTED)


@app.command()
def predict(
    folder: Annotated[Path, Argument(help="The folder of a run.")],
    rows: Annotated[str, Argument(metavar="INPUT.csv", help="Rows with the columns that it was trained on.")],
    out: Annotated[Path | None, Option(help="Write the predictions to this CSV file.")] = None,
) -> None:
    """Predict for the rows of a CSV file: class and probability, or a number."""
    from nanonet import program
    from nanonet.program import networks

    if networks.is_network(program.Run(folder)):
        raise ValueError(f"{folder}: this is a network for texts or images; nanonet generate {folder} TEXT… uses it")
    found = program.predict(program.Run(folder), rows)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if out is not None:
        found.save(out)
        print(f"{out}: {len(found.rows):,} predictions")
    else:
        most = 20 if sys.stdout.isatty() else len(found.rows)
        for row in [found.header, *found.rows[:most]]:
            print(",".join(row))
        if len(found.rows) > most:
            print(f"… and {len(found.rows) - most:,} more; --out FILE writes all")
    if found.accuracy is not None:
        print(f"{100 * found.accuracy:.1f} % agree with the file's target", file=sys.stderr)


@app.command()
def check(
    names: Annotated[
        list[str] | None,
        Argument(metavar="[NAME]…", help="Operations or families; or module:function, file.py:function. None: all."),
    ] = None,
    inputs: Annotated[str, Option(metavar="SHAPES", help="For your function: '3,4;4,5', filled at random.")] = "",
    backward: Annotated[str, Option(metavar="FUNCTION", help="Yours is NumPy's forward, this its backward.")] = "",
    cache: Annotated[bool, Option("--cache", help="forward returns (y, cache), backward takes (dy, cache).")] = False,
    mode: Annotated[str, Option(help="full: the whole Jacobian; fast: random directions.")] = "full",
    seed: Annotated[int | None, Option(help="Of everything random; a report names its own.")] = None,
    rtol: Annotated[float, Option(help="Errors up to this share of the largest slope pass too.")] = 0.0,
    atol: Annotated[float, Option(help="Errors up to this pass too.")] = 0.0,
    second: Annotated[bool, Option("--second", help="Check the gradient's own gradient.")] = False,
    backend: Annotated[str, Option(metavar="NAME", help="Compare this backend's kernels with the rules.")] = "",
    html: Annotated[Path | None, Option(help="Write a page.", show_default=False)] = None,
    json: Annotated[Path | None, Option(help="Write all figures.", show_default=False)] = None,
    jobs: Annotated[int | None, Option(help="Processes.", show_default="one for each core")] = None,
) -> None:
    """Check gradients against finite differences: all operations, some, or functions of yours.

    A function of yours takes Tensors. The inputs that it is checked at are drawn in the shapes of --inputs, or are
    what its module has as FUNCTION_inputs or INPUTS (a tuple of arrays), or its defaults, where these are arrays. A
    function without parameters is called: it returns (f, inputs), (forward, backward, inputs) or a Report.

    Exit status: 0 all is fine, 1 something failed or was inconclusive, 2 the call was wrong, 130 Ctrl-C. Samples at
    named kinks are listed with what was found there; they neither pass nor fail.
    """
    from nanonet.program import checking

    given = {"mode": (mode, "full"), "seed": (seed, None), "rtol": (rtol, 0.0), "atol": (atol, 0.0)}
    options = {name: value for name, (value, usual) in given.items() if value != usual}
    order = checking.Order(*(tuple(names or ()), inputs, backward, cache, second, backend, jobs, html, json), options)
    try:
        status = checking.check(order, _console())
    except checking.UnknownTargetError as error:
        raise _WrongCallError(str(error)) from error
    raise typer.Exit(status)


app.add_typer(cli_exercise.app, name="exercise")
app.add_typer(cli_bench.app, name="bench")
app.command()(cli_models.models)
app.command()(cli_models.generate)
app.command()(ideas)
app.command()(step)


class _WrongCallError(ValueError):
    """Exit status 2, as typer's own."""

    def format_message(self) -> str:
        return str(self)


@app.command()
def info() -> None:
    """Versions, BLAS and its kernel, threads, backends: what a timing depends on."""
    from nanonet.info import describe

    machine = describe()
    table = Table(show_header=False, box=None)
    for name in ("python", "system", "cpu", "cores"):
        table.add_row(name, str(machine[name]))
    for name, version in machine["packages"].items():
        table.add_row(name, version)
    for pool in machine["blas"]:
        table.add_row("BLAS", f"{pool['library']}, kernel {pool['kernel']}, {pool['threads']} threads ({pool['of']})")
    forced = ", ".join(f"{name}={value}" for name, value in machine["forced"].items())
    table.add_row("forced", forced or "nothing by the environment")
    for name, reason in machine["backends"].items():
        table.add_row(f"backend {name}", reason or "can run here")
    _console().print(table)


def _show(outcome: Any, source: Any) -> None:
    from nanonet.program import measures

    console = _console()
    table = Table(title=f"On the {len(source.test[0]):,} test rows", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in measures.table(outcome.figures, source.task):
        table.add_row(name, value)
    console.print(table)
    if outcome.confusion is not None and len(source.classes) <= 10:
        console.print(confusion_table(outcome.confusion, source.classes))


def confusion_table(counts: Any, names: Any) -> Table:
    """Rows are the true classes, columns what they are called."""
    table = Table(title="Confusion matrix", title_justify="left", padding=(0, 1))
    table.add_column("true ╲ called")
    for name in names:
        table.add_column(str(name), justify="right")
    for i, row in enumerate(counts):
        table.add_row(str(names[i]), *(f"[bold]{n}[/]" if i == j else str(n or "·") for j, n in enumerate(row)))
    return table


def _listed(values: list[str] | None) -> tuple[str, ...]:
    """Options that may be repeated, each with names between commas."""
    return tuple(name.strip() for value in values or () for name in value.split(",") if name.strip())


def _console() -> Console:
    return Console(highlight=False)
