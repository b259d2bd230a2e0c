import MailSyntax

enum MailSyntaxFuzz {
    static let entries = [
        FuzzEntry("address", address),
        FuzzEntry("date", date),
        FuzzEntry("encoded-word", encodedWord),
        FuzzEntry("transfer-encoding", transferEncoding),
        FuzzEntry("network-names", networkNames),
    ]

    static func address(_ bytes: [UInt8]) {
        if let address = EmailAddress(bytes: bytes) {
            precondition(EmailAddress(address.description) == address, "an address is not read back as it is written")
            let scalars = address.description.unicodeScalars
            precondition(scalars.allSatisfy { $0.value >= 32 && $0.value != 127 }, "control characters in an address")
        }
        _ = ReversePath(String(decoding: bytes, as: UTF8.self))
    }

    static func date(_ bytes: [UInt8]) {
        guard let (time, offset) = InternetDate.parse(bytes) else { return }
        let text = InternetDate.format(time, offsetMinutes: offset)
        precondition(InternetDate.parse(text)?.0 == time, "a date is not read back as it is written")
    }

    static func encodedWord(_ bytes: [UInt8]) {
        let text = EncodedWord.decode(bytes)
        precondition(text.utf8.count <= bytes.count * 6 + 16, "decoding grows without bound")
    }

    static func transferEncoding(_ bytes: [UInt8]) {
        if let decoded = Base64.decode(bytes) {
            precondition(Base64.decode(Base64.encode(decoded).utf8) == decoded, "base64")
        }
        precondition(Base64.decode(Base64.encode(bytes).utf8) == bytes, "base64")
        _ = Base64.decodeLenient(bytes)
        precondition(QuotedPrintable.decode(bytes).count <= bytes.count + 2, "quoted-printable grows")
        _ = Charset.decodeUnlabelled(bytes)
        var input = FuzzInput(bytes)
        let labels = ["utf-8", "us-ascii", "iso-8859-1", "windows-1252", "iso-8859-15", "utf-16", "koi8-r", "gb2312"]
        let label = labels[input.choice(labels.count)]
        _ = Charset.decode(input.remainder(), label: label)
    }

    static func networkNames(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let domain = DomainName(text) {
            precondition(DomainName(domain.ascii) == domain, "a domain is not read back as it is written")
            precondition(domain.ascii.utf8.count <= 253, "a domain is too long")
        }
        if let address = IPAddress(text) {
            precondition(IPAddress(address.description) == address, "an IP address is not read back")
            _ = address.reverseName
        }
        if let network = IPNetwork(text) {
            precondition(IPNetwork(network.description) == network, "a network is not read back")
            precondition(network.contains(network.base), "a network does not hold its own base")
        }
        _ = EnhancedStatusCode(parsing: text)
        if let id = MailID(text) { precondition(MailID(id.description) == id, "an id is not read back") }
    }
}
