import MailSyntax

extension AuthenticationResults {
    /// Entries and properties that are read; a field has a handful.
    static let maximumEntries = 100
    static let maximumProperties = 20

    /// Reads the value of a field, after the colon, or what follows the instance of the ARC form. nil when it is not
    /// well-formed, or of a version that is not known. Comments are dropped.
    package init?(parsing value: ArraySlice<UInt8>) {
        var reader = ResultsReader(value)
        guard reader.skipBlanks(), let id = reader.value(), reader.skipBlanks() else { return nil }
        self.init(authservID: id)
        if let first = reader.rest.first, (0x30...0x39).contains(first) {
            // RFC 8601 §2.6: of another version nothing is understood.
            guard Int(String(decoding: reader.takeDigits(), as: UTF8.self)) == 1 else { return nil }
            version = 1
            guard reader.skipBlanks() else { return nil }
        }
        while !reader.isAtEnd {
            guard reader.take(Octet.semicolon), reader.skipBlanks() else { return nil }
            // A semicolon at the end, as some write it.
            if reader.isAtEnd { break }
            guard entries.count < Self.maximumEntries, let method = reader.keyword(), reader.skipBlanks() else {
                return nil
            }
            if method == "none", entries.isEmpty, reader.isAtEnd { break }
            guard let entry = Entry(method: method, &reader) else { return nil }
            entries.append(entry)
        }
    }
}

extension AuthenticationResults.Entry {
    /// Reads what follows the method's name.
    fileprivate init?(method: String, _ reader: inout ResultsReader) {
        var version: Int?
        if reader.take(0x2F) {
            guard reader.skipBlanks() else { return nil }
            version = Int(String(decoding: reader.takeDigits(), as: UTF8.self))
            guard version != nil, reader.skipBlanks() else { return nil }
        }
        guard reader.take(Octet.equals), reader.skipBlanks(), let result = reader.keyword(), reader.skipBlanks() else {
            return nil
        }
        self.init(method, result)
        methodVersion = version
        while let first = reader.rest.first, first != Octet.semicolon {
            guard properties.count < AuthenticationResults.maximumProperties, let word = reader.keyword(),
                reader.skipBlanks()
            else { return nil }
            if reader.take(Octet.equals) {
                guard word == "reason", reader.skipBlanks(), let text = reader.value() else { return nil }
                reason = text
            } else {
                guard reader.take(0x2E), reader.skipBlanks(), let name = reader.keyword(), reader.skipBlanks(),
                    reader.take(Octet.equals), reader.skipBlanks(), let value = reader.propertyValue()
                else { return nil }
                properties.append(AuthenticationResults.Property(word, name, value))
            }
            guard reader.skipBlanks() else { return nil }
        }
    }
}

extension AuthenticationResults {
    /// A header without the fields that claim to be ours, and how many there were.
    ///
    /// A field is taken for ours when its identifier is one of `names`: in any case and any version, quoted, behind
    /// comments and folding, in A-labels or U-labels, with a structure after a slash. What can't be read is taken for
    /// ours when one of the names occurs before its first result. // RFC 8601 §5
    /// - Parameters:
    ///   - names: the identifiers of this server, and of those it trusts to have none.
    ///   - header: the header block, with or without the empty line that ends it.
    package static func removingForged(_ names: [String], from header: [UInt8]) -> (header: [UInt8], removed: Int) {
        let raw = RawHeader(header)
        let places = raw.indices(of: "authentication-results")
        guard !places.isEmpty else { return (header, 0) }
        let ours = Set(names.map(canonicalID))
        var out: [UInt8] = []
        var position = 0
        var removed = 0
        for place in places where claims(ours, raw.fields[place].value) {
            let field = raw.fields[place].bytes
            out += header[position..<field.startIndex]
            position = field.endIndex
            removed += 1
        }
        guard removed > 0 else { return (header, 0) }
        return (out + header[position...], removed)
    }

    private static func claims(_ ours: Set<String>, _ value: ArraySlice<UInt8>) -> Bool {
        var reader = ResultsReader(value)
        if reader.skipBlanks(), let id = reader.value() {
            let isOurs = ours.contains(canonicalID(id))
            // Whoever reads on at a slash or an at sign finds the same name.
            if isOurs || reader.skipBlanks() && (reader.isAtEnd || reader.rest.first == Octet.semicolon) {
                return isOurs
            }
            if let first = reader.rest.first, (0x30...0x39).contains(first) { return isOurs }
        }
        // Not well-formed: another reader may see more in it than this one.
        let head = value.prefix { $0 != Octet.semicolon }
        let words = head.split { !ResultsReader.isToken($0) }
        return words.contains { ours.contains(canonicalID(String(decoding: $0, as: UTF8.self))) }
    }

    /// One form of all spellings of an identifier.
    private static func canonicalID(_ text: String) -> String {
        DomainName(text)?.ascii ?? text.lowercased()
    }
}
