// One thread computes one element of out = activation(a @ b + bias); a is (m, k), b is (k, n), both with any strides.
//
// Neighbouring threads take neighbouring rows. Their reads of a lie a whole row apart: each of the 32 lanes of a warp
// needs a sector of 32 bytes of its own for 4 useful bytes, and the stores to out are as scattered.
// 2 flops for 8 bytes: 0.25 flop per byte.
#include "epilogue.cuh"

extern "C" __global__ void __launch_bounds__(BM * BN) naive(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    int tiles_n = (n + BN - 1) / BN;
    int row = blockIdx.x / tiles_n * BM + threadIdx.x % BM;
    int column = blockIdx.x % tiles_n * BN + threadIdx.x / BM;
    if (row >= m || column >= n) return;
    a += row * a_row;
    b += column * b_column;
    float sum = 0.0f;
    for (int p = 0; p < k; p++) sum += a[p * a_column] * b[p * b_row];
    out[(long long)row * n + column] = finish(sum, bias, column, activation);
}
