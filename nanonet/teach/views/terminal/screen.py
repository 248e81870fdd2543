"""The whole screen as lines: which part stands where. The parts' places do not move while one steps."""

from __future__ import annotations

from rich.text import Text

from nanonet.teach.views.terminal import parts
from nanonet.teach.views.terminal.commands import COMMANDS, KEY_NAMES
from nanonet.teach.views.terminal.lines import jacobian_lines, tensor_lines
from nanonet.teach.views.terminal.stepper import Stepper
from nanonet.teach.views.terminal.text import beside, block, clean, padded, wrapped

WIDE = 110  # columns from which card and tensors stand beside code and steps
SMALLEST = (30, 10)
_NO_JACOBIAN = Text("this step is not the backward of an operation", "dim")


def screen(stepper: Stepper, width: int, height: int, prompt: str | None = None) -> list[Text]:
    """Exactly `height` lines of exactly `width` columns. `prompt` is the line that is being typed, if one is."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        lines = [Text(f"step {stepper.position} of {len(stepper.debugger)}"), Text("too small for more")]
    else:
        lines = parts.header(stepper, width) + [Text()] * (height > 24)
        body = height - len(lines) - 1
        lines += _overlay(stepper, width, body) if stepper.overlay else _body(stepper, width, body)
        lines.append(_footer(stepper, prompt))
    return [padded(line, width) for line in (lines + [Text()] * height)[:height]]


def _footer(stepper: Stepper, prompt: str | None) -> Text:
    if prompt is not None:
        return Text().append(clean(prompt), "bold").append("█")
    if stepper.message:
        return Text(clean(stepper.message), "yellow")
    if stepper.overlay:
        return Text("q closes this, ↑ ↓ scroll, n and b still step", "dim")
    return Text(parts.KEYS, "dim")


def _body(stepper: Stepper, width: int, height: int) -> list[Text]:
    if width >= WIDE:
        left = min(width * 2 // 5, 60)
        right = width - left - 3
        noted = height * 3 // 10 if stepper.notes else 0
        upper = (height - noted) * 3 // 5
        top = height // 2
        first = _code(stepper, left, top) + _steps(stepper, left, height - top)
        second = _card(stepper, right, upper) + _tensors(stepper, right, height - noted - upper)
        return beside(first, second + _notes(stepper, right, noted), left)
    low = max(height // 4, 3)
    middle = (height - low) // 2 + 1
    top = height - low - middle
    left = (width - 3) * 3 // 5
    upper = beside(_code(stepper, left, top), _steps(stepper, width - left - 3, top), left)
    return upper + _card(stepper, width, middle) + _tensors(stepper, width, low)


def _code(stepper: Stepper, width: int, height: int) -> list[Text]:
    file, lines = parts.code(stepper, width, height - 1)
    return block("code", lines, width, height, file)


def _steps(stepper: Stepper, width: int, height: int) -> list[Text]:
    return block("steps", parts.steps(stepper, width, height - 1), width, height)


def _card(stepper: Stepper, width: int, height: int) -> list[Text]:
    lines = parts.card(stepper, width)
    found = stepper.card()
    if found is None:
        return block("card", lines, width, height)
    keys = ["[ ] entry"] if found.entry else []
    keys += ["} array"] if len(found.choices) > 1 else []
    keys += ["d Jacobian"] if stepper.step and stepper.step.kind == "backward" else []
    return block(f"card: {clean(found.title)}", *_scrolled(stepper, lines, width, height, "  ".join(keys)))


def _scrolled(
    stepper: Stepper, lines: list[Text], width: int, height: int, note: str = ""
) -> tuple[list[Text], int, int, str]:
    """(lines from `scroll` on, width, height, note: how many are hidden); `scroll` is kept within what there is."""
    most = max(len(lines) - (height - 1), 0)
    stepper.scroll = min(max(stepper.scroll, 0), most)
    hidden = [f"{sign} {count} more" for sign, count in (("↑", stepper.scroll), ("↓", most - stepper.scroll)) if count]
    return lines[stepper.scroll :], width, height, "  ".join([*hidden, *([note] if note else [])])


def _tensors(stepper: Stepper, width: int, height: int) -> list[Text]:
    lines = parts.tensors(stepper, width, height)
    return lines + [Text()] * (height - len(lines))


def _notes(stepper: Stepper, width: int, height: int) -> list[Text]:
    """The document's errata beside the steps: what is written, what is right."""
    lines: list[Text] = []
    for number, note in enumerate(stepper.notes, 1):
        lines.append(Text(f"{number}. {clean(note.title)}"))
        lines += [Text(clean(line), "dim") for line in note.text.split("\n")[:2]]
    return block("wrong as written", lines, width, height, "x shows all, and runs them") if height else []


def _overlay(stepper: Stepper, width: int, height: int) -> list[Text]:
    if stepper.overlay == "help":
        rows = [("  ".join(KEY_NAMES.get(key, key) for key in c.keys), c.help) for c in COMMANDS]
        rows.append((":", "a command in words, as from a pipe: :jump tanh"))
        lines = [Text().append(f"{keys:<20}", "bold").append(words) for keys, words in rows]
        set_ones = ", ".join(map(str, stepper.debugger.breakpoints))
        note = f"breakpoints: {clean(set_ones)}" if set_ones else ""
        return block("keys", *_scrolled(stepper, lines, width, height, note))
    if stepper.overlay == "inspect":
        text = tensor_lines(stepper, stepper.inspected, width)
        lines = [Text(clean(line)) for line in text]
        return block("tensor", *_scrolled(stepper, lines, width, height))
    if stepper.overlay == "jacobian":
        lines = [Text(clean(line)) for line in jacobian_lines(stepper)] if stepper.jacobian() else [_NO_JACOBIAN]
        return block("local Jacobian", *_scrolled(stepper, lines, width, height))
    lines = [Text(part) for part in wrapped(clean(stepper.errata()), width)]
    note = "x with a number runs one of them" if not stepper.note else ""
    return block("errata", *_scrolled(stepper, lines, width, height, note))
