package import MailSyntax

/// What a submission server completes in the header of a user's message (RFC 6409 §8).
package struct SubmissionFixups: Sendable {
    package struct Change: Sendable, Equatable {
        package let field: String
        /// nil when the field was added.
        package let before: String?
        package let after: String
    }

    /// Goes into a new Message-ID.
    package var id: MailID
    /// Right side of a new Message-ID.
    package var hostname: DomainName
    package var time: Timestamp
    /// Minutes east of UTC in a new Date; nil takes the zone of the host.
    package var offsetMinutes: Int?
    /// Completes an address without a domain in From.
    package var domain: DomainName?
    /// Stands in From when there is no address at all.
    package var sender: EmailAddress?

    package init(
        id: MailID,
        hostname: DomainName,
        time: Timestamp,
        offsetMinutes: Int? = nil,
        domain: DomainName? = nil,
        sender: EmailAddress? = nil
    ) {
        self.id = id
        self.hostname = hostname
        self.time = time
        self.offsetMinutes = offsetMinutes
        self.domain = domain ?? sender?.domain
        self.sender = sender
    }

    /// The completed header, and what was changed; the header as it was when nothing is.
    package func apply(to header: HeaderBlock) -> (header: HeaderBlock, changes: [Change]) {
        var block = header
        var changes: [Change] = []
        completeFrom(&block, &changes)
        // RFC 6409 §8.2
        if block.first("Date")?.unfolded.isEmpty ?? true {
            add("Date", InternetDate.format(time, offsetMinutes: offsetMinutes), &block, &changes)
        }
        // RFC 6409 §8.3
        if block.first("Message-ID")?.unfolded.isEmpty ?? true {
            add("Message-ID", "<\(id)@\(hostname)>", &block, &changes)
        }
        return (block, changes)
    }

    private func add(_ name: String, _ value: String, _ block: inout HeaderBlock, _ changes: inout [Change]) {
        let before = block.first(name).map { _ in "" }
        block = block.removing(name).appending(name, Array(value.utf8))
        changes.append(Change(field: name, before: before, after: value))
    }

    private func completeFrom(_ block: inout HeaderBlock, _ changes: inout [Change]) {
        guard let field = block.first("From") else {
            if let sender { add("From", sender.description, &block, &changes) }
            return
        }
        let addresses = AddressListParser.parse(field.rawValue, limit: Self.mostAuthors)
        guard addresses.count < Self.mostAuthors else { return }
        let value = addresses.count > 1 ? completed(addresses) : completed(addresses.first)
        guard let value else { return }
        let before = text(field)
        block = block.replacingFirst("From", value)
        changes.append(Change(field: "From", before: before, after: String(decoding: value, as: UTF8.self)))
    }

    private func text(_ field: HeaderField) -> String { String(decoding: field.unfolded, as: UTF8.self) }

    /// nil when the address needs nothing or nothing can be done.
    private func completed(_ address: EnvelopeAddress?) -> [UInt8]? {
        guard let address else { return sender.map { Array($0.description.utf8) } }
        guard address.host == EnvelopeAddress.missingHost, let mailbox = address.mailbox else { return nil }
        let local = String(decoding: mailbox, as: UTF8.self)
        if let domain, mailbox != EnvelopeAddress.missingMailbox, let full = EmailAddress("\(local)@\(domain)") {
            return render(name: address.name, full)
        }
        // "Scanner Second Floor" is a name, not a local part.
        guard let sender else { return nil }
        let name = mailbox == EnvelopeAddress.missingMailbox ? address.name : mailbox
        return render(name: name, sender)
    }

    /// A longer From is left as it is: an address takes a hundred times the octets that it is written with.
    private static let mostAuthors = 1000

    /// A list with an address that needs a domain; nil when none does, or when it isn't a plain list.
    private func completed(_ addresses: [EnvelopeAddress]) -> [UInt8]? {
        guard addresses.contains(where: { $0.host == EnvelopeAddress.missingHost }) else { return nil }
        var written: [[UInt8]] = []
        for address in addresses {
            if address.isComplete, let mailbox = address.mailbox, let host = address.host {
                guard let whole = EmailAddress(bytes: mailbox + [UInt8(ascii: "@")] + host) else { return nil }
                written.append(render(name: address.name, whole))
            } else {
                guard !address.isGroupStart, !address.isGroupEnd, let value = completed(address) else { return nil }
                written.append(value)
            }
        }
        return Array(written.joined(separator: ", ".utf8))
    }

    private func render(name: [UInt8]?, _ address: EmailAddress) -> [UInt8] {
        guard let name, !name.isEmpty else { return Array(address.description.utf8) }
        return HeaderText.phrase(name) + Array(" <\(address)>".utf8)
    }
}
