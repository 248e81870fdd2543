// What happens to a finished sum before it is stored: bias and activation, while it is still in a register. Fused, they
// cost no traffic: a separate kernel would read and write the whole product again.
#define NO_ACTIVATION 0
#define RELU 1
#define GELU 2

// x, relu(x) (NaN stays NaN), or gelu(x) in its tanh form: 0.5 x (1 + tanh u) = x / (1 + exp(-2u)).
__device__ __forceinline__ float activate(float x, int activation) {
    const float slope = -1.5957691216057308f;  // -2 sqrt(2 / pi)
    if (activation == RELU) return x <= 0.0f ? 0.0f : x;
    if (activation == GELU) return x / (1.0f + expf(slope * (x + 0.044715f * x * x * x)));
    return x;
}

// One element of the product, ready to be stored: bias is per column, or null.
__device__ __forceinline__ float finish(float sum, const float *bias, int column, int activation) {
    return activate(bias ? sum + bias[column] : sum, activation);
}
