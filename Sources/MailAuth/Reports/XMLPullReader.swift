/// Reads the XML of reports from pieces: elements, attributes, text. No more of XML than that.
///
/// There are no document types and no entities but the five of XML and numbers, so that nothing grows and nothing is
/// fetched; a document that declares any is refused before they could be used. Comments and processing instructions are
/// passed over. Prefixes of names are told and not resolved. What is kept at any time is a stack of names and one text.
struct XMLPullReader {
    struct Attribute: Hashable {
        /// With its prefix.
        var name: String
        var value: String
    }

    enum Event {
        /// Names without prefix; `prefix` is empty where there is none.
        case started(prefix: String, name: String, attributes: [Attribute])
        /// The text since the element's start, or since its last child, without white space at its ends; cut where it is
        /// longer than the limit.
        case ended(text: String, isCut: Bool)
    }

    private enum State {
        case text
        /// After `<`; the octets up to the `>` that ends it.
        case tag
        case comment
        case cdata
        case instruction
        case entity
    }

    private static let maximumTag = 16 << 10
    static let maximumAttributes = 32
    static let maximumEntity = 10

    private let limits: ReportLimits
    private var decoding = XMLDecoding()
    private var state = State.text
    private var stack: [[UInt8]] = []
    private var hasRoot = false
    /// True until anything but white space or the declaration has come: only there a declaration may stand.
    private var isAtStart = true
    private var token: [UInt8] = []
    private var quote: UInt8?
    private var text: [UInt8] = []
    private var isCut = false
    /// Closing brackets at the end of a CDATA section so far, or hyphens at the end of a comment: `]]>` and `-->` end them.
    private var closing = 0

    init(limits: ReportLimits) { self.limits = limits }

    /// Reads a piece of the document and hands over what it completes.
    mutating func consume(
        _ piece: ArraySlice<UInt8>, _ handle: (Event) throws(ReportError) -> Void
    ) throws(ReportError) {
        var rest = try decoding.decode(piece)
        while let octet = rest.popFirst() {
            // Until the declaration has been read, what follows it may be of another encoding.
            if try step(octet, handle) { rest = try decoding.decode(rest) }
        }
    }

    /// The document is over.
    mutating func finish(_ handle: (Event) throws(ReportError) -> Void) throws(ReportError) {
        for octet in try decoding.finish() { _ = try step(octet, handle) }
        guard hasRoot, stack.isEmpty, case .text = state else {
            throw ReportError(.malformed, hasRoot ? "the XML ends before its last element does" : "there is no XML")
        }
    }

    // MARK: Octets

    /// - Returns: true when an encoding was declared that changes how the rest is read.
    private mutating func step(
        _ octet: UInt8, _ handle: (Event) throws(ReportError) -> Void
    ) throws(ReportError) -> Bool {
        // XML 1.0 §2.2: the only control characters are these.
        guard octet >= 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0D else {
            throw ReportError(.malformed, "a control character (\(octet)) in the XML")
        }
        switch state {
        case .text: try textOctet(octet)
        case .entity: try entityOctet(octet)
        case .cdata: try cdataOctet(octet)
        case .comment: commentOctet(octet)
        case .instruction: return try instructionOctet(octet)
        case .tag: try tagOctet(octet, handle)
        }
        return false
    }

    static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x09 || octet == 0x0A || octet == 0x0D
    }

    private mutating func textOctet(_ octet: UInt8) throws(ReportError) {
        switch octet {
        case 0x3C:
            state = .tag
            token.removeAll(keepingCapacity: true)
            quote = nil
        case 0x26:
            try requireInside()
            state = .entity
            token.removeAll(keepingCapacity: true)
        default:
            if stack.isEmpty {
                guard Self.isBlank(octet) else {
                    throw ReportError(hasRoot ? .malformed : .notAReport, "text outside of the XML's root element")
                }
            } else {
                keep(octet)
            }
        }
        if !Self.isBlank(octet), octet != 0x3C { isAtStart = false }
    }

    private func requireInside() throws(ReportError) {
        guard !stack.isEmpty else { throw ReportError(.malformed, "text outside of the XML's root element") }
    }

    private mutating func keep(_ octet: UInt8) {
        if text.count < limits.text {
            // White space at the start is not worth its place.
            if !text.isEmpty || !Self.isBlank(octet) { text.append(octet) }
        } else if !Self.isBlank(octet) {
            isCut = true
        }
    }

    private mutating func endToken() {
        state = .text
        token.removeAll(keepingCapacity: true)
    }

    private mutating func entityOctet(_ octet: UInt8) throws(ReportError) {
        guard octet == 0x3B else {
            guard token.count < Self.maximumEntity else { throw ReportError(.malformed, "an entity without an end") }
            token.append(octet)
            return
        }
        for octet in try Self.entity(token) { keep(octet) }
        endToken()
    }

    private mutating func commentOctet(_ octet: UInt8) {
        switch octet {
        case 0x2D: closing = min(closing + 1, 2)
        case 0x3E where closing == 2: endToken()
        default: closing = 0
        }
    }

    private mutating func cdataOctet(_ octet: UInt8) throws(ReportError) {
        switch octet {
        case 0x5D: closing = min(closing + 1, 3)
        case 0x3E where closing >= 2:
            for _ in 2..<max(2, closing) { keep(0x5D) }
            closing = 0
            endToken()
            return
        default:
            for _ in 0..<closing { keep(0x5D) }
            closing = 0
            keep(octet)
            return
        }
        if closing == 3 {
            keep(0x5D)
            closing = 2
        }
    }

    private mutating func instructionOctet(_ octet: UInt8) throws(ReportError) -> Bool {
        guard token.count < Self.maximumTag else {
            throw ReportError(.malformed, "a processing instruction without an end")
        }
        token.append(octet)
        guard octet == 0x3E, token.dropLast().last == 0x3F else { return false }
        let content = token.dropLast(2)
        let isDeclaration = content.starts(with: "xml".utf8) && content.dropFirst(3).first.map(Self.isBlank) == true
        endToken()
        guard isDeclaration else { return false }
        guard isAtStart, !hasRoot else { throw ReportError(.malformed, "an XML declaration inside the document") }
        isAtStart = false
        for attribute in try Self.attributes(content.dropFirst(3)) where attribute.name == "encoding" {
            return try decoding.declare(attribute.value)
        }
        return false
    }

    // MARK: Tags

    private mutating func tagOctet(
        _ octet: UInt8, _ handle: (Event) throws(ReportError) -> Void
    ) throws(ReportError) {
        if token.isEmpty, octet == 0x3F {
            state = .instruction
            return
        }
        if let open = quote {
            if octet == open { quote = nil }
        } else if octet == 0x22 || octet == 0x27 {
            quote = octet
        } else if octet == 0x3E {
            state = .text
            try finish(tag: token[...], handle)
            // Only now nobody else holds its place, which is kept.
            return token.removeAll(keepingCapacity: true)
        } else if octet == 0x3C {
            throw ReportError(.malformed, "a \"<\" inside a tag")
        }
        guard token.count < Self.maximumTag else { throw ReportError(.tooLarge, "a tag is too long") }
        token.append(octet)
        guard token.first == 0x21 else { return }
        try declarationOctet()
    }

    /// What begins with `<!`.
    private mutating func declarationOctet() throws(ReportError) {
        let comment = Array("!--".utf8)
        let cdata = Array("![CDATA[".utf8)
        if token == comment {
            quote = nil
            state = .comment
            closing = 0
            token.removeAll(keepingCapacity: true)
        } else if token == cdata {
            try requireInside()
            quote = nil
            state = .cdata
            closing = 0
            token.removeAll(keepingCapacity: true)
        } else if !comment.starts(with: token), !cdata.starts(with: token) {
            throw ReportError(.malformed, "the XML declares a document type or entities: no report needs them")
        }
    }

    private mutating func finish(
        tag: ArraySlice<UInt8>, _ handle: (Event) throws(ReportError) -> Void
    ) throws(ReportError) {
        isAtStart = false
        if tag.first == 0x2F {
            var name = tag.dropFirst()
            while let last = name.last, Self.isBlank(last) { name.removeLast() }
            guard let open = stack.popLast(), open.elementsEqual(name) else {
                throw ReportError(.malformed, "the end of an element that is not open")
            }
            try end(handle)
            return
        }
        let isEmpty = tag.last == 0x2F
        let content = isEmpty ? tag.dropLast() : tag
        let name = content.prefix { !Self.isBlank($0) }
        guard Self.isName(name), name.count <= limits.name else {
            throw ReportError(.malformed, "a tag without a proper name")
        }
        guard !stack.isEmpty || !hasRoot else { throw ReportError(.malformed, "a second root element") }
        guard stack.count < limits.depth else {
            throw ReportError(.tooLarge, "more than \(limits.depth) elements inside each other")
        }
        hasRoot = true
        let attributes = try Self.attributes(content[name.endIndex...])
        let (prefix, local) = try Self.split(name)
        text.removeAll(keepingCapacity: true)
        isCut = false
        stack.append(Array(name))
        try handle(.started(prefix: prefix, name: local, attributes: attributes))
        if isEmpty {
            stack.removeLast()
            try end(handle)
        }
    }

    private mutating func end(_ handle: (Event) throws(ReportError) -> Void) throws(ReportError) {
        while let last = text.last, Self.isBlank(last) { text.removeLast() }
        var found = text[...]
        if isCut { found = Self.wholeCharacters(found) }
        let content = try Self.string(found)
        let wasCut = isCut
        text.removeAll(keepingCapacity: true)
        isCut = false
        try handle(.ended(text: content, isCut: wasCut))
    }

    /// Without the beginning of a character at its end.
    private static func wholeCharacters(_ octets: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let start = octets.suffix(4).lastIndex(where: { $0 & 0xC0 != 0x80 }), octets[start] >= 0xC0 else {
            return octets
        }
        let length = octets[start] >= 0xF0 ? 4 : octets[start] >= 0xE0 ? 3 : 2
        return octets.endIndex - start < length ? octets[..<start] : octets
    }
}
