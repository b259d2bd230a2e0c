import MailSyntax
import NetTransport

/// A POP3 maildrop during a run.
struct POP3Mailbox: RemoteMailbox {
    var session: RemotePOP3

    mutating func list() async throws -> [ListedMessage] {
        try await session.messages().map {
            ListedMessage(item: $0.uniqueID, number: UInt32(clamping: $0.number), size: $0.size)
        }
    }

    mutating func retrieve(_ message: ListedMessage, _ body: ([UInt8]) async throws -> Void) async throws {
        try await session.retrieve(Int(message.number), body)
    }

    mutating func remove(_ messages: [ListedMessage]) async throws {
        for message in messages { try await session.command("DELE \(message.number)") }
    }
}

/// An IMAP mailbox during a run.
struct IMAPMailbox: RemoteMailbox {
    var session: RemoteIMAP
    let uidValidity: UInt32

    mutating func list() async throws -> [ListedMessage] {
        try await session.uids(sizes: true).map {
            ListedMessage(item: "\(uidValidity)/\($0.uid)", number: $0.uid, size: $0.size)
        }
    }

    mutating func retrieve(_ message: ListedMessage, _ body: ([UInt8]) async throws -> Void) async throws {
        let tag = try await session.begin("UID FETCH \(message.number) (UID BODY.PEEK[])")
        var isThere = false
        let shown = session.remote.shown
        while true {
            var octets = 0
            let wasThere = isThere
            let response = try await session.response(streaming: { piece in
                // A second message would be mixed with the first.
                guard !wasThere else { throw RemoteFailure(.malformed, "\(shown) sent more than was asked for") }
                octets += piece.count
                try await body(piece)
            })
            if try session.tagged(response, tag, shown: "FETCH") != nil { break }
            guard let untagged = try session.untagged(response), let (_, name, rest) = untagged.numbered,
                name == "FETCH"
            else {
                guard octets == 0 else { throw RemoteFailure(.malformed, "\(shown) sent a message outside of FETCH") }
                continue
            }
            let facts = FetchedFacts(rest.first?.items ?? [])
            guard facts.hasBody else { continue }
            guard facts.uid == message.number else {
                throw RemoteFailure(.malformed, "\(shown) sent another message than UID \(message.number)")
            }
            if let inline = facts.inlineBody { try await body(inline) }
            isThere = true
        }
        guard isThere else {
            throw RemoteFailure(.refused, "\(shown) did not give the message UID \(message.number)")
        }
    }

    mutating func remove(_ messages: [ListedMessage]) async throws {
        for start in stride(from: 0, to: messages.count, by: 100) {
            let uids = UIDRuns.text(messages[start..<min(start + 100, messages.count)].map(\.number))
            try await session.command("UID STORE \(uids) +FLAGS.SILENT (\\Deleted)")
            // RFC 4315 §2.1: only these, and not what somebody else has marked.
            if session.capabilities.contains("UIDPLUS") { try await session.command("UID EXPUNGE \(uids)") }
        }
        if !messages.isEmpty, !session.capabilities.contains("UIDPLUS") { try await session.command("EXPUNGE") }
    }

    /// Waits until the server tells something, or somebody wakes us. RFC 2177 §3
    mutating func idle(_ longest: Duration) async throws {
        let tag = try await session.begin("IDLE")
        let answer = try await session.response()
        guard answer.head.first == UInt8(ascii: "+") else {
            _ = try session.tagged(answer, tag, shown: "IDLE")
            return
        }
        try await session.wire.wait(longest)
        session.wire.wasWoken = false
        try await session.wire.send("DONE")
        try await session.finish(tag, shown: "IDLE")
    }
}
