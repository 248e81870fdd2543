"""Layers, losses and containers, with PyTorch's names, arguments, parameter names and shapes."""

from nanonet.nn import init
from nanonet.nn.activation import (
    CELU,
    ELU,
    GELU,
    GLU,
    SELU,
    Hardshrink,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    Tanh,
    Tanhshrink,
    Threshold,
)
from nanonet.nn.containers import (
    ModuleDict,
    ModuleList,
    ParameterList,
    Sequential,
)
from nanonet.nn.dropout import (
    Dropout,
    Dropout2d,
)
from nanonet.nn.embedding import (
    Embedding,
)
from nanonet.nn.linear import (
    Bilinear,
    Identity,
    Linear,
)
from nanonet.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CosineEmbeddingLoss,
    CrossEntropyLoss,
    GaussianNLLLoss,
    HingeEmbeddingLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    NLLLoss,
    PoissonNLLLoss,
    SmoothL1Loss,
    SoftMarginLoss,
    TripletMarginLoss,
)
from nanonet.nn.module import (
    Module,
)
from nanonet.nn.parameter import (
    Parameter,
)
