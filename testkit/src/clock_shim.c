/*
 * Clocks that go on ahead, fall behind or run at another rate, for one process.
 *
 * Preloaded, this puts a jump at the beginning of the vDSO's clock_gettime, before the program
 * begins. To take the place of libc's function of that name would not do: Rust's rustix, like Go's
 * runtime, looks the vDSO up by itself and never asks libc. The page is private to the process.
 *
 * What the clocks show is read from a file that the tests write: see clock_shim.rs, which has the
 * same layout. What waits for a span of time (epoll) waits in true time. What waits until a moment
 * of the shifted clock, as Rust's condition variables and parked threads do, has its moment
 * translated.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
static const char SYMBOL[] = "__vdso_clock_gettime";
#elif defined(__aarch64__)
static const char SYMBOL[] = "__kernel_clock_gettime";
#else
#error "the clock shim knows x86-64 and aarch64"
#endif

enum { REALTIME, MONOTONIC, BOOTTIME, CLOCKS };

/* All in the machine's order of bytes, times in nanoseconds. */
struct shown {
    int64_t turn;     /* Odd while the rest is being written. */
    int64_t rate;     /* In millionths: 2000000 is twice as fast. */
    struct {
        int64_t since; /* When the rate began, by the true clock. */
        int64_t ahead; /* How far it was ahead then. */
    } clocks[CLOCKS];
    int64_t seen;     /* How many processes read it; written here. */
};

static struct shown *shown;
static long (*libc_syscall)(long, ...);

static void refuse(const char *why)
{
    fprintf(stderr, "clock shim: %s\n", why);
    _exit(127);
}

/* One clock, as of one moment. */
struct shift {
    int64_t rate, since, ahead;
};

static struct shift shift_of(int clock)
{
    for (;;) {
        int64_t turn = __atomic_load_n(&shown->turn, __ATOMIC_ACQUIRE);
        struct shift shift = {
            __atomic_load_n(&shown->rate, __ATOMIC_RELAXED),
            __atomic_load_n(&shown->clocks[clock].since, __ATOMIC_RELAXED),
            __atomic_load_n(&shown->clocks[clock].ahead, __ATOMIC_RELAXED),
        };
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (turn % 2 == 0 && turn == __atomic_load_n(&shown->turn, __ATOMIC_RELAXED))
            return shift;
        sched_yield();
    }
}

static int64_t nanos(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

static struct timespec timespec(int64_t nanos)
{
    return (struct timespec){nanos / 1000000000, nanos % 1000000000};
}

static int64_t from_truth(struct shift shift, int64_t truth)
{
    return truth + shift.ahead + (int64_t)((__int128)(truth - shift.since) * (shift.rate - 1000000) / 1000000);
}

static int64_t to_truth(struct shift shift, int64_t shown)
{
    return shift.since + (int64_t)((__int128)(shown - shift.ahead - shift.since) * 1000000 / shift.rate);
}

static int clock_of(clockid_t id)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return REALTIME;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
        return MONOTONIC;
    case CLOCK_BOOTTIME:
        return BOOTTIME;
    default:
        return CLOCKS; /* Time that a process or thread has worked: as it is. */
    }
}

/* As the vDSO's: an error is the answer, and errno is not touched. */
static int shifted_gettime(clockid_t id, struct timespec *time)
{
    int before = errno;
    if (libc_syscall(SYS_clock_gettime, id, time) != 0) {
        int error = errno;
        errno = before;
        return -error;
    }
    int clock = clock_of(id);
    if (clock != CLOCKS)
        *time = timespec(from_truth(shift_of(clock), nanos(time)));
    return 0;
}

/* In libc's place, by which Rust's std waits: until a moment of CLOCK_MONOTONIC. */
long syscall(long number, ...)
{
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    struct timespec until;
    if (number == SYS_futex && (a[1] & ~FUTEX_PRIVATE_FLAG) == FUTEX_WAIT_BITSET && a[3] != 0) {
        int64_t truth = to_truth(shift_of(MONOTONIC), nanos((const struct timespec *)a[3]));
        until = timespec(truth > 0 ? truth : 0);
        a[3] = (long)&until;
    }
    return libc_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* The whole mapping at once: the kernel does not let it be split. */
static size_t length_of(const char *vdso)
{
    const ElfW(Ehdr) *header = (const void *)vdso;
    const ElfW(Phdr) *part = (const void *)(vdso + header->e_phoff);
    size_t page = (size_t)sysconf(_SC_PAGESIZE), end = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && part[i].p_vaddr + part[i].p_memsz > end)
            end = part[i].p_vaddr + part[i].p_memsz;
    return (end + page - 1) / page * page;
}

static void take_place(void)
{
#if defined(__x86_64__)
    /* movabs $target, %rax; jmp *%rax */
    unsigned char jump[12] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
    const size_t target = 2;
#else
    /* ldr x16, 8 ahead; br x16; the target */
    unsigned char jump[16] = {0x50, 0x00, 0x00, 0x58, 0x00, 0x02, 0x1f, 0xd6};
    const size_t target = 8;
#endif
    uintptr_t ours = (uintptr_t)shifted_gettime;
    memcpy(jump + target, &ours, sizeof ours);

    char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
    void *handle = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (vdso == NULL || handle == NULL)
        refuse("this kernel has no vDSO");
    char *entry = dlsym(handle, SYMBOL);
    Dl_info info;
    ElfW(Sym) *symbol = NULL;
    if (entry == NULL || !dladdr1(entry, &info, (void **)&symbol, RTLD_DL_SYMENT) || symbol == NULL ||
        symbol->st_size < sizeof jump)
        refuse("the vDSO has no clock_gettime with room for a jump");
    size_t length = length_of(vdso);
    if (mprotect(vdso, length, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        refuse("the kernel does not let the vDSO be written");
    memcpy(entry, jump, sizeof jump);
    __builtin___clear_cache(entry, entry + sizeof jump);
    mprotect(vdso, length, PROT_READ | PROT_EXEC);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ENTOURAGE_CLOCK_SHIM");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        refuse("ENTOURAGE_CLOCK_SHIM names no file");
    void *mapped = mmap(NULL, sizeof *shown, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED)
        refuse("the file cannot be mapped");
    shown = mapped;
    libc_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    if (libc_syscall == NULL)
        refuse("there is no libc");
    take_place();
    __atomic_add_fetch(&shown->seen, 1, __ATOMIC_RELAXED);
}
