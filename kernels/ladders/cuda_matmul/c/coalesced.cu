// As naive, but neighbouring threads take neighbouring columns.
//
// The 32 lanes of a warp then read the same element of a (one sector for all) and 32 elements of b side by side (four
// full sectors), and store side by side. The same flops, the same bytes asked for, an eighth of the sectors moved.
// 2 flops for 8 bytes: 0.25 flop per byte.
#include "epilogue.cuh"

extern "C" __global__ void __launch_bounds__(BM * BN) coalesced(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    int tiles_n = (n + BN - 1) / BN;
    int row = blockIdx.x / tiles_n * BM + threadIdx.x / BN;
    int column = blockIdx.x % tiles_n * BN + threadIdx.x % BN;
    if (row >= m || column >= n) return;
    a += row * a_row;
    b += column * b_column;
    float sum = 0.0f;
    for (int p = 0; p < k; p++) sum += a[p * a_column] * b[p * b_row];
    out[(long long)row * n + column] = finish(sum, bias, column, activation);
}
