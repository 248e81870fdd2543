// One operand's panel, copied from global to shared memory by cp.async: no registers in between, and the copy goes on while
// the block multiplies. 16 bytes stay side by side on the way, so the panel lies in shared memory as the operand does in
// global memory; the rows are padded such that a warp finds a fragment's elements on 32 different banks.
template <int WIDTH, int ALONG_K, int VECTOR>
struct AsyncPanel {
    static constexpr bool BY_K = ALONG_K;
    static constexpr int PITCH = ALONG_K ? BK + 4 : WIDTH + 8;
    static constexpr int SIZE = ALONG_K ? WIDTH * PITCH : BK * PITCH;
    static constexpr int ACROSS = (ALONG_K ? BK : WIDTH) / VECTOR;
    static constexpr int EACH = WIDTH * BK / VECTOR / THREADS;
    static_assert(EACH * THREADS * VECTOR == WIDTH * BK, "a panel is a whole number of vectors for each thread");

    // Where the element lies in the panel that is p along k and w along the other side.
    static __device__ __forceinline__ int at(int p, int w) { return ALONG_K ? w * PITCH + p : p * PITCH + w; }

    static __device__ __forceinline__ void start(float *panel, const float *x, long long k_stride, long long w_stride,
                                                 int inside_k, int inside_w) {
#pragma unroll
        for (int s = 0; s < EACH; s++) {
            int i = threadIdx.x + s * THREADS;
            int p = ALONG_K ? i % ACROSS * VECTOR : i / ACROSS, w = ALONG_K ? i / ACROSS : i % ACROSS * VECTOR;
            bool inside = p < inside_k && w < inside_w;
            const float *from = x + (ALONG_K && VECTOR == 4 ? p : p * k_stride) + (!ALONG_K && VECTOR == 4 ? w : w * w_stride);
            copy_async<4 * VECTOR>(panel + at(p, w), inside ? from : x, inside);
        }
    }
};
