"""Losses that ask for a margin between scores or between embeddings, with PyTorch's names and arguments."""

from nanonet.op import Composite, sample
from nanonet.ops.arguments import shape_of
from nanonet.ops.loss import check_broadcast, check_reduction, reduced
from nanonet.sampling import constant, distinct, normal, values

SIGNS = constant(values([1.0, -1.0, 1.0, -1.0]))


def hinge(xp, x):
    """max(0, x), with PyTorch's gradient 1 at 0."""
    return xp.clip(x, 0.0, None)


class HingeEmbeddingLoss(Composite):
    """y = mean [t ≠ -1] x + [t ≠ 1] max(0, margin - x);  dx = dy ⊙ ([t ≠ -1] - [t ≠ 1][x ≤ margin]) / n.

    The input holds distances, the target 1 for pairs that are alike and -1 for pairs that are not.
    """

    latex = (
        r"y = \frac1n \sum [t \ne -1]\, x + [t \ne 1] \max(0, margin - x); "
        r"dx = \tfrac1n\, dy \odot ([t \ne -1] - [t \ne 1][x \le margin])"
    )
    shapes = "input (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(distinct(3, 4), SIGNS),
        sample(distinct(3, 4), SIGNS, 0.5, reduction="sum", name="margin"),
        sample(distinct(4), SIGNS, reduction="none"),
        sample(values([1.0, 1.0]), constant(values([-1.0, 1.0])), name="at the margin", kink="x = margin"),
    ]

    def call(input, target, margin=1.0, reduction="mean"):
        check_reduction("hinge_embedding_loss", reduction)
        check_broadcast("hinge_embedding_loss", input=input, target=target)
        return (input, target), {"margin": margin, "reduction": reduction}

    def forward(xp, x, target, *, margin, reduction):
        apart = xp.where(target != 1, hinge(xp, margin - x), 0.0)
        return reduced(xp, apart + xp.where(target != -1, x, 0.0), reduction)


class MarginRankingLoss(Composite):
    """y = mean max(0, margin - t (a - b));  da = -dy ⊙ t [t (a - b) ≤ margin] / n;  db = -da.

    The target says which shall be greater: 1 for input1, -1 for input2.
    """

    latex = (
        r"y = \frac1n \sum \max(0, margin - t (a - b)); da = -\tfrac1n\, dy \odot t\, [margin \ge t (a - b)]; db = -da"
    )
    shapes = "input1 (…), input2 (…), target (…) -> y (), or (…) with reduction='none'"
    samples = [
        sample(distinct(3, 4), values([[0.03] * 4]), constant(values([[1.0], [-1.0], [1.0]])), 0.5, name="broadcast"),
        sample(distinct(4), values([0.03] * 4), SIGNS, reduction="sum"),
        sample(distinct(4), values([0.03] * 4), SIGNS, margin=0.5, reduction="none"),
        sample(values([1.0, 0.0]), values([0.0, 1.0]), constant(values([1.0, -1.0])), 1.0, name="at it", kink="y = 0"),
    ]

    def call(input1, input2, target, margin=0.0, reduction="mean"):
        check_reduction("margin_ranking_loss", reduction)
        check_ndim("margin_ranking_loss", input1=input1, input2=input2, target=target)
        return (input1, input2, target), {"margin": margin, "reduction": reduction}

    def forward(xp, a, b, target, *, margin, reduction):
        return reduced(xp, hinge(xp, margin - target * (a - b)), reduction)


class CosineEmbeddingLoss(Composite):
    """y = mean 1 - cos(a, b) where t = 1, max(0, cos(a, b) - margin) where t = -1;  da = ∓dy ⊙ ∂cos/∂a / n;
    db = ∓dy ⊙ ∂cos/∂b / n.

    1e-12 is added to each square of a length, as in PyTorch. `margin` lies in [-1, 1].
    """

    latex = (
        r"y = \frac1n \sum \begin{cases} 1 - \cos(a, b) & t = 1 \\ \max(0, \cos(a, b) - margin) & t = -1 \end{cases}; "
        r"da = \mp \tfrac1n\, dy \odot \partial \cos / \partial a; "
        r"db = \mp \tfrac1n\, dy \odot \partial \cos / \partial b"
    )
    shapes = "input1 (N, D), input2 (N, D), target (N) -> y (), or (N) with reduction='none'; or (D), (D), ()"
    samples = [
        sample(normal(4, 3), normal(4, 3), SIGNS),
        sample(normal(4, 3), normal(4, 3), SIGNS, 0.3, "none", name="margin"),
        sample(normal(4, 3), normal(1, 3), SIGNS, reduction="sum", name="broadcast"),
        sample(normal(3), normal(3), constant(values(-1.0)), -0.9, name="unbatched"),
        sample(values([[1.0, 0.0]]), values([[0.0, 1.0]]), constant(values([-1.0])), name="at it", kink="cos = margin"),
    ]

    def call(input1, input2, target, margin=0.0, reduction="mean"):
        check_reduction("cosine_embedding_loss", reduction)
        check_ndim("cosine_embedding_loss", input1=input1, input2=input2)
        a, b, t = shape_of(input1), shape_of(input2), shape_of(target)
        lengths = {*a[:-1], *b[:-1], *t} - {1}
        if len(a) != len(t) + 1 or len(t) > 1 or len(lengths) > 1:
            raise ValueError(f"cosine_embedding_loss: input1 (N, D) or (D) needs a target (N) or (), got {a} and {t}")
        return (input1, input2, target), {"margin": margin, "reduction": reduction}

    def forward(xp, a, b, target, *, margin, reduction):
        def dot(u, v):
            return xp.sum(u * v, axis=-1)

        cos = dot(a, b) / xp.sqrt((dot(a, a) + 1e-12) * (dot(b, b) + 1e-12))
        alike = xp.where(target == 1, 1.0 - cos, 0.0)
        return reduced(xp, alike + xp.where(target == -1, hinge(xp, cos - margin), 0.0), reduction)


class TripletMarginLoss(Composite):
    """y = mean max(0, margin + ‖a - p‖ - ‖a - n‖);  da = dy ⊙ ((a - p) / ‖a - p‖ - (a - n) / ‖a - n‖) / N;
    dp = -dy ⊙ (a - p) / ‖a - p‖ / N;  dn = dy ⊙ (a - n) / ‖a - n‖ / N.

    `triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean")`:
    distances are those of `pairwise_distance`, with its `p` and `eps`. With `swap` ‖p - n‖ stands for ‖a - n‖ where
    it is less. Source: Balntas et al., Learning local feature descriptors with triplets (2016).
    """

    latex = (
        r"y = \frac1N \sum \max(0, margin + \|a - p\| - \|a - n\|); "
        r"da = \tfrac1N\, dy \odot \left(\frac{a - p}{\|a - p\|} - \frac{a - n}{\|a - n\|}\right); "
        r"dp = -\tfrac1N\, dy \odot \frac{a - p}{\|a - p\|}; dn = \tfrac1N\, dy \odot \frac{a - n}{\|a - n\|}"
    )
    shapes = "anchor (…, D), positive (…, D), negative (…, D) -> y (), or (…) with reduction='none'"
    samples = [
        sample(normal(4, 3), normal(4, 3), normal(4, 3), 2.0),
        sample(normal(4, 3), normal(4, 3), normal(4, 3), 2.0, reduction="none", swap=True, name="swap"),
        sample(normal(4, 3), normal(4, 3), normal(4, 3), 2.0, 1.0, reduction="sum", name="p = 1"),
        sample(normal(2, 2, 3), normal(2, 2, 3), normal(2, 2, 3), 3.0, 3.0, 0.1, name="p = 3"),
        sample(normal(3), normal(3), normal(3), 5.0, name="unbatched"),
        sample(values([[0.0, 1.0]]), values([[0.0, 1.0]]), values([[1.0, 1.0]]), 1.0, 2, 0.0, name="0", kink="y = 0"),
    ]

    def call(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean"):
        check_reduction("triplet_margin_loss", reduction)
        check_ndim("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
        if margin <= 0:
            raise ValueError(f"triplet_margin_loss: expected margin > 0, got {margin}")
        attrs = {"margin": margin, "p": p, "eps": eps, "swap": swap, "reduction": reduction}
        return (anchor, positive, negative), attrs

    def forward(xp, anchor, positive, negative, *, margin, p, eps, swap, reduction):
        near = xp.pairwise_distance(anchor, positive, p, eps)
        far = xp.pairwise_distance(anchor, negative, p, eps)
        if swap:
            far = xp.minimum(far, xp.pairwise_distance(positive, negative, p, eps))
        return reduced(xp, hinge(xp, margin + near - far), reduction)


def check_ndim(op, **arguments):
    """The same number of axes, which broadcast."""
    check_broadcast(op, **arguments)
    shapes = {name: shape_of(x) for name, x in arguments.items()}
    if len({len(shape) for shape in shapes.values()}) > 1:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"{op}: expected the same number of axes, got {got}; add axes of length 1 with reshape")
