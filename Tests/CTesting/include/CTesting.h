// Calls of Linux that Swift's Glibc module leaves out (they need _GNU_SOURCE), for the tests.
#pragma once
#include <sys/types.h>

// Starts a program in a process group of its own, with no descriptors but its three streams, no signal blocked and SIGPIPE
// not ignored: threads of tasks block most signals, and NIO ignores that one.
//   folder: where it runs; NULL for this process's.
//   streams: descriptors of standard input, output and errors; -1 for /dev/null.
// Returns 0 or an error number.
int testing_spawn(
    pid_t *process, const char *path, const char *folder, const int streams[3], char *const arguments[],
    char *const environment[]);
