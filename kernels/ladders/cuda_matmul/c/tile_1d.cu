// A thread computes TM elements of a column. For each k it reads one element of b and TM of a from shared memory and does
// TM multiply-adds with them: the element of b stays in a register for all of them.
// With 64 x 64: 2 * 64 * 64 flops for 4 * (64 + 64) bytes per k, 16 flops per byte of global memory; from shared memory
// 2 * TM flops for 4 * (TM + 1) bytes.
#include "epilogue.cuh"

#define THREADS (BM * BN / TM)
static_assert(BM * BK % THREADS == 0 && BK * BN % THREADS == 0, "each thread copies as many elements");

extern "C" __global__ void __launch_bounds__(THREADS) tile_1d(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ float panel_a[BM][BK], panel_b[BK][BN];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int y = threadIdx.x / BN * TM, x = threadIdx.x % BN;
    float sums[TM] = {};
    for (int k0 = 0; k0 < k; k0 += BK) {
#pragma unroll
        for (int s = 0; s < BM * BK / THREADS; s++) {
            int i = threadIdx.x + s * THREADS;
            int row = row0 + i / BK, p = k0 + i % BK;
            panel_a[i / BK][i % BK] = row < m && p < k ? a[row * a_row + p * a_column] : 0.0f;
        }
#pragma unroll
        for (int s = 0; s < BK * BN / THREADS; s++) {
            int i = threadIdx.x + s * THREADS;
            int p = k0 + i / BN, column = column0 + i % BN;
            panel_b[i / BN][i % BN] = p < k && column < n ? b[p * b_row + column * b_column] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int p = 0; p < BK; p++) {
            float of_b = panel_b[p][x];
#pragma unroll
            for (int i = 0; i < TM; i++) sums[i] += panel_a[y + i][p] * of_b;
        }
        __syncthreads();
    }
    int column = column0 + x;
#pragma unroll
    for (int i = 0; i < TM; i++) {
        int row = row0 + y + i;
        if (row < m && column < n) out[(long long)row * n + column] = finish(sums[i], bias, column, activation);
    }
}
