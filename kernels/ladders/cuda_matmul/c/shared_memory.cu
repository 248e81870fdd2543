// A block computes a tile of BM x BN and walks along k in steps of BK: it copies a panel of a and one of b into shared
// memory, where all of its threads find them. Each element of a is read from global memory once for BN columns, each of
// b once for BM rows. With tiles of 32 x 32: 2 * 32 * 32 flops for 4 * (32 + 32) bytes per k, 8 flops per byte.
#include "epilogue.cuh"
static_assert(BK % BM == 0 && BK % BN == 0, "each thread copies as many elements");

extern "C" __global__ void __launch_bounds__(BM * BN) shared_memory(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ float panel_a[BM][BK], panel_b[BK][BN];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int y = threadIdx.x / BN, x = threadIdx.x % BN;
    float sum = 0.0f;
    for (int k0 = 0; k0 < k; k0 += BK) {
#pragma unroll
        for (int s = 0; s < BM * BK / (BM * BN); s++) {
            int i = threadIdx.x + s * (BM * BN);
            int row = row0 + i / BK, p = k0 + i % BK;
            panel_a[i / BK][i % BK] = row < m && p < k ? a[row * a_row + p * a_column] : 0.0f;
        }
#pragma unroll
        for (int s = 0; s < BK * BN / (BM * BN); s++) {
            int i = threadIdx.x + s * (BM * BN);
            int p = k0 + i / BN, column = column0 + i % BN;
            panel_b[i / BN][i % BN] = p < k && column < n ? b[p * b_row + column * b_column] : 0.0f;
        }
        __syncthreads();  // the panels are complete
#pragma unroll
        for (int p = 0; p < BK; p++) sum += panel_a[y][p] * panel_b[p][x];
        __syncthreads();  // nobody needs them any more
    }
    int row = row0 + y, column = column0 + x;
    if (row < m && column < n) out[(long long)row * n + column] = finish(sum, bias, column, activation);
}
