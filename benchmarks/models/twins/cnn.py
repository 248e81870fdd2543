"""The convolutional classifiers in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class LeNet(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        c = config.channels or 16
        self.conv1 = nn.Conv2d(config.inputs, c, kernel_size=5, padding="same")
        self.conv2 = nn.Conv2d(c, 2 * c, kernel_size=5, padding="same")
        self.dense = nn.Linear(2 * c * config.size**2 // 16, 128)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(128, config.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(conv(x).relu(), kernel_size=2)
        x = self.dense(x.flatten(1)).relu()
        return self.output(self.dropout(x))


class Encoder(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        c = config.channels or 32
        self.conv1 = nn.Conv2d(config.inputs, c, kernel_size=3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(c, 2 * c, kernel_size=3, stride=2, padding=1)
        self.dense = nn.Linear(2 * c * config.size**2 // 16, 16)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(16, config.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv2(self.conv1(x).relu()).relu()
        return self.output(self.dropout(self.dense(x.flatten(1)).relu()))


class BasicBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, kernel_size=3, stride=1, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Sequential()  # empty: the identity
        if stride != 1 or n_in != n_out:
            projection = nn.Conv2d(n_in, n_out, kernel_size=1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(n_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(self.conv1(x)).relu()
        y = self.norm2(self.conv2(y))
        return (y + self.shortcut(x)).relu()


class ResNet(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        c = config.channels or 16
        self.conv = nn.Conv2d(config.inputs, c, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(c)
        self.blocks = nn.Sequential(BasicBlock(c, c, 1), BasicBlock(c, 2 * c, 2), BasicBlock(2 * c, 4 * c, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(4 * c, config.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.norm(self.conv(x)).relu())
        return self.output(self.dropout(self.pool(x).flatten(1)))


NETWORKS = {"lenet": LeNet, "encoder": Encoder, "resnet": ResNet}


class CnnTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        config = recipe.settings.model
        self.steps = recipe.steps
        return {"model": NETWORKS[config.network](config)}

    def set_up(self) -> None:
        s = self.settings
        self.optimizer = torch.optim.AdamW(self.modules["model"].parameters(), lr=s.lr, weight_decay=s.weight_decay)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, max_lr=s.lr, total_steps=self.steps)

    def step(self, batch: Any) -> dict[str, float]:
        x, y = batch
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.modules["model"](x), y)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return {"loss": loss.item()}
