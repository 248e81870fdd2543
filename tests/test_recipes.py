"""Settings refuse what they do not know; the loop repeats, resumes, stops and says why; a run's folder is read back."""

from __future__ import annotations

import csv
import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import nanonet as nt
from nanonet import nn, optim, recipes
from nanonet.data import DataLoader
from nanonet.models import Config, ConfigError
from nanonet.program import Run, networks
from nanonet.recipes import Settings, Use
from nanonet.training.checkpoint import CheckpointError
from nanonet.training.loop import Loop
from nanonet.training.trainer import DivergedError
from tests import model_promises as promise


@dataclass(frozen=True)
class Inner(Config):
    """Sizes.

    width, depth    how large
    kind            which one
    """

    width: int = 4
    depth: int = 2
    kind: Literal["thin", "thick"] = "thin"

    def __post_init__(self) -> None:
        self.expect("width", self.width >= 1, "at least 1")


@dataclass(frozen=True)
class Outer(Config):
    """Everything.

    rate        how fast
    sizes       some sizes,
                on two lines
    """

    rate: float = 0.5
    sizes: tuple[int, ...] = (1, 2)
    limit: int | None = None
    on: bool = False
    inner: Inner = field(default_factory=Inner)


def test_settings_are_read_from_texts() -> None:
    given = Outer().replace(rate="1e-3", sizes="3, 4,5", limit="7", on="yes", width="9", kind="thick")
    assert given == Outer(1e-3, (3, 4, 5), 7, True, Inner(9, 2, "thick"))
    assert given.replace(limit="none", sizes="none", on=False) == Outer(1e-3, (), None, False, Inner(9, 2, "thick"))


def test_settings_go_through_json() -> None:
    given = Outer(0.25, (), 3, True, Inner(8))
    assert Outer.from_dict(json.loads(json.dumps(given.to_dict()))) == given


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rat": 1}, "there is no setting 'rat'; did you mean 'rate'?"),
        ({"widht": 1}, "did you mean 'width'?"),
        ({"zzz": 1}, "there are rate, sizes, limit, on, width, depth, kind"),
        ({"rate": "fast"}, "Outer: expected rate as a number, got 'fast'"),
        ({"sizes": "1,x"}, "expected sizes as a list such as 64,32, got '1,x'"),
        ({"limit": "many"}, "expected limit as a whole number or none, got 'many'"),
        ({"on": "perhaps"}, "expected on as true or false, got 'perhaps'"),
        ({"width": "0"}, "Inner: expected width as at least 1, got 0"),
        ({"width": 1.5}, "expected width as a whole number, got 1.5"),
        ({"width": True}, "expected width as a whole number, got True"),
        ({"kind": "wide"}, "expected kind as one of thin, thick, got 'wide'"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Outer().replace(**changes)
    assert words in str(caught.value)


def test_other_programs_files_may_have_more_names() -> None:
    assert Inner.from_dict({"width": 7, "torch_dtype": "float32"}, ignore_unknown=True) == Inner(7)
    with pytest.raises(ConfigError, match="no setting 'torch_dtype'"):
        Inner.from_dict({"width": 7, "torch_dtype": "float32"})


def test_every_setting_of_every_recipe_is_described() -> None:
    for name in recipes.names():
        for setting, value, words in recipes.find(name).Settings().settings():
            assert words, f"{name}: {setting} has no description"
            text = "none" if value is None else ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            if text:
                changed = recipes.find(name).Settings().replace(**{setting: text or "none"})
                assert changed == recipes.find(name).Settings(), f"{name}: {setting}={text}"


class Line:
    """y = w x learned by a loop: the smallest thing that a Loop drives."""

    def __init__(self, lr: float = 0.1) -> None:
        nt.manual_seed(0)
        x = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
        self.loader = DataLoader((x, 3 * x), 5, shuffle=True, seed=0)
        self.model = nn.Linear(1, 1)
        self.optimizer = optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)
        self.parts = {"model": self.model, "optimizer": self.optimizer}

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        x = x + 0.1 * nt.randn_like(x)  # drawn, so that a resumed run must draw the same
        self.optimizer.zero_grad()
        loss = (self.model(x) - y).square().mean()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.item()}

    def loop(self, steps: int, **options: Any) -> Loop:
        return Loop(self.step, self.loader, self.parts, steps, **{"verbose": 0, "every": 4, **options})


def test_a_loop_learns_and_keeps_its_figures(tmp_path: Path) -> None:
    line = Line(lr=0.01)
    loop = line.loop(30, folder=tmp_path, evaluate=lambda: {"w": line.model.weight.item()})
    history = loop.run()
    assert history["step"] == [4, 8, 12, 16, 20, 24, 28, 30]
    assert history["loss"][-1] < 0.1 * history["loss"][0]
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    assert [float(row["val_w"]) for row in rows] == history["val_w"]


@pytest.mark.parametrize("stop", [1, 3, 4, 5, 11, 29])
def test_a_loop_stopped_anywhere_goes_on_to_the_same_numbers(tmp_path: Path, stop: int) -> None:
    whole = Line()
    wanted = whole.loop(30).run()
    begun = Line()
    loop = begun.loop(30, folder=tmp_path)

    def step(batch: Any) -> dict[str, float]:
        figures = begun.step(batch)
        if loop.done + 1 == stop:
            os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C within a step waits for its end
        return figures

    loop.step = step
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert loop.run().interrupted
    finally:
        signal.signal(signal.SIGINT, before)
    assert loop.done == stop
    rest = Line()
    found = rest.loop(30, folder=tmp_path).run(resume=True)
    assert {k: v for k, v in found.items() if k != "seconds"} == {k: v for k, v in wanted.items() if k != "seconds"}
    np.testing.assert_array_equal(rest.model.weight.numpy(), whole.model.weight.numpy())


def test_a_diverging_loop_says_so() -> None:
    with pytest.raises(DivergedError, match=r"loss is (inf|nan) in step \d+; try a smaller learning rate"):
        Line(lr=1e30).loop(30).run()


def test_a_damaged_or_foreign_checkpoint_is_refused(tmp_path: Path) -> None:
    line = Line()
    line.loop(4, folder=tmp_path).run()
    other = Loop(line.step, line.loader, {"network": line.model}, 8, folder=tmp_path)
    with pytest.raises(CheckpointError, match="another kind of run"):
        other.run(resume=True)
    path = tmp_path / "last.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="truncated"):
        Line().loop(8, folder=tmp_path).run(resume=True)


def test_without_evaluate_a_loop_resumes_only_with_a_folder() -> None:
    with pytest.raises(ValueError, match="needs the folder"):
        Line().loop(3).run(resume=True)
    with pytest.raises(ValueError, match="steps and every of at least 1"):
        Line().loop(0)


def small(**changes: Any) -> Settings:
    return networks.settings_of("mlp", {"hidden": "8", "epochs": 1, **changes})


def test_a_run_is_read_back(tmp_path: Path) -> None:
    run = Run(tmp_path / "mlp")
    done = networks.train("mlp", small(), run, verbose=0)
    again = networks.load(run)
    promise.same(again.weights(), done.recipe.weights())
    with again.judging():
        assert again.test() == done.figures
    assert networks.is_network(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder that nanonet train wrote"):
        networks.load(Run(tmp_path))
    run = Run(tmp_path / "mlp")
    networks.train("mlp", small(), run, verbose=0)
    with pytest.raises(FileExistsError, match="--resume to go on"):
        networks.train("mlp", small(), run, verbose=0)
    with pytest.raises(ValueError, match="cannot resume: settings"):
        networks.train("mlp", small(lr=0.5), run, verbose=0, resume=True)
    weights = run.path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-3])
    with pytest.raises(ValueError, match="damaged"):
        networks.load(run)
    (run.path / "model.json").unlink()
    with pytest.raises(FileNotFoundError, match="not finished; go on with nanonet train"):
        networks.use(run, [], Use())


def test_settings_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mlp.toml"
    path.write_text("lr = 0.01\n[network]\nhidden = [7]\n")
    assert networks.settings_of("mlp", {"lr": "0.5"}, path).to_dict()["hidden"] == [7]
    assert networks.settings_of("mlp", {"lr": "0.5"}, path).lr == 0.5
    path = tmp_path / "mlp.json"
    path.write_text('{"lr": 0.01')
    with pytest.raises(ConfigError, match="expected settings as JSON"):
        networks.settings_of("mlp", {}, path)
    path.write_bytes(b'{"lr": "\xff"}')
    with pytest.raises(ConfigError, match="expected text in UTF-8"):
        networks.settings_of("mlp", {}, path)
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="got a list"):
        networks.settings_of("mlp", {}, path)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no recipe 'gtp'"):
        recipes.find("gtp")


def test_judging_leaves_no_trace() -> None:
    recipe = promise.make("mlp", hidden="8", dropout=0.5)
    state = nt.random.get_state()
    with recipe.judging():
        assert not recipe.model.training
        nt.rand(3)
        assert not (recipe.model(recipe.cast(np.ones((1, 64))))).requires_grad
    assert recipe.model.training
    assert json.dumps(nt.random.get_state(), default=str) == json.dumps(state, default=str)


def test_the_promises_can_be_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every network's tests call fails on a recipe that does not learn, repeat, resume or agree."""
    from nanonet.recipes.mlp import MlpRecipe

    right = MlpRecipe.step
    monkeypatch.setattr(MlpRecipe, "step", lambda self, batch: {"loss": 1.0})
    with pytest.raises(AssertionError):
        promise.overfits(promise.make("mlp"), 3, 0.5)
    drawn = iter(np.random.default_rng().random(1000))

    def noisy(self: Any, batch: Any) -> dict[str, float]:
        self.model.layers[0].weight.array[...] += next(drawn)
        self.model.layers[0].weight.written()
        return right(self, batch)

    monkeypatch.setattr(MlpRecipe, "step", noisy)
    with pytest.raises(AssertionError):
        promise.repeats("mlp", 5)
    with pytest.raises(AssertionError):
        promise.resumes("mlp", 6, tmp_path)
    pytest.importorskip("torch", reason="the twin is written in PyTorch")
    with pytest.raises(AssertionError):
        promise.agrees("mlp", 5, dropout=0)
