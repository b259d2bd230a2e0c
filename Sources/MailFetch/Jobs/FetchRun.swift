import Blobs
import Directory
import MailIntake
import MailMessage
import MailStore
import MailSyntax
import NetTransport
import SQLEngine
import Telemetry

/// A message of another server, as a job lists it.
struct ListedMessage: Sendable {
    /// UIDL, or UIDVALIDITY/UID.
    var item: String
    /// Sequence number of POP3, UID of IMAP.
    var number: UInt32
    /// Octets; 0 where nobody knows.
    var size: Int
}

/// What a run needs of either protocol.
protocol RemoteMailbox {
    mutating func retrieve(_ message: ListedMessage, _ body: ([UInt8]) async throws -> Void) async throws
    /// Removes messages; counts from the end of the session on.
    mutating func remove(_ messages: [ListedMessage]) async throws
}

/// Some messages could not come, though the connection is as it should be.
struct FetchObstacle: Error {
    let failure: RemoteFailure
    /// How many came all the same.
    let count: Int
}

/// One look at another server: what is new comes here, each message once. What it is known by is written in the commit
/// that delivers it; it is removed there only after that.
struct FetchRun: Sendable {
    /// A server that refuses so many messages of a run is not asked for more.
    private static let mostRefusals = 20

    let job: FetchJob
    let environment: FetchEnvironment

    /// - Returns: how many came, and what is to be told of those that did not.
    func take(
        _ listed: [ListedMessage], from mailbox: inout some RemoteMailbox, client: IPAddress
    ) async throws -> (count: Int, remark: RemoteFailure?) {
        var seen = try await environment.store.seen(job)
        try checkRenumbering(listed, seen)
        let present = Set(listed.map(\.item))
        try await environment.store.drop(job, seen.keys.filter { !present.contains($0) })
        let fresh = listed.filter { seen[$0.item] == nil }
        if job.skips {
            try await environment.store.passOver(job, fresh.map(\.item))
            return (0, nil)
        }
        let target = try await target()
        var count = 0
        var remark: RemoteFailure?
        var obstacle: RemoteFailure?
        var refusals = 0
        for message in fresh {
            try Task.checkCancellation()
            if let most = environment.messageSize(), message.size > most {
                remark = RemoteFailure(
                    .local, "a message of \(message.size) octets stays there: limits.message_size is \(most)",
                    remedy: "raise limits.message_size and it comes, or remove it there")
                continue
            }
            guard try await environment.mail.hasRoom(job.account, for: message.size) else {
                obstacle = RemoteFailure(
                    .local, "the account is over its quota", remedy: "make room, or raise the quota")
                break
            }
            do {
                try await deliver(message, from: &mailbox, to: target, client: client)
                seen[message.item] = true
                count += 1
            } catch let failure as RemoteFailure where failure.kind == .refused {
                // The server keeps this one to itself, which must not keep the others; it is asked for again next time.
                obstacle = failure
                refusals += 1
                if refusals == Self.mostRefusals { break }
            }
        }
        // What is here goes there, also when others could not come.
        if !job.keeps { try await mailbox.remove(listed.filter { seen[$0.item] == true }) }
        if let obstacle { throw FetchObstacle(failure: obstacle, count: count) }
        return (count, remark)
    }

    /// Nothing of what came before is there any more, and all of it has another UIDVALIDITY: it can't be told from new.
    private func checkRenumbering(_ listed: [ListedMessage], _ seen: [String: Bool]) throws {
        guard job.way == .imap, job.keeps, !job.skips, !seen.isEmpty, let first = listed.first,
            let validity = first.item.split(separator: "/").first,
            !seen.keys.contains(where: { $0.hasPrefix("\(validity)/") })
        else { return }
        throw RemoteFailure(
            .refused,
            "\(job.remote.shown) has numbered the messages of \(job.folder) anew: old ones can't be told from new ones",
            remedy:
                "fetch all of them again with: martlet fetch run \(job.name) --again, or only what comes from now on "
                + "with: martlet fetch run \(job.name) --skip")
    }

    private struct Target {
        var delivery: LocalDelivery
        var account: Account
    }

    private func target() async throws -> Target {
        guard let account = environment.mail.account(job.account), account.isEnabled else {
            throw RemoteFailure(
                .local, "the account is disabled", remedy: "enable it, or: martlet fetch remove \(job.name)")
        }
        var delivery = LocalDelivery(account: account.id, recipient: account.address)
        if job.mailbox != "INBOX" {
            if let found = try await environment.mail.mailbox(account.id, path: job.mailbox), found.selectable {
                delivery.mailbox = found.id
            } else {
                delivery.mailbox = try await environment.mail.createMailbox(account.id, path: job.mailbox).id
            }
        }
        return Target(delivery: delivery, account: account)
    }

    private func deliver(
        _ message: ListedMessage, from mailbox: inout some RemoteMailbox, to target: Target, client: IPAddress
    ) async throws {
        let id = environment.ids.next()
        let received = ReceivedField(
            helo: job.remote.host, reverseName: job.remote.host, client: client,
            hostname: environment.hostname.description, protocol: job.way == .imap ? "IMAP" : "POP3", id: id,
            forRecipient: target.delivery.recipient, date: environment.clock.now())
        let content = FetchedContent(intake: environment.intake, received: received.render())
        try await mailbox.retrieve(message) { try content.append($0) }
        let (bytes, index) = content.finish()
        let acceptance = Acceptance(
            id: id, reversePath: content.returnPath, content: bytes, index: index, local: [target.delivery], remote: [],
            origin: AcceptanceOrigin(listener: "fetch:\(job.name)", client: client.description, login: job.login))
        let part = try await environment.intake.part(accepting: acceptance) { _ in }
        let (job, item, size) = (job, message.item, index.size)
        let announce = try await environment.database.write(files: part.files) { writer in
            let announce = try part.write(writer)
            try writer.execute(FetchStatements.note, job.id, item, true)
            try writer.execute(FetchStatements.counted, job.id, size)
            return announce
        }
        announce()
        environment.events.record(.delivered(.local(target.delivery, of: acceptance)))
    }
}
