"""CUDA C on the CPU: g++ compiles the kernel, every CUDA thread is a coroutine, every memory access is looked at."""
