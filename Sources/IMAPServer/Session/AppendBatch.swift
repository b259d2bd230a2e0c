import Blobs
import IMAPCore
import MailConfig
import MailMessage
import MailStore
import MailSyntax
import NIOCore
import SQLEngine

/// The messages of one APPEND, which are kept together or not at all. RFC 3502 §6.3.11
///
/// Held at any time: the headers of what is there, and as much of the bodies as one message may keep in memory.
struct AppendBatch {
    private struct Current {
        var message: AppendedMessage
        let flags: MessageFlags
        let keywords: [String]
        let date: IMAPDateTime?
    }

    /// All together may be as large as so many of the largest message.
    private static let largestSizes = 4
    /// The headers of all together may be as large as so many of the largest header.
    private static let largestHeaders = 16

    private let service: IMAPServerDependencies
    private var current: Current?
    private var memoryLeft: Int
    private var headers = 0
    private var finished = 0
    private(set) var messages: [NewMessage] = []

    /// Whether headers may hold octets beyond ASCII.
    private let takesEightBitHeaders: Bool

    /// - Parameter enabled: what the client has switched on.
    init(_ service: IMAPServerDependencies, _ enabled: EnabledExtensions) {
        self.service = service
        // RFC 9755 §4, RFC 9051 §6.3.12
        takesEightBitHeaders =
            !enabled.isDisjoint(with: [.utf8Accept, .imap4rev2])
            || service.settings.workarounds.contains(.eightBitAppend)
        memoryLeft = service.settings.appendInMemory
    }

    /// Octets of all messages so far.
    var octets: Int { finished + (current?.message.size ?? 0) }

    /// - Throws: `CommandRefusal` for a flag that clients can't set.
    mutating func begin(flags: [IMAPFlag], date: IMAPDateTime?, rights: MailboxRights) throws(CommandRefusal) {
        var (flags, keywords) = try flags.storable()
        // RFC 4314 §4 (APPEND): flags without the right to set them are left out
        flags.formIntersection(rights.flags)
        if !rights.contains(.write) { keywords = [] }
        let message = AppendedMessage(
            blobs: service.blobs, memoryLimit: memoryLeft, headerLimit: service.settings.headerSize)
        current = Current(message: message, flags: flags, keywords: keywords, date: date)
    }

    /// Whether so many octets more are too many for the message in hand, or for all.
    func check(_ more: Int) throws(CommandRefusal) {
        let limit = service.settings.limits.appendSize
        guard more <= limit, (current?.message.size ?? 0) <= limit - more else {
            // RFC 7889 §4, RFC 4469 §4.2
            throw .no(.tooBig, "The message is too big.")
        }
        guard finished / Self.largestSizes <= limit - more else {
            throw .no(.limit, "The messages of one APPEND are too big together.")
        }
    }

    mutating func consume(_ piece: ByteBuffer, as kind: AppendLiteral) throws {
        try current?.message.consume(piece, as: kind)
    }

    mutating func consume(stored octets: [UInt8]) throws {
        try current?.message.consume(stored: octets)
    }

    /// The message in hand is whole.
    mutating func end() throws {
        guard let current else { return }
        self.current = nil
        let (content, index) = try Self.finish(current.message)
        // RFC 9755 §4: MUST be refused
        guard takesEightBitHeaders || !index.headerBlock.contains(where: { $0 >= 0x80 }) else {
            throw CommandRefusal.no(.cannot, "Headers with UTF-8 need ENABLE UTF8=ACCEPT.")
        }
        headers += index.headerBlock.count
        guard headers / Self.largestHeaders <= service.settings.headerSize else {
            throw CommandRefusal.no(.limit, "The headers of one APPEND are too large together.")
        }
        finished += content.size
        if case .bytes(let bytes) = content { memoryLeft = max(0, memoryLeft - bytes.count) }
        let date = current.date
        messages.append(
            NewMessage(
                content: content, index: index, flags: current.flags, keywords: current.keywords,
                internalDate: date.map { Timestamp(microseconds: $0.secondsSince1970 * 1_000_000) }
                    ?? service.clock.now(),
                zoneMinutes: date?.zoneMinutes ?? 0))
    }

    private static func finish(_ message: AppendedMessage) throws -> (BlobContent, MessageIndex) {
        do {
            return try message.finish()
        } catch let refusal as AppendedMessage.Refusal {
            switch refusal {
            case .headerTooLarge: throw CommandRefusal.no(.limit, "The message's header is too large.")
            case .containsNUL: throw CommandRefusal.no(.cannot, "Message contains NUL octets.")
            case .empty: throw CommandRefusal.no(.cannot, "Can't save a zero byte message.")
            // RFC 3516 §4.4
            case .binary(let why): throw CommandRefusal.no(.unknownCTE, "\(why)")
            }
        }
    }
}
