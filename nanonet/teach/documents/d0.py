"""D0, 000_2e963d5db8266ded.txt: eight errors of its backward pass, and of its worked example with X = I₂."""

from __future__ import annotations

import numpy as np

from nanonet.teach.documents.checks import Pair, claim, gradient
from nanonet.teach.documents.d0_formulas import (
    CHECK,
    LAST,
    LOSS_INPUTS,
    RIGHT,
    TWO_CHECK,
    UNIT_CHECK,
    UNIT_RIGHT,
    all_exist,
    db_down_to,
    from_hidden,
    from_output,
    last_back,
    last_linear,
    last_relu,
    layer_back,
    layer_check,
    loss_alone,
    loss_back,
    loss_of,
    next_weight,
    one_layer_off,
    pass_back,
    right_dW,
    two_layers_back,
    unit_back,
    without_factor,
    written_dW,
)
from nanonet.teach.documents.erratum import Erratum, closer_look

NETWORK = "the ReLU network 2-2-2-2 with three samples"
UNIT = "X = I₂, W = (-0.3, 0.4), b = 0.1, Y = (1, 0)"

ERRATA = [
    Erratum(
        "D0", 1, "The output error starts from the last hidden activation",
        "dZ[L-1] = A[L-1] - Y", "dZ[L] = ∂J/∂Ŷ = 2/m (Ŷ - Y)",
        "The loss compares Y with the prediction Ŷ. A[L-1] is what goes into the last layer, not what comes out.",
        NETWORK, pass_back(output=from_hidden), RIGHT, CHECK,
        r"With $J = \frac{1}{m}\sum(Y-\hat Y)^2$ and a linear last layer, $\hat Y = Z_L$, so "
        r"$dZ_L = \frac{\partial J}{\partial Z_L} = \frac{2}{m}(\hat Y - Y)$.",
        (closer_look(
            "the loss alone, as a function of Ŷ", "Ŷ and A[L-1] of the same network",
            loss_back(from_hidden), loss_back(from_output), gradient(loss_alone, LOSS_INPUTS, "Ŷ"),
        ),),
    ),
    Erratum(
        "D0", 2, "g' and W are taken one layer off",
        "dZ[l-1] = g'(Z[l]) * (W[l]ᵀ·dZ[l])", "dZ[l] = (W[l]ᵀ·dZ[l+1]) ⊙ g'(Z[l])",
        "W[l] leads from layer l to l+1, so its transpose carries dZ[l+1] back to layer l, and g' is taken there, at "
        "Z[l]. As written, the first turn would even need W[L], which there is not; here it is put right, and the "
        "second runs as written. Two mistakes at once have no name; each alone has one.",
        NETWORK, pass_back(hidden=one_layer_off), RIGHT, CHECK,
        r"From $Z_{l+1} = W_l A_l + b_l$ and $A_l = g(Z_l)$ the chain rule gives "
        r"$dA_l = W_l^\top dZ_{l+1}$ and $dZ_l = dA_l \odot g'(Z_l)$.",
        (
            closer_look("W alone", "two layers, from Z[1] to Z[3]",
                        two_layers_back(weight=2), two_layers_back(), TWO_CHECK),
            closer_look("g' alone", "two layers, from Z[1] to Z[3]",
                        two_layers_back(slope=2), two_layers_back(), TWO_CHECK),
        ),
    ),
    Erratum(
        "D0", 3, "dW does not conform where columns are samples",
        "dW[l] = A[l-1]ᵀ·dZ[l]", "dW[l-1] = dZ[l]·A[l-1]ᵀ",
        "dW has the shape of W, (out × in): (out × m) times (m × in). As written the product sums over the units and "
        "leaves the samples.",
        NETWORK, pass_back(weight=written_dW), RIGHT, CHECK,
        r"$Z_{ij} = \sum_k W_{ik}A_{kj} + b_i$, so "
        r"$\frac{\partial J}{\partial W_{ik}} = \sum_j dZ_{ij} A_{kj} = (dZ A^\top)_{ik}$.",
        (
            closer_look("where a layer is not square", "Z = W·A with W (3×2), A (2×2)",
                        layer_back(written_dW), layer_back(right_dW), layer_check(2, 3)),
            closer_look("where all is square it runs, and is wrong", "Z = W·A with W (2×2), A (2×2)",
                        layer_back(written_dW), layer_back(right_dW), layer_check(2, 2)),
        ),
    ),
    Erratum(
        "D0", 4, "The factor of the loss is lost, and db runs one layer too far",
        "dZ = Ŷ - Y, and db[l] = dZ[l]ᵀ·1 down to l = 0", "dZ[L] = 2/m (Ŷ - Y); db[l-1] = dZ[l]·1 for l = L … 1",
        "The loss has the factor 1/m and its square the factor 2; both belong to the gradient. Layer 0 is the input: "
        "it has no bias and no error.",
        NETWORK, pass_back(output=without_factor), RIGHT, CHECK,
        r"$\frac{\partial}{\partial\hat Y}\frac{1}{m}\sum(Y-\hat Y)^2 = \frac{2}{m}(\hat Y-Y)$. With $m = 3$ the "
        r"gradient as written is $\frac{m}{2} = 1.5$ times the right one. And from $Z_l = W_{l-1}A_{l-1} + b_{l-1}$, "
        r"$db_{l-1} = \sum_j dZ_{l,\cdot j}$ for $l = L,\dots,1$.",
        (closer_look("db down to which layer?", "the same network", db_down_to(0), db_down_to(1),
                     claim("every db that is asked for exists", all_exist)),),
    ),
    Erratum(
        "D0", 5, "The update pairs W[l] with the dW of another layer",
        "W[l] = W[l] - α dW[l]  with  dW[l] from dZ[l]", "W[l-1] = W[l-1] - α dZ[l]·A[l-1]ᵀ",
        "What is made from dZ[l] and A[l-1] belongs to the weights between layers l-1 and l, and these are W[l-1]. As "
        "written W[0] is never updated: no dW[0] is made. The others go down the slope of their neighbour.",
        NETWORK, next_weight, RIGHT, CHECK,
        r"$Z_l = W_{l-1}A_{l-1} + b_{l-1}$ has the gradient $\frac{\partial J}{\partial W_{l-1}} = dZ_l A_{l-1}^\top$: "
        r"its index is that of the weights, so $W_{l-1} \leftarrow W_{l-1} - \alpha dZ_l A_{l-1}^\top$.",
    ),
    Erratum(
        "D0", 6, "The text sends the output through a ReLU too",
        "Ŷ = ReLU(Z[L]), with the backward pass of Ŷ = Z[L]", "Ŷ = Z[L]",
        "The pseudocode's last layer is linear, and its output error is right for that only. A ReLU there needs its "
        "own g', and Ŷ could never be negative, while labels are.",
        "the last layer of the same network", Pair(last_relu, last_back(lambda Z: np.maximum(Z, 0))),
        Pair(last_linear, last_back(lambda Z: Z)), gradient(last_linear, LAST),
        r"With $\hat Y = Z_L$: $dZ_L = \frac{2}{m}(\hat Y-Y)$. With $\hat Y = g(Z_L)$ it would be "
        r"$dZ_L = \frac{2}{m}(\hat Y-Y)\odot g'(Z_L)$, which is $0$ wherever $Z_L<0$: no such output learns.",
    ),
    Erratum(
        "D0", 7, "The error with respect to A is taken for that with respect to Z",
        "δ = ∂L/∂A = A - Y", "dZ = ∂L/∂Z = (A - Y) ⊙ g'(Z)",
        "Between A and Z lies g. Its slope is the factor that is missing: where the unit is off it is 0, and the right "
        "gradient too.",
        UNIT, unit_back(lambda Z, W: 1), UNIT_RIGHT, UNIT_CHECK,
        r"$\frac{\partial L}{\partial Z} = \frac{\partial L}{\partial A}\cdot\frac{\partial A}{\partial Z} = "
        r"(A-Y)\odot g'(Z)$, and $g'(Z) = [Z>0]$ for the ReLU.",
    ),
    Erratum(
        "D0", 8, "∂Z/∂X stands for g'(Z), and W has a row too many",
        "dZ = (A - Y) ⊙ ∂Z/∂X = (A - Y) ⊙ W", "dZ = (A - Y) ⊙ g'(Z)",
        "∂Z/∂X is W: it leads from the error of Z to that of X, one layer further. And with W of 2×2 there are two "
        "outputs, for a Y of one.",
        UNIT, unit_back(lambda Z, W: W), UNIT_RIGHT, UNIT_CHECK,
        r"$Z = WX + b$, $A = g(Z)$: $\frac{\partial A}{\partial Z} = g'(Z)$, while $\frac{\partial Z}{\partial X} = W$ "
        r"enters only $dX = W^\top dZ$. Here $X = I_2$, so $dW = dZ X^\top = dZ$.",
        (closer_look("the shape of W", "X = I₂ and Y = (1, 0)", loss_of(2), loss_of(1),
                     claim("A has the shape of Y", lambda n: n["shape of A"] == n["shape of Y"])),),
    ),
]  # fmt: skip
