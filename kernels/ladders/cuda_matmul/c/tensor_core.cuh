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

// out[rows, columns] = activation(sums + bias) for a warp's piece that starts at (row0, column0).
__device__ __forceinline__ void store_fragments(const float (&sums)[TILES_M][TILES_N][4], int row0, int column0, float *out,
                                                int m, int n, const float *bias, int activation) {
    int group = threadIdx.x % 32 / 4, member = threadIdx.x % 4;
    bool by_two = n % 2 == 0 && reinterpret_cast<size_t>(out) % 8 == 0;
#pragma unroll
    for (int i = 0; i < TILES_M; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int row = row0 + 16 * i + group + 8 * half;
            if (row >= m) continue;
#pragma unroll
            for (int j = 0; j < TILES_N; j++) {
                int column = column0 + 8 * j + 2 * member;
                float *to = out + (long long)row * n + column;
                float y0 = column < n ? finish(sums[i][j][2 * half], bias, column, activation) : 0.0f;
                float y1 = column + 1 < n ? finish(sums[i][j][2 * half + 1], bias, column + 1, activation) : 0.0f;
                if (by_two && column < n) {
                    *reinterpret_cast<float2 *>(to) = make_float2(y0, y1);
                } else {
                    if (column < n) to[0] = y0;
                    if (column + 1 < n) to[1] = y1;
                }
            }
        }
}
