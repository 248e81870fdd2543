"""The parts of the screen: header, code, list of steps, card, tensors, keys. Each is a list of lines."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from nanonet.teach.trace import Site, Step
from nanonet.teach.views import arrays
from nanonet.teach.views.cardtext import gradient_of
from nanonet.teach.views.terminal.folds import Row
from nanonet.teach.views.terminal.lines import in_short, terms_in_short
from nanonet.teach.views.terminal.stepper import Stepper
from nanonet.teach.views.terminal.text import clean, columns, cut, window, wrapped

COLOURS = {"forward": "cyan", "backward": "magenta", "update": "green"}
KEYS = "n next  b back  f w u phase  j jump  / find  e fold  i inspect  h help  q quit"


def header(stepper: Stepper, width: int) -> list[Text]:
    """Where we are, in words and as a bar of all steps with the phases in their colours."""
    step, count = stepper.step, len(stepper.trace.steps)
    line = Text().append(f" {cut(clean(stepper.title), width // 3)} ", "bold reverse")
    line.append(f"  step {stepper.position} of {count}")
    if step is None:
        line.append("  start", "dim")
    else:
        line.append(f"  {step.phase}", f"bold {COLOURS[step.phase]}")
        module = f", in {'.'.join(step.module)}" if step.module else ""
        line.append(f"  {step.title}{module}")
    return [line, _bar(stepper, width)]


def _bar(stepper: Stepper, width: int) -> Text:
    count = len(stepper.trace.steps)
    here = (stepper.position - 1) * width // count
    bar = Text()
    for column in range(width):
        phase = stepper.trace.steps[min(column * count // width, count - 1)].phase
        sign = "●" if column == here or (stepper.position == count and column == width - 1) else "━"
        if stepper.position == count and column == here < width - 1:
            sign = "━"
        bar.append(sign, COLOURS[phase] if column <= here or stepper.position == count else f"dim {COLOURS[phase]}")
    return bar


def nearest_site(stepper: Stepper) -> tuple[Site | None, bool]:
    """The line of the step that was made last; where it has none, that of an earlier (or the first) step, and False."""
    if stepper.step is not None and stepper.step.site is not None:
        return stepper.step.site, True
    steps = stepper.trace.steps
    around = [*reversed(steps[: stepper.position]), *steps[stepper.position :]]
    return next((step.site for step in around if step.site is not None), None), False


def code(stepper: Stepper, width: int, height: int) -> tuple[str, list[Text]]:
    """(file, the lines around the current one): ▶ the current line, ● a breakpoint."""
    site, exact = nearest_site(stepper)
    lines = stepper.trace.sources.get(site.file, []) if site else []
    if site is None or not lines:
        return "", [Text("no source is known for this step", "dim")]
    first = _first_line(stepper, site, len(lines), height)
    digits = len(str(first + height))
    shown = []
    for number, source in enumerate(lines[first : first + height], first + 1):
        current = exact and number == site.line
        style = f"bold {COLOURS[stepper.step.phase]}" if current and stepper.step else ""
        line = Text().append("●" if stepper.has_breakpoint(site.name, number) else " ", "red")
        line.append("▶" if current else " ", style)
        line.append(f"{number:>{digits}} ", "" if current else "dim")
        shown.append(line.append(cut(clean(source), width - digits - 3), style))
    return site.name, shown


def _first_line(stepper: Stepper, site: Site, count: int, height: int) -> int:
    """All lines that the steps point to, if they fit, so that the code stands still; else those around `site`."""
    used = stepper.lines[site.file]
    if used[-1] - used[0] >= height:
        return window(count, height, site.line - 1)
    return window(count, height, (used[0] + used[-1] - 1) // 2)


def steps(stepper: Stepper, width: int, height: int) -> list[Text]:
    """The rows around the current step: those made plain, the current one marked, those to come dim."""
    rows = stepper.folds.rows()
    here = stepper.folds.row_of(stepper.position - 1) if stepper.position else -1
    first = window(len(rows), height, max(here, 0))
    digits = len(str(len(stepper.trace.steps)))
    return [_row(stepper, row, number == here, digits, width) for number, row in enumerate(rows)][
        first : first + height
    ]


def _row(stepper: Stepper, row: Row, current: bool, digits: int, width: int) -> Text:
    step = stepper.trace.steps[row.first]
    made = row.first < stepper.position
    if row.kind == "phase":
        return Text(row.text, f"bold {COLOURS[row.text]}")
    base = f"bold {COLOURS[step.phase]}" if current else "" if made else "dim"
    line = Text().append("▶" if current else " ", base)
    if row.kind == "module":
        line.append(f"{'':>{digits}} {'  ' * row.depth}{'▸' if row.folded else '▾'} {clean(row.text)}", base)
        if row.folded:
            done = min(max(stepper.position - row.first, 0), row.last - row.first + 1)
            line.append(f"  {done} of {row.last - row.first + 1} steps", base if current else "dim")
        return line
    line.append(f"{row.first + 1:>{digits}} {'  ' * row.depth}", base)
    names = _written(stepper, step)
    if names == [f"{step.title} {step.outputs[0]}"] if step.outputs else False:  # "tanh 7" says it all
        return line.append(cut(clean(row.text.removesuffix(step.title) + names[0]), width - line.cell_len), base)
    line.append(clean(row.text), base)
    room = width - line.cell_len - 3
    return line.append(f" → {cut(clean(', '.join(names)), room)}" if names and room > 3 else "", base or "dim")


def _written(stepper: Stepper, step: Step) -> list[str]:
    names = [stepper.trace.nodes[node].name for node in step.outputs]
    return [gradient_of(name) for name in names] if step.phase == "backward" and step.kind != "store" else names


def card(stepper: Stepper, width: int) -> list[Text]:
    """The card of the current step: labelled lines, then remarks."""
    found = stepper.card()
    if found is None:
        return [
            Text("Nothing has been computed yet; the tensors below are given."),
            Text("n or → makes the first step, h shows all keys.", "dim"),
        ]
    lines: list[Text] = []
    for label, text, _ in found.lines:
        for number, part in enumerate(wrapped(clean(text), width - 10)):
            line = Text().append(f"{label if not number else '':<9} ", "dim")
            lines.append(line.append(part, "bold" if label == "result" else ""))
    for remark in found.remarks:
        lines += [Text(part, "italic") for part in wrapped(clean(remark), width)]
    return lines


def tensors(stepper: Stepper, width: int, height: int) -> list[Text]:
    """The tensors that the step has to do with: value and gradient at this position, and the terms of the gradient."""
    involved = stepper.involved()
    nodes = [stepper.trace.nodes[number] for number in involved[:height]]
    changed = {change.node for change in stepper.step.changes} if stepper.step else set()
    names = min(max((cell_len(node.name) for node in nodes), default=0), width // 4)
    names = max(names, len("tensors"))
    sizes = max((len(arrays.shape(node.shape)) for node in nodes), default=0)
    room = (width - names - sizes - 6) // 2
    head = Text().append("tensors".ljust(names), "bold")
    lines = [head.append(f"  {'':<{sizes}}  {'value':<{room}}  gradient", "dim")]
    for node in nodes:
        value, gradient, words = in_short(stepper, node.id, room)
        line = Text().append(columns(clean(node.name), names), "bold" if node.id in changed else "")
        line.append(f"  {arrays.shape(node.shape):<{sizes}}", "dim")
        line.append(f"  {columns(value, room)}", "dim" if value == "not yet" else "")
        line.append(f"  {cut(gradient or words, room)}", "" if gradient else "dim")
        lines.append(line)
        terms = terms_in_short(stepper, node.id) if gradient else ""
        if terms:
            lines.append(Text(f"{'':<{names + 2}}{cut(terms, width - names - 2)}", "yellow" if words else "dim"))
    if len(lines) > height:
        lines[height - 1 :] = [Text(f"… and more of {len(involved)} tensors; i shows one in full", "dim")]
    return lines
