// A thread's TM x TN elements of the product. Its rows come in groups of four, each group ROW_STEP further on than the one
// before; its columns likewise. With 8 x 8 sums a thread is bound to 128 registers, so that two blocks fit on a multiprocessor;
// on sm_100 and sm_120 the compiler then puts up to 64 bytes aside in double_buffered and warp_tile, which declare it.

// sums += panel_a[:, rows].T @ panel_b[:, columns]; the pointers point to the thread's first row and column.
template <int PITCH_A, int PITCH_B, int ROW_STEP, int COLUMN_STEP>
__device__ __forceinline__ void multiply(const float *panel_a, const float *panel_b, float (&sums)[TM][TN]) {
#pragma unroll
    for (int p = 0; p < BK; p++) {
        float x[TM], y[TN];
#pragma unroll
        for (int i = 0; i < TM; i += 4) {
            float4 v = load4(panel_a + p * PITCH_A + i / 4 * ROW_STEP);
            x[i] = v.x, x[i + 1] = v.y, x[i + 2] = v.z, x[i + 3] = v.w;
        }
#pragma unroll
        for (int j = 0; j < TN; j += 4) {
            float4 v = load4(panel_b + p * PITCH_B + j / 4 * COLUMN_STEP);
            y[j] = v.x, y[j + 1] = v.y, y[j + 2] = v.z, y[j + 3] = v.w;
        }
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++) sums[i][j] += x[i] * y[j];
    }
}

// out[rows, columns] = activation(sums + bias), by 16 bytes where n and the address of out allow it.
template <int ROW_STEP, int COLUMN_STEP>
__device__ __forceinline__ void store(float (&sums)[TM][TN], int row0, int column0, float *out, int m, int n,
                                      const float *bias, int activation) {
    bool by_four = n % 4 == 0 && reinterpret_cast<size_t>(out) % 16 == 0;
#pragma unroll
    for (int i = 0; i < TM; i++) {
        int row = row0 + i / 4 * ROW_STEP + i % 4;
        if (row >= m) continue;
#pragma unroll
        for (int j = 0; j < TN; j += 4) {
            int column = column0 + j / 4 * COLUMN_STEP;
            float *to = out + (long long)row * n + column;
            float y[4];
#pragma unroll
            for (int q = 0; q < 4; q++) y[q] = sums[i][j + q] + (bias && column + q < n ? bias[column + q] : 0.0f);
            activate(y, activation);
            if (by_four && column < n) {
                store4(to, make_float4(y[0], y[1], y[2], y[3]));
            } else {
#pragma unroll
                for (int q = 0; q < 4; q++)
                    if (column + q < n) to[q] = y[q];
            }
        }
    }
}
