/* A machine whose disk is slow and whose clock is wrong, for one process: preloaded, it delays fsync and fdatasync and shifts the wall
   clock. Two numbers of 64 bits in the file that ONEPATH_TEST_MACHINE names say by how much: milliseconds of an fsync (negative: it
   does not return until that changes, and fails with "no space left" if it then is -2), and microseconds of the clock. The test
   changes them while the process runs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *machine(void) {
    static volatile int64_t none[2];
    static volatile int64_t *numbers;
    if (!numbers) {
        const char *path = getenv("ONEPATH_TEST_MACHINE");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
        if (file >= 0) close(file);
        numbers = mapped == MAP_FAILED ? none : mapped;
    }
    return numbers;
}

static void nap(int64_t ms) {
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Whether the disk takes the write, after as long as it needs. */
static int takes(void) {
    if (machine()[0] > 0) nap(machine()[0]);
    while (machine()[0] == -1) nap(5);
    return machine()[0] != -2;
}

#define SYNC(name)                                                     \
    int name(int fd) {                                                 \
        static int (*real)(int);                                       \
        if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);       \
        if (takes()) return real(fd);                                  \
        errno = ENOSPC;                                                \
        return -1;                                                     \
    }
SYNC(fsync)
SYNC(fdatasync)

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME) {
        int64_t nanos = (int64_t)time->tv_sec * 1000000000 + time->tv_nsec + machine()[1] * 1000;
        time->tv_sec = nanos / 1000000000;
        time->tv_nsec = nanos % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
