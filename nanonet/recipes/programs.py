"""The documents' programs with an MLP, as they are written: D0's table, D2's digits and D2's line."""

from __future__ import annotations

from dataclasses import dataclass

from nanonet.recipes.mlp import Data, MlpRecipe, Optimizer, Settings


@dataclass(frozen=True)
class TabularSettings(Settings):
    """D0's program: 128-64-1, Adam, binary cross-entropy, 10 epochs of batches of 32."""

    data: Data = "breast_cancer"
    dropout: float = 0.0
    epochs: int = 10


class TabularRecipe(MlpRecipe):
    name = "tabular"
    summary = "D0's classifier of tables: is a tumour benign?"
    Settings = TabularSettings


@dataclass(frozen=True)
class Mlp784Settings(Settings):
    """D2's second program: 784-128-64-10, Adam, 10 epochs of batches of 32."""

    data: Data = "mnist5k"
    dropout: float = 0.0
    epochs: int = 10


class Mlp784Recipe(MlpRecipe):
    name = "mlp784"
    summary = "D2's perceptron, 784-128-64-10, on 5,000 digits of MNIST"
    Settings = Mlp784Settings


@dataclass(frozen=True)
class LineSettings(Settings):
    """D2's program: linear regression by gradient descent, 100 epochs."""

    data: Data = "linear"
    hidden: tuple[int, ...] = ()
    optimizer: Optimizer = "sgd"
    lr: float = 0.01
    epochs: int = 100


class LineRecipe(MlpRecipe):
    name = "line"
    summary = "linear regression, y = 2x + 1 + U(0, 1), by gradient descent (D2)"
    Settings = LineSettings
