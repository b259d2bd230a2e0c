#define _GNU_SOURCE
#include "CTesting.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>

static int prepare(
    posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, const char *folder, const int streams[3]) {
    int error = 0;
    for (int stream = 0; stream < 3 && !error; stream++) {
        error = streams[stream] < 0
            ? posix_spawn_file_actions_addopen(actions, stream, "/dev/null", O_RDWR, 0)
            : posix_spawn_file_actions_adddup2(actions, streams[stream], stream);
    }
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    if (!error && folder) error = posix_spawn_file_actions_addchdir_np(actions, folder);
    sigset_t signals;
    sigemptyset(&signals);
    if (!error) error = posix_spawnattr_setsigmask(attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &signals);
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    return error ? error : posix_spawnattr_setflags(attributes, flags);
}

int testing_spawn(
    pid_t *process, const char *path, const char *folder, const int streams[3], char *const arguments[],
    char *const environment[]) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    posix_spawnattr_t attributes;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = prepare(&actions, &attributes, folder, streams);
        if (!error) error = posix_spawn(process, path, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}
