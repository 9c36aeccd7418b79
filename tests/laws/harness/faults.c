/* Preloaded into the program: the Nth call of some kind on a file below a folder fails, or takes long.

   FAULT_CALLS   the kinds that count, as in ",fsync,rename,"    FAULT_UNDER   the folder
   FAULT_AT      N: the Nth fails; -N: all from the Nth on        FAULT_ERRNO   with what; 0: a short write
   FAULT_DELAY   milliseconds that each sync takes                FAULT_LOG     where each call is noted
   FAULT_INHERIT if set, the children are treated so too (each counts for itself)                        */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char calls[256], under[PATH_MAX];
static long at, number, delay;
static int error, log_to = -1;

__attribute__((constructor)) static void begin(void) {
    const char *said = getenv("FAULT_CALLS");
    if (said == NULL) return;
    snprintf(calls, sizeof calls, "%s", said);
    snprintf(under, sizeof under, "%s", getenv("FAULT_UNDER") ? getenv("FAULT_UNDER") : "/");
    at = getenv("FAULT_AT") ? atol(getenv("FAULT_AT")) : 0;
    error = getenv("FAULT_ERRNO") ? atoi(getenv("FAULT_ERRNO")) : EIO;
    delay = getenv("FAULT_DELAY") ? atol(getenv("FAULT_DELAY")) : 0;
    if (getenv("FAULT_LOG"))
        log_to = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (getenv("FAULT_INHERIT")) return;
    static const char *mine[] = {"LD_PRELOAD", "FAULT_CALLS", "FAULT_UNDER", "FAULT_AT", "FAULT_ERRNO", "FAULT_DELAY", "FAULT_LOG"};
    for (unsigned one = 0; one < sizeof mine / sizeof *mine; one++) unsetenv(mine[one]);
}

static void note(const char *call, const char *what, const char *path) {
    char line[PATH_MAX + 64];
    if (log_to < 0) return;
    int length = snprintf(line, sizeof line, "%s %s %s %s\n", call, what,
                          syscall(SYS_gettid) == getpid() ? "main" : "thread", path);
    if (length > 0) syscall(SYS_write, log_to, line, (size_t)length);
}

static void place_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
}

static void place_at(int fd, const char *name, char *path) {
    path[0] = 0;
    if (name[0] != '/') {
        if (fd == AT_FDCWD) { if (getcwd(path, PATH_MAX - 1) == NULL) path[0] = 0; }
        else place_of(fd, path);
        strncat(path, "/", PATH_MAX - 1 - strlen(path));
    }
    strncat(path, name, PATH_MAX - 1 - strlen(path));
}

/* Whether this call is to fail. */
static int fails(const char *call, const char *path) {
    char word[32];
    snprintf(word, sizeof word, ",%s,", call);
    if (calls[0] == 0 || strstr(calls, word) == NULL || strncmp(path, under, strlen(under)) != 0) return 0;
    long mine = __atomic_add_fetch(&number, 1, __ATOMIC_SEQ_CST);
    int hit = at != 0 && (at > 0 ? mine == at : mine >= -at);
    note(call, hit ? "failed" : "done", path);
    return hit;
}

static void wait_long(const char *path) {
    if (delay == 0 || strncmp(path, under, strlen(under)) != 0) return;
    struct timespec time = {delay / 1000, (delay % 1000) * 1000000};
    nanosleep(&time, NULL);
}

#define REAL(name, type) static type real; if (real == NULL) real = (type)dlsym(RTLD_NEXT, name)

typedef int (*on_file)(int);
#define SYNC(call) \
    int call(int fd) { \
        REAL(#call, on_file); \
        char path[PATH_MAX]; \
        place_of(fd, path); \
        if (fails(#call, path)) { errno = error; return -1; } \
        wait_long(path); \
        return real(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

static int is_said(const void *data, size_t size) {
    return size > 0 && memmem(data, size, "\"run_finished\"", 14) != NULL;
}

typedef ssize_t (*writes)(int, const void *, size_t);
ssize_t write(int fd, const void *data, size_t size) {
    REAL("write", writes);
    char path[PATH_MAX];
    place_of(fd, path);
    if (fd == 1 && is_said(data, size)) note("write", "said", "run_finished");
    if (fails("write", path)) {
        if (error != 0) { errno = error; return -1; }
        size = size > 1 ? size / 2 : size;
    }
    return real(fd, data, size);
}

typedef ssize_t (*writes_at)(int, const void *, size_t, off_t);
#define WRITE_AT(call) \
    ssize_t call(int fd, const void *data, size_t size, off_t offset) { \
        REAL(#call, writes_at); \
        char path[PATH_MAX]; \
        place_of(fd, path); \
        if (fails("pwrite", path)) { \
            if (error != 0) { errno = error; return -1; } \
            size = size > 1 ? size / 2 : size; \
        } \
        return real(fd, data, size, offset); \
    }
WRITE_AT(pwrite)
WRITE_AT(pwrite64)

typedef int (*renames)(const char *, const char *);
int rename(const char *from, const char *to) {
    REAL("rename", renames);
    char path[PATH_MAX];
    place_at(AT_FDCWD, to, path);
    if (fails("rename", path)) { errno = error; return -1; }
    return real(from, to);
}

int link(const char *from, const char *to) {
    REAL("link", renames);
    char path[PATH_MAX];
    place_at(AT_FDCWD, to, path);
    if (fails("rename", path)) { errno = error; return -1; }
    return real(from, to);
}

typedef int (*unlinks)(const char *);
int unlink(const char *name) {
    REAL("unlink", unlinks);
    char path[PATH_MAX];
    place_at(AT_FDCWD, name, path);
    if (fails("unlink", path)) { errno = error; return -1; }
    return real(name);
}

typedef int (*unlinks_at)(int, const char *, int);
int unlinkat(int fd, const char *name, int flags) {
    REAL("unlinkat", unlinks_at);
    char path[PATH_MAX];
    place_at(fd, name, path);
    if (fails("unlink", path)) { errno = error; return -1; }
    return real(fd, name, flags);
}
