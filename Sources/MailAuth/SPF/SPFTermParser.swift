import MailSyntax

/// Reads one term of a record: no blanks, ASCII.
struct SPFTermParser {
    enum Term {
        case directive(SPFDirective)
        case redirect(SPFMacroString)
        case explanation(SPFMacroString)
        case unknown(String)
    }

    private let term: ArraySlice<UInt8>
    private var rest: ArraySlice<UInt8>

    /// - Parameter term: not empty; its indices are octets from the start of the record.
    init(_ term: ArraySlice<UInt8>) {
        self.term = term
        rest = term
    }

    mutating func parse() throws(SPFSyntaxError) -> Term {
        if let name = takeModifierName() { return try modifier(name) }
        let qualifier = rest.first.flatMap(SPFQualifier.init(rawValue:))
        if qualifier != nil { rest = rest.dropFirst() }
        let name = rest.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
        rest = rest.dropFirst(name.count)
        return .directive(
            SPFDirective(
                qualifier: qualifier ?? .pass,
                mechanism: try mechanism(String(decoding: name.map(SPFText.lower), as: UTF8.self)),
                text: SPFText.printable(term, limit: 300),
                offset: term.startIndex
            ))
    }

    // MARK: Modifiers

    /// The name before an equals sign, lower-cased. // RFC 7208 §4.6.1
    private mutating func takeModifierName() -> String? {
        guard let first = rest.first, SPFText.isLetter(first) else { return nil }
        let name = rest.prefix { SPFText.isLetter($0) || SPFText.isDigit($0) || "-_.".utf8.contains($0) }
        let tail = rest.dropFirst(name.count)
        guard tail.first == UInt8(ascii: "=") else { return nil }
        rest = tail.dropFirst()
        return String(decoding: name.map(SPFText.lower), as: UTF8.self)
    }

    private func modifier(_ name: String) throws(SPFSyntaxError) -> Term {
        switch name {
        case "redirect": return .redirect(try domain(rest))
        case "exp": return .explanation(try domain(rest))
        default:
            // It means nothing, but its macros must be macros.
            _ = try SPFMacroString(parsing: rest, in: .record)
            return .unknown(name)
        }
    }

    // MARK: Mechanisms

    private mutating func mechanism(_ name: String) throws(SPFSyntaxError) -> SPFMechanism {
        switch name {
        case "all":
            guard rest.isEmpty else { throw failure(.argumentNotAllowed) }
            return .all
        case "include": return .include(try domain(try requiredArgument()))
        case "exists": return .exists(try domain(try requiredArgument()))
        case "ptr":
            guard !rest.isEmpty else { return .ptr(nil) }
            return .ptr(try domain(try requiredArgument()))
        case "a":
            let (target, lengths) = try hosts()
            return .a(target, lengths)
        case "mx":
            let (target, lengths) = try hosts()
            return .mx(target, lengths)
        case "ip4": return try network(isV6: false)
        case "ip6": return try network(isV6: true)
        default:
            throw SPFSyntaxError(.unknownMechanism, at: term.startIndex, in: term, hint: Self.usualMistakes[name])
        }
    }

    private static let usualMistakes = [
        "ip": "ip4 is meant", "ipv4": "ip4 is meant", "ipv6": "ip6 is meant", "prt": "ptr is meant",
        "all.": "all is meant", "includes": "include is meant", "redirect": "it is written redirect=",
        "v=spf1": "two records in one",
    ]

    /// What stands behind the colon.
    private func requiredArgument() throws(SPFSyntaxError) -> ArraySlice<UInt8> {
        guard !rest.isEmpty else { throw failure(.missingArgument) }
        guard rest.first == UInt8(ascii: ":") else { throw failure(.argumentNotAllowed) }
        return rest.dropFirst()
    }

    /// A name and prefix lengths, both optional. // RFC 7208 §5.3
    private mutating func hosts() throws(SPFSyntaxError) -> (SPFMacroString?, SPFPrefixLengths) {
        var lengths = SPFPrefixLengths()
        if let v6 = try takePrefixLength(after: "//", limit: 128) { lengths.v6 = v6 }
        if let v4 = try takePrefixLength(after: "/", limit: 32) { lengths.v4 = v4 }
        guard !rest.isEmpty else { return (nil, lengths) }
        guard rest.first == UInt8(ascii: ":") else { throw failure(.invalidPrefixLength) }
        return (try domain(rest.dropFirst()), lengths)
    }

    /// Takes the number at the end when those slashes stand before it; a name never ends like that.
    private mutating func takePrefixLength(after slashes: String, limit: Int) throws(SPFSyntaxError) -> Int? {
        let digits = rest.reversed().prefix(while: SPFText.isDigit).count
        let head = rest.dropLast(digits)
        guard digits > 0, head.suffix(slashes.utf8.count).elementsEqual(slashes.utf8) else { return nil }
        let length = try prefixLength(rest.suffix(digits), limit: limit)
        rest = head.dropLast(slashes.utf8.count)
        return length
    }

    private func prefixLength(_ digits: ArraySlice<UInt8>, limit: Int) throws(SPFSyntaxError) -> Int {
        guard (1...3).contains(digits.count), digits.allSatisfy(SPFText.isDigit),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { throw SPFSyntaxError(.invalidPrefixLength, at: digits.startIndex, in: term) }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value <= limit else { throw SPFSyntaxError(.invalidPrefixLength, at: digits.startIndex, in: term) }
        return value
    }

    // RFC 7208 §5.6
    private func network(isV6: Bool) throws(SPFSyntaxError) -> SPFMechanism {
        let argument = try requiredArgument()
        let text = argument.prefix { $0 != UInt8(ascii: "/") }
        guard let octets = Self.octets(text, isV6: isV6) else {
            throw SPFSyntaxError(.invalidNetwork, at: argument.startIndex, in: term)
        }
        let tail = argument.dropFirst(text.count)
        guard !tail.isEmpty else { return .network(octets, prefixLength: octets.count * 8) }
        return .network(octets, prefixLength: try prefixLength(tail.dropFirst(), limit: octets.count * 8))
    }

    private static func octets(_ text: ArraySlice<UInt8>, isV6: Bool) -> [UInt8]? {
        guard text.contains(UInt8(ascii: ":")) == isV6, let address = IPAddress(String(decoding: text, as: UTF8.self))
        else { return nil }
        if isV6, !address.isV6 { return [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + address.bytes }
        return address.bytes
    }

    // MARK: Names

    /// A name that ends in a macro or in a label that can be a top-level domain. // RFC 7208 §7.1
    private func domain(_ argument: ArraySlice<UInt8>) throws(SPFSyntaxError) -> SPFMacroString {
        guard !argument.isEmpty else { throw failure(.missingArgument) }
        let name = try SPFMacroString(parsing: argument, in: .record)
        guard case .literal(let end)? = name.tokens.last else { return name }
        guard Self.endsInTopLabel(end) else {
            let isAddress = IPAddress(String(decoding: argument, as: UTF8.self)) != nil
            throw SPFSyntaxError(
                .invalidDomain, at: argument.startIndex, in: term, hint: isAddress ? "ip4 or ip6 is meant" : nil)
        }
        return name
    }

    private static func endsInTopLabel(_ text: [UInt8]) -> Bool {
        let dot = UInt8(ascii: ".")
        let text = text.last == dot ? text.dropLast() : text[...]
        guard let start = text.lastIndex(of: dot) else { return false }
        let label = text[(start + 1)...]
        let hyphen = UInt8(ascii: "-")
        guard let first = label.first, let last = label.last, first != hyphen, last != hyphen else { return false }
        return label.allSatisfy { SPFText.isLetter($0) || SPFText.isDigit($0) || $0 == hyphen }
            && !label.allSatisfy(SPFText.isDigit)
    }

    private func failure(_ code: SPFSyntaxError.Code) -> SPFSyntaxError {
        SPFSyntaxError(code, at: rest.startIndex, in: term)
    }
}
