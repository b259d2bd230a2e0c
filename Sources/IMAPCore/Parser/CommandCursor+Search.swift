extension CommandCursor {
    // RFC 3501 §6.4.4, RFC 4731 §3.1
    mutating func search(_ numbering: SearchCommand.Numbering) throws(IMAPParseError) -> SearchCommand {
        try space()
        var returns: SearchReturn?
        if takeWord("RETURN") {
            try space()
            returns = try searchReturn()
            try space()
        }
        var charset: String?
        if takeWord("CHARSET") {
            try space()
            charset = try astringText().uppercased()
            try space()
        }
        var budget = limits.searchKeys
        var keys = [try searchKey(depth: 0, &budget)]
        while spaceBeforeMore() { keys.append(try searchKey(depth: 0, &budget)) }
        return SearchCommand(numbering: numbering, returns: returns, charset: charset, key: Self.conjunction(keys))
    }

    private static func conjunction(_ keys: [SearchKey]) -> SearchKey {
        if let only = keys.first, keys.count == 1 { only } else { .and(keys) }
    }

    private mutating func searchReturn() throws(IMAPParseError) -> SearchReturn {
        var returns: SearchReturn = []
        try list(limit: 10) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected a RETURN option") {
            case "MIN": returns.insert(.min)
            case "MAX": returns.insert(.max)
            case "ALL": returns.insert(.all)
            case "COUNT": returns.insert(.count)
            case "SAVE": returns.insert(.save)
            default: throw IMAPParseError(.unknownItem, at: start, "unknown RETURN option")
            }
        }
        return returns
    }

    private mutating func searchKey(depth: Int, _ budget: inout Int) throws(IMAPParseError) -> SearchKey {
        guard depth <= limits.searchDepth else { throw failure(.limit, "search keys nested too deeply") }
        guard budget > 0 else { throw failure(.limit, "too many search keys") }
        budget -= 1
        if take("(") {
            var keys = [try searchKey(depth: depth + 1, &budget)]
            while take(" ") { keys.append(try searchKey(depth: depth + 1, &budget)) }
            try expect(")", "expected ')'")
            return Self.conjunction(keys)
        }
        if let octet = peek(), IMAPOctet.isDigit(octet) || octet == UInt8(ascii: "*") || octet == UInt8(ascii: "$") {
            return .sequence(try numberSet(SequenceNumber.self))
        }
        let start = index
        let word = try keyword("expected a search key")
        if let key = Self.plainKeys[word] { return key }
        switch word {
        case "NOT":
            try space()
            return .not(try searchKey(depth: depth + 1, &budget))
        case "OR":
            try space()
            let left = try searchKey(depth: depth + 1, &budget)
            try space()
            return .or(left, try searchKey(depth: depth + 1, &budget))
        default:
            guard let key = try argumentKey(word) else {
                throw IMAPParseError(.unknownItem, at: start, "unknown search key")
            }
            return key
        }
    }

    private static let plainKeys: [String: SearchKey] = [
        "ALL": .all,
        "ANSWERED": .flag(.answered),
        "DELETED": .flag(.deleted),
        "DRAFT": .flag(.draft),
        "FLAGGED": .flag(.flagged),
        "NEW": .new,
        "OLD": .notFlag(.recent),
        "RECENT": .flag(.recent),
        "SEEN": .flag(.seen),
        "UNANSWERED": .notFlag(.answered),
        "UNDELETED": .notFlag(.deleted),
        "UNDRAFT": .notFlag(.draft),
        "UNFLAGGED": .notFlag(.flagged),
        "UNSEEN": .notFlag(.seen),
    ]

    /// A key with arguments; nil when the word is none.
    private mutating func argumentKey(_ word: String) throws(IMAPParseError) -> SearchKey? {
        switch word {
        case "BCC": return .bcc(try stringArgument())
        case "BODY": return .body(try stringArgument())
        case "CC": return .cc(try stringArgument())
        case "FROM": return .from(try stringArgument())
        case "SUBJECT": return .subject(try stringArgument())
        case "TEXT": return .text(try stringArgument())
        case "TO": return .to(try stringArgument())
        case "HEADER": return .header(name: try stringArgument(), value: try stringArgument())
        case "BEFORE": return .before(try dateArgument())
        case "ON": return .on(try dateArgument())
        case "SINCE": return .since(try dateArgument())
        case "SENTBEFORE": return .sentBefore(try dateArgument())
        case "SENTON": return .sentOn(try dateArgument())
        case "SENTSINCE": return .sentSince(try dateArgument())
        case "LARGER": return .larger(try numberArgument())
        case "SMALLER": return .smaller(try numberArgument())
        case "KEYWORD": return .flag(try keywordArgument())
        case "UNKEYWORD": return .notFlag(try keywordArgument())
        case "UID":
            try space()
            return .uid(try numberSet(IMAPUID.self))
        case "MODSEQ": return .modSequence(try modSequenceArgument())
        case "OLDER": return .older(seconds: try intervalArgument())
        case "YOUNGER": return .younger(seconds: try intervalArgument())
        case "EMAILID": return .emailID(try objectIDArgument())
        case "THREADID": return .threadID(try objectIDArgument())
        default: return nil
        }
    }

    private mutating func stringArgument() throws(IMAPParseError) -> [UInt8] {
        try space()
        return try astring(.tolerant)
    }

    private mutating func dateArgument() throws(IMAPParseError) -> IMAPDate {
        try space()
        return try date()
    }

    private mutating func numberArgument() throws(IMAPParseError) -> UInt64 {
        try space()
        return try number63()
    }

    // RFC 5032 §3: nz-number
    private mutating func intervalArgument() throws(IMAPParseError) -> UInt32 {
        try space()
        return try nonZeroNumber32()
    }

    /// A keyword; a system flag is taken too, there is only one thing it can mean.
    private mutating func keywordArgument() throws(IMAPParseError) -> IMAPFlag {
        try space()
        return try flag()
    }

    // RFC 7162 §3.1.5
    private mutating func modSequenceArgument() throws(IMAPParseError) -> UInt64 {
        try space()
        if at("\"") {
            _ = try string()
            try space()
            switch try keyword("expected all, priv or shared") {
            case "ALL", "PRIV", "SHARED": break
            default: throw failure(.syntax, "expected all, priv or shared")
            }
            try space()
        }
        return try number63()
    }

    // RFC 8474 §7
    private mutating func objectIDArgument() throws(IMAPParseError) -> String {
        try space()
        let start = index
        let octets = try astring()
        let isValid = octets.allSatisfy {
            IMAPOctet.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        guard isValid, (1...255).contains(octets.count) else {
            throw IMAPParseError(.syntax, at: start, "expected an object id")
        }
        return String(decoding: octets, as: UTF8.self)
    }
}
