// One operand's panel in half precision: float32 in global memory, rounded to half on the way to shared memory. It lies there
// as the operand does in global memory, side by side along k or along w; the rows are 8 halves longer than their contents,
// so that 8 rows of 16 bytes, one below the other, fall on 32 different banks. VECTOR and ALONG_K as in panel.cuh.
typedef unsigned short Half;  // its bits

template <int WIDTH, int ALONG_K, int VECTOR>
struct HalfPanel {
    static constexpr bool BY_K = ALONG_K;
    static constexpr int PITCH = (ALONG_K ? BK : WIDTH) + 8;
    static constexpr int SIZE = (ALONG_K ? WIDTH : BK) * PITCH;
    static constexpr int ACROSS = (ALONG_K ? BK : WIDTH) / VECTOR;
    static constexpr int EACH = WIDTH * BK / VECTOR / THREADS;
    static_assert(EACH * THREADS * VECTOR == WIDTH * BK, "a panel is a whole number of vectors for each thread");
    float kept[EACH][VECTOR];

    // Where the element lies in the panel that is p along k and w along the other side.
    static __device__ __forceinline__ int at(int p, int w) { return ALONG_K ? w * PITCH + p : p * PITCH + w; }
    static __device__ __forceinline__ int p_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return ALONG_K ? i % ACROSS * VECTOR : i / ACROSS;
    }
    static __device__ __forceinline__ int w_of(int s) {
        int i = threadIdx.x + s * THREADS;
        return ALONG_K ? i / ACROSS : i % ACROSS * VECTOR;
    }

    __device__ __forceinline__ void fetch(const float *x, long long k_stride, long long w_stride, int inside_k, int inside_w) {
#pragma unroll
        for (int s = 0; s < EACH; s++) fetch_one<ALONG_K, VECTOR>(kept[s], x, k_stride, w_stride, p_of(s), w_of(s), inside_k, inside_w);
    }

    // Rounded only here: the multiply-adds between fetch and deposit need not wait for the numbers.
    __device__ __forceinline__ void deposit(Half *panel) const {
#pragma unroll
        for (int s = 0; s < EACH; s++) {
            Half *to = panel + at(p_of(s), w_of(s));
            if constexpr (VECTOR == 4)
                *reinterpret_cast<uint2 *>(to) = make_uint2(to_halves(kept[s][0], kept[s][1]), to_halves(kept[s][2], kept[s][3]));
            else
                *to = static_cast<Half>(to_halves(kept[s][0], 0.0f));
        }
    }
};
