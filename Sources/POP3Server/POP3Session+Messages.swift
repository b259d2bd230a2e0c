import Blobs
import Logging
import MailConfig
import MailMessage
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import POP3Core
import Telemetry

extension POP3Session {
    /// Sends a message, a piece at a time. Whether the session goes on.
    mutating func retrieve(_ retrieval: POP3Retrieval) async -> Bool {
        let uid = UID(rawValue: retrieval.entry.uid)
        let reader: BlobReader
        var message: SurrogateMessage?
        var piece: [UInt8]
        do {
            guard let mailbox, let opened = try await server.store.openMessage(uid, in: mailbox) else {
                return await send(machine.messageUnavailable(.gone))
            }
            reader = opened
            message = try await surrogate(of: retrieval, in: mailbox, reader)
            piece = try Self.piece(of: reader, at: 0, &message)
        } catch is Gone {
            return await send(machine.messageUnavailable(.gone))
        } catch {
            server.logger.error("a message cannot be read", metadata: metadata(error))
            return await send(machine.messageUnavailable(.unreadable))
        }
        var writer = POP3MessageWriter(bodyLines: retrieval.bodyLines, repairs: repairs)
        let size = message?.size ?? reader.size
        var offset = 0
        var buffer = ByteBuffer(bytes: retrieval.head(octets: message?.size ?? retrieval.entry.octets))
        while true {
            writer.write(piece, into: &buffer)
            offset += piece.count
            let isLast = writer.isComplete || offset >= size
            if isLast { writer.finish(into: &buffer) }
            guard (try? await connection.send(bytes: buffer)) != nil else { return false }
            guard !isLast else { break }
            buffer = ByteBuffer()
            do {
                piece = try Self.piece(of: reader, at: offset, &message)
            } catch {
                // The client has half a message and must not take it for a whole one.
                server.logger.error("a message cannot be read to its end", metadata: metadata(error))
                ending = "errors"
                connection.abort()
                return false
            }
        }
        if retrieval.bodyLines == nil { retrieved += 1 }
        return true
    }

    /// Somebody removed it a moment ago.
    private struct Gone: Error {}

    private struct Truncated: Error, CustomStringConvertible {
        let description = "the file is shorter than its row says"
    }

    private var repairs: POP3MessageWriter.Repairs {
        var repairs: POP3MessageWriter.Repairs = []
        if options.workarounds.contains(.noNULs) { repairs.insert(.nul) }
        if options.workarounds.contains(.endOfHeader) { repairs.insert(.endOfHeader) }
        return repairs
    }

    /// What is sent in place of a message that the client can't read; nil for one that goes out as it is.
    // RFC 6856 §2.1
    private func surrogate(
        of retrieval: POP3Retrieval, in mailbox: MailboxID, _ reader: BlobReader
    ) async throws -> SurrogateMessage? {
        guard !retrieval.isUTF8, !options.workarounds.contains(.rawHeaders) else { return nil }
        let uid = retrieval.entry.uid
        guard let index = try await server.store.indexes(mailbox, uids: [uid...uid], limit: 1).first?.1 else {
            throw Gone()
        }
        let message = try SurrogateMessage(of: index.structure, size: reader.size, source: reader.read)
        return message.isSurrogate ? message : nil
    }

    /// The next octets, from the surrogate where there is one.
    private static func piece(
        of reader: BlobReader, at offset: Int, _ message: inout SurrogateMessage?
    ) throws -> [UInt8] {
        if message != nil {
            guard let octets = try message?.next(POP3MessageWriter.pieceSize, source: reader.read) else {
                throw Truncated()
            }
            return octets
        }
        let end = min(offset + POP3MessageWriter.pieceSize, reader.size)
        guard offset < end else { return [] }
        let octets = try reader.read(offset..<end)
        guard !octets.isEmpty else { throw Truncated() }
        return octets
    }

    /// Messages that go in one write, all or none of them.
    ///
    /// The mailbox of a client that downloads and deletes everything fits. More would keep deliveries waiting for too
    /// long: beyond it a failure may leave some removed, which the client sees by UIDL at its next login.
    // RFC 1939 §6: "the maildrop may result in having some or none of the messages marked as deleted be removed"
    private static let removalUnit = 5_000

    /// Removes what was marked, after QUIT.
    mutating func remove(_ uids: [UInt32]) async -> POP3Action {
        guard let mailbox else { return machine.deletionsFinished(.failed) }
        do {
            // Messages that others removed in the meantime are not missed.
            _ = try await server.store.expunge(
                mailbox, uids: uids.map { UID(rawValue: $0) }, onlyDeleted: false, unit: Self.removalUnit)
            return machine.deletionsFinished(.removed)
        } catch {
            server.logger.error("messages cannot be removed", metadata: metadata(error))
            ending = "errors"
            return machine.deletionsFinished(.failed)
        }
    }
}
