// A file-system shim (LD_PRELOAD) that remembers what was synced.
//
// For every file under LOSSFS_ROOT it keeps, in LOSSFS_IMAGE, what the disk would hold after power loss: contents as of
// the last fsync, fdatasync or syncfs, and names as of the last sync of their folder. A process that is killed under it
// leaves the image behind; scripts/chaos puts that in the place of the real folder, so that everything unsynced is lost.
//
//   LOSSFS_IMAGE/files/ID   synced contents, by an id given when the file was created or first seen
//   LOSSFS_IMAGE/names      durable changes of names, one a line: C path id, R from to, U path, D path
//
// It covers the calls that Martlet and SQLite make. Memory maps are not followed: SQLite's -shm file needs no durability.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))
#define MAXFILES 65536
#define MAXRANGES 256

struct range { off_t start, end; };
struct file {
    dev_t device;
    ino_t inode;
    int id;
    int used;
    int rangecount;
    int truncated;
    char path[256];  // where its contents can be read
    struct range ranges[MAXRANGES];
};
struct op { char line[2 * 512 + 64]; char folder[512]; char other[512]; struct op *next; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX], image[PATH_MAX];
static size_t rootlength;
static struct file *files;
static int nextid, namesfd = -1;
static struct op *pending, **pendingtail = &pending;
static __thread int inside;

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void start(void) {
    const char *r = getenv("LOSSFS_ROOT"), *i = getenv("LOSSFS_IMAGE");
    if (!r || !i) return;
    if (!realpath(r, root) || !realpath(i, image)) abort();
    rootlength = strlen(root);
    files = calloc(MAXFILES, sizeof *files);
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/nextid", image);
    FILE *counter = fopen(path, "r");
    if (!counter || fscanf(counter, "%d", &nextid) != 1) abort();
    fclose(counter);
    // Files that are there already: "map" holds "id path".
    snprintf(path, sizeof path, "%s/map", image);
    FILE *map = fopen(path, "r");
    char line[1024];
    while (map && fgets(line, sizeof line, map)) {
        line[strcspn(line, "\n")] = 0;
        char *space = strchr(line, ' ');
        struct stat status;
        if (!space || stat(space + 1, &status) != 0) continue;
        for (int n = 0; n < MAXFILES; n++) {
            if (files[n].used) continue;
            files[n] = (struct file){.device = status.st_dev, .inode = status.st_ino, .id = atoi(line), .used = 1};
            snprintf(files[n].path, sizeof files[n].path, "%s", space + 1);
            break;
        }
    }
    if (map) fclose(map);
    snprintf(path, sizeof path, "%s/names", image);
    namesfd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (namesfd < 0) abort();
}

static int tracked(const char *path) {
    return rootlength && !strncmp(path, root, rootlength) && (path[rootlength] == '/' || !path[rootlength]);
}

static int pathof(int fd, char *out, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, out, size - 1);
    if (length < 0) return 0;
    out[length] = 0;
    return tracked(out);
}

static void folderof(const char *path, char *out, size_t size) {
    snprintf(out, size, "%s", path);
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
}

static void change(const char *line, const char *path, const char *other) {
    struct op *op = calloc(1, sizeof *op);
    snprintf(op->line, sizeof op->line, "%s\n", line);
    folderof(path, op->folder, sizeof op->folder);
    folderof(other ? other : path, op->other, sizeof op->other);
    *pendingtail = op;
    pendingtail = &op->next;
}

// Makes pending changes of names durable: all, or those of one folder.
static void commitnames(const char *folder) {
    struct op **link = &pending;
    while (*link) {
        struct op *op = *link;
        if (folder && strcmp(op->folder, folder) && strcmp(op->other, folder)) {
            link = &op->next;
            continue;
        }
        if (write(namesfd, op->line, strlen(op->line)) < 0) abort();
        *link = op->next;
        free(op);
    }
    pendingtail = &pending;
    while (*pendingtail) pendingtail = &(*pendingtail)->next;
}

static struct file *filefor(int fd, int isnew) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return NULL;
    struct file *free_ = NULL;
    for (int n = 0; n < MAXFILES; n++) {
        if (!files[n].used) {
            if (!free_) free_ = &files[n];
            if (n > nextid) break;
            continue;
        }
        if (files[n].inode == status.st_ino && files[n].device == status.st_dev) {
            if (!isnew) return &files[n];
            files[n].used = 0;  // the inode was reused
            if (!free_) free_ = &files[n];
        }
    }
    if (!free_) abort();
    *free_ = (struct file){.device = status.st_dev, .inode = status.st_ino, .id = nextid++, .used = 1};
    return free_;
}

static void dirty(int fd, off_t start, off_t end) {
    char path[PATH_MAX];
    if (!pathof(fd, path, sizeof path)) return;
    pthread_mutex_lock(&lock);
    struct file *file = filefor(fd, 0);
    if (file) {
        snprintf(file->path, sizeof file->path, "%s", path);
        if (file->rangecount && file->ranges[file->rangecount - 1].end == start) {
            file->ranges[file->rangecount - 1].end = end;
        } else if (file->rangecount < MAXRANGES) {
            file->ranges[file->rangecount++] = (struct range){start, end};
        } else {
            struct range *last = &file->ranges[MAXRANGES - 1];
            if (start < last->start) last->start = start;
            if (end > last->end) last->end = end;
        }
    }
    pthread_mutex_unlock(&lock);
}

// Copies what is dirty of a file into the image.
static void syncfile(struct file *file) {
    if (!file->rangecount && !file->truncated) return;
    char target[PATH_MAX + 32], buffer[65536];
    snprintf(target, sizeof target, "%s/files/%d", image, file->id);
    int in = open(file->path, O_RDONLY | O_CLOEXEC);
    if (in < 0) return;  // gone: its name's removal tells
    struct stat status;
    int out = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0 || fstat(in, &status) != 0) abort();
    for (int n = 0; n < file->rangecount; n++) {
        off_t at = file->ranges[n].start;
        while (at < file->ranges[n].end) {
            size_t want = file->ranges[n].end - at < (off_t)sizeof buffer ? file->ranges[n].end - at : sizeof buffer;
            ssize_t got = pread(in, buffer, want, at);
            if (got <= 0) break;
            if (REAL(pwrite)(out, buffer, got, at) != got) abort();
            at += got;
        }
    }
    if (REAL(ftruncate)(out, status.st_size) != 0) abort();
    close(in);
    close(out);
    file->rangecount = 0;
    file->truncated = 0;
}

static void syncall(void) {
    pthread_mutex_lock(&lock);
    inside++;
    for (int n = 0; n < MAXFILES && n <= nextid; n++)
        if (files[n].used) syncfile(&files[n]);
    commitnames(NULL);
    inside--;
    pthread_mutex_unlock(&lock);
}

static void syncone(int fd) {
    char path[PATH_MAX];
    struct stat status;
    if (!rootlength || inside || !pathof(fd, path, sizeof path) || fstat(fd, &status) != 0) return;
    pthread_mutex_lock(&lock);
    inside++;
    if (S_ISDIR(status.st_mode)) {
        commitnames(path);
    } else {
        struct file *file = filefor(fd, 0);
        if (file) {
            snprintf(file->path, sizeof file->path, "%s", path);
            syncfile(file);
        }
    }
    inside--;
    pthread_mutex_unlock(&lock);
}

int fsync(int fd) { int r = REAL(fsync)(fd); if (!r) syncone(fd); return r; }
int fdatasync(int fd) { int r = REAL(fdatasync)(fd); if (!r) syncone(fd); return r; }
int syncfs(int fd) { int r = REAL(syncfs)(fd); if (!r && rootlength && !inside) syncall(); return r; }

static int opened(int fd, const char *path, int existed, int flags) {
    char full[PATH_MAX];
    if (fd < 0 || inside || !rootlength || !pathof(fd, full, sizeof full) || (flags & O_TMPFILE) == O_TMPFILE) return fd;
    if ((flags & O_CREAT) && !existed) {
        pthread_mutex_lock(&lock);
        struct file *file = filefor(fd, 1);
        if (file) {
            snprintf(file->path, sizeof file->path, "%s", full);
            char line[1200];
            snprintf(line, sizeof line, "C %s %d", full, file->id);
            change(line, full, NULL);
        }
        pthread_mutex_unlock(&lock);
    } else if (flags & O_TRUNC) {
        pthread_mutex_lock(&lock);
        struct file *file = filefor(fd, 0);
        if (file) file->truncated = 1;
        pthread_mutex_unlock(&lock);
    }
    (void)path;
    return fd;
}

#define OPEN(name)                                                                  \
    int name(const char *path, int flags, ...) {                                    \
        mode_t mode = 0;                                                            \
        if (flags & (O_CREAT | O_TMPFILE)) {                                        \
            va_list list;                                                           \
            va_start(list, flags);                                                  \
            mode = va_arg(list, int);                                               \
            va_end(list);                                                           \
        }                                                                           \
        int existed = inside || !rootlength || access(path, F_OK) == 0;             \
        return opened(REAL(name)(path, flags, mode), path, existed, flags);         \
    }
OPEN(open)
OPEN(open64)

static void wrote(int fd, off_t start, ssize_t count) {
    if (rootlength && !inside && count > 0) dirty(fd, start, start + count);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    ssize_t done = REAL(write)(fd, bytes, count);
    if (done > 0 && rootlength && !inside) {
        int kept = errno;
        off_t end = lseek(fd, 0, SEEK_CUR);  // fails for a socket, which is not tracked
        if (end >= 0) wrote(fd, end - done, done);
        errno = kept;
    }
    return done;
}
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { ssize_t r = REAL(pwrite)(fd, b, n, at); wrote(fd, at, r); return r; }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { ssize_t r = REAL(pwrite64)(fd, b, n, at); wrote(fd, at, r); return r; }

static int truncated(int fd, int result) {
    char path[PATH_MAX];
    if (result == 0 && rootlength && !inside && pathof(fd, path, sizeof path)) {
        pthread_mutex_lock(&lock);
        struct file *file = filefor(fd, 0);
        if (file) {
            snprintf(file->path, sizeof file->path, "%s", path);
            file->truncated = 1;
        }
        pthread_mutex_unlock(&lock);
    }
    return result;
}
int ftruncate(int fd, off_t size) { return truncated(fd, REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, REAL(ftruncate64)(fd, size)); }

ssize_t copy_file_range(int in, off64_t *inat, int out, off64_t *outat, size_t count, unsigned flags) {
    off_t before = outat ? *outat : lseek(out, 0, SEEK_CUR);
    ssize_t done = REAL(copy_file_range)(in, inat, out, outat, count, flags);
    wrote(out, before, done);
    return done;
}

int rename(const char *from, const char *to) {
    int result = REAL(rename)(from, to);
    if (result == 0 && !inside && tracked(from)) {
        char line[1200];
        snprintf(line, sizeof line, "R %s %s", from, to);
        pthread_mutex_lock(&lock);
        for (int n = 0; n < MAXFILES && n <= nextid; n++)
            if (files[n].used && !strcmp(files[n].path, from)) snprintf(files[n].path, sizeof files[n].path, "%s", to);
        change(line, from, to);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int unlink(const char *path) {
    int result = REAL(unlink)(path);
    if (result == 0 && !inside && tracked(path)) {
        char line[1200];
        snprintf(line, sizeof line, "U %s", path);
        pthread_mutex_lock(&lock);
        change(line, path, NULL);
        pthread_mutex_unlock(&lock);
    }
    return result;
}

int mkdir(const char *path, mode_t mode) {
    int result = REAL(mkdir)(path, mode);
    if (result == 0 && !inside && tracked(path)) {
        char line[1200];
        snprintf(line, sizeof line, "D %s", path);
        pthread_mutex_lock(&lock);
        change(line, path, NULL);
        pthread_mutex_unlock(&lock);
    }
    return result;
}
