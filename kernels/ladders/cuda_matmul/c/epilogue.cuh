// What happens to a finished sum before it is stored: bias and activation, while it is still in a register. Fused, they
// cost no traffic: a separate kernel would read and write the whole product again.
#define NO_ACTIVATION 0
#define RELU 1
#define GELU 2

// NaN stays NaN.
__device__ __forceinline__ float relu(float x) { return x <= 0.0f ? 0.0f : x; }

// gelu in its tanh form: 0.5 x (1 + tanh u) = x / (1 + exp(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x^3).
__device__ __forceinline__ float gelu(float x) {
    const float slope = -1.5957691216057308f;  // -2 sqrt(2 / pi)
    return __fdividef(x, 1.0f + expf(slope * (x + 0.044715f * x * x * x)));
}

// One element of the product, ready to be stored: bias is per column, or null.
__device__ __forceinline__ float finish(float sum, const float *bias, int column, int activation) {
    if (bias) sum += bias[column];
    return activation == RELU ? relu(sum) : activation == GELU ? gelu(sum) : sum;
}

// A row of elements: which activation it is, is asked once for all.
template <int COUNT>
__device__ __forceinline__ void activate(float (&x)[COUNT], int activation) {
    if (activation == RELU) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) x[i] = relu(x[i]);
    } else if (activation == GELU) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) x[i] = gelu(x[i]);
    }
}
