"""Float32 matrix products on the CPU, rung by rung."""
