// Runs a kernel's blocks one after another, each CUDA thread as a coroutine that yields at barriers.
//
// The kernel is compiled with -fsanitize=thread, which puts a call __tsan_read4(address), … before each access of memory.
// Those functions are defined here instead of in the sanitizer's library: they check the address against the buffers
// that the kernel was given, and record the access if a trace is wanted. Races, coalescing and bank conflicts are read
// off the trace afterwards (trace.py).
#include "runtime.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>
#include <vector>

Coordinates emulated_coordinates;

namespace {

constexpr size_t STACK = 64 * 1024, SLOT = 64;
constexpr int WARP = 32;
enum State { RUNNABLE, AT_BLOCK_BARRIER, AT_WARP_BARRIER, AT_EXCHANGE, FINISHED };
enum Access { READ = 0, WRITE = 1, ATOMIC = 2 };
enum Problem { NONE, OUT_OF_BOUNDS, MISALIGNED, READ_ONLY, DEADLOCK };

struct Region {
    uintptr_t begin, end;
    int64_t writable;
};

struct Record {
    uint64_t address, pc;
    uint32_t block, thread, epoch, warp_epoch, size, access;
};

struct Fault {
    int64_t problem, size, access, pc;
    uintptr_t address;
    int64_t block[3], thread[3];
};

struct AsyncCopy {
    void *target;
    unsigned char bytes[16];
    size_t size;
    uint64_t pc;
    int group;
};

struct Thread {
    ucontext_t context;
    State state;
    dim3 place;
    uint32_t epoch, warp_epoch, exchanges;
    std::deque<AsyncCopy> copies;
    int group;
};

std::vector<Thread> threads;
std::vector<unsigned char> slots;  // 2 per thread: a lane may be one exchange ahead of another
std::vector<Region> regions;
std::vector<Record> records;
ucontext_t scheduler;
Fault fault;
void (*kernel)(void **);
void **kernel_arguments;
unsigned char *stacks;
size_t stacks_size;
int running;
uint32_t block_number;
bool tracing;

void yield(State state) {
    threads[running].state = state;
    swapcontext(&threads[running].context, &scheduler);
}

void stop(Problem problem, uintptr_t address, size_t size, int access, uint64_t pc) {
    dim3 b = emulated_coordinates.block, t = emulated_coordinates.thread;
    fault = {problem, int64_t(size), access, int64_t(pc), address, {b.x, b.y, b.z}, {t.x, t.y, t.z}};
    swapcontext(&threads[running].context, &scheduler);  // and never back
}

void access(const void *pointer, size_t size, int kind, uint64_t pc) {
    uintptr_t address = uintptr_t(pointer);
    if (address - uintptr_t(stacks) < stacks_size) return;                                       // a local array
    if (address - uintptr_t(&emulated_coordinates) < sizeof(Coordinates)) return;                // threadIdx, …
    if (address - uintptr_t(slots.data()) < slots.size()) return;                                // what lanes exchange
    auto inside = [&](const Region &r) { return address >= r.begin && address + size <= r.end; };
    auto region = std::find_if(regions.begin(), regions.end(), inside);
    if (region == regions.end()) stop(OUT_OF_BOUNDS, address, size, kind, pc);
    if (size <= 16 && size != 12 && address % size) stop(MISALIGNED, address, size, kind, pc);
    if (kind != READ && !region->writable) stop(READ_ONLY, address, size, kind, pc);
    if (!tracing) return;
    Thread &t = threads[running];
    records.push_back({address, pc, block_number, uint32_t(running), t.epoch, t.warp_epoch, uint32_t(size), uint32_t(kind)});
}

void thread_main() {
    kernel(kernel_arguments);
    yield(FINISHED);
}

void prepare(dim3 block) {
    size_t count = size_t(block.x) * block.y * block.z;
    threads.resize(count);
    slots.assign(2 * SLOT * (count + WARP), 0);
    for (size_t i = 0; i < count; i++) {
        Thread &t = threads[i];
        t.place = {unsigned(i % block.x), unsigned(i / block.x % block.y), unsigned(i / block.x / block.y)};
        t.state = RUNNABLE;
        t.epoch = t.warp_epoch = t.exchanges = 0;
        t.copies.clear();
        t.group = 0;
        getcontext(&t.context);
        t.context.uc_stack.ss_sp = stacks + STACK * i;
        t.context.uc_stack.ss_size = STACK;
        t.context.uc_link = nullptr;
        makecontext(&t.context, thread_main, 0);
    }
}

// Lets go on whoever waits for nobody any more. False: nobody can.
bool release() {
    size_t count = threads.size();
    auto all = [&](size_t first, size_t last, State state) {
        return std::all_of(threads.begin() + first, threads.begin() + last, [=](Thread &t) { return t.state == state; });
    };
    auto free = [&](size_t first, size_t last, State state) {
        for (size_t i = first; i < last; i++) {
            threads[i].state = RUNNABLE;
            if (state == AT_BLOCK_BARRIER) threads[i].epoch++;
            if (state == AT_WARP_BARRIER) threads[i].warp_epoch++;
        }
    };
    bool released = all(0, count, AT_BLOCK_BARRIER);
    if (released) free(0, count, AT_BLOCK_BARRIER);
    for (size_t first = 0; first < count; first += WARP)
        for (State state : {AT_WARP_BARRIER, AT_EXCHANGE})
            if (size_t last = std::min(first + WARP, count); all(first, last, state)) {
                free(first, last, state);
                released = true;
            }
    return released;
}

// One block from its start to its end; with a seed the threads take their turns in a new order after each barrier.
void run_block(std::mt19937_64 *shuffle) {
    std::vector<int> order(threads.size());
    for (size_t i = 0; i < order.size(); i++) order[i] = int(i);
    do {
        if (shuffle) std::shuffle(order.begin(), order.end(), *shuffle);
        for (int i : order) {
            if (threads[i].state != RUNNABLE) continue;
            running = i;
            emulated_coordinates.thread = threads[i].place;
            swapcontext(&scheduler, &threads[i].context);
            if (fault.problem) return;
        }
    } while (release());
    for (Thread &t : threads)
        if (t.state != FINISHED) {
            running = int(&t - threads.data());
            dim3 b = emulated_coordinates.block;
            fault = {DEADLOCK, 0, t.state, 0, 0, {b.x, b.y, b.z}, {t.place.x, t.place.y, t.place.z}};
            return;
        }
}

}  // namespace

extern "C" {

void emulated_block_barrier() { yield(AT_BLOCK_BARRIER); }
void emulated_warp_barrier() { yield(AT_WARP_BARRIER); }
int emulated_lane() { return running % WARP; }

const unsigned char *emulated_exchange(const void *mine, size_t size) {
    Thread &t = threads[running];
    int warp = running / WARP * WARP;
    unsigned char *base = slots.data() + SLOT * (2 * warp + (t.exchanges++ % 2) * WARP);
    memcpy(base + SLOT * (running - warp), mine, size);
    yield(AT_EXCHANGE);
    return base;
}

void emulated_copy_async(void *target, const void *source, size_t size, size_t valid) {
    uint64_t pc = uint64_t(__builtin_return_address(0));
    if (valid) access(source, valid, READ, pc);
    access(target, size, WRITE, pc);  // from now on the target may change at any moment
    Thread &t = threads[running];
    AsyncCopy copy = {target, {}, size, pc, t.group};
    memcpy(copy.bytes, source, valid);
    t.copies.push_back(copy);
}

void emulated_commit() { threads[running].group++; }

void emulated_wait(int groups_in_flight) {
    Thread &t = threads[running];
    while (!t.copies.empty() && t.copies.front().group < t.group - groups_in_flight) {
        AsyncCopy &copy = t.copies.front();
        access(copy.target, copy.size, WRITE, copy.pc);
        memcpy(copy.target, copy.bytes, copy.size);
        t.copies.pop_front();
    }
}

void emulated_atomic(const void *address, size_t size) {
    access(address, size, ATOMIC, uint64_t(__builtin_return_address(0)));
}

#define HOOK(name, size, kind) \
    void __tsan_##name(void *address) { access(address, size, kind, uint64_t(__builtin_return_address(0))); }
HOOK(read1, 1, READ) HOOK(read2, 2, READ) HOOK(read4, 4, READ) HOOK(read8, 8, READ) HOOK(read16, 16, READ)
HOOK(write1, 1, WRITE) HOOK(write2, 2, WRITE) HOOK(write4, 4, WRITE) HOOK(write8, 8, WRITE) HOOK(write16, 16, WRITE)
HOOK(unaligned_read2, 2, READ) HOOK(unaligned_read4, 4, READ) HOOK(unaligned_read8, 8, READ)
HOOK(unaligned_read16, 16, READ) HOOK(unaligned_write2, 2, WRITE) HOOK(unaligned_write4, 4, WRITE)
HOOK(unaligned_write8, 8, WRITE) HOOK(unaligned_write16, 16, WRITE)
void __tsan_read_range(void *a, size_t size) { access(a, size, READ, uint64_t(__builtin_return_address(0))); }
void __tsan_write_range(void *a, size_t size) { access(a, size, WRITE, uint64_t(__builtin_return_address(0))); }
void __tsan_init() {}

// Runs a whole launch. Returns the number of recorded accesses, which stay in `emulated_records()` until the next launch.
int64_t emulate(void (*entry)(void **), void **arguments, const unsigned *grid, const unsigned *block,
                const Region *buffers, int64_t buffer_count, unsigned char *shared, int64_t shared_size, int64_t trace,
                int64_t seed, Fault *outcome) {
    kernel = entry, kernel_arguments = arguments, tracing = trace, fault = {}, block_number = 0;
    regions.assign(buffers, buffers + buffer_count);
    records.clear();
    std::mt19937_64 generator(seed);
    stacks_size = STACK * block[0] * block[1] * block[2];
    stacks = static_cast<unsigned char *>(
        mmap(nullptr, stacks_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    emulated_coordinates.grid_size = {grid[0], grid[1], grid[2]};
    emulated_coordinates.block_size = {block[0], block[1], block[2]};
    for (unsigned z = 0; z < grid[2]; z++)
        for (unsigned y = 0; y < grid[1]; y++)
            for (unsigned x = 0; x < grid[0]; x++, block_number++) {
                if (fault.problem) continue;
                emulated_coordinates.block = {x, y, z};
                memset(shared, 0xff, shared_size);  // NaN, as float and as half: nothing is there before it is written
                prepare(emulated_coordinates.block_size);
                run_block(seed >= 0 ? &generator : nullptr);
            }
    munmap(stacks, stacks_size);
    *outcome = fault;
    return int64_t(records.size());
}

const Record *emulated_records() { return records.data(); }
}
