"""Convolutional classifiers of images: a LeNet, D1's encoder, and a small ResNet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nanonet import functional as F
from nanonet.models.config import Config
from nanonet.nn import BatchNorm2d, Conv2d, Dropout, Identity, Linear, Module, Sequential
from nanonet.tensor import Tensor


@dataclass(frozen=True)
class CNNConfig(Config):
    """The sizes of a convolutional classifier.

    network     lenet, encoder (D1's, as a classifier) or resnet
    size        rows and columns of an image
    inputs      channels of an image: 1 for grey
    channels    of the first convolution, the later ones have 2 and 4 times as many; 0: 16, as D1's encoder 32
    outputs     classes
    dropout     share of the last hidden units left out in each step
    """

    network: Literal["lenet", "encoder", "resnet"] = "lenet"
    size: int = 28
    inputs: int = 1
    channels: int = 0
    outputs: int = 10
    dropout: float = 0.0

    def __post_init__(self) -> None:
        self.expect("size", self.size >= 4 and self.size % 4 == 0, "a multiple of 4, since it is halved twice")
        self.expect("inputs", self.inputs >= 1, "at least 1")
        self.expect("channels", self.channels >= 0, "at least 1, or 0 for the network's own")
        self.expect("outputs", self.outputs >= 2, "at least 2")
        self.expect("dropout", 0 <= self.dropout < 1, "a share from 0 to below 1")

    @property
    def width(self) -> int:
        """Channels of the first convolution."""
        return self.channels or (32 if self.network == "encoder" else 16)


class CNN(Module):
    """x (N, C, H, W) -> logits (N, outputs): features, dropout, one linear layer.

    Softmax is part of the loss, as everywhere in nanonet.
    """

    def __init__(self, config: CNNConfig, features: int) -> None:
        super().__init__()
        self.config = config
        self.dropout = Dropout(config.dropout)
        self.output = Linear(features, config.outputs)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, features): what the last layer decides on."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.dropout(self.features(x)))


class LeNet(CNN):
    """Twice: 5×5 convolution, ReLU, 2×2 max pooling; then Dense 128.

    Source: LeCun et al. 1998, with ReLU and max pooling for its tanh and averages, and more channels.
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__(config, features=128)
        c = config.width
        self.conv1 = Conv2d(config.inputs, c, 5, padding=2)
        self.conv2 = Conv2d(c, 2 * c, 5, padding=2)
        self.dense = Linear(2 * c * (config.size // 4) ** 2, 128)

    def features(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (N, c, H/2, W/2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (N, 2c, H/4, W/4)
        return F.relu(self.dense(F.flatten(x, 1)))


class Encoder(CNN):
    """D1's encoder: two 3×3 convolutions of stride 2 with ReLU (32 and 64 channels), then Dense 16.

    Its two heads, mean and log-variance, are replaced by the classifier's linear layer.
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__(config, features=16)
        c = config.width
        self.conv1 = Conv2d(config.inputs, c, 3, stride=2, padding=1)
        self.conv2 = Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.dense = Linear(2 * c * (config.size // 4) ** 2, 16)

    def features(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))  # (N, c, H/2, W/2)
        x = F.relu(self.conv2(x))  # (N, 2c, H/4, W/4)
        return F.relu(self.dense(F.flatten(x, 1)))


class ResNet(CNN):
    """A 3×3 convolution, three residual blocks (c, 2c and 4c channels, halved in size twice), mean over the image.

    Source: He et al. 2016, their network for CIFAR-10 with one block for each size: 8 layers deep.
    """

    def __init__(self, config: CNNConfig) -> None:
        c = config.width
        super().__init__(config, features=4 * c)
        self.conv = Conv2d(config.inputs, c, 3, padding=1, bias=False)  # the norm that follows has a bias
        self.norm = BatchNorm2d(c)
        self.blocks = Sequential(Block(c, c, 1), Block(c, 2 * c, 2), Block(2 * c, 4 * c, 2))

    def features(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))  # (N, c, H, W)
        return self.blocks(x).mean((2, 3))  # (N, 4c, H/4, W/4) -> (N, 4c)


class Block(Module):
    """y = max(0, F(x) + x) with F two 3×3 convolutions, each followed by batch norm, and a ReLU between them.

    Where the shape changes, x passes through a 1×1 convolution and batch norm.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = BatchNorm2d(outputs)
        self.conv2 = Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = BatchNorm2d(outputs)
        same = inputs == outputs and stride == 1
        change = [] if same else [Conv2d(inputs, outputs, 1, stride=stride, bias=False), BatchNorm2d(outputs)]
        self.shortcut = Identity() if same else Sequential(*change)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


NETWORKS: dict[str, Callable[[CNNConfig], CNN]] = {"lenet": LeNet, "encoder": Encoder, "resnet": ResNet}


def make_cnn(config: CNNConfig) -> CNN:
    """The network that `config.network` names."""
    return NETWORKS[config.network](config)
