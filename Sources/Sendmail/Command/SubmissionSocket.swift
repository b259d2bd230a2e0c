import Glibc

/// A reply of the server.
struct SubmissionReply: Sendable, Equatable {
    var code: Int
    var lines: [String]

    var text: String { lines.joined(separator: " ") }
    var isPositive: Bool { (200..<400).contains(code) }
    var isTransient: Bool { (400..<500).contains(code) }
}

/// SMTP to the server of this host over its socket, with plain blocking calls.
final class SubmissionSocket {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var pending: [UInt8] = []
    private var atLineStart = true
    private var lastWasCR = false

    /// Seconds for each answer.
    private static let patience = 300
    private static let longestLine = 4096

    /// - Returns: nil where no server is there or it takes no more connections.
    init?(path: String) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let opened = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard opened >= 0 else { return nil }
        var limit = timeval(tv_sec: Self.patience, tv_usec: 0)
        setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(opened, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isOpen = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(opened, $0, length) == 0 }
        }
        guard isOpen else {
            close(opened)
            return nil
        }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// For `-bs`, which hands octets through.
    var handle: Int32 { descriptor }

    // MARK: Dialogue

    func command(_ line: String) throws(SendmailFailure) -> SubmissionReply {
        try send(Array((line + "\r\n").utf8))
        return try reply()
    }

    // RFC 5321 §4.2
    func reply() throws(SendmailFailure) -> SubmissionReply {
        var lines: [String] = []
        while true {
            let line = try nextLine()
            let text = String(decoding: line, as: UTF8.self)
            guard let code = Int(text.prefix(3)), (200..<600).contains(code), lines.count < 100 else {
                throw SendmailFailure(.temporary, "the server said something that is no reply")
            }
            lines.append(String(text.dropFirst(4)))
            if text.dropFirst(3).first != "-" { return SubmissionReply(code: code, lines: lines) }
        }
    }

    private func nextLine() throws(SendmailFailure) -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = buffer[..<end]
                buffer = Array(buffer[(end + 1)...])
                return Array(line.last == 13 ? line.dropLast() : line)
            }
            guard buffer.count <= Self.longestLine else {
                throw SendmailFailure(.temporary, "the server sent an endless line")
            }
            let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SendmailFailure(.temporary, "the server closed the connection") }
            buffer += chunk[..<count]
        }
    }

    private func send(_ bytes: [UInt8]) throws(SendmailFailure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                let rest = UnsafeRawBufferPointer(rebasing: raw.dropFirst(done))
                return Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SendmailFailure(.temporary, "the server closed the connection") }
            done += count
        }
    }

    // MARK: Text

    /// Sends a piece of the message: each line end becomes CR LF, dots at the beginning of lines are doubled.
    // RFC 5321 §2.3.8, RFC 5321 §4.5.2
    func sendText(_ piece: ArraySlice<UInt8>) throws(SendmailFailure) {
        for byte in piece {
            if lastWasCR, byte != 10 { endLine() }
            lastWasCR = false
            switch byte {
            case 13: lastWasCR = true
            case 10: endLine()
            default:
                if atLineStart, byte == UInt8(ascii: ".") { pending.append(byte) }
                atLineStart = false
                pending.append(byte)
            }
        }
        guard pending.count >= 64 * 1024 else { return }
        try send(pending)
        pending.removeAll(keepingCapacity: true)
    }

    private func endLine() {
        pending.append(13)
        pending.append(10)
        atLineStart = true
    }

    func finishText() throws(SendmailFailure) -> SubmissionReply {
        if lastWasCR || !atLineStart { endLine() }
        lastWasCR = false
        atLineStart = true
        try send(pending + [46, 13, 10])
        pending = []
        return try reply()
    }
}
