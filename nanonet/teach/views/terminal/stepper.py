"""The stepper: a debugger with the commands of `nanonet step`. It draws nothing and reads no keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nanonet.teach.cards.expansion.lines import DISAGREEMENT
from nanonet.teach.cards.jacobian import Jacobian
from nanonet.teach.trace import Debugger, Step, Trace
from nanonet.teach.views.cardtext import CardText, Entry, card_text, jacobian_of
from nanonet.teach.views.progress import Progress
from nanonet.teach.views.terminal.folds import Folds


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
    tell            shall a card say by itself that its numbers do not give its result? Not where that is to be found
    message         one line about the last command
    overlay         what covers the steps: "", or one of "help", "inspect", "jacobian", "errata"
    """

    def __init__(self, trace: Trace, title: str = "", notes: Sequence[Note] = (), tell: bool = True) -> None:
        self.trace, self.title, self.notes = trace, title, tuple(notes)
        self.tell = tell
        self.debugger = Debugger(trace)
        self.progress = Progress(trace)
        self.folds = Folds(trace)
        self.lines: dict[str, list[int]] = {}  # by file, those that steps point to
        for file, line in sorted({(step.site.file, step.site.line) for step in trace.steps if step.site}):
            self.lines.setdefault(file, []).append(line)
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
            found = card_text(self.trace, *key)
            if not self.tell:
                found = replace(found, remarks=tuple(r for r in found.remarks if not r.startswith(DISAGREEMENT)))
            self._cards[key] = found
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

    def do(self, run: Callable[[Stepper, str], None], argument: str = "") -> None:
        """Carry out a command. What goes wrong is said in `message`."""
        before = self.position
        self.message = ""
        try:
            run(self, argument.strip())
        except (ValueError, KeyError, IndexError) as error:
            self.message = str(error.args[0] if error.args else error)
        if self.position != before:
            self.which, self.entry, self.scroll = None, None, 0

    def seek(self, position: int) -> None:
        """To a position, or to the nearest that there is."""
        self.debugger.seek(min(max(position, 0), len(self.debugger)))

    def has_breakpoint(self, file: str, line: int) -> bool:
        """Is there a breakpoint on this line of the file of this name?"""
        return any(b.line == line and Path(b.file).name in ("", file) for b in self.debugger.breakpoints)
