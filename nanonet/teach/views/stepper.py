"""The stepper: a debugger with the commands of `nanonet step`. It draws nothing and reads no keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nanonet.teach.cards.jacobian import Jacobian
from nanonet.teach.trace import Debugger, Step, Trace
from nanonet.teach.views import arrays
from nanonet.teach.views.cardtext import CardText, Entry, card_text, jacobian_of
from nanonet.teach.views.progress import Progress
from nanonet.teach.views.terminal_folds import Folds


@dataclass(frozen=True)
class Note:
    """Something to read beside the steps: `text` at once, `more()` worked out when it is asked for."""

    title: str
    text: str
    more: Callable[[], str]


class Stepper:
    """A position in a trace, and what is looked at there.

    title           what is traced, for the header
    notes           what is shown beside the steps: a document's errata
    which, entry    which of the step's arrays the card shows, and which entry of it; None: what the card chooses
    message         one line about the last command
    overlay         what covers the steps: "", or one of "help", "inspect", "jacobian", "errata"
    """

    def __init__(self, trace: Trace, title: str = "", notes: Sequence[Note] = ()) -> None:
        self.trace, self.title, self.notes = trace, title, tuple(notes)
        self.debugger = Debugger(trace)
        self.progress = Progress(trace)
        self.folds = Folds(trace)
        self.which: int | None = None
        self.entry: Entry | None = None
        self.message = ""
        self.overlay = ""
        self.inspected = -1
        self.note = 0  # which of the notes is worked out; 0: all of them in short
        self.sought = ""
        self.scroll = 0
        self.done = False
        self._cards: dict[tuple[int, int | None, Entry | None], CardText] = {}
        self._worked_out: dict[int, str] = {}
        self._jacobians: dict[tuple[int, int | None], Jacobian | None] = {}

    @property
    def position(self) -> int:
        return self.debugger.position

    @property
    def step(self) -> Step | None:
        """The step that was made last; None at the start."""
        return self.debugger.last

    def card(self) -> CardText | None:
        """The card of the step that was made last."""
        if self.step is None:
            return None
        key = self.step.index, self.which, self.entry
        if key not in self._cards:
            self._cards[key] = card_text(self.trace, *key)
        return self._cards[key]

    def jacobian(self) -> Jacobian | None:
        """The local Jacobian of the step that was made last; None where it is no operation's backward."""
        if self.step is None:
            return None
        key = self.step.index, self.which
        if key not in self._jacobians:
            self._jacobians[key] = jacobian_of(self.trace, self.step, self.which)
        return self._jacobians[key]

    def errata(self) -> str:
        """The notes in short, or the one that was asked for with what comes out when it is run now."""
        if not self.note:
            return "\n\n".join(f"{i}. {note.title}\n{note.text}" for i, note in enumerate(self.notes, 1))
        if self.note not in self._worked_out:
            self._worked_out[self.note] = self.notes[self.note - 1].more()
        return self._worked_out[self.note]

    def involved(self) -> list[int]:
        """The nodes that the current step has to do with, each once; at the start the given ones."""
        step = self.step
        if step is None:
            return [node.id for node in self.trace.nodes if node.id in self.trace.given and node.kind != "number"]
        nodes = [*step.inputs, *step.outputs]
        if step.kind == "backward" and step.forward is not None:
            forward = self.trace.steps[step.forward]
            nodes = [*forward.outputs, *forward.inputs]
        return [node for node in dict.fromkeys(nodes) if self.trace.nodes[node].kind != "number"]

    def do(self, command: Command, argument: str = "") -> None:
        """Carry out a command. What goes wrong is said in `message`."""
        before = self.position
        self.message = ""
        try:
            command.run(self, argument.strip())
        except (ValueError, KeyError, IndexError) as error:
            self.message = str(error.args[0] if error.args else error)
        if self.position != before:
            self.which, self.entry, self.scroll = None, None, 0

    def seek(self, position: int) -> None:
        """To a position, or to the nearest that there is."""
        self.debugger.seek(min(max(position, 0), len(self.debugger)))


# The commands, in the order of the help


def _next(stepper: Stepper, argument: str) -> None:
    count = _count(argument)
    if stepper.position == len(stepper.debugger):
        stepper.message = "this is the end; b goes back, q quits"
    stepper.seek(stepper.position + count)


def _back(stepper: Stepper, argument: str) -> None:
    count = _count(argument)
    if not stepper.position:
        stepper.message = "this is the start; n goes on"
    stepper.seek(stepper.position - count)


def _count(argument: str) -> int:
    if argument and not argument.isdigit():
        raise ValueError(f"expected how many steps, got {argument!r}")
    return int(argument or 1)


def _over(stepper: Stepper, argument: str) -> None:
    if stepper.debugger.next is None:
        return _next(stepper, "")
    stepper.seek(stepper.folds.beyond(stepper.debugger.next.index) + 1)


def _phase(phase: str) -> Callable[[Stepper, str], None]:
    def to(stepper: Stepper, argument: str) -> None:
        first = [s.index for s in stepper.trace.steps if s.phase == phase and _begins(stepper.trace, s.index)]
        if not first:
            stepper.message = f"there is no {phase} in this trace"
            return
        later = [index for index in first if index + 1 > stepper.position]
        stepper.seek((later or first)[0] + 1)

    return to


def _begins(trace: Trace, index: int) -> bool:
    return index == 0 or trace.steps[index - 1].phase != trace.steps[index].phase


def _jump(stepper: Stepper, argument: str) -> None:
    """To a position by number, else to the next step that an operation, tensor or line names; from the start again."""
    if not argument:
        raise ValueError("jump where? a number, an operation, a tensor, or line 12")
    if argument in ("start", "end"):
        return stepper.seek(0 if argument == "start" else len(stepper.debugger))
    if argument.lstrip("-").isdigit():
        return stepper.debugger.seek(int(argument))
    target = stepper.debugger.target(_named(argument))
    _to(stepper, lambda step: target.matches(stepper.trace, step))


def _named(argument: str) -> str:
    """ "line 12" and ":12" are lines; Debugger.target knows the rest."""
    words = argument.split()
    return words[1] if len(words) == 2 and words[0] == "line" else argument.removeprefix(":")


def _to(stepper: Stepper, fits: Callable[[Step], bool]) -> None:
    """To the next step that fits, after the end again from the start."""
    count, here = len(stepper.debugger), stepper.position
    for index in [*range(here, count), *range(here)]:
        if fits(stepper.trace.steps[index]):
            if index < here:
                stepper.message = "none ahead: from the start again"
            return stepper.seek(index + 1)
    raise ValueError("no such step")


def _find(stepper: Stepper, argument: str) -> None:
    """The next step with this text in its operation, tensors, module or line of code; nothing: the last text again."""
    stepper.sought = argument or stepper.sought
    if not stepper.sought:
        raise ValueError("find what? a part of a name, or of the line of code")
    text = stepper.sought.lower()
    try:
        _to(stepper, lambda step: text in _all_words(stepper.trace, step))
    except ValueError:
        raise ValueError(f"nothing found for {stepper.sought!r}") from None


def _all_words(trace: Trace, step: Step) -> str:
    names = [trace.nodes[node].name for node in (*step.inputs, *step.outputs)]
    return " ".join([step.title, step.kind, *names, ".".join(step.module), code(trace, step)]).lower()


def code(trace: Trace, step: Step) -> str:
    """The line of the user's code that a step belongs to, without its indent; "" where it is not known."""
    lines = trace.sources.get(step.site.file, []) if step.site else []
    return lines[step.site.line - 1].strip() if step.site and 0 < step.site.line <= len(lines) else ""


def _fold(stepper: Stepper, argument: str) -> None:
    if argument == "all":
        stepper.message = "all modules folded" if stepper.folds.toggle_all() else "all modules unfolded"
        return
    step = stepper.step or stepper.debugger.next
    name = stepper.folds.toggle(step.index) if step is not None else ""
    stepper.message = name or "this step is in no module"


def _fold_all(stepper: Stepper, argument: str) -> None:
    _fold(stepper, "all")


def _inspect(stepper: Stepper, argument: str) -> None:
    involved = stepper.involved()
    if not argument and not involved:
        raise ValueError("inspect which tensor?")
    if argument.isdigit() and int(argument) < len(stepper.trace.nodes):
        stepper.inspected = int(argument)
    else:
        stepper.inspected = stepper.debugger.node(argument) if argument else involved[-1]
    stepper.overlay, stepper.scroll = "inspect", 0


def _run(stepper: Stepper, argument: str) -> None:
    if stepper.debugger.run() is None:
        stepper.message = "no breakpoint ahead: the end" if stepper.debugger.breakpoints else "no breakpoint: the end"


def _breakpoint(stepper: Stepper, argument: str) -> None:
    """On the current line, or where the argument says; a second time takes it away."""
    if not argument:
        step = stepper.step or stepper.debugger.next
        if step is None or step.site is None:
            raise ValueError("this step has no line of code; name an operation, a tensor or a line")
        argument = f"{step.site.file}:{step.site.line}"
    target = stepper.debugger.target(_named(argument))
    if target in stepper.debugger.breakpoints:
        stepper.debugger.breakpoints.remove(target)
        stepper.message = f"no breakpoint any more at {target}"
    else:
        stepper.debugger.breakpoints.append(target)
        stepper.message = f"breakpoint at {target}; c runs there"


def has_breakpoint(stepper: Stepper, file: str, line: int) -> bool:
    """Is there a breakpoint on a line?"""
    short = file.rsplit("/", 1)[-1]
    return any(b.line == line and b.file.rsplit("/", 1)[-1] in ("", short) for b in stepper.debugger.breakpoints)


def _entry(move: int) -> Callable[[Stepper, str], None]:
    """To the next or the previous entry, in the order of reading; after the last the first."""

    def change(stepper: Stepper, argument: str) -> None:
        card, shape = _shown_array(stepper)
        flat = int(np.ravel_multi_index(card.entry, shape)) if shape else 0
        to_entry(stepper, card.which, np.unravel_index((flat + move) % max(math.prod(shape), 1), shape))

    return change


def _array(move: int) -> Callable[[Stepper, str], None]:
    def change(stepper: Stepper, argument: str) -> None:
        card, _ = _shown_array(stepper)
        to_entry(stepper, (card.which + move) % len(card.choices), None)

    return change


def _shown_array(stepper: Stepper) -> tuple[CardText, tuple[int, ...]]:
    card = stepper.card()
    if card is None or not card.choices:
        raise ValueError("there is no array on this card")
    return card, card.choices[card.which][1]


def to_entry(stepper: Stepper, which: int, entry: Iterable[int] | None) -> None:
    """Show this entry of this array on the card."""
    stepper.which, stepper.entry = which, None if entry is None else tuple(int(i) for i in entry)
    card, shape = _shown_array(stepper)
    at = f"[{', '.join(map(str, card.entry))}] of {arrays.shape(shape)}" if shape else ""
    stepper.message = f"{card.choices[which][0]}{at}, array {which + 1} of {len(card.choices)}"


def _entry_at(stepper: Stepper, argument: str) -> None:
    """ "1,0", or with the array's name "dw 1,0"."""
    card, _ = _shown_array(stepper)
    names = [name for name, _ in card.choices]
    name, _, place = argument.partition(" ") if argument.partition(" ")[0] in names else ("", "", argument)
    which = names.index(name) if name else card.which
    shape = card.choices[which][1]
    numbers = place.replace(",", " ").split()
    if not all(one.isdigit() for one in numbers) or (place and len(numbers) != len(shape)):
        raise ValueError(f"expected an entry of {names[which]}, {arrays.shape(shape)}, as 0,1; got {argument!r}")
    if any(int(one) >= size for one, size in zip(numbers, shape, strict=False)):
        raise ValueError(f"{names[which]} is {arrays.shape(shape)}, counted from 0; got {argument!r}")
    to_entry(stepper, which, [int(one) for one in numbers] if place else None)


def _jacobian(stepper: Stepper, argument: str) -> None:
    if stepper.jacobian() is None:
        raise ValueError("a local Jacobian belongs to the backward of an operation; w goes to the backward")
    stepper.overlay, stepper.scroll = "jacobian", 0


def _help(stepper: Stepper, argument: str) -> None:
    stepper.overlay, stepper.scroll = "help", 0


def _notes(stepper: Stepper, argument: str) -> None:
    """All in short, or one by its number with what comes out when it is run."""
    if not stepper.notes:
        raise ValueError("there are no errata here; they come with --document D0")
    if argument and not (argument.isdigit() and 0 < int(argument) <= len(stepper.notes)):
        raise ValueError(f"expected a number from 1 to {len(stepper.notes)}, got {argument!r}")
    stepper.note = int(argument or 0)
    stepper.overlay, stepper.scroll = "errata", 0


def _quit(stepper: Stepper, argument: str) -> None:
    stepper.done = True


@dataclass(frozen=True)
class Command:
    """A command: its word, the keys that give it, what it does; `asks`: what a key asks for before it is done."""

    word: str
    keys: tuple[str, ...]
    help: str
    run: Callable[[Stepper, str], None]
    asks: str = ""


COMMANDS = (
    Command("next", ("n", "right", "space", "enter"), "one step on", _next),
    Command("back", ("b", "p", "left", "backspace"), "one step back", _back),
    Command("over", ("o",), "on, past the module that comes next", _over),
    Command("start", ("home",), "to the start", lambda stepper, _: stepper.seek(0)),
    Command("end", ("end",), "to the end", lambda stepper, _: stepper.seek(len(stepper.debugger))),
    Command("forward", ("f",), "to where the forward begins", _phase("forward")),
    Command("backward", ("w", "B"), "to where the backward begins", _phase("backward")),
    Command("update", ("u",), "to where the update begins", _phase("update")),
    Command("jump", ("j",), "to a step's number, an operation, a tensor, line 12", _jump, "jump to"),
    Command("find", ("/",), "the next step with this text; nothing: again", _find, "find"),
    Command("expand", ("e",), "unfold or fold the module of this step", _fold),
    Command("modules", ("E",), "unfold or fold all modules", _fold_all),
    Command("inspect", ("i",), "a tensor: value, gradient and its terms", _inspect, "tensor"),
    Command("break", (".",), "breakpoint on this line, or take it away", _breakpoint),
    Command("run", ("c",), "on to the next breakpoint, else to the end", _run),
    Command("jacobian", ("d",), "the local Jacobian of this step's backward", _jacobian),
    Command("previous", ("[",), "the entry before, of the array on the card", _entry(-1)),
    Command("following", ("]",), "the entry after", _entry(1)),
    Command("array", ("}", "{"), "another array of this step on the card", _array(1)),
    Command("entry", ("=",), "an entry by its place: 0,1 or dw 0,1", _entry_at, "entry"),
    Command("errata", ("x",), "what the document has wrong; a number: run it", _notes, "erratum (all)"),
    Command("help", ("h", "?"), "the keys", _help),
    Command("quit", ("q",), "leave", _quit),
)
BY_KEY = {key: command for command in COMMANDS for key in command.keys}


def find_command(word: str) -> Command:
    """By its word, the beginning of it, or a key. Raises ValueError for anything else."""
    if word in BY_KEY:
        return BY_KEY[word]
    fitting = [command for command in COMMANDS if word and command.word.startswith(word)]
    exact = [command for command in fitting if command.word == word]
    if len(exact or fitting) != 1:
        raise ValueError(f"unknown command {word!r}; h lists them")
    return (exact or fitting)[0]
