// The words of CUDA C that kernels here use, for a C++ compiler on the CPU. Included before the kernel's own text.
#pragma once
#include <cmath>
#include <cstring>

#include "runtime.h"

#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 800
#endif

#define __global__
#define __device__ inline
#define __host__
#define __forceinline__
#define __noinline__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("emulated_shared_memory")))
#define threadIdx emulated_coordinates.thread
#define blockIdx emulated_coordinates.block
#define blockDim emulated_coordinates.block_size
#define gridDim emulated_coordinates.grid_size
constexpr int warpSize = 32;

using std::max;
using std::min;

struct __align__(8) float2 {
    float x, y;
};
struct __align__(16) float4 {
    float x, y, z, w;
};
struct __align__(8) uint2 {
    unsigned x, y;
};
struct __align__(16) uint4 {
    unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline void __syncthreads() { emulated_block_barrier(); }
inline void __syncwarp(unsigned = 0xffffffffu) { emulated_warp_barrier(); }

template <class T>
inline T emulated_from_lane(T value, int lane) {
    const unsigned char *all = emulated_exchange(&value, sizeof value);
    memcpy(&value, all + 64 * lane, sizeof value);
    return value;
}
template <class T>
inline T __shfl_sync(unsigned, T value, int lane, int width = 32) {
    return emulated_from_lane(value, emulated_lane() / width * width + lane % width);
}
template <class T>
inline T __shfl_xor_sync(unsigned, T value, int mask, int width = 32) {
    int lane = emulated_lane(), other = lane ^ mask;
    return emulated_from_lane(value, other < (lane / width + 1) * width ? other : lane);
}
template <class T>
inline T __shfl_down_sync(unsigned, T value, int delta, int width = 32) {
    int lane = emulated_lane();
    return emulated_from_lane(value, lane % width + delta < width ? lane + delta : lane);
}
template <class T>
inline T __shfl_up_sync(unsigned, T value, int delta, int width = 32) {
    int lane = emulated_lane();
    return emulated_from_lane(value, lane % width >= delta ? lane - delta : lane);
}

template <class T>
inline T __ldg(const T *address) {
    return *address;
}
template <class T>
__attribute__((no_sanitize("thread"))) inline T atomicAdd(T *address, T value) {
    emulated_atomic(address, sizeof(T));
    T before = *address;
    *address = before + value;
    return before;
}

inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __expf(float x) { return expf(x); }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
template <class To, class From>
inline To emulated_bits(From value) {
    To bits;
    static_assert(sizeof(To) == sizeof(From), "the same number of bits");
    memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline unsigned __float_as_uint(float x) { return emulated_bits<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return emulated_bits<float>(x); }
