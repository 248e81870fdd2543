"""Each recipe beside its twin in PyTorch: the same initial weights, the same batches, another engine."""
