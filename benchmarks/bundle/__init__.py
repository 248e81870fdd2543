"""One file that measures the kernels on a machine with a GPU, and the way of its results back."""
