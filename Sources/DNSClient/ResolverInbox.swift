import Glibc
import Synchronization

/// What callers leave for the resolver's thread, and the pipe that wakes it.
final class ResolverInbox: Sendable {
    struct Delivery {
        var queries: [DNSQuery] = []
        var isStopping = false
    }

    /// Readable when there is something to take.
    let descriptor: Int32
    private let writeEnd: Int32
    private let contents = Mutex(Delivery())

    init?() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        descriptor = ends[0]
        writeEnd = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(descriptor)
        close(writeEnd)
    }

    /// Returns false when the thread is stopping or `limit` questions wait already.
    func submit(_ query: DNSQuery, limit: Int) -> Bool {
        let accepted = contents.withLock { contents in
            guard !contents.isStopping, contents.queries.count < limit else { return false }
            contents.queries.append(query)
            return true
        }
        if accepted { wake() }
        return accepted
    }

    func stop() {
        contents.withLock { $0.isStopping = true }
        wake()
    }

    func wake() {
        // A full pipe wakes just as well.
        var one: UInt8 = 1
        _ = write(writeEnd, &one, 1)
    }

    /// For the thread: everything since the last call.
    func take() -> Delivery {
        var drained = [UInt8](repeating: 0, count: 512)
        while read(descriptor, &drained, drained.count) == drained.count {}
        return contents.withLock { contents in
            defer { contents.queries = [] }
            return contents
        }
    }
}
