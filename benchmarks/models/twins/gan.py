"""The GAN in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class Generator(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        if config.network == "dense":
            self.layers = nn.Sequential(
                nn.Linear(config.latent, config.hidden // 2),
                nn.LeakyReLU(0.2),
                nn.Linear(config.hidden // 2, config.hidden),
                nn.LeakyReLU(0.2),
                nn.Linear(config.hidden, 784),
                nn.Unflatten(1, (1, 28, 28)),
                nn.Tanh(),
            )
        else:
            self.layers = nn.Sequential(
                nn.Linear(config.latent, 98 * config.channels),
                nn.Unflatten(1, (2 * config.channels, 7, 7)),
                nn.ReLU(),
                nn.ConvTranspose2d(2 * config.channels, config.channels, 4, 2, 1),
                nn.ReLU(),
                nn.ConvTranspose2d(config.channels, 1, 4, 2, 1),
                nn.Tanh(),
            )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layers(z)


class Discriminator(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        if config.network == "dense":
            self.layers = nn.Sequential(
                nn.Flatten(),
                nn.Linear(784, config.hidden),
                nn.LeakyReLU(0.2),
                nn.Linear(config.hidden, config.hidden // 2),
                nn.LeakyReLU(0.2),
                nn.Linear(config.hidden // 2, 1),
            )
        else:
            self.layers = nn.Sequential(
                nn.Conv2d(1, config.channels, 4, 2, 1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(config.channels, 2 * config.channels, 4, 2, 1),
                nn.LeakyReLU(0.2),
                nn.Flatten(),
                nn.Linear(98 * config.channels, 1),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x).squeeze(1)


class GanTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        network = recipe.settings.model
        return {
            "generator": Generator(network),
            "average": Generator(network),
            "discriminator": Discriminator(network),
        }

    def set_up(self) -> None:
        self.generator, self.discriminator = self.modules["generator"], self.modules["discriminator"]
        s = self.settings
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=s.lr, betas=(0.5, 0.999))
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=s.lr, betas=(0.5, 0.999))
        self.average = AveragedModel(self.generator, multi_avg_fn=get_ema_multi_avg_fn(s.memory))
        self.average.update_parameters(self.generator)  # the first update only copies
        self.modules["average"] = self.average.module

    def step(self, batch: Any) -> dict[str, float]:
        x, z, u = batch
        s = self.settings
        fake = self.generator(z)

        self.discriminator_optimizer.zero_grad()
        loss = self.discriminator_loss(self.discriminator(x), self.discriminator(fake.detach()))
        penalty = self.penalty(x, fake.detach(), u)
        (loss + penalty).backward()
        self.discriminator_optimizer.step()

        self.generator_optimizer.zero_grad()
        logits = self.discriminator(fake)
        generator_loss = -softplus(logits).mean() if s.loss == "minimax" else softplus(-logits).mean()
        generator_loss.backward()
        self.generator_optimizer.step()
        self.average.update_parameters(self.generator)
        return {"loss": loss.item(), "generator_loss": generator_loss.item(), "penalty": penalty.item()}

    def discriminator_loss(self, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        bce = nn.BCEWithLogitsLoss()
        return bce(real, torch.full_like(real, 1 - self.settings.smoothing)) + bce(fake, torch.zeros_like(fake))

    def penalty(self, x: torch.Tensor, fake: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        kind, weight = self.settings.penalty, self.settings.penalty_weight
        if kind == "none":
            return torch.zeros((), dtype=x.dtype)
        n = self.settings.penalized
        x, fake, u = x[:n], fake[:n], u[:n]
        inputs = (x if kind == "r1" else torch.lerp(fake, x, u)).requires_grad_()
        (slopes,) = torch.autograd.grad(self.discriminator(inputs).sum(), inputs, create_graph=True)
        squares = slopes.square().flatten(1).sum(1)
        if kind == "r1":
            return weight * 0.5 * squares.mean()
        return weight * ((squares + 1e-12).sqrt() - 1).square().mean()
