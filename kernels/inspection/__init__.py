"""What can be known of a CUDA kernel without a GPU: machine code, registers, occupancy, instruction mix."""
