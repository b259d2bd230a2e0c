/// One node of a message's MIME tree, as octet ranges of the message as stored.
package struct MIMEPart: Sendable, Equatable {
    /// Lower-case; `text` when the field is missing or broken.
    package var type = "text"
    /// Lower-case; `plain` when the field is missing or broken.
    package var subtype = "plain"
    /// In the order of the field, names lower-case. Continuations (RFC 2231 §3) are joined; an extended value keeps its
    /// `*` and its percent-encoding, as IMAP sends it. `parameter(_:)` decodes.
    package var parameters: [(name: String, value: String)] = []
    package var contentID: String?
    package var description: String?
    /// Lower-case; nil when the field is missing, which means `7bit`.
    package var transferEncoding: String?
    package var md5: String?
    package var disposition: Disposition?
    package var languages: [String] = []
    package var location: String?
    /// Octets from the start of the message: the part's header with its blank line.
    package var headerRange: Range<Int> = 0..<0
    /// Octets from the start of the message: the body without the line end that belongs to the boundary after it.
    package var bodyRange: Range<Int> = 0..<0
    /// Line ends in the body.
    package var lineCount = 0
    /// Parts of a multipart; the root of the inner message for message/rfc822. A multipart without a boundary, or one
    /// beyond the limits, has none.
    package var children: [MIMEPart] = []
    /// What IMAP wants to know of the message inside a message/rfc822 part.
    package var embedded: EmbeddedMessage?

    package init() {}

    package struct Disposition: Sendable, Equatable {
        /// Lower-case.
        package var type: String
        package var parameters: [(name: String, value: String)]

        package init(type: String, parameters: [(name: String, value: String)] = []) {
            self.type = type
            self.parameters = parameters
        }

        package static func == (a: Disposition, b: Disposition) -> Bool {
            a.type == b.type && a.parameters.elementsEqual(b.parameters, by: ==)
        }
    }

    package struct EmbeddedMessage: Sendable, Equatable {
        package var envelope: Envelope

        package init(envelope: Envelope) { self.envelope = envelope }
    }

    package var isMultipart: Bool { type == "multipart" }

    /// True for message/rfc822 and message/global.
    package var isMessage: Bool { type == "message" && (subtype == "rfc822" || subtype == "global") }

    /// The decoded value of a content-type parameter; `name` is lower-case.
    package func parameter(_ name: String) -> String? { RFC2231.value(name, in: parameters) }

    /// The file name, from the disposition or the content type, decoded.
    package var filename: String? {
        disposition.flatMap { RFC2231.value("filename", in: $0.parameters) } ?? parameter("name")
    }

    /// True for what a reader offers to save and does not show in place.
    package var isAttachment: Bool { disposition?.type == "attachment" }

    /// The part that IMAP names by a section such as `1.2`; nil when there is none. `[]` is the message itself, and a
    /// message that is not multipart has itself as part 1 (RFC 3501 §6.4.5).
    package func part(_ path: some Sequence<Int>) -> MIMEPart? {
        var current = self
        var isMessageRoot = true
        for number in path {
            guard number >= 1 else { return nil }
            if !isMessageRoot, current.isMessage, let inner = current.children.first {
                current = inner
                isMessageRoot = true
            }
            if current.isMultipart {
                guard number <= current.children.count else { return nil }
                current = current.children[number - 1]
            } else {
                guard isMessageRoot, number == 1 else { return nil }
            }
            isMessageRoot = false
        }
        return current
    }

    package static func == (a: MIMEPart, b: MIMEPart) -> Bool {
        a.type == b.type && a.subtype == b.subtype && a.parameters.elementsEqual(b.parameters, by: ==)
            && a.contentID == b.contentID && a.description == b.description
            && a.transferEncoding == b.transferEncoding && a.md5 == b.md5 && a.disposition == b.disposition
            && a.languages == b.languages && a.location == b.location && a.headerRange == b.headerRange
            && a.bodyRange == b.bodyRange && a.lineCount == b.lineCount && a.embedded == b.embedded
            && a.children == b.children
    }
}
