#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int linux_syncfs(int descriptor) { return syncfs(descriptor); }

ssize_t linux_copy_file_range(int source, off_t *offset, int target, size_t count) {
    return copy_file_range(source, offset, target, NULL, count, 0);
}

int linux_open_temporary(const char *folder) {
    int descriptor = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return descriptor;
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/spool-XXXXXX", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor >= 0) unlink(path);
    return descriptor;
}

int linux_open_handle(int folder, const char *name) {
    return openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int linux_change_owner(int handle, uid_t user, gid_t group) {
    return fchownat(handle, "", user, group, AT_EMPTY_PATH);
}

int linux_peer(int descriptor, unsigned int *user, int *process) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    // A socket without credentials gives no process and the user that stands for nobody.
    if (length != sizeof peer || peer.uid == (uid_t)-1) return -1;
    *user = peer.uid;
    *process = peer.pid;
    return 0;
}

void linux_trim_heap(void) { malloc_trim(0); }

void linux_release_code(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return;
    char line[4352];
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char permissions[5], path[2];
        // Code of files only: it is never written, so that nothing is lost with the mapping.
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %1s", &start, &end, permissions, path) != 4) continue;
        if (strcmp(permissions, "r-xp") != 0 || path[0] != '/') continue;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    fclose(maps);
}
