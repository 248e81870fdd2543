// Tensor cores and cp.async in the emulator: the functions of tensor_core.cuh under the same names, in plain C++.
#pragma once
#include "device.h"

// To nearest, ties away from zero, keeping 10 bits of the fraction; infinities and NaN stay.
inline unsigned to_tf32(float x) {
    unsigned bits = __float_as_uint(x);
    return std::isfinite(x) ? (bits + 0x1000u) & ~0x1fffu : bits;
}

inline unsigned emulated_half(float x) {
    unsigned sign = __float_as_uint(x) >> 16 & 0x8000u;
    float magnitude = fabsf(x);
    if (std::isnan(x)) return sign | 0x7e00u;
    if (magnitude >= 65520.0f) return sign | 0x7c00u;  // half way to 2^16: rounds to infinity
    if (magnitude < 6.103515625e-05f) return sign | unsigned(nearbyintf(magnitude * 16777216.0f));  // subnormal: units of 2^-24
    unsigned bits = __float_as_uint(magnitude);
    bits += 0xfffu + (bits >> 13 & 1u);  // to nearest, ties to even
    return sign | ((bits >> 13) - (112u << 10));
}
inline float emulated_float(unsigned half) {
    unsigned exponent = half >> 10 & 31u, fraction = half & 1023u;
    float magnitude = exponent == 0    ? ldexpf(float(fraction), -24)
                      : exponent == 31 ? (fraction ? NAN : INFINITY)
                                       : ldexpf(float(fraction + 1024u), int(exponent) - 25);
    return half & 0x8000u ? -magnitude : magnitude;
}
inline unsigned to_halves(float low, float high) { return emulated_half(low) | emulated_half(high) << 16; }

// What each lane gives to an mma: its parts of a and b.
struct EmulatedFragments {
    unsigned a[4], b[2];
};
// c += a @ b; `product(x, y)` multiplies what two words hold, one number in tf32, two in half.
template <class Product>
inline void emulated_mma(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], Product product) {
    EmulatedFragments mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    const unsigned char *all = emulated_exchange(&mine, sizeof mine);
    auto lane = [&](int number) { return reinterpret_cast<const EmulatedFragments *>(all + 64 * number); };
    int group = emulated_lane() / 4, member = emulated_lane() % 4;
    for (int i = 0; i < 4; i++) {
        int upper = i / 2, column = 2 * member + i % 2;  // row group, or group + 8
        float sum = 0.0f;
        for (int word = 0; word < 8; word++)
            sum += product(lane(4 * group + word % 4)->a[upper + word / 4 * 2], lane(4 * column + word % 4)->b[word / 4]);
        c[i] += sum;
    }
}
inline void mma_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    auto value = [](unsigned x) { return __uint_as_float(x & ~0x1fffu); };  // the hardware does not see the lower bits
    emulated_mma(c, a, b, [=](unsigned x, unsigned y) { return value(x) * value(y); });
}
inline void mma_half(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    auto low = [](unsigned x) { return emulated_float(x & 0xffffu); };
    auto high = [](unsigned x) { return emulated_float(x >> 16); };
    emulated_mma(c, a, b, [=](unsigned x, unsigned y) { return low(x) * low(y) + high(x) * high(y); });
}

// Each lane reads a row of 16 bytes, as the hardware does, and takes its words out of all rows.
template <bool TURNED>
inline void load_matrices(unsigned (&r)[4], const void *row) {
    uint4 mine = *static_cast<const uint4 *>(row);
    const unsigned char *all = emulated_exchange(&mine, sizeof mine);
    int group = emulated_lane() / 4, member = emulated_lane() % 4;
    for (int matrix = 0; matrix < 4; matrix++) {
        auto half = [&](int of_row, int column) {
            unsigned short bits;
            memcpy(&bits, all + 64 * (8 * matrix + of_row) + 2 * column, sizeof bits);
            return unsigned(bits);
        };
        r[matrix] = TURNED ? half(2 * member, group) | half(2 * member + 1, group) << 16
                           : half(group, 2 * member) | half(group, 2 * member + 1) << 16;
    }
}

template <int BYTES>
inline void copy_async(float *shared, const float *global, bool inside) {
    emulated_copy_async(shared, global, BYTES, inside ? BYTES : 0);
}
inline void commit_copies() { emulated_commit(); }
template <int IN_FLIGHT>
inline void wait_copies() {
    emulated_wait(IN_FLIGHT);
}
