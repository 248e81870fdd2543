// As warp_tile, with k divided among `gridDim.y` slices: a product with few tiles but a long k then keeps all processors
// busy. Each slice writes its sums to a workspace of its own, (slices, m, n); `sum_slices` adds them in a fixed order, so
// that the same bits come out each time, which atomic additions would not give. bias and activation come in there.
// The workspace costs 8 * slices * m * n bytes of traffic on top of the product's own.
#define THREADS (BM * BN / TM / TN)
#include "epilogue.cuh"
#include "panel.cuh"
#include "register_tile.cuh"
#include "warp_product.cuh"

// `slice_k` is a multiple of BK, and of 4 with it: vectors stay whole.
extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) split_k(
    const float *a, const float *b, float *workspace, int m, int n, int k, int slice_k,
    long long a_row, long long a_column, long long b_row, long long b_column) {
    __shared__ __align__(16) float panel_a[2][BK * PITCH_A], panel_b[2][BK * PITCH_B];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int k0 = blockIdx.y * slice_k;
    float sums[TM][TN] = {};
    warp_product(a + row0 * a_row + k0 * a_column, b + column0 * b_column + k0 * b_row, m - row0, n - column0,
                 min(slice_k, k - k0), a_row, a_column, b_row, b_column, panel_a, panel_b, sums);
    workspace += blockIdx.y * ((long long)m * n);
    store<ROW_STEP, COLUMN_STEP>(sums, row0 + row_in_tile(), column0 + column_in_tile(), workspace, m, n, nullptr,
                                 NO_ACTIVATION);
}
