import MailSyntax

/// A DMARC policy record, read: what `_dmarc.example.org` has. // RFC 9989 §4.7
package struct DMARCRecord: Sendable, Hashable {
    /// nil where it is not written: then it is `none`.
    package var policy: DMARCPolicy?
    package var subdomainPolicy: DMARCPolicy?
    package var nonexistentPolicy: DMARCPolicy?
    package var isTesting = false
    package var publicSuffix = PublicSuffixFlag.unknown
    package var dkimAlignment = DMARCAlignment.relaxed
    package var spfAlignment = DMARCAlignment.relaxed
    /// Where daily reports go, as they are written; each begins like a URI.
    package var aggregateURIs: [String] = []
    /// How many octets a report to one of those may have, as it is transported. // RFC 7489 §6.2
    package var aggregateLimits: [String: Int] = [:]
    /// Where reports of single messages go.
    package var failureURIs: [String] = []
    /// `0`, `1`, `d`, `s`.
    package var failureOptions: Set<String> = ["0"]
    /// `p`, `sp` or `np` has a value that is none.
    package var hasInvalidPolicy = false
    /// What is odd about the record, in words for its owner.
    package var remarks: [String] = []

    /// A longer record is not read.
    static let longest = 65_536

    package init() {}

    /// Reads the text of one TXT record.
    ///
    /// - Returns: nil when it isn't a DMARC record: the first tag has to be `v=DMARC1`. Everything behind that is read
    ///   for what it is worth; what can't be read has its default.
    // RFC 9989 §4.7, RFC 9989 §4.8
    package init?(parsing text: some Collection<UInt8>) {
        guard text.count <= Self.longest else { return nil }
        let bytes = Array(text)
        let pieces = bytes.split(separator: Octet.semicolon, omittingEmptySubsequences: false)
        guard let first = pieces.first, let version = Self.tag(first), version.name == "v", version.value == "DMARC1"
        else { return nil }
        var seen: Set<String> = []
        for piece in pieces.dropFirst() where !piece.allSatisfy(Octet.isFolding) {
            guard let tag = Self.tag(piece) else {
                remark("there is something that is no tag")
                continue
            }
            guard seen.insert(tag.name).inserted else {
                remark("the tag \(tag.name) is written more than once; the first holds")
                continue
            }
            read(tag)
        }
        if policy == nil, !hasInvalidPolicy { remark("there is no p tag, which means p=none") }
        if failureURIs.isEmpty, seen.contains("fo") { remark("fo has no effect without ruf") }
    }

    /// Remarks on one record that are kept.
    static let mostRemarks = 30

    private mutating func remark(_ text: String) {
        if remarks.count < Self.mostRemarks { remarks.append(text) }
    }

    private typealias Tag = (name: String, value: String)

    /// `name = value`; the version's value is compared with regard to case.
    private static func tag(_ piece: ArraySlice<UInt8>) -> Tag? {
        guard let equals = piece.firstIndex(of: Octet.equals) else { return nil }
        let name = piece[..<equals].trimmingFolding
        let value = piece[(equals + 1)...].trimmingFolding
        guard !name.isEmpty, name.count <= 32, name.allSatisfy({ (0x61...0x7A).contains(Octet.lowercased($0)) }),
            !value.isEmpty, value.allSatisfy({ (0x20...0x7E).contains($0) || $0 == Octet.tab })
        else { return nil }
        return (String(decoding: name.map(Octet.lowercased), as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private mutating func read(_ tag: Tag) {
        switch tag.name {
        case "p": policy = request(tag)
        case "sp": subdomainPolicy = request(tag)
        case "np": nonexistentPolicy = request(tag)
        case "t": isTesting = word(tag, ["y": true, "n": false]) ?? false
        case "psd": publicSuffix = word(tag, ["y": .suffix, "n": .organization, "u": .unknown]) ?? .unknown
        case "adkim": dkimAlignment = word(tag, ["r": .relaxed, "s": .strict]) ?? .relaxed
        case "aspf": spfAlignment = word(tag, ["r": .relaxed, "s": .strict]) ?? .relaxed
        case "rua": aggregateURIs = addresses(tag)
        case "ruf": failureURIs = addresses(tag)
        case "fo": readOptions(tag)
        // RFC 9989 has taken them out of RFC 7489's tags.
        case "pct", "rf", "ri": remark("the tag \(tag.name) was removed from DMARC and has no effect")
        default: remark("the tag \(tag.name) is unknown and has no effect")
        }
    }

    private mutating func request(_ tag: Tag) -> DMARCPolicy? {
        let found = DMARCPolicy(rawValue: tag.value.lowercased())
        if found == nil {
            hasInvalidPolicy = true
            remark("\(tag.name)=\(tag.value.prefix(40)) is no policy: none, quarantine or reject")
        }
        return found
    }

    private mutating func word<Value>(_ tag: Tag, _ words: [String: Value]) -> Value? {
        let found = words[tag.value.lowercased()]
        if found == nil {
            let all = words.keys.sorted().joined(separator: ", ")
            remark("\(tag.name)=\(tag.value.prefix(40)) is none of \(all); its default holds")
        }
        return found
    }

    private mutating func readOptions(_ tag: Tag) {
        let options = tag.value.lowercased().split(separator: ":").map { $0.filter { $0 != " " } }
        // RFC 9989 §4.7: 0 and 1 exclude each other.
        guard !options.isEmpty, options.allSatisfy({ ["0", "1", "d", "s"].contains($0) }),
            !options.contains("0") || !options.contains("1")
        else {
            remark("fo=\(tag.value.prefix(40)) can't be read; its default holds")
            return
        }
        failureOptions = Set(options)
    }

    private mutating func addresses(_ tag: Tag) -> [String] {
        var found: [String] = []
        for piece in tag.value.split(separator: ",").prefix(100) {
            let written = piece.drop { $0 == " " || $0 == "\t" }
            var uri = written.prefix { $0 != " " && $0 != "\t" }
            // RFC 7489 §6.2 let a size limit stand behind it: `!10m`. RFC 9989 has it ignored.
            var limit: Int?
            if let mark = uri.lastIndex(of: "!") {
                remark("the size limit behind \(uri[..<mark].prefix(100)) was removed from DMARC: few heed it")
                limit = Self.octets(uri[uri.index(after: mark)...])
                uri = uri[..<mark]
            }
            guard Self.isURI(uri), uri.utf8.count + piece.utf8.count - written.utf8.count <= 2048 else {
                remark("\(tag.name) has something that is no URI, such as mailto:dmarc@example.org")
                continue
            }
            found.append(String(uri))
            if tag.name == "rua", let limit { aggregateLimits[String(uri)] = limit }
        }
        return found
    }

    /// `10m`: the units are powers of two; nil where it can't be read. // RFC 7489 §6.3
    private static func octets(_ text: Substring) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let shift = text.last.flatMap { units[Character($0.lowercased())] }
        let digits = shift == nil ? text : text.dropLast()
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits) else { return nil }
        let (octets, isTooMany) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        return isTooMany ? .max : octets
    }

    // RFC 3986 §3.1
    private static func isURI(_ text: Substring) -> Bool {
        guard let colon = text.utf8.firstIndex(of: Octet.colon), let first = text.utf8.first else { return false }
        let scheme = text[..<colon]
        guard (0x61...0x7A).contains(Octet.lowercased(first)), text.utf8.index(after: colon) < text.utf8.endIndex,
            scheme.utf8.allSatisfy({ isLetterOrDigit($0) || [0x2B, 0x2D, 0x2E].contains($0) })
        else { return false }
        let rest = text[text.utf8.index(after: colon)...]
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
        guard scheme.lowercased() == "mailto" else { return true }
        let address = rest.prefix { $0 != "?" }
        // What is encoded is decoded by whoever sends there.
        return address.contains("%") ? address.contains("@") : EmailAddress(address) != nil
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        (0x61...0x7A).contains(Octet.lowercased(octet)) || (0x30...0x39).contains(octet)
    }
}
