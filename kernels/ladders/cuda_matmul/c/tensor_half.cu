// The block's tile on tensor cores, in half precision: both operands are rounded to 11 significant bits on their way to
// shared memory (beyond 65504 that gives infinity, below 6e-5 fewer bits remain), products are exact, sums are float32.
// One mma does 4096 flops for a warp, twice tensor_tf32's, from half as many bytes of shared memory. The next panel is on its
// way in registers while this one is multiplied. Runs from sm_75 on.
// On sm_75, with two mma of K = 8 in the place of each, 8 bytes of a thread do not fit into its 128 registers: declared.
// |error| <= (2^-10 + 2^-22 + gamma_K) * (|a| @ |b|), plus 2^-24 * (sum of |a| + sum of |b|) where halves are subnormal.
// With 128 x 128: 32 flops per byte of global memory; from shared memory a warp does 2 * WM * WN flops for
// 2 * (WM + WN) bytes: with 64 x 32, 21.3 flops per byte.
#define THREADS (BM / WM * (BN / WN) * 32)
#include "epilogue.cuh"
#include "panel.cuh"
#include "tensor_core.cuh"
#include "half_panel.cuh"

typedef HalfPanel<BM, A_ALONG_K, A_VECTOR> PanelA;
typedef HalfPanel<BN, B_ALONG_K, B_VECTOR> PanelB;

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensor_half(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ __align__(16) Half panel_a[2][PanelA::SIZE], panel_b[2][PanelB::SIZE];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int warp = threadIdx.x / 32;
    int row = warp / (BN / WN) * WM, column = warp % (BN / WN) * WN;
    float sums[TILES_M][TILES_N][4] = {};
    PanelA from_a;
    PanelB from_b;
    a += row0 * a_row;
    b += column0 * b_column;
    from_a.fetch(a, a_column, a_row, k, m - row0);
    from_b.fetch(b, b_row, b_column, k, n - column0);
    int now = 0;
    for (int left = k; left > 0; left -= BK) {
        from_a.deposit(panel_a[now]);
        from_b.deposit(panel_b[now]);
        __syncthreads();  // panel `now` is complete, and nobody reads the other one any more
        a += BK * a_column;
        b += BK * b_row;
        from_a.fetch(a, a_column, a_row, left - BK, m - row0);  // behind the end: nothing
        from_b.fetch(b, b_row, b_column, left - BK, n - column0);
#pragma unroll
        for (int p = 0; p < BK; p += 16) {
            unsigned x[TILES_M][4], y[TILES_N][2];
#pragma unroll
            for (int i = 0; i < TILES_M; i++) fragment_a<PanelA>(x[i], panel_a[now], p, row + 16 * i);
#pragma unroll
            for (int j = 0; j < TILES_N; j += 2) fragments_b<PanelB>(y[j], y[j + 1], panel_b[now], p, column + 8 * j);
#pragma unroll
            for (int i = 0; i < TILES_M; i++)
#pragma unroll
                for (int j = 0; j < TILES_N; j++) mma_half(sums[i][j], x[i], y[j]);
        }
        now = 1 - now;
    }
    store_fragments(sums, row0 + row, column0 + column, out, m, n, bias, activation);
}
