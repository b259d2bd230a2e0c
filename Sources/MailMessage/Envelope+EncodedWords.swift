import MailSyntax

extension Envelope {
    /// What a client is told that has not said it knows UTF-8: only what RFC 5322 lets stand in these fields. RFC 6855 §8
    package var inASCII: Envelope { hasRawText ? withEncodedWords : self }

    /// Whether the subject or a display name holds octets beyond ASCII, be they UTF-8 or of an old program.
    private var hasRawText: Bool {
        if subject?.contains(where: { $0 >= 0x80 }) == true { return true }
        return [from, sender, replyTo, to, cc, bcc].contains { list in list.contains(where: \.hasRawName) }
    }

    /// The same for readers that know only ASCII: texts as encoded words. // RFC 6858 §2.1, §2.3
    ///
    /// Nothing is lost by it. Addresses stay as they are, since one that was made up in their place could not be answered.
    private var withEncodedWords: Envelope {
        var copy = self
        if let subject, subject.contains(where: { $0 >= 0x80 }) { copy.subject = Self.encoded(subject) }
        copy.from = from.map(\.withEncodedName)
        copy.sender = sender.map(\.withEncodedName)
        copy.replyTo = replyTo.map(\.withEncodedName)
        copy.to = to.map(\.withEncodedName)
        copy.cc = cc.map(\.withEncodedName)
        copy.bcc = bcc.map(\.withEncodedName)
        return copy
    }

    /// What is encoded already is read first, so that nothing is encoded twice.
    fileprivate static func encoded(_ text: [UInt8]) -> [UInt8] {
        Array(EncodedWord.encode(EncodedWord.decode(text)).utf8)
    }
}

extension EnvelopeAddress {
    fileprivate var hasRawName: Bool { name?.contains { $0 >= 0x80 } == true }

    fileprivate var withEncodedName: EnvelopeAddress {
        guard hasRawName, let name else { return self }
        var copy = self
        copy.name = Envelope.encoded(name)
        return copy
    }
}
