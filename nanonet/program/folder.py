"""The folder of a run: what is in it, who may write there, and how a trained model is read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanonet.data import Preprocessor
from nanonet.nn import Sequential
from nanonet.program.network import build
from nanonet.training.checkpoint import write_atomically

FORMAT = "nanonet-model-1"
WEIGHTS, MODEL, RUN = "model.safetensors", "model.json", "run.json"
HISTORY, CHECKPOINT = "history.csv", "last.safetensors"
OURS = (WEIGHTS, MODEL, RUN, HISTORY, CHECKPOINT, "curves.png", "confusion.png", "roc.png", "fit.png")


@dataclass(frozen=True)
class Run:
    """A folder with a run in it."""

    path: Path

    def claim(self, description: dict[str, Any], overwrite: bool, resume: bool) -> bool:
        """Make the folder ours for the run that `description` (plain values) describes; is there a run to go on with?

        Raises FileExistsError where another run is there already, ValueError where the run to resume differs.
        """
        taken = [name for name in (*OURS, *self._listed()) if (self.path / name).exists()]
        if resume:
            self._compare(description)
        elif taken and not overwrite:
            raise FileExistsError(
                f"{self.path}: there is a run already ({', '.join(taken[:3])}, …); "
                "give another --out, --resume to go on with it, or --overwrite"
            )
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            self.write(RUN, as_json(description))  # first, so that a folder which takes no files is found out now
            for name in taken:
                if name != RUN:
                    (self.path / name).unlink(missing_ok=True)
        return resume and (self.path / CHECKPOINT).exists()

    def write(self, name: str, data: bytes | str) -> None:
        """A file, complete or not at all."""
        write_atomically(self.path / name, data.encode() if isinstance(data, str) else data)

    def load(self) -> tuple[dict[str, Any], Preprocessor, Sequential]:
        """(model.json, preprocessing, network) of a finished run. Raises ValueError or OSError for any other folder."""
        text = self._read(MODEL)
        try:
            model = json.loads(text)
            if model["format"] != FORMAT:
                raise KeyError("format")
            preprocessor = Preprocessor.from_json(json.dumps(model["preprocessor"]))
            network = build([int(size) for size in model["network"]["sizes"]], model["network"]["dropout"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.path / MODEL}: not what nanonet train writes, or damaged ({type(error).__name__}: {error})"
            ) from None
        self._load_weights(network)
        network.eval()
        return model, preprocessor, network

    def _listed(self) -> list[str]:
        """Further files of an earlier run, which its model.json lists."""
        try:
            names = json.loads((self.path / MODEL).read_text(encoding="utf-8")).get("files", [])
        except (OSError, ValueError, AttributeError):
            return []
        return [name for name in names if isinstance(name, str) and Path(name).name == name]

    def _load_weights(self, network: Sequential) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = self.path / WEIGHTS
        try:
            network.load_state_dict(load(path.read_bytes()))
        except FileNotFoundError:
            raise FileNotFoundError(f"{path}: there is no such file; train again") from None
        except (SafetensorError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{path}: damaged, or the weights of another model ({reason})") from None

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(
                f"{self.path}: there is no {name}, so this is no folder that nanonet train wrote"
            ) from None
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path / name}: damaged ({error})") from None

    def _compare(self, description: dict[str, Any]) -> None:
        """The run to resume must be this one."""
        text = self._read(RUN)
        try:
            before = json.loads(text)
            changed = [key for key in description if before[key] != json.loads(as_json(description))[key]]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{self.path / RUN}: damaged; this run cannot be resumed") from None
        if changed:
            old, new = before[changed[0]], description[changed[0]]
            what = "the data are not the same" if changed[0] == "sha256" else f"{changed[0]} was {old}, now it is {new}"
            raise ValueError(f"{self.path}: cannot resume: {what}; give what was given then, or another --out")


def as_json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
