// out = activation(workspace.sum(axis=0) + bias): the second half of split_k. workspace is (slices, m, n), out (m, n).
// A thread walks over the elements with the stride of the whole grid; neighbours read side by side. 1 flop for 4 bytes.
#include "epilogue.cuh"

extern "C" __global__ void __launch_bounds__(256) sum_slices(
    const float *workspace, float *out, const float *bias, long long size, int n, int slices, int activation) {
    long long step = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < size; i += step) {
        float sum = 0.0f;
        for (int s = 0; s < slices; s++) sum += workspace[s * size + i];
        out[i] = finish(sum, bias, int(i % n), activation);
    }
}
