import Glibc

/// What came on standard input: the header in memory, and a large body in a file without a name, so that it can be handed
/// over twice (to the server, else to the maildrop) in little memory.
package final class MessageInput {
    package private(set) var header: [UInt8] = []
    /// The body is in this file from its beginning on; -1: in memory.
    private var file: Int32 = -1
    private var body: [UInt8] = []
    private var bodySize = 0
    private var lineEnder = DotEnder()
    private var isPastHeader = false

    package init() {}

    deinit { if file >= 0 { close(file) } }

    /// Octets, with LF or CRLF as they came.
    package var size: Int { header.count + bodySize }

    /// Reads a message.
    ///
    /// - Parameter ignoresDots: a line with a dot alone does not end it.
    /// - Throws: `SendmailFailure`.
    package func read(from descriptor: Int32, ignoresDots: Bool) throws(SendmailFailure) {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while !lineEnder.isOver {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SendmailFailure(.ioError, "standard input can't be read: \(systemWords())") }
            guard count > 0 else { break }
            try take(ignoresDots ? chunk[..<count] : lineEnder.pass(chunk[..<count])[...])
        }
        if !ignoresDots { try take(lineEnder.finish()[...]) }
    }

    private func take(_ bytes: ArraySlice<UInt8>) throws(SendmailFailure) {
        guard !isPastHeader else { return try append(bytes) }
        // Only what is new and the line ends before it can hold the end of the header.
        let known = max(0, header.count - 3)
        header += bytes
        guard let end = Self.headerEnd(header, from: known) else {
            guard header.count <= SendmailLimits.header else {
                throw SendmailFailure(.data, "the header is longer than \(SendmailLimits.header) octets")
            }
            return
        }
        isPastHeader = true
        let rest = header[end...]
        header = Array(header[..<end])
        try append(rest)
    }

    /// After the empty line.
    private static func headerEnd(_ bytes: [UInt8], from start: Int) -> Int? {
        for index in start..<bytes.count where bytes[index] == 10 {
            if index == 0 || bytes[index - 1] == 10 { return index + 1 }
            if bytes[index - 1] == 13, index == 1 || bytes[index - 2] == 10 { return index + 1 }
        }
        return nil
    }

    private func append(_ bytes: ArraySlice<UInt8>) throws(SendmailFailure) {
        bodySize += bytes.count
        body += bytes
        guard file >= 0 || body.count > SendmailLimits.memory else { return }
        if file < 0 { try openFile() }
        guard body.count >= SendmailLimits.memory / 4 else { return }
        try flush()
    }

    private func openFile() throws(SendmailFailure) {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        file = linuxTemporary(folder)
        guard file >= 0 else { throw SendmailFailure(.temporary, "no temporary file in \(folder): \(systemWords())") }
        try flush()
    }

    private func flush() throws(SendmailFailure) {
        guard writeAll(file, body) else {
            throw SendmailFailure(.temporary, "the temporary file can't be written: \(systemWords())")
        }
        body = []
    }

    /// Hands over header and body in pieces.
    package func forEachPiece(
        _ hand: (ArraySlice<UInt8>) throws(SendmailFailure) -> Void
    ) throws(SendmailFailure) {
        try hand(header[...])
        if file >= 0 {
            if !body.isEmpty { try flush() }
            var chunk = [UInt8](repeating: 0, count: 64 * 1024)
            var offset: off_t = 0
            while true {
                let count = chunk.withUnsafeMutableBytes { pread(file, $0.baseAddress, $0.count, offset) }
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SendmailFailure(.temporary, "the temporary file can't be read") }
                guard count > 0 else { return }
                offset += off_t(count)
                try hand(chunk[..<count])
            }
        }
        if !body.isEmpty { try hand(body[...]) }
    }

    /// Other lines on top of the header.
    package func prepend(_ fields: String) { header = Array(fields.utf8) + header }

    /// Without some fields of the header.
    package func replaceHeader(_ bytes: [UInt8]) { header = bytes }
}

/// Ends the text at a line with a dot alone, as terminals did.
struct DotEnder {
    private(set) var isOver = false
    /// What the line that has begun consists of, while it may become that line; nil: it can't.
    private var pending: [UInt8]? = []

    mutating func pass(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.count)
        for byte in bytes {
            guard !isOver else { break }
            guard var held = pending else {
                out.append(byte)
                if byte == 10 { pending = [] }
                continue
            }
            held.append(byte)
            switch held {
            case [46], [46, 13]: pending = held
            case [46, 10], [46, 13, 10]:
                isOver = true
                pending = []
            default:
                out += held
                pending = byte == 10 ? [] : nil
            }
        }
        return out
    }

    /// A dot at the very end without a line end is the end too.
    mutating func finish() -> [UInt8] {
        defer { pending = [] }
        guard let held = pending, held != [46] else { return [] }
        return held
    }
}
