// What an emulated kernel and the scheduler in runtime.cpp say to each other.
#pragma once
#include <cstddef>
#include <cstdint>

struct dim3 {
    unsigned x, y, z;
};

// The coordinates of the thread that runs at the moment; the scheduler writes them before it resumes a thread.
struct Coordinates {
    dim3 thread, block, block_size, grid_size;
};
extern "C" Coordinates emulated_coordinates;

extern "C" {
void emulated_block_barrier();                           // __syncthreads
void emulated_warp_barrier();                            // __syncwarp
int emulated_lane();                                     // this thread's place in its warp
// Every lane of the warp gives `size` bytes (at most 64) and gets those of all lanes, lane l's at 64·l.
const unsigned char *emulated_exchange(const void *mine, size_t size);
// cp.async: the bytes are read now and arrive when the thread waits for their group, as late as the hardware may be.
void emulated_copy_async(void *target, const void *source, size_t size, size_t valid);
void emulated_commit();
void emulated_wait(int groups_in_flight);
void emulated_atomic(const void *address, size_t size);  // an atomic access: checked, but no race with another one
}
