// A thread computes TM x TN elements. For each k it reads TM elements of a and TN of b into registers and does TM * TN
// multiply-adds with them: shared memory is read TN times less often for a, TM times less often for b.
// With 128 x 128: 2 * 128 * 128 flops for 4 * (128 + 128) bytes per k, 32 flops per byte of global memory; from shared
// memory 2 * TM * TN flops for 4 * (TM + TN) bytes: with 8 x 8, 2 flops per byte.
#include "epilogue.cuh"

#define THREADS (BM * BN / TM / TN)
static_assert(BM * BK % THREADS == 0 && BK * BN % THREADS == 0, "each thread copies as many elements");

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tile_2d(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ float panel_a[BM][BK], panel_b[BK][BN];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int y = threadIdx.x / (BN / TN) * TM, x = threadIdx.x % (BN / TN) * TN;
    float sums[TM][TN] = {}, of_a[TM], of_b[TN];
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
#pragma unroll
            for (int i = 0; i < TM; i++) of_a[i] = panel_a[y + i][p];
#pragma unroll
            for (int j = 0; j < TN; j++) of_b[j] = panel_b[p][x + j];
#pragma unroll
            for (int i = 0; i < TM; i++)
#pragma unroll
                for (int j = 0; j < TN; j++) sums[i][j] += of_a[i] * of_b[j];
        }
        __syncthreads();
    }
    float of_bias[TN];
#pragma unroll
    for (int j = 0; j < TN; j++) of_bias[j] = bias && column0 + x + j < n ? bias[column0 + x + j] : 0.0f;
#pragma unroll
    for (int i = 0; i < TM; i++) {
        int row = row0 + y + i;
        if (row >= m) continue;
#pragma unroll
        for (int j = 0; j < TN; j++) sums[i][j] += of_bias[j];
        activate(sums[i], activation);
#pragma unroll
        for (int j = 0; j < TN; j++)
            if (column0 + x + j < n) out[(long long)row * n + column0 + x + j] = sums[i][j];
    }
}
