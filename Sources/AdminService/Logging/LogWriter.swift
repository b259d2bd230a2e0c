import Glibc
import Synchronization

/// Writes whole lines to one descriptor and never waits for it.
///
/// A line is written at once, by the caller. When the descriptor is a pipe, socket or terminal whose reader has stopped
/// (a container engine that is stuck, a suspended terminal), lines wait in a bounded buffer instead of stopping the
/// server; when the buffer is full they are dropped, and their number is written as soon as there is room.
package final class LogWriter: Sendable {
    private struct State {
        var descriptor: Int32
        var pending: [UInt8] = []
        /// Lines that nobody read, or that could not be written, and that nobody was told of yet.
        var dropped = 0
        /// The last thing written is a part of a line that could not be finished.
        var isTorn = false
        /// A regular file is always ready: nothing to ask.
        var mayStall: Bool
    }

    /// The most octets that wait.
    package static let bufferLimit = 1 << 20
    /// The most octets of one write: what a pipe that polls as ready takes without blocking.
    private static let chunk = 4096

    private let state: Mutex<State>
    private let path: String?

    /// Writes to a descriptor that stays open, such as standard error.
    package init(descriptor: Int32) {
        path = nil
        state = Mutex(State(descriptor: descriptor, mayStall: Self.mayStall(descriptor)))
    }

    /// Appends to a file, which is made with mode 0600 when it is missing.
    package init(appendingTo path: String) throws {
        self.path = path
        let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw SystemError("open \(path)") }
        state = Mutex(State(descriptor: opened, mayStall: Self.mayStall(opened)))
    }

    deinit {
        guard path != nil else { return }
        state.withLock { _ = close($0.descriptor) }
    }

    /// Writes a line; the line end is added.
    package func write(_ line: String) {
        state.withLock { state in
            if state.pending.isEmpty {
                // The common way: straight from the string.
                let before = state.dropped
                var line = Self.beginning(of: line, &state)
                line += "\n"
                let written = line.withUTF8 { Self.write(UnsafeRawBufferPointer($0), &state) }
                if state.dropped > 0 { state.dropped = before + 1 }  // the notice is no line of its own
                guard written < line.utf8.count else { return }
                state.pending.append(contentsOf: line.utf8.dropFirst(written))
                return
            }
            if state.pending.count + line.utf8.count < Self.bufferLimit {
                state.pending.append(contentsOf: line.utf8)
                state.pending.append(0x0A)
            } else {
                state.dropped += 1
            }
            Self.flush(&state)
        }
    }

    /// Lines that are missing and that nobody was told of yet.
    var droppedLines: Int { state.withLock { $0.dropped } }

    /// Behaves as if lines had had no room, the last of them begun.
    func noteLoss(of lines: Int, torn: Bool) {
        state.withLock { state in
            state.dropped += lines
            state.isTorn = torn
        }
    }

    /// Writes what waits, as far as the descriptor takes it.
    package func flush() {
        state.withLock { Self.flush(&$0) }
    }

    /// Opens the file anew, after a log rotation moved it away. Does nothing for a descriptor.
    package func reopen() throws {
        guard let path else { return }
        let opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw SystemError("open \(path)") }
        state.withLock { state in
            Self.flush(&state)
            close(state.descriptor)
            state.descriptor = opened
            state.mayStall = Self.mayStall(opened)
        }
    }

    private static func flush(_ state: inout State) {
        guard !state.pending.isEmpty else { return }
        var pending: [UInt8] = []
        swap(&pending, &state.pending)
        let written = pending.withUnsafeBytes { write($0, &state) }
        pending.removeFirst(written)
        state.pending = pending
    }

    /// A line with what has to be said before it: that lines are missing, in a form like its own.
    private static func beginning(of line: String, _ state: inout State) -> String {
        guard state.isTorn || state.dropped > 0 else { return line }
        var text = state.isTorn ? "\n" : ""
        state.isTorn = false
        if state.dropped > 0 {
            let notice = "\(state.dropped) log lines were dropped: nobody read them, or there was no room"
            text += line.hasPrefix("{") ? "{\"message\":\"\(notice)\"}\n" : "\(notice)\n"
            state.dropped = 0
        }
        return text + line
    }

    /// Writes as much as goes without waiting and returns how much that was. An error counts as written: a log that can't
    /// be written must not fill the memory.
    private static func write(_ bytes: UnsafeRawBufferPointer, _ state: inout State) -> Int {
        var done = 0
        while done < bytes.count {
            if state.mayStall {
                var poller = pollfd(fd: state.descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&poller, 1, 0) != 0 else { return done }
            }
            let part = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(done).prefix(state.mayStall ? chunk : .max))
            let count = Glibc.write(state.descriptor, part.baseAddress, part.count)
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return done }
                state.dropped += bytes.dropFirst(done).count { $0 == 0x0A }
                state.isTorn = done > 0 && bytes[done - 1] != 0x0A
                return bytes.count
            }
            done += count
        }
        return done
    }

    /// True for what has no position: pipes, sockets, terminals.
    private static func mayStall(_ descriptor: Int32) -> Bool {
        lseek(descriptor, 0, SEEK_CUR) < 0
    }
}
