/// RFC 5322 §3.4 and §4.4 address lists, from any octets: what can't be read becomes an address without a host.
package struct AddressListParser {
    private let bytes: [UInt8]
    private var index = 0
    private var result: [EnvelopeAddress] = []
    private var phrase: [UInt8] = []
    private var comment: [UInt8]?
    private var hasWords = false
    private var blankPending = false
    private var inGroup = false

    private let limit: Int

    private init(_ bytes: [UInt8], limit: Int) {
        self.bytes = bytes
        self.limit = limit
    }

    /// Reads the value of an address field, folded or not.
    ///
    /// - Parameter limit: addresses after which reading stops; what stands last may bring two more. Two octets make one
    ///   address, which takes a hundred times as many in memory.
    package static func parse(_ value: some Collection<UInt8>, limit: Int = .max) -> [EnvelopeAddress] {
        var parser = AddressListParser(Array(value), limit: limit)
        parser.run()
        return parser.result
    }

    private mutating func run() {
        while index < bytes.count, result.count < limit {
            let byte = bytes[index]
            switch byte {
            case 32, 9, 10, 13:
                blankPending = true
                index += 1
            case UInt8(ascii: "("): readComment()
            case UInt8(ascii: "\""): readQuoted()
            case UInt8(ascii: ","):
                index += 1
                finishBare()
            case UInt8(ascii: ":"):
                index += 1
                startGroup()
            case UInt8(ascii: ";"):
                index += 1
                endGroup()
            case UInt8(ascii: "<"):
                index += 1
                readAngled()
            case UInt8(ascii: "@"):
                index += 1
                finishWithHost()
            case UInt8(ascii: ">"), UInt8(ascii: ")"), UInt8(ascii: "]"):
                index += 1
            default: readAtom()
            }
        }
        finishBare()
        if inGroup { result.append(EnvelopeAddress()) }
    }

    private mutating func readAtom() {
        joinBlank()
        let start = index
        while index < bytes.count, !isStop(bytes[index]) { index += 1 }
        // A stop octet that has no case of its own is taken as text, so that the loop always moves.
        if index == start { index += 1 }
        phrase += bytes[start..<index]
        hasWords = true
    }

    private mutating func readQuoted() {
        joinBlank()
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count { index += 1 }
            if bytes[index] != 13, bytes[index] != 10 { phrase.append(bytes[index]) }
            index += 1
        }
        index = min(index + 1, bytes.count)
        hasWords = true
    }

    private mutating func joinBlank() {
        if blankPending, !phrase.isEmpty { phrase.append(32) }
        blankPending = false
    }

    private mutating func readComment() {
        var text: [UInt8] = []
        var depth = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "("):
                if depth > 0 { text.append(byte) }
                depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth > 0 { text.append(byte) }
            case UInt8(ascii: "\\"):
                if index < bytes.count { text.append(bytes[index]) }
                index += 1
            case 10, 13: break
            default: text.append(byte)
            }
            if depth == 0 { break }
        }
        index = min(index, bytes.count)
        if comment == nil || !text.isEmpty { comment = unfold(text) }
        blankPending = true
    }

    private mutating func startGroup() {
        guard !inGroup else {
            finishBare()
            return
        }
        result.append(EnvelopeAddress(mailbox: phrase))
        inGroup = true
        reset()
    }

    private mutating func endGroup() {
        finishBare()
        guard inGroup else { return }
        result.append(EnvelopeAddress())
        inGroup = false
    }

    /// A phrase that ends without `<` or `@`: a local part alone, such as `root`.
    private mutating func finishBare() {
        defer { reset() }
        guard hasWords else { return }
        result.append(EnvelopeAddress(name: commentName, mailbox: phrase, host: EnvelopeAddress.missingHost))
    }

    private mutating func finishWithHost() {
        let mailbox = hasWords ? phrase : EnvelopeAddress.missingMailbox
        let host = readHost()
        if index < bytes.count, bytes[index] == UInt8(ascii: "<") {
            // "a@b.example <a@b.example>": an address as an unquoted display name is common.
            phrase += [UInt8(ascii: "@")] + host
            hasWords = true
            return
        }
        skipToSeparator()
        result.append(EnvelopeAddress(name: commentName, mailbox: mailbox, host: host))
        reset()
    }

    private var commentName: [UInt8]? {
        guard let comment, !comment.isEmpty else { return nil }
        return comment
    }

    private mutating func reset() {
        phrase.removeAll(keepingCapacity: true)
        comment = nil
        hasWords = false
        blankPending = false
    }

    /// RFC 5322 §3.4.1 domain or literal; comments and blanks are passed over.
    private mutating func readHost() -> [UInt8] {
        var host: [UInt8] = []
        loop: while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case 32, 9, 10, 13: index += 1
            case UInt8(ascii: "("): readComment()
            case UInt8(ascii: "["):
                while index < bytes.count, bytes[index] != UInt8(ascii: "]") {
                    host.append(bytes[index])
                    index += 1
                }
                if index < bytes.count { host.append(bytes[index]) }
                index = min(index + 1, bytes.count)
            case UInt8(ascii: "."):
                host.append(byte)
                index += 1
            default:
                guard !isStop(byte) else { break loop }
                // Two words without a dot between them: the host has ended.
                guard host.isEmpty || host.last == UInt8(ascii: ".") || !isBlank(before: index) else { break loop }
                while index < bytes.count, !isStop(bytes[index]) {
                    host.append(bytes[index])
                    index += 1
                }
            }
        }
        return host.isEmpty ? EnvelopeAddress.missingHost : host
    }

    private func isBlank(before position: Int) -> Bool {
        guard position > 0 else { return true }
        let byte = bytes[position - 1]
        return byte == 32 || byte == 9 || byte == 10 || byte == 13 || byte == UInt8(ascii: ")")
    }

    /// `<` route, local part, `@`, host `>`.
    private mutating func readAngled() {
        let name = phrase
        let named = hasWords
        let outerComment = comment
        reset()
        let route = readRoute()
        var host: [UInt8]?
        loop: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: ">"), UInt8(ascii: ","), UInt8(ascii: ";"): break loop
            case UInt8(ascii: "@"):
                index += 1
                host = readHost()
            case UInt8(ascii: "\""): readQuoted()
            case UInt8(ascii: "("): readComment()
            case 32, 9, 10, 13: index += 1
            default: readAtom()
            }
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: ">") { index += 1 }
        let mailbox = hasWords ? phrase : EnvelopeAddress.missingMailbox
        let complete = host != nil || hasWords
        comment = outerComment
        skipToSeparator()
        let display = named ? name : commentName
        // RFC 5322 §4.4 allows no empty path, but "<>" is seen in From and To of notifications.
        if complete || display != nil {
            let shown = display.flatMap { $0.isEmpty ? nil : $0 }
            let known = host ?? EnvelopeAddress.missingHost
            result.append(EnvelopeAddress(name: shown, route: route, mailbox: mailbox, host: known))
        }
        reset()
    }

    /// RFC 5322 §4.4 obs-route: `@a,@b:`; nil and no movement when there is none.
    private mutating func readRoute() -> [UInt8]? {
        var cursor = index
        while cursor < bytes.count, bytes[cursor] == 32 || bytes[cursor] == 9 { cursor += 1 }
        guard cursor < bytes.count, bytes[cursor] == UInt8(ascii: "@") else { return nil }
        // A search to the end at each "<@" would take quadratic time.
        let near = bytes[cursor..<min(bytes.count, cursor + 1024)]
        let stop = near.firstIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") }
        guard let colon = stop, bytes[colon] == UInt8(ascii: ":") else { return nil }
        let route = bytes[cursor..<colon]
        index = colon + 1
        return route.filter { $0 != 32 && $0 != 9 && $0 != 13 && $0 != 10 }
    }

    /// Passes what stands between an address and the next `,` or `;`; a comment there may be the name.
    private mutating func skipToSeparator() {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: ","), UInt8(ascii: ";"): return
            case UInt8(ascii: "("): readComment()
            case UInt8(ascii: "\""), UInt8(ascii: "<"): return
            default: index += 1
            }
        }
    }

    private func isStop(_ byte: UInt8) -> Bool {
        switch byte {
        case 32, 9, 10, 13, 0x22, 0x28, 0x29, 0x2C, 0x3A, 0x3B, 0x3C, 0x3E, 0x40, 0x5D: true
        default: false
        }
    }
}
