"""Keys in, screens out, until the user leaves."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from nanonet.teach.views.terminal.commands import BY_KEY, Command, completed, find_command
from nanonet.teach.views.terminal.keys import CLEAR, HOME, Terminal
from nanonet.teach.views.terminal.screen import screen
from nanonet.teach.views.terminal.stepper import Stepper

CLOSING = ("q", "escape", "enter", "h", "?")


class Prompt:
    """A line that is being typed: the argument of a command, or, without one, a whole command."""

    def __init__(self, command: Command | None = None) -> None:
        self.command, self.text, self.hint = command, "", ""

    def __str__(self) -> str:
        hint = f"   ({self.hint})" if self.hint else ""
        return f"{self.command.asks}: {self.text}{hint}" if self.command else f":{self.text}"


class Loop:
    """The stepper in a terminal. `press` is one key; it needs no terminal, so that tests can press too."""

    def __init__(self, stepper: Stepper) -> None:
        self.stepper = stepper
        self.prompt: Prompt | None = None

    def press(self, key: str) -> None:
        """What a key does."""
        if key in ("resize", "redraw"):  # drawn anew after every key
            return
        if self.prompt is not None:
            self._typed(self.prompt, key)
        elif key == "eof":
            self.stepper.done = True
        elif key in ("up", "down", "pageup", "pagedown"):
            self.stepper.scroll += {"up": -1, "down": 1, "pageup": -8, "pagedown": 8}[key]
        elif self.stepper.overlay and key in CLOSING:
            self._close()
        elif key == ":":
            self.prompt = Prompt()
        elif key in BY_KEY:
            self._command(BY_KEY[key])
        else:
            self.stepper.message = f"{key} does nothing; h shows the keys" if key.isprintable() and len(key) < 9 else ""

    def _close(self) -> None:
        self.stepper.overlay, self.stepper.scroll, self.stepper.message = "", 0, ""

    def _command(self, command: Command) -> None:
        if self.stepper.overlay in ("help", "errata"):  # a tensor stays in view while one steps
            self._close()
        if command.asks:
            self.prompt = Prompt(command)
        else:
            self.stepper.do(command.run)

    def _typed(self, prompt: Prompt, key: str) -> None:
        prompt.hint = ""
        if key == "enter":
            self.prompt = None
            self._entered(prompt)
        elif key in ("escape", "eof") or (key == "backspace" and not prompt.text):
            self.prompt = None
        elif key == "backspace":
            prompt.text = prompt.text[:-1]
        elif key == "tab" and prompt.command is not None:
            prompt.text, fitting = completed(self.stepper, prompt.text)
            prompt.hint = ", ".join(fitting) if len(fitting) != 1 else ""
        elif key == "erase":
            prompt.text = ""
        elif len(key) == 1 and key.isprintable():
            prompt.text += key
        elif key == "space":
            prompt.text += " "

    def _entered(self, prompt: Prompt) -> None:
        if prompt.command is not None:
            return self.stepper.do(prompt.command.run, prompt.text)
        word, _, argument = prompt.text.strip().partition(" ")
        if not word:
            return None
        try:
            self.stepper.do(find_command(word).run, argument)
        except ValueError as error:
            self.stepper.message = str(error)

    def drawn(self, console: Console, width: int, height: int) -> str:
        """The screen, with its colours, as text to write at the terminal's first cell."""
        lines = screen(self.stepper, width, height, None if self.prompt is None else str(self.prompt))
        with console.capture() as captured:
            console.print(Text("\n").join(lines), end="", soft_wrap=True)
        return captured.get()

    def run(self) -> None:
        """Until `q`. Whatever ends it, the terminal is as it was before."""
        with Terminal() as terminal:
            console = Console(force_terminal=True, highlight=False)
            size = terminal.size
            while not self.stepper.done:
                clear = CLEAR if size != terminal.size else ""
                size = terminal.size
                terminal.write(clear + HOME + self.drawn(console, *size))
                self.press(terminal.key())
