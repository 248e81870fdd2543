// The block's tile on tensor cores, in TF32: both operands are rounded to 11 significant bits, products are exact, sums are
// float32. One mma does 2048 flops for a warp, where 32 lanes' multiply-adds do 64. The panels come by cp.async, the next
// one while this one is multiplied. Needs sm_80.
// |error| <= (2^-10 + 2^-22 + gamma_K) * (|a| @ |b|): two roundings of at most 2^-11, then K sums in float32.
// With 128 x 128: 32 flops per byte of global memory; from shared memory a warp does 2 * WM * WN flops for
// 4 * (WM + WN) bytes: with 64 x 32, 10.7 flops per byte.
#define THREADS (BM / WM * (BN / WN) * 32)
#include "epilogue.cuh"
#include "tensor_core.cuh"
#include "async_panel.cuh"

typedef AsyncPanel<BM, A_ALONG_K, A_VECTOR> PanelA;
typedef AsyncPanel<BN, B_ALONG_K, B_VECTOR> PanelB;

template <int COUNT>
__device__ __forceinline__ void round_to_tf32(unsigned (&x)[COUNT]) {
#pragma unroll
    for (int i = 0; i < COUNT; i++) x[i] = to_tf32(__uint_as_float(x[i]));
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) tensor_tf32(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ __align__(16) float panel_a[2][PanelA::SIZE], panel_b[2][PanelB::SIZE];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int warp = threadIdx.x / 32;
    int row = warp / (BN / WN) * WM, column = warp % (BN / WN) * WN;
    float sums[TILES_M][TILES_N][4] = {};
    a += row0 * a_row;
    b += column0 * b_column;
    PanelA::start(panel_a[0], a, a_column, a_row, k, m - row0);
    PanelB::start(panel_b[0], b, b_row, b_column, k, n - column0);
    commit_copies();
    int now = 0;
    for (int left = k; left > 0; left -= BK) {
        wait_copies<0>();
        __syncthreads();  // panel `now` has arrived for all, and nobody reads the other one any more
        a += BK * a_column;
        b += BK * b_row;
        if (left > BK) {
            PanelA::start(panel_a[1 - now], a, a_column, a_row, left - BK, m - row0);
            PanelB::start(panel_b[1 - now], b, b_row, b_column, left - BK, n - column0);
            commit_copies();
        }
#pragma unroll
        for (int p = 0; p < BK; p += 8) {
            unsigned x[TILES_M][4], y[TILES_N][2];
#pragma unroll
            for (int i = 0; i < TILES_M; i++) {
                fragment_a<PanelA>(x[i], panel_a[now], p, row + 16 * i);
                round_to_tf32(x[i]);
            }
#pragma unroll
            for (int j = 0; j < TILES_N; j += 2) {
                fragments_b<PanelB>(y[j], y[j + 1], panel_b[now], p, column + 8 * j);
                round_to_tf32(y[j]);
                round_to_tf32(y[j + 1]);
            }
#pragma unroll
            for (int i = 0; i < TILES_M; i++)
#pragma unroll
                for (int j = 0; j < TILES_N; j++) mma_tf32(sums[i][j], x[i], y[j]);
        }
        now = 1 - now;
    }
    store_fragments(sums, row0 + row, column0 + column, out, m, n, bias, activation);
}
