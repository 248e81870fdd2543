"""The commands of the stepper, and the keys that give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile

from nanonet.teach.views.terminal import moves
from nanonet.teach.views.terminal.stepper import Stepper


@dataclass(frozen=True)
class Command:
    """A command: its word, the keys that give it, what it does; `asks`: what a key asks for before it is done."""

    word: str
    keys: tuple[str, ...]
    help: str
    run: Callable[[Stepper, str], None]
    asks: str = ""


COMMANDS = (
    Command("next", ("n", "right", "space", "enter"), "one step on", moves.step_on),
    Command("back", ("b", "p", "left", "backspace"), "one step back", moves.step_back),
    Command("over", ("o",), "on, past the module that comes next", moves.step_over),
    Command("start", ("home",), "to the start", lambda stepper, _: stepper.seek(0)),
    Command("end", ("end",), "to the end", lambda stepper, _: stepper.seek(len(stepper.debugger))),
    Command("forward", ("f",), "to where the forward begins", moves.to_phase("forward")),
    Command("backward", ("w", "B"), "to where the backward begins", moves.to_phase("backward")),
    Command("update", ("u",), "to where the update begins", moves.to_phase("update")),
    Command("jump", ("j",), "to a step's number, an operation, a tensor, line 12", moves.jump, "jump to"),
    Command("find", ("/",), "the next step with this text; nothing: again", moves.find, "find"),
    Command("expand", ("e",), "unfold or fold the module of this step", moves.fold),
    Command("modules", ("E",), "unfold or fold all modules", moves.fold_all),
    Command("inspect", ("i",), "a tensor: value, gradient and its terms", moves.inspect, "tensor (or this step's)"),
    Command("break", (".",), "breakpoint on this line, or take it away", moves.toggle_breakpoint),
    Command("run", ("c",), "on to the next breakpoint, else to the end", moves.run_on),
    Command("jacobian", ("d",), "the local Jacobian of this step's backward", moves.show_jacobian),
    Command("previous", ("[",), "the entry before, of the array on the card", moves.move_entry(-1)),
    Command("following", ("]",), "the entry after", moves.move_entry(1)),
    Command("array", ("}", "{"), "another array of this step on the card", moves.move_array(1)),
    Command("entry", ("=",), "an entry by its place: 0,1 or dw 0,1", moves.entry_at, "entry"),
    Command("errata", ("x",), "what the document has wrong; a number: run it", moves.show_errata, "erratum (all)"),
    Command("help", ("h", "?"), "the keys", moves.show_help),
    Command("quit", ("q",), "leave", moves.leave),
)
KEY_NAMES = {
    "right": "→",
    "left": "←",
    "space": "Space",
    "enter": "Enter",
    "backspace": "⌫",
    "home": "Home",
    "end": "End",
}
BY_KEY = {key: command for command in COMMANDS for key in command.keys}


def completed(stepper: Stepper, text: str) -> tuple[str, list[str]]:
    """(the text as far as it is clear, what it may become): the names of tensors and operations that begin so."""
    names = [node.name for node in stepper.trace.nodes if node.kind != "number"]
    names += [step.title for step in stepper.trace.steps]
    fitting = [name for name in dict.fromkeys(names) if name.startswith(text)]
    return _common(fitting) or text, fitting


def _common(words: list[str]) -> str:
    """The beginning that all have."""
    columns = takewhile(lambda letters: len(set(letters)) == 1, zip(*words, strict=False))
    return "".join(letters[0] for letters in columns)


def find_command(word: str) -> Command:
    """By its word, the beginning of it, or a key. Raises ValueError for anything else."""
    if word in BY_KEY:
        return BY_KEY[word]
    fitting = [command for command in COMMANDS if word and command.word.startswith(word)]
    exact = [command for command in fitting if command.word == word]
    if len(exact or fitting) != 1:
        raise ValueError(f"unknown command {word!r}; h lists them")
    return (exact or fitting)[0]
