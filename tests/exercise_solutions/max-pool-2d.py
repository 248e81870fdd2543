# ruff: noqa: N999 (the name of the exercise)
def backward(dy, x):
    H, W = x.shape
    blocks = x.reshape(H // 2, 2, W // 2, 2)
    mask = blocks == blocks.max(axis=(1, 3), keepdims=True)
    share = mask / mask.sum(axis=(1, 3), keepdims=True)
    return (dy[:, None, :, None] * share).reshape(H, W)
