// As vectorised, without bank conflicts. Shared memory has 32 banks of 4 bytes; a quarter of a warp, 8 lanes, reads 16
// bytes each at once if they fall on different banks. There, threads beside each other read 8 floats apart: lane 4 meets
// lane 0 in the same bank. Here a thread takes its columns in two groups of four: lanes read side by side, all 32 banks
// once. The panels are 4 floats wider than their contents, so that the turned panel of a is put down on different banks.
// The arithmetic intensity is that of tile_2d.
#define THREADS (BM * BN / TM / TN)
#include "epilogue.cuh"
#include "panel.cuh"
#include "register_tile.cuh"

#define PITCH_A (BM + 4)
#define PITCH_B (BN + 4)
#define ROW_STEP (4 * BM / TM)
#define COLUMN_STEP (4 * BN / TN)

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) conflict_free(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ __align__(16) float panel_a[BK * PITCH_A], panel_b[BK * PITCH_B];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int row = threadIdx.x / (BN / TN) * 4, column = threadIdx.x % (BN / TN) * 4;
    Panel<BM, PITCH_A, A_ALONG_K, A_VECTOR> from_a;
    Panel<BN, PITCH_B, B_ALONG_K, B_VECTOR> from_b;
    float sums[TM][TN] = {};
    a += row0 * a_row;
    b += column0 * b_column;
    for (int left = k; left > 0; left -= BK) {
        from_a.fetch(a, a_column, a_row, left, m - row0);
        from_b.fetch(b, b_row, b_column, left, n - column0);
        a += BK * a_column;
        b += BK * b_row;
        from_a.deposit(panel_a);
        from_b.deposit(panel_b);
        __syncthreads();  // the panels are complete
        multiply<PITCH_A, PITCH_B, ROW_STEP, COLUMN_STEP>(panel_a + row, panel_b + column, sums);
        __syncthreads();  // nobody needs them any more
    }
    store<ROW_STEP, COLUMN_STEP>(sums, row0 + row, column0 + column, out, m, n, bias, activation);
}
