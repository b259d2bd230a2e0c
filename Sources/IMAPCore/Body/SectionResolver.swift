package import MailMessage

/// Where the octets of a body section are found.
package enum SectionContent: Hashable, Sendable {
    /// Octets of the message as stored.
    case octets(Range<Int>)
    /// The header in that range, reduced to some of its fields.
    case filteredHeader(Range<Int>, HeaderFilter)
}

extension BodySection {
    // RFC 3501 §6.4.5
    /// Where this section is in the message; nil when the message has none: the answer is NIL.
    ///
    /// HEADER and TEXT behind a part number mean the message inside that part, so they exist for message/rfc822 only.
    package func content(in root: MIMEPart) -> SectionContent? {
        guard !part.isEmpty else { return content(ofMessage: root) }
        guard let found = root.part(part) else { return nil }
        switch kind {
        case .whole: return .octets(found.bodyRange)
        case .mime: return .octets(found.headerRange)
        case .header, .headerFields, .headerFieldsNot, .text:
            guard found.isMessage, let inner = found.children.first else { return nil }
            return content(ofMessage: inner)
        }
    }

    private func content(ofMessage root: MIMEPart) -> SectionContent? {
        switch kind {
        case .whole: .octets(root.headerRange.lowerBound..<max(root.headerRange.upperBound, root.bodyRange.upperBound))
        case .header: .octets(root.headerRange)
        case .text: .octets(root.bodyRange)
        case .headerFields(let names): .filteredHeader(root.headerRange, HeaderFilter(names, .only))
        case .headerFieldsNot(let names): .filteredHeader(root.headerRange, HeaderFilter(names, .except))
        case .mime: nil
        }
    }
}
