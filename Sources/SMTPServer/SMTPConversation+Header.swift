import Glibc
import MailConfig
import MailMessage
import MailPolicy
import MailSyntax
import SMTPCore

// The header of a message that has come in, before it is stored.
extension SMTPConversation {
    private static let returnPath = Array("return-path".utf8)

    /// Completes a user's header and drops the fields that only a deliverer or nobody may write.
    ///
    /// - Returns: a refusal, or nil when the message can be stored.
    func finishHeader(
        _ message: inout CollectedMessage, of sender: ReversePath, _ id: MailID, _ trace: inout [TraceStep]
    ) async throws -> SMTPReply? {
        for note in message.repairs {
            trace.append(TraceStep(stage: TraceStage.rewrite, rule: "header-end", note: note))
        }
        let client = client
        let isOwn = MessageOrigin(client, rules: context.settings.rules) != .stranger
        guard isOwn || Self.mayHold(Self.returnPath, message.index.headerBlock) else { return nil }
        let original = HeaderBlock(parsing: message.index.headerBlock)
        // RFC 5321 §4.4: added at final delivery
        var header = Self.removing(["Return-Path"], from: original, &trace)
        if isOwn {
            // RFC 5322 §3.6: one reader would show the first From and another check the second
            guard header.fields.count(where: { $0.isNamed("From") }) <= 1 else { return .severalFromFields }
            header = complete(header, of: login?.address ?? sender.address, id, &trace)
            if let refusal = try await judgeAuthors(header, of: client, &trace) { return refusal }
            if let login { header = try await writeSender(header, of: login, &trace) }
        }
        if header.bytes.count != original.bytes.count || header.bytes != original.bytes {
            message.index = message.index.replacingHeader(header.bytes)
        }
        return nil
    }

    private func complete(
        _ original: HeaderBlock, of sender: EmailAddress?, _ id: MailID, _ trace: inout [TraceStep]
    ) -> HeaderBlock {
        // RFC 5322 §3.6.3 lets a copy for the hidden recipients keep the field. One transaction is for all recipients, so
        // nobody may see it; the copy in the user's Sent folder still has it.
        let header = Self.removing(["Bcc", "Resent-Bcc"], from: original, &trace)
        // Where the header is rewritten, a name means the same in each of its fields, and in the envelope.
        let rewriting = context.settings.rules.rewriting
        let origin = login == nil && rewriting.rewritesHeader(ofOwnClient: true) ? rewriting.origin : nil
        let fixups = SubmissionFixups(
            id: id,
            hostname: context.settings.hostname,
            time: context.backend.now(),
            domain: origin ?? sender?.domain,
            sender: sender
        )
        let (fixed, changes) = fixups.apply(to: header)
        trace += changes.map { change in
            let rule = change.before == nil ? "header-add" : "header-complete"
            return TraceStep(
                stage: TraceStage.rewrite,
                rule: rule,
                before: change.before.map { "\(change.field): \($0)" },
                after: "\(change.field): \(change.after)"
            )
        }
        return fixed
    }

    private static func removing(
        _ names: [String], from original: HeaderBlock, _ trace: inout [TraceStep]
    ) -> HeaderBlock {
        var header = original
        for name in names where header.first(name) != nil {
            header = header.removing(name)
            trace.append(TraceStep(stage: TraceStage.rewrite, rule: "header-remove", before: name))
        }
        return header
    }

    /// Refuses a From that names somebody else, where it has to be the client's own.
    private func judgeAuthors(
        _ header: HeaderBlock, of client: ClientFacts, _ trace: inout [TraceStep]
    ) async throws -> SMTPReply? {
        let rules = context.settings.rules
        guard rules.manifest.relay.bindsHeaderFrom else { return nil }
        let facts = HeaderAuthorFacts(client: client, from: header.first("From"))
        let (decision, steps) = try await Policy.run(
            { Policy.judgeHeaderAuthors(facts, rules: rules, $0) }, answer: context.backend.answer)
        trace += steps
        guard case .reject(let reply) = decision else { return nil }
        return SMTPReply(reply)
    }

    /// Names the login in Sender where From doesn't.
    private func writeSender(
        _ header: HeaderBlock, of login: LoginFacts, _ trace: inout [TraceStep]
    ) async throws -> HeaderBlock {
        let facts = SenderFieldFacts(
            login: login,
            author: header.first("From").flatMap(\.onlyAddress),
            sender: header.first("Sender").map(\.onlyAddress)
        )
        let (decision, steps) = try await Policy.run(
            { [rules = context.settings.rules] in Policy.judgeSenderField(facts, rules: rules, $0) },
            answer: context.backend.answer)
        guard case .write(let address) = decision else { return header }
        trace += steps
        return header.removing("Sender").appending("Sender", Array(address.description.utf8))
    }

    /// Whether a line begins like the field; most messages of strangers need no look at their fields.
    ///
    /// - Parameter name: in lower case; not empty.
    static func mayHold(_ name: [UInt8], _ header: [UInt8]) -> Bool {
        header.withUnsafeBytes { bytes in
            var start = 0
            while let base = bytes.baseAddress, bytes.count - start >= name.count {
                if bytes[start] | 0x20 == name[0],
                    zip(bytes[start...], name).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 })
                {
                    return true
                }
                guard let feed = memchr(base + start, 10, bytes.count - start) else { return false }
                start = UnsafeRawPointer(feed) - base + 1
            }
            return false
        }
    }
}

extension HeaderAuthorFacts {
    /// A longer From is not read to its end.
    private static let mostAuthors = 1000

    init(client: ClientFacts, from field: HeaderField?) {
        let entries = field.map { AddressListParser.parse($0.rawValue, limit: Self.mostAuthors) } ?? []
        let mailboxes = entries.filter { !$0.isGroupStart && !$0.isGroupEnd }
        let authors = mailboxes.compactMap(\.address)
        self.init(
            client: client,
            authors: authors,
            isUnclear: authors.count != mailboxes.count || entries.count >= Self.mostAuthors
        )
    }
}

extension EnvelopeAddress {
    /// nil when there is none that can be read.
    fileprivate var address: EmailAddress? {
        guard isComplete, let mailbox, let host else { return nil }
        return EmailAddress(bytes: mailbox + [UInt8(ascii: "@")] + host)
    }
}

extension HeaderField {
    /// The address of a field that holds a single one.
    fileprivate var onlyAddress: EmailAddress? {
        let addresses = AddressListParser.parse(rawValue, limit: 2)
        return addresses.count == 1 ? addresses.first?.address : nil
    }
}
