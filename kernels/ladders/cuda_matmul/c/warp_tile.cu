// As double_buffered, with one more level between block and thread: the tile of a warp (see warp_product.cuh).
// Arithmetic intensity with 128 x 128: 32 flops per byte of global memory; from shared memory a warp does
// 2 * WM * WN flops for 4 * (WM + WN) bytes: with 32 x 64, 10.7 flops per byte.
#define THREADS (BM * BN / TM / TN)
#include "epilogue.cuh"
#include "panel.cuh"
#include "register_tile.cuh"
#include "warp_product.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) warp_tile(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ __align__(16) float panel_a[2][BK * PITCH_A], panel_b[2][BK * PITCH_B];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    float sums[TM][TN] = {};
    warp_product(a + row0 * a_row, b + column0 * b_column, m - row0, n - column0, k, a_row, a_column, b_row, b_column,
                 panel_a, panel_b, sums);
    store<ROW_STEP, COLUMN_STEP>(sums, row0 + row_in_tile(), column0 + column_in_tile(), out, m, n, bias, activation);
}
