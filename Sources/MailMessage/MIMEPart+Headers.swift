/// A header below the message's own: of a part, or of a message that is attached.
package struct InnerHeader: Sendable, Equatable {
    /// Octets from the start of the message, with the blank line.
    package var range: Range<Int>
    /// As IMAP numbers parts: `2.1`.
    package var part: String
    /// It is the header of the message inside the part.
    package var isMessage: Bool
}

extension MIMEPart {
    /// The headers below a message's own, in the order of the message; of its root part.
    package var innerHeaders: [InnerHeader] {
        var found: [InnerHeader] = []
        collectHeaders(path: [], into: &found)
        return found
    }

    /// As deep as the scanner lets parts be.
    private func collectHeaders(path: [Int], into found: inout [InnerHeader]) {
        func add(_ child: MIMEPart, _ path: [Int], isMessage: Bool) {
            let part = path.map(String.init).joined(separator: ".")
            found.append(InnerHeader(range: child.headerRange, part: part, isMessage: isMessage))
            child.collectHeaders(path: path, into: &found)
        }
        if isMultipart {
            for (index, child) in children.enumerated() { add(child, path + [index + 1], isMessage: false) }
        } else if isMessage, let inner = children.first {
            add(inner, path.isEmpty ? [1] : path, isMessage: true)
        }
    }
}
