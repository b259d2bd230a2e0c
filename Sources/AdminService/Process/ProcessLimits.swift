import Glibc

/// What a server sets for itself before it opens anything.
package enum ProcessLimits {
    /// Nothing the server makes is readable by anyone else.
    package static func restrictFileModes() {
        umask(0o077)
    }

    /// Raises the limit of open files to the hard limit, at most to `wanted`, and returns what is in force.
    @discardableResult
    package static func raiseOpenFiles(to wanted: Int = 1 << 20) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        let target = min(rlim_t(wanted), limit.rlim_max)
        if limit.rlim_cur < target {
            var raised = limit
            raised.rlim_cur = target
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Gives each of standard input, output and error that the caller closed to nobody. The next file to be opened would
    /// have its number otherwise: log lines would be written into the database.
    package static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
        }
    }

    /// A reload that is asked for before the server listens to it must not end the process.
    package static func ignoreHangUps() {
        signal(SIGHUP, SIG_IGN)
    }

    /// A peer that goes away is an error of a write, not the end of the process.
    package static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }
}
