// Tensor cores: a warp multiplies 16 x K by K x 8 in one instruction, each lane holding a part of every matrix.
//
// With lane = 4 * group + member (group 0 .. 7, member 0 .. 3) a lane holds, after the PTX manual's section on mma:
//   c[0], c[1]  row group,     columns 2 * member and 2 * member + 1;    c[2], c[3]  the same, row group + 8
// tf32, K = 8:
//   a[0] (row group, k = member)  a[1] (group + 8, member)  a[2] (group, member + 4)  a[3] (group + 8, member + 4)
//   b[0] (k = member, column group)  b[1] (member + 4, group)
// half, K = 16, two numbers in a word, k even in its lower half: the same with pairs (2 * member, 2 * member + 1) in the
// place of `member`, and pairs 8 further on in the place of `member + 4`.
#ifndef EMULATED  // the emulator has its own, in nanonet_kernels/cuda/emulation/tensor_core.h

// x rounded to the 11 bits that the tensor core takes: to nearest, ties away from zero.
__device__ __forceinline__ unsigned to_tf32(float x) {
    unsigned y;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
    return y;
}

// Two numbers rounded to half (to nearest, ties to even) in one word.
__device__ __forceinline__ unsigned to_halves(float low, float high) {
    unsigned y;
    asm("{ .reg .b16 l, h; cvt.rn.f16.f32 l, %1; cvt.rn.f16.f32 h, %2; mov.b32 %0, {l, h}; }" : "=r"(y) : "f"(low), "f"(high));
    return y;
}

// c += a @ b, with a and b in tf32 and sums in float32. Needs sm_80.
__device__ __forceinline__ void mma_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// c += a @ b, with a and b in half and sums in float32. On sm_75, which has K = 8 only, in two steps.
__device__ __forceinline__ void mma_half(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
#pragma unroll
    for (int i = 0; i < 2; i++)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
#endif
}

// Four matrices of 8 rows of 16 bytes from shared memory, whose rows the lanes point to: lanes 0 .. 7 to those of the first,
// and so on. Of matrix i, lane 4 * group + member gets in r[i] word `member` of row `group`; TURNED, with halves as
// elements, it gets column `group` of rows 2 * member and 2 * member + 1.
template <bool TURNED>
__device__ __forceinline__ void load_matrices(unsigned (&r)[4], const void *row) {
    unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
    if constexpr (TURNED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(from)
                     : "memory");
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(from)
                     : "memory");
}

// Starts to copy `BYTES` (4 or 16) from global to shared memory, past the registers; zeros where not `inside`. sm_80.
template <int BYTES>
__device__ __forceinline__ void copy_async(float *shared, const float *global, bool inside) {
    unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    int valid = inside ? BYTES : 0;
    if constexpr (BYTES == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global), "r"(valid) : "memory");
}

// The copies since the last one are a group; wait until at most `IN_FLIGHT` of this thread's groups are still on their way.
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int IN_FLIGHT>
__device__ __forceinline__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(IN_FLIGHT) : "memory");
}
#endif

// A warp's WM x WN piece as tiles of 16 x 8.
#define TILES_M (WM / 16)
#define TILES_N (WN / 8)

// The parts of a 16 x K tile of a that a lane gives to an mma: rows w .. w + 15, from p on along k. `panel` holds element
// (p, w) at P::at(p, w), along k side by side or along w; K is 8 numbers of 4 bytes or 16 of 2.
template <class P, class T>
__device__ __forceinline__ void fragment_a(unsigned (&x)[4], const T *panel, int p, int w) {
    constexpr int K = 16 / sizeof(T);  // of one of the four matrices
    int lane = threadIdx.x % 32, matrix = lane / 8, r = lane % 8;
    if constexpr (P::BY_K)
        load_matrices<false>(x, panel + P::at(p + matrix / 2 * K, w + matrix % 2 * 8 + r));
    else if constexpr (sizeof(T) == 2)
        load_matrices<true>(x, panel + P::at(p + matrix / 2 * K + r, w + matrix % 2 * 8));
    else  // 4-byte numbers cannot be turned
        for (int q = 0; q < 4; q++) x[q] = __float_as_uint(panel[P::at(p + lane % 4 + q / 2 * 4, w + lane / 4 + q % 2 * 8)]);
}

// The same of two K x 8 tiles of b side by side: columns w .. w + 7 and w + 8 .. w + 15.
template <class P, class T>
__device__ __forceinline__ void fragments_b(unsigned (&y0)[2], unsigned (&y1)[2], const T *panel, int p, int w) {
    constexpr int K = 16 / sizeof(T);
    int lane = threadIdx.x % 32, matrix = lane / 8, r = lane % 8;
    unsigned both[4];
    if constexpr (P::BY_K)
        load_matrices<false>(both, panel + P::at(p + matrix % 2 * K, w + matrix / 2 * 8 + r));
    else if constexpr (sizeof(T) == 2)
        load_matrices<true>(both, panel + P::at(p + matrix % 2 * K + r, w + matrix / 2 * 8));
    else
        for (int q = 0; q < 4; q++) both[q] = __float_as_uint(panel[P::at(p + lane % 4 + q % 2 * 4, w + lane / 4 + q / 2 * 8)]);
    y0[0] = both[0], y0[1] = both[1], y1[0] = both[2], y1[1] = both[3];
}

// out[rows, columns] = activation(sums + bias) for a warp's piece that starts at (row0, column0).
__device__ __forceinline__ void store_fragments(float (&sums)[TILES_M][TILES_N][4], int row0, int column0, float *out,
                                                int m, int n, const float *bias, int activation) {
    int group = threadIdx.x % 32 / 4, member = threadIdx.x % 4;
    bool by_two = n % 2 == 0 && reinterpret_cast<size_t>(out) % 8 == 0;
#pragma unroll
    for (int j = 0; j < TILES_N; j++) {
        int column = column0 + 8 * j + 2 * member;
        float bias0 = bias && column < n ? bias[column] : 0.0f, bias1 = bias && column + 1 < n ? bias[column + 1] : 0.0f;
#pragma unroll
        for (int i = 0; i < TILES_M; i++) {
            float(&y)[4] = sums[i][j];
            y[0] += bias0, y[1] += bias1, y[2] += bias0, y[3] += bias1;
            activate(y, activation);
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int row = row0 + 16 * i + group + 8 * half;
                float *to = out + (long long)row * n + column;
                if (row >= m) continue;
                if (by_two && column < n) {
                    *reinterpret_cast<float2 *>(to) = make_float2(y[2 * half], y[2 * half + 1]);
                } else {
                    if (column < n) to[0] = y[2 * half];
                    if (column + 1 < n) to[1] = y[2 * half + 1];
                }
            }
        }
    }
}
