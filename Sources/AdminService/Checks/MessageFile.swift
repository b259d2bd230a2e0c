import Glibc
import SMTPDelivery

/// A message in a file, as it would have come by SMTP.
struct MessageFile {
    /// A header that is longer is not one.
    private static let maximumHeader = 4 << 20

    let path: String

    /// Reads a file, or standard input for `-`, piece by piece: lines of a file that has no CRLF at the end of its first
    /// line are made to end so, all others stay as they are.
    ///
    /// - Parameters:
    ///   - header: gets the header with the blank line that ends it, once.
    ///   - body: gets the rest in pieces.
    /// - Throws: `AdminError` with `noInput` when it can't be read, `data` when its header has no end.
    func read(header: ([UInt8]) -> Void, body: (UnsafeRawBufferPointer) -> Void) throws {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw AdminError(.noInput, SystemError("read \(path)").description) }
        defer { if path != "-" { close(descriptor) } }
        var splitter = HeaderSplitter(limit: Self.maximumHeader)
        var normalizer: LineNormalizer?
        var sawLine = false
        var start: [UInt8] = []
        func pass(_ piece: [UInt8]) throws {
            let piece = normalizer?.normalize(piece) ?? piece
            try splitter.take(piece, header: header, body: body)
        }
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw AdminError(.noInput, SystemError("read \(path)").description) }
            guard count > 0 else { break }
            guard !sawLine else {
                try pass(Array(chunk.prefix(count)))
                continue
            }
            start += chunk.prefix(count)
            guard let feed = start.firstIndex(of: 10) else {
                guard start.count <= Self.maximumHeader else { throw AdminError(.data, "\(path) has no line end") }
                continue
            }
            sawLine = true
            if feed == 0 || start[feed - 1] != 13 { normalizer = LineNormalizer() }
            try pass(start)
            start = []
        }
        if !start.isEmpty { try pass(start) }
        if var last = normalizer {
            let rest = last.finish()
            try splitter.take(rest, header: header, body: body)
        }
        splitter.finish(header: header)
    }

    /// The whole file with its lines as SMTP would bring them.
    /// - Throws: as ``read(header:body:)``, and `noInput` when it is longer than `limit` octets.
    func whole(limit: Int) throws -> [UInt8] {
        var message: [UInt8] = []
        var isTooLong = false
        try read {
            message += $0
        } body: { piece in
            if message.count + piece.count > limit { isTooLong = true } else { message += piece }
        }
        guard !isTooLong else { throw AdminError(.noInput, "\(path) is longer than \(limit) octets") }
        return message
    }
}

/// Finds the end of a header in pieces of a message.
private struct HeaderSplitter {
    let limit: Int
    private var header: [UInt8] = []
    private var isOpen = true

    init(limit: Int) { self.limit = limit }

    mutating func take(
        _ piece: [UInt8], header report: ([UInt8]) -> Void, body: (UnsafeRawBufferPointer) -> Void
    ) throws {
        guard isOpen else {
            piece.withUnsafeBytes { body($0) }
            return
        }
        var from = max(0, header.count - 3)
        header += piece
        while let feed = header[from...].firstIndex(of: 10) {
            from = feed + 1
            let line = header[..<feed]
            let isBlank =
                line.isEmpty || line.last == 10 || (line.last == 13 && (line.count == 1 || line.dropLast().last == 10))
            guard isBlank else { continue }
            isOpen = false
            report(Array(header[..<from]))
            let rest = Array(header[from...])
            header = []
            rest.withUnsafeBytes { body($0) }
            return
        }
        guard header.count <= limit else { throw AdminError(.data, "the header is longer than \(limit) octets") }
    }

    /// A message may be a header alone.
    func finish(header report: ([UInt8]) -> Void) {
        if isOpen { report(header) }
    }
}
