extension CommandCursor {
    // RFC 3501 §6.4.4, RFC 4731 §3.1
    mutating func search(_ numbering: SearchCommand.Numbering) throws(IMAPParseError) -> SearchCommand {
        try space()
        var options: SearchOptions?
        if takeWord("RETURN") {
            try space()
            options = try searchOptions()
            try space()
        }
        return try searchProgram(numbering, options, charset: nil)
    }

    // RFC 5256 §5 (sort), RFC 5267 §5 (extended-sort)
    mutating func sort(_ numbering: SearchCommand.Numbering) throws(IMAPParseError) -> SortCommand {
        try space()
        var options: SearchOptions?
        if takeWord("RETURN") {
            try space()
            options = try searchOptions()
            try space()
        }
        var criteria: [SortCommand.Criterion] = []
        let limits = limits
        try list(limit: limits.sortCriteria) { (cursor) throws(IMAPParseError) in
            criteria.append(try cursor.sortCriterion())
        }
        guard !criteria.isEmpty else { throw failure(.syntax, "expected a sort criterion") }
        let charset = try charsetArgument()
        return SortCommand(criteria: criteria, search: try searchProgram(numbering, options, charset: charset))
    }

    private mutating func sortCriterion() throws(IMAPParseError) -> SortCommand.Criterion {
        var direction = SortCommand.Direction.ascending
        if takeWord("REVERSE") {
            direction = .descending
            try space()
        }
        let start = index
        guard let key = SortCommand.Key(rawValue: try keyword("expected a sort criterion")) else {
            throw IMAPParseError(.unknownItem, at: start, "unknown sort criterion")
        }
        return SortCommand.Criterion(key, direction)
    }

    // RFC 5256 §5 (thread)
    mutating func thread(_ numbering: SearchCommand.Numbering) throws(IMAPParseError) -> ThreadCommand {
        try space()
        let start = index
        guard let algorithm = ThreadCommand.Algorithm(rawValue: try keyword("expected a threading algorithm")) else {
            throw IMAPParseError(.unknownItem, at: start, "unknown threading algorithm")
        }
        let charset = try charsetArgument()
        return ThreadCommand(algorithm: algorithm, search: try searchProgram(numbering, nil, charset: charset))
    }

    // RFC 7377 §4 (esearch)
    mutating func multiSearch() throws(IMAPParseError) -> MultiSearchCommand {
        try space()
        var sources: [MultiSearchCommand.Source] = [.selected]
        if takeWord("IN") {
            try space()
            sources = try searchSources()
            try space()
        }
        // RFC 7377 §2.1: without result options ALL is meant
        var options = SearchOptions()
        if takeWord("RETURN") {
            try space()
            options = try searchOptions()
            try space()
        }
        return MultiSearchCommand(sources: sources, search: try searchProgram(.uid, options, charset: nil))
    }

    // RFC 5267 §5
    mutating func cancelUpdate() throws(IMAPParseError) -> [String] {
        var tags: [String] = []
        repeat {
            try space()
            guard at("\"") else { throw failure(.syntax, "expected a quoted tag") }
            guard tags.count < limits.flags else { throw failure(.limit, "too many tags") }
            tags.append(String(decoding: try string(), as: UTF8.self))
        } while at(" ")
        return tags
    }

    private mutating func charsetArgument() throws(IMAPParseError) -> String {
        try space()
        let charset = try astringText().uppercased()
        try space()
        return charset
    }

    /// What follows the options: `[CHARSET name SP] key *(SP key)`; CHARSET only where it wasn't given in front.
    private mutating func searchProgram(
        _ numbering: SearchCommand.Numbering, _ options: SearchOptions?, charset given: String?
    ) throws(IMAPParseError) -> SearchCommand {
        var charset = given
        if given == nil, takeWord("CHARSET") { charset = try charsetArgument() }
        var budget = limits.searchKeys
        var keys = [try searchKey(depth: 0, &budget)]
        while spaceBeforeMore() { keys.append(try searchKey(depth: 0, &budget)) }
        return SearchCommand(
            numbering: numbering, returns: options?.returns, partial: options?.partial, charset: charset,
            key: Self.conjunction(keys))
    }

    private static func conjunction(_ keys: [SearchKey]) -> SearchKey {
        if let only = keys.first, keys.count == 1 { only } else { .and(keys) }
    }

    private struct SearchOptions {
        var returns: SearchReturn = []
        var partial: PartialRange?
    }

    private mutating func searchOptions() throws(IMAPParseError) -> SearchOptions {
        var options = SearchOptions()
        try list(limit: 10) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected a RETURN option") {
            case "MIN": options.returns.insert(.min)
            case "MAX": options.returns.insert(.max)
            case "ALL": options.returns.insert(.all)
            case "COUNT": options.returns.insert(.count)
            case "SAVE": options.returns.insert(.save)
            case "UPDATE": options.returns.insert(.update)
            case "CONTEXT": options.returns.insert(.context)
            case "PARTIAL":
                try cursor.space()
                let range = try cursor.partialRange()
                guard options.returns.insert(.partial).inserted else {
                    throw IMAPParseError(.syntax, at: start, "PARTIAL may stand once")
                }
                options.partial = range
            default: throw IMAPParseError(.unknownItem, at: start, "unknown RETURN option")
            }
        }
        // RFC 9394 §3.1
        guard !options.returns.isSuperset(of: [.all, .partial]) else {
            throw failure(.syntax, "ALL and PARTIAL exclude each other")
        }
        return options
    }

    // RFC 9394 §4 (partial-range)
    mutating func partialRange() throws(IMAPParseError) -> PartialRange {
        let isFromEnd = take("-")
        let first = try nonZeroNumber32("expected a place in the result")
        try expect(":", "expected ':'")
        if isFromEnd { try expect("-", "expected '-'") }
        let second = try nonZeroNumber32("expected a place in the result")
        return PartialRange(origin: isFromEnd ? .end : .start, first: first, second: second)
    }

    // RFC 7377 §4 (esearch-source-opts), RFC 5465 §8 (filter-mailboxes)
    private mutating func searchSources() throws(IMAPParseError) -> [MultiSearchCommand.Source] {
        var sources: [MultiSearchCommand.Source] = []
        let limits = limits
        try list(limit: limits.listPatterns) { (cursor) throws(IMAPParseError) in
            let start = cursor.index
            switch try cursor.keyword("expected mailboxes to search") {
            case "SELECTED": sources.append(.selected)
            case "INBOXES": sources.append(.inboxes)
            case "PERSONAL": sources.append(.personal)
            case "SUBSCRIBED": sources.append(.subscribed)
            case "SUBTREE": sources.append(.subtree(try cursor.searchedMailboxes()))
            case "SUBTREE-ONE": sources.append(.subtreeOne(try cursor.searchedMailboxes()))
            case "MAILBOXES": sources.append(.mailboxes(try cursor.searchedMailboxes()))
            default: throw IMAPParseError(.unknownItem, at: start, "unknown mailboxes to search")
            }
        }
        guard !sources.isEmpty else { throw failure(.syntax, "expected mailboxes to search") }
        return sources
    }

    // RFC 5465 §8 (one-or-more-mailbox)
    private mutating func searchedMailboxes() throws(IMAPParseError) -> [IMAPMailboxName] {
        try space()
        guard at("(") else { return [try mailbox()] }
        var names: [IMAPMailboxName] = []
        let limits = limits
        try list(limit: limits.searchedMailboxes) { (cursor) throws(IMAPParseError) in
            names.append(try cursor.mailbox())
        }
        guard !names.isEmpty else { throw failure(.syntax, "expected a mailbox") }
        return names
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
        // RFC 8514 §4.3: every mailbox here keeps save dates
        "SAVEDATESUPPORTED": .all,
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
        case "SAVEDBEFORE": return .savedBefore(try dateArgument())
        case "SAVEDON": return .savedOn(try dateArgument())
        case "SAVEDSINCE": return .savedSince(try dateArgument())
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
