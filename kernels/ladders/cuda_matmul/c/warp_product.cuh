// The product of a block's tile over k in [0, k): double buffered, the tile divided among warps, then among lanes.
//
// A warp takes WM x WN of the block's tile as a compact piece, and its 32 lanes divide that. For each k the warp then
// needs WM + WN elements from shared memory, and what several lanes need is read once for all: with 32 x 64 that is 96
// floats, where the warps of double_buffered, two rows of 16 threads, need 16 + 128.
#define ROW_STEP (4 * WM / TM)
#define COLUMN_STEP (4 * WN / TN)
#define PITCH_A (BM + 4)
#define PITCH_B (BN + 4)
static_assert(WM / TM * (WN / TN) == 32, "a warp's piece is divided among 32 lanes");

// Where this thread's first row and column lie in the block's tile.
__device__ __forceinline__ int row_in_tile() {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    return warp / (BN / WN) * WM + lane / (WN / TN) * 4;
}
__device__ __forceinline__ int column_in_tile() {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    return warp % (BN / WN) * WN + lane % (WN / TN) * 4;
}

// a and b point to the tile's first row and column, `rows` and `columns` of which lie inside the matrices.
__device__ __forceinline__ void warp_product(const float *a, const float *b, int rows, int columns, int k,
                                             long long a_row, long long a_column, long long b_row, long long b_column,
                                             float (*panel_a)[BK * PITCH_A], float (*panel_b)[BK * PITCH_B],
                                             float (&sums)[TM][TN]) {
    Panel<BM, PITCH_A, A_ALONG_K, A_VECTOR> from_a;
    Panel<BN, PITCH_B, B_ALONG_K, B_VECTOR> from_b;
    int row = row_in_tile(), column = column_in_tile(), now = 0;
    from_a.fetch(a, a_column, a_row, k, rows);
    from_b.fetch(b, b_row, b_column, k, columns);
    for (int left = k; left > 0; left -= BK) {
        from_a.deposit(panel_a[now]);
        from_b.deposit(panel_b[now]);
        __syncthreads();  // panel `now` is complete, and nobody reads the other one any more
        a += BK * a_column;
        b += BK * b_row;
        from_a.fetch(a, a_column, a_row, left - BK, rows);
        from_b.fetch(b, b_row, b_column, left - BK, columns);
        multiply<PITCH_A, PITCH_B, ROW_STEP, COLUMN_STEP>(panel_a[now] + row, panel_b[now] + column, sums);
        now = 1 - now;
    }
}
