// One operand's panel in half precision: BK elements along k by WIDTH along m or n, from float32 in global memory through
// registers, where they are rounded, to shared memory. There a word holds two neighbours along k; word (k / 2, w) lies at
// k / 2 * PITCH + w. VECTOR and ALONG_K as in panel.cuh.
template <int WIDTH, int ALONG_K, int VECTOR>
struct HalfPanel {
    static constexpr int PITCH = WIDTH + 8;                        // 8 * member + group: 32 different banks
    static constexpr int DEEP = ALONG_K ? (VECTOR == 4 ? 4 : 2) : 2;   // elements along k that a thread takes at a time
    static constexpr int WIDE = ALONG_K ? 1 : VECTOR;              // and along w
    static constexpr int ACROSS = ALONG_K ? BK / DEEP : WIDTH / WIDE;
    static constexpr int EACH = WIDTH * BK / (DEEP * WIDE) / THREADS;
    static_assert(EACH * THREADS * DEEP * WIDE == WIDTH * BK, "a panel is a whole number of pieces for each thread");
    unsigned kept[EACH][DEEP / 2 * WIDE];

    static __device__ __forceinline__ int p_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return (ALONG_K ? i % ACROSS : i / ACROSS) * DEEP;
    }
    static __device__ __forceinline__ int w_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return (ALONG_K ? i / ACROSS : i % ACROSS) * WIDE;
    }

    __device__ __forceinline__ void fetch(const float *x, long long k_stride, long long w_stride, int inside_k, int inside_w) {
#pragma unroll
        for (int s = 0; s < EACH; s++) {
            int p = p_of(s), w = w_of(s);
            bool inside = p < inside_k && w < inside_w, next = p + 1 < inside_k && w < inside_w;
            const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            if constexpr (VECTOR == 4 && ALONG_K) {
                float4 v = inside ? load4(x + p + w * w_stride) : zero;
                kept[s][0] = to_halves(v.x, v.y), kept[s][1] = to_halves(v.z, v.w);
            } else if constexpr (VECTOR == 4) {
                float4 u = inside ? load4(x + p * k_stride + w) : zero;
                float4 v = next ? load4(x + (p + 1) * k_stride + w) : zero;
                kept[s][0] = to_halves(u.x, v.x), kept[s][1] = to_halves(u.y, v.y);
                kept[s][2] = to_halves(u.z, v.z), kept[s][3] = to_halves(u.w, v.w);
            } else {
                const float *from = x + p * k_stride + w * w_stride;
                kept[s][0] = to_halves(inside ? *from : 0.0f, next ? from[k_stride] : 0.0f);
            }
        }
    }

    __device__ __forceinline__ void deposit(unsigned *panel) const {
#pragma unroll
        for (int s = 0; s < EACH; s++) {
            unsigned *to = panel + p_of(s) / 2 * PITCH + w_of(s);
            if constexpr (WIDE == 4) {
                *reinterpret_cast<uint4 *>(to) = make_uint4(kept[s][0], kept[s][1], kept[s][2], kept[s][3]);
            } else {
#pragma unroll
                for (int i = 0; i < DEEP / 2; i++) to[i * PITCH] = kept[s][i];
            }
        }
    }
};
