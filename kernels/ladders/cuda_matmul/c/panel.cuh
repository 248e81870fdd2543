// One operand's panel, BK elements along k by WIDTH along m or n, on its way from global to shared memory.
//
// It is fetched VECTOR elements at a time, 4 where the operand allows loads of 16 bytes, else 1. ALONG_K: the operand is
// contiguous along k (a row-major, b column-major), else along its other side w. In shared memory element (p, w) lies at
// p * PITCH + w: neighbours along w are neighbours there, whichever way the operand lies.

__device__ __forceinline__ float4 load4(const float *x) { return *reinterpret_cast<const float4 *>(x); }
__device__ __forceinline__ void store4(float *x, float4 v) { *reinterpret_cast<float4 *>(x) = v; }

// VECTOR elements from (p, w) on; outside of `inside_k` and `inside_w` zeros, which add nothing to a sum.
template <int ALONG_K, int VECTOR>
__device__ __forceinline__ void fetch_one(float (&kept)[VECTOR], const float *x, long long k_stride, long long w_stride,
                                          int p, int w, int inside_k, int inside_w) {
    bool inside = p < inside_k && w < inside_w;
    if constexpr (VECTOR == 4) {
        const float *from = x + (ALONG_K ? p + w * w_stride : p * k_stride + w);
        float4 v = inside ? load4(from) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        kept[0] = v.x, kept[1] = v.y, kept[2] = v.z, kept[3] = v.w;
    } else {
        kept[0] = inside ? x[p * k_stride + w * w_stride] : 0.0f;
    }
}

template <int WIDTH, int PITCH, int ALONG_K, int VECTOR>
struct Panel {
    static constexpr int ACROSS = (ALONG_K ? BK : WIDTH) / VECTOR;       // vectors side by side in memory
    static constexpr int EACH = WIDTH * BK / VECTOR / THREADS;           // vectors that each thread moves
    static_assert(EACH * THREADS * VECTOR == WIDTH * BK, "a panel is a whole number of vectors for each thread");
    float kept[EACH][VECTOR];

    static __device__ __forceinline__ int p_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return ALONG_K ? i % ACROSS * VECTOR : i / ACROSS;
    }
    static __device__ __forceinline__ int w_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return ALONG_K ? i / ACROSS : i % ACROSS * VECTOR;
    }

    // Global memory to registers: x points to the panel's first element.
    __device__ __forceinline__ void fetch(const float *x, long long k_stride, long long w_stride, int inside_k, int inside_w) {
#pragma unroll
        for (int s = 0; s < EACH; s++) fetch_one<ALONG_K, VECTOR>(kept[s], x, k_stride, w_stride, p_of(s), w_of(s), inside_k, inside_w);
    }

    // Registers to shared memory.
    __device__ __forceinline__ void deposit(float *panel) const {
#pragma unroll
        for (int s = 0; s < EACH; s++) {
            float *to = panel + p_of(s) * PITCH + w_of(s);
            if constexpr (VECTOR == 4 && !ALONG_K) {
                store4(to, make_float4(kept[s][0], kept[s][1], kept[s][2], kept[s][3]));
            } else {
#pragma unroll
                for (int i = 0; i < VECTOR; i++) to[i * PITCH] = kept[s][i];
            }
        }
    }
};
