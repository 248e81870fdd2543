"""The VAE in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

from nanonet.recipes import Recipe
from nanonet_benchmarks.models.twin import Twin


class Vae(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        if config.architecture == "conv":
            self.encoder, self.decoder = convolutional(config)
        else:
            self.encoder, self.decoder = dense(config)
        self.mean = nn.Linear(config.hidden, config.latent)
        self.logvar = nn.Linear(config.hidden, config.latent)

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.encoder(x)
        mean, std = self.mean(h), torch.exp(0.5 * self.logvar(h))
        return self.decoder(mean + std * noise), mean, std


def convolutional(config: Any) -> tuple[nn.Sequential, nn.Sequential]:
    encoder, before, side = [], 1, 28
    for channels in config.channels:
        encoder += [nn.Conv2d(before, channels, 3, stride=2, padding=1), nn.ReLU()]
        before, side = channels, side // 2
    size = before * side * side
    encoder += [nn.Flatten(), nn.Linear(size, config.hidden), nn.ReLU()]
    decoder: list[nn.Module] = [nn.Linear(config.latent, config.hidden), nn.ReLU(), nn.Linear(config.hidden, size)]
    decoder += [nn.ReLU(), nn.Unflatten(1, (before, side, side))]
    for channels in reversed(config.channels):
        decoder += [nn.ConvTranspose2d(before, channels, 3, stride=2, padding=1, output_padding=1), nn.ReLU()]
        before = channels
    decoder.append(nn.ConvTranspose2d(before, 1, 3, padding=1))
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def dense(config: Any) -> tuple[nn.Sequential, nn.Sequential]:
    encoder = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, config.units),
        nn.ReLU(),
        nn.Linear(config.units, config.hidden),
        nn.ReLU(),
    )
    decoder = nn.Sequential(
        nn.Linear(config.latent, config.hidden),
        nn.ReLU(),
        nn.Linear(config.hidden, config.units),
        nn.ReLU(),
        nn.Linear(config.units, 784),
        nn.Unflatten(1, (1, 28, 28)),
    )
    return encoder, decoder


class VaeTwin(Twin):
    def build(self, recipe: Recipe) -> dict[str, nn.Module]:
        self.warmup_steps = self.settings.warmup * len(recipe.loader)
        return {"model": Vae(recipe.settings.network)}

    def set_up(self) -> None:
        self.optimizer = torch.optim.Adam(self.modules["model"].parameters(), lr=self.settings.lr)
        self.done = 0

    def step(self, batch: Any) -> dict[str, float]:
        x, noise = batch
        self.optimizer.zero_grad()
        logits, mean, std = self.modules["model"](x, noise)
        reconstruction = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        kl = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).sum(1).mean()
        weight = self.settings.beta * min(1.0, (self.done + 1) / self.warmup_steps if self.warmup_steps else 1.0)
        loss = reconstruction + weight * kl
        loss.backward()
        self.optimizer.step()
        self.done += 1
        return {"loss": loss.item(), "reconstruction": reconstruction.item(), "kl": kl.item()}
