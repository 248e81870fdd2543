// As conflict_free, with two panels of each operand: while the block multiplies from one, the next is on its way from
// global memory to registers. The wait for global memory passes behind the multiply-adds, and one barrier a step is
// enough: nobody writes the panel that is being read.
// The arithmetic intensity is that of tile_2d, the shared memory twice as much.
#define THREADS (BM * BN / TM / TN)
#include "epilogue.cuh"
#include "panel.cuh"
#include "register_tile.cuh"

#define PITCH_A (BM + 4)
#define PITCH_B (BN + 4)
#define ROW_STEP (4 * BM / TM)
#define COLUMN_STEP (4 * BN / TN)

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS) double_buffered(
    const float *a, const float *b, float *out, const float *bias, int m, int n, int k,
    long long a_row, long long a_column, long long b_row, long long b_column, int activation) {
    __shared__ __align__(16) float panel_a[2][BK * PITCH_A], panel_b[2][BK * PITCH_B];
    int tiles_n = (n + BN - 1) / BN;
    int row0 = blockIdx.x / tiles_n * BM, column0 = blockIdx.x % tiles_n * BN;
    int row = threadIdx.x / (BN / TN) * 4, column = threadIdx.x % (BN / TN) * 4;
    Panel<BM, PITCH_A, A_ALONG_K, A_VECTOR> from_a;
    Panel<BN, PITCH_B, B_ALONG_K, B_VECTOR> from_b;
    float sums[TM][TN] = {};
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
        multiply<PITCH_A, PITCH_B, ROW_STEP, COLUMN_STEP>(panel_a[now] + row, panel_b[now] + column, sums);
        now = 1 - now;
    }
    store<ROW_STEP, COLUMN_STEP>(sums, row0 + row, column0 + column, out, m, n, bias, activation);
}
