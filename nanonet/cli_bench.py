"""`nanonet bench`: what this machine can do, and what each kernel reaches; compare, report, bundle, merge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

Argument, Option = typer.Argument, typer.Option
INTERRUPTED = 130
FILE = Path("nanonet-bench.json")


class WrongCallError(ValueError):
    """Exit status 2, as typer's own."""

    def format_message(self) -> str:
        return str(self)


class _Group(TyperGroup):
    """`nanonet bench gelu` measures gelu, `nanonet bench compare A B` compares: any other word is a workload."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = _first_word(args)
        if first is None or first not in self.commands:
            args = [*(a for a in args if a in ("--help",)), *([] if "--help" in args else ["run", *args])]
        return super().parse_args(ctx, args)


def _first_word(args: list[str]) -> str | None:
    return next((a for a in args if not a.startswith("-")), None)


app = typer.Typer(cls=_Group, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def bench() -> None:
    """What this machine can do at most, and what each kernel reaches: two minutes without arguments.

    nanonet bench [WORKLOAD]… [OPTIONS] measures (nanonet bench run --help has the options). Every result is checked
    against a float64 oracle before it is timed, and every figure says what it is: measured, compiled, modelled or
    skipped. Exit status: 0 fine, 1 slower (compare) or refused (merge), 2 the call was wrong or no GPU, 130 Ctrl-C.
    """


@app.command()
def run(
    workloads: Annotated[list[str] | None, Argument(metavar="[WORKLOAD]…", help="None: all. See: bench list")] = None,
    size: Annotated[str, Option(metavar="N[xN…]", help="512, 512x1024x256, 1M; else the usual sizes.")] = "",
    threads: Annotated[list[int] | None, Option(help="Threads; may be repeated.", show_default="1, and all")] = None,
    time: Annotated[float, Option(metavar="SECONDS", help="What it may take.", show_default="110")] = 0.0,
    device: Annotated[str, Option(help="cpu, cuda, or all that is here.")] = "all",
    full: Annotated[bool, Option("--full/--quick", help="More sizes, cold cache, all GPU architectures.")] = False,
    json: Annotated[Path | None, Option(help="All samples.", show_default=str(FILE))] = None,
    csv: Annotated[Path | None, Option(help="One line a row.", show_default=False)] = None,
    html: Annotated[Path | None, Option(help="The page.", show_default=str(FILE.with_suffix(".html")))] = None,
) -> None:
    """Measure: the machine's ceilings, kernels beside NumPy and what else is installed, and training steps."""
    from nanonet_benchmarks import session, sizes
    from nanonet_benchmarks.machine import gpu
    from nanonet_benchmarks.report import terminal
    from nanonet_benchmarks.report.live import Screen

    if device not in ("all", "cpu", "cuda"):
        raise WrongCallError(f"--device: expected cpu, cuda or all, got {device!r}")
    if any(n < 1 for n in threads or ()):
        raise WrongCallError(f"--threads: expected 1 or more, got {min(threads or ())}")
    if time < 0:
        raise WrongCallError(f"--time: expected seconds above 0, got {time:g}")
    seconds = time or (1800.0 if full else 110.0)
    try:
        numbers = sizes.parse(size) if size else ()
        order = session.Order(tuple(workloads or ()), numbers, tuple(threads or ()), seconds, device, full)
        session.workloads(order)
        if device == "cuda" and (reason := gpu.missing()):
            raise ValueError(f"--device cuda: {reason}")
    except ValueError as error:
        raise WrongCallError(str(error)) from error
    for path in (json, csv, html):
        _writable(path)
    console = _console()
    with Screen(console) as told:
        record = session.run(order, told)
    terminal.show(record, console)
    _write(record, json or FILE, csv, html or (json or FILE).with_suffix(".html"))
    if record.more["interrupted"]:
        print("stopped by Ctrl-C: the files hold what had been measured")
        raise typer.Exit(INTERRUPTED)


@app.command()
def compare(
    a: Annotated[Path, Argument(metavar="A.json", help="Before.")],
    b: Annotated[Path, Argument(metavar="B.json", help="After.")],
    smallest: Annotated[float, Option(help="A smaller difference does not count, as a share.")] = 0.02,
) -> None:
    """What became slower from A to B, and what cannot be said. Exit status 1 where anything did."""
    from nanonet_benchmarks import compare as comparison
    from nanonet_benchmarks.report.files import load
    from nanonet_benchmarks.report.verdicts import show

    verdicts = comparison.compare(load(a), load(b), smallest=smallest)
    show(verdicts, _console())
    raise typer.Exit(comparison.exit_code(verdicts))


@app.command()
def report(
    file: Annotated[Path, Argument(metavar="A.json", help="A file of nanonet bench.")],
    html: Annotated[Path | None, Option(help="Write the page.", show_default=False)] = None,
    csv: Annotated[Path | None, Option(help="Write one line a row.", show_default=False)] = None,
) -> None:
    """Show a file again; or write its page, always the same bytes from the same file."""
    from nanonet_benchmarks.report import terminal
    from nanonet_benchmarks.report.files import load

    record = load(file)
    if html is None and csv is None:
        terminal.show(record, _console())
    _write(record, None, csv, html)


@app.command()
def bundle(
    file: Annotated[Path, Argument(metavar="FILE.pyz", help="Where to write it.")] = Path("nanonet-bench.pyz"),
) -> None:
    """Write one file with kernels and plan, to run on a machine with a GPU: python FILE.pyz. Needs CuPy there."""
    from nanonet_benchmarks.bundle import archive

    _writable(file)
    console = _console()
    with console.status("compiling") as status:
        made = archive.write(file, lambda text: status.update(text))
    print(f"{file}: {made.words}")
    print(f"on a machine with a GPU: python {file.name}; then here: nanonet bench merge nanonet-bench-gpu.json")


@app.command()
def merge(
    results: Annotated[Path, Argument(metavar="RESULTS.json", help="What the bundle wrote.")],
    into: Annotated[Path, Option(help="The file that the rows are added to.")] = FILE,
    bundle: Annotated[Path | None, Option(help="Take results of this bundle only.", show_default=False)] = None,
    html: Annotated[Path | None, Option(help="The page, written again.", show_default="beside the file")] = None,
) -> None:
    """Check what a bundle measured and add it to a file of this machine. A row that cannot be true is refused."""
    from nanonet_benchmarks.bundle import merge as merging
    from nanonet_benchmarks.report.files import load

    found = load(results)
    record = merging.merge(load(into), found, merging.plan_of(bundle) if bundle else None)
    print(f"{results}: {merging.summary(found.rows)}")
    _write(record, into, None, html or into.with_suffix(".html"))


@app.command("list")
def list_() -> None:
    """The workloads, their sizes, and their variants, with the reason where one cannot run here."""
    from nanonet_benchmarks.report.listing import show

    show(_console())


def _write(record: Any, json: Path | None, csv: Path | None, html: Path | None) -> None:
    from nanonet_benchmarks.report.files import write

    for path in write(record, json, csv, html):
        print(f"{path}: written")


def _writable(path: Path | None) -> None:
    """Found out before the measuring, not after it."""
    if path is not None and not path.absolute().parent.is_dir():
        raise WrongCallError(f"{path}: its folder does not exist; make it first")
    if path is not None and path.is_dir():
        raise WrongCallError(f"{path}: is a folder; expected the name of a file")


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False)
