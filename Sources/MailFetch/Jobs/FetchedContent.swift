import Blobs
import MailIntake
import MailMessage
import MailMove
import MailSyntax

/// A message on its way from another server: in memory while it is small, in a temporary otherwise. Belongs to one task.
final class FetchedContent {
    private static let memoryLimit = 262_144

    private let intake: MailIntake
    private let received: [UInt8]
    private var lineEnds = LineEnds()
    private var start: [UInt8] = []
    private var spool: SpoolFile?
    private var scanner = MessageScanner()
    private var prefix: [UInt8] = []
    private(set) var returnPath = ReversePath.null

    /// - Parameter received: the trace field on top.
    init(intake: MailIntake, received: [UInt8]) {
        self.intake = intake
        self.received = received
    }

    func append(_ bytes: [UInt8]) throws {
        var converted: [UInt8] = []
        bytes.withUnsafeBytes { lineEnds.convert($0, into: &converted) }
        guard let spool else {
            start += converted
            if start.count > Self.memoryLimit { try spill() }
            return
        }
        scanner.consume(converted)
        try spool.append(converted)
    }

    private func spill() throws {
        takeReturnPath()
        prefix = received
        let file = try intake.makeSpool()
        scanner.consume(prefix)
        scanner.consume(start)
        try file.append(start)
        start = []
        spool = file
    }

    func finish() -> (BlobContent, MessageIndex) {
        if let spool { return (.joined(prefix: prefix, spool: spool), scanner.finish()) }
        takeReturnPath()
        let whole = received + start
        scanner.consume(whole)
        return (.bytes(whole), scanner.finish())
    }

    /// The other server's Return-Path stands for the envelope, and goes: there is one in a message. // RFC 5321 §4.4
    private func takeReturnPath() {
        let name = Array("return-path:".utf8)
        guard start.count > name.count, start.prefix(name.count).map({ $0 | 0x20 }) == name.map({ $0 | 0x20 }) else {
            return
        }
        var end = 0
        repeat {
            guard let lineEnd = start[end...].firstIndex(of: 0x0A) else { return }
            end = lineEnd + 1
        } while end < start.count && (start[end] == 0x20 || start[end] == 0x09)
        let value = String(decoding: start[name.count..<end], as: UTF8.self)
        let words = value.split(whereSeparator: \.isWhitespace)
        if let path = words.first.flatMap({ ReversePath($0) }) { returnPath = path }
        start.removeFirst(end)
    }
}
