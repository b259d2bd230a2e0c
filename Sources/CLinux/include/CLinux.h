// System calls of Linux that Swift's Glibc module leaves out (they need _GNU_SOURCE).
#pragma once
#include <stddef.h>
#include <sys/types.h>

int linux_syncfs(int descriptor);
ssize_t linux_copy_file_range(int source, off_t *offset, int target, size_t count);
// A nameless file in a folder, open for reading and writing.
int linux_open_temporary(const char *folder);
// Opens what a folder holds under a name, as a handle on it alone: nothing can be read or written, and a symbolic link is
// not followed.
int linux_open_handle(int folder, const char *name);
// Changes the owner of what a handle stands for, whatever its name leads to by now.
int linux_change_owner(int handle, uid_t user, gid_t group);
// Who is at the other end of a Unix-domain socket; fails where nobody can tell.
int linux_peer(int descriptor, unsigned int *user, int *process);
// Gives free heap pages back to the kernel.
void linux_trim_heap(void);
// Unmaps code that is not in use at the moment; what is needed again comes back from the page cache.
void linux_release_code(void);
