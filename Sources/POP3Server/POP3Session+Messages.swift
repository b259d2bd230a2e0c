import Blobs
import Logging
import MailStore
import MailSyntax
import NIOCore
import NetTransport
import POP3Core
import Telemetry

extension POP3Session {
    /// Sends a message, a piece at a time. Whether the session goes on.
    mutating func retrieve(_ retrieval: POP3Retrieval) async -> Bool {
        let reader: BlobReader
        var piece: [UInt8]
        do {
            reader = try await server.store.openMessage(EmailID(rawValue: retrieval.entry.reference))
            piece = try Self.piece(of: reader, at: 0)
        } catch MailStoreError.messageUnavailable {
            return await send(machine.messageUnavailable(.gone))
        } catch {
            server.logger.error("a message cannot be read", metadata: metadata(error))
            return await send(machine.messageUnavailable(.unreadable))
        }
        var writer = POP3MessageWriter(bodyLines: retrieval.bodyLines)
        var offset = 0
        var buffer = ByteBuffer(bytes: retrieval.head)
        while true {
            writer.write(piece, into: &buffer)
            offset += piece.count
            let isLast = writer.isComplete || offset >= reader.size
            if isLast { writer.finish(into: &buffer) }
            guard (try? await connection.send(bytes: buffer)) != nil else { return false }
            guard !isLast else { break }
            buffer = ByteBuffer()
            do {
                piece = try Self.piece(of: reader, at: offset)
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

    private struct Truncated: Error, CustomStringConvertible {
        let description = "the file is shorter than its row says"
    }

    private static func piece(of reader: BlobReader, at offset: Int) throws -> [UInt8] {
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
