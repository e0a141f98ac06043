/* A driver whose functions call one another in a known order and each have another kind of frame. It is built and
   disassembled by tests and never run. */

typedef unsigned long long u64;

volatile u64 sink;
static volatile u64 *volatile target;

int _fltused;

/* The name that the compiler calls has two underscores, of which 32-bit C adds one. */
#ifdef __i386__
#define __chkstk _chkstk
#endif
void __chkstk(void) {
}

/* No frame at all. */
__attribute__((noinline)) u64 write_register(volatile u64 *at, u64 a, u64 b, u64 c) {
    u64 x = sink, y = sink, z = sink;
    *at = a;
    sink = x + b;
    sink = y + c;
    return x ^ y ^ z ^ sink;
}

/* Many saved registers. */
__attribute__((noinline)) u64 keeps_many(volatile u64 *at, u64 n) {
    u64 a = sink, b = sink, c = sink, d = sink, e = sink, f = sink, g = sink;
    u64 r = write_register(at, n, a, b);
    return r + a + b + c + d + e + f + g + write_register(at, r, c, d);
}

/* A frame that takes a longer code. */
__attribute__((noinline)) u64 large_frame(volatile u64 *at, u64 n) {
    volatile u64 room[200];
    room[n & 127] = n;
    return keeps_many(at, room[3]) + room[n & 63];
}

/* A frame of more than a page, for which the stack is probed by a call inside the prologue. */
__attribute__((noinline)) u64 huge_frame(volatile u64 *at, u64 n) {
    volatile u64 room[1000];
    room[n & 511] = n;
    return large_frame(at, room[3]) + room[n & 63];
}

/* A frame whose size only its frame register tells. */
__attribute__((noinline)) u64 dynamic_frame(volatile u64 *at, u64 n) {
    volatile char *room = __builtin_alloca(n);
    room[0] = 1;
    return huge_frame(at, n) + room[n - 1];
}

/* A stack pointer that is rounded. */
__attribute__((noinline)) u64 aligned_frame(volatile u64 *at, u64 n) {
    _Alignas(64) volatile u64 room[16];
    room[n & 7] = n;
    return dynamic_frame(at, n) + room[0];
}

/* Saved vector registers. */
__attribute__((noinline)) double uses_vectors(volatile u64 *at, double x) {
    double y = x * 3.0, z = x + 5.0;
    u64 r = aligned_frame(at, (u64)x);
    return y + z + (double)r;
}

long DriverEntry(void *object, void *path) {
    double r = uses_vectors(target, (double)(u64)object);
    sink = (u64)r + (u64)path;
    return (long)sink;
}
