import MailSyntax

/// Plain functions for fuzz targets: each must return for any octets, and traps when a promise is broken.
package enum FuzzEntries {
    private static func promise(_ isKept: Bool, _ otherwise: String) {
        precondition(isKept, otherwise)
    }

    /// Scans whole and cut in two; both must give the same index, which must survive its coding.
    package static func scan(_ bytes: [UInt8]) {
        let whole = MessageIndex(scanning: bytes)
        var scanner = MessageScanner()
        let cut = bytes.count / 3
        scanner.consume(Array(bytes[..<cut]))
        scanner.consume(Array(bytes[cut...]))
        promise(scanner.finish() == whole, "split scan differs")
        let decoded = try? MessageIndex.decode(whole.encode(), headerBlock: whole.headerBlock)
        promise(decoded == whole, "index coding differs")
        _ = SearchText.extract(index: whole) { Array(bytes[$0.clamped(to: 0..<bytes.count)]) }
    }

    package static func decodeIndex(_ bytes: [UInt8]) {
        guard let index = try? MessageIndex.decode(bytes, headerBlock: []) else { return }
        _ = index.encode()
    }

    package static func header(_ bytes: [UInt8]) {
        let block = HeaderBlock(parsing: bytes)
        _ = block.fields.map(\.text)
        _ = block.removing("Subject").appending("Subject", Array("x".utf8))
    }

    package static func addresses(_ bytes: [UInt8]) {
        _ = AddressListParser.parse(bytes)
        _ = EmailAddress(bytes: bytes)
    }

    /// Addresses put back as they were leave every octet in its place; others in their place leave the rest.
    package static func headerAddresses(_ bytes: [UInt8]) {
        let rewriter = HeaderAddressRewriter(HeaderBlock(parsing: bytes))
        guard let other = EmailAddress("x@y.example") else { return }
        var same: [Int: EmailAddress] = [:]
        var others: [Int: EmailAddress] = [:]
        for (index, place) in rewriter.places.enumerated() {
            if case .address(let address) = place.written { same[index] = address }
            others[index] = other
        }
        promise(rewriter.replacing(same) == nil, "the same addresses change the header")
        guard let changed = rewriter.replacing(others) else { return }
        promise(changed.fields.count == rewriter.header.fields.count, "the header has other fields")
        let again = HeaderAddressRewriter(changed)
        promise(again.places.count == rewriter.places.count, "the header has other addresses")
        promise(again.places.allSatisfy { $0.written == .address(other) }, "an address was not replaced")
    }

    package static func syntax(_ bytes: [UInt8]) {
        _ = InternetDate.parse(bytes)
        _ = EncodedWord.decode(bytes)
        _ = Base64.decodeLenient(bytes)
        _ = QuotedPrintable.decode(bytes)
        _ = HTMLText.strip(bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        _ = DomainName(text)
        _ = IPNetwork(text)
    }

    /// What is folded is folded; every text of a message is; nothing outside the message is read.
    package static func searchText(_ bytes: [UInt8]) {
        let text = TextFold.fold(String(decoding: bytes, as: UTF8.self))
        promise(TextFold.fold(text) == text, "folding twice differs")
        let index = MessageIndex(scanning: bytes)
        let chunks = SearchText.extract(index: index) { range in
            promise(range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range outside the message")
            return Array(bytes[range])
        }
        for chunk in chunks { promise(TextFold.fold(chunk.text) == chunk.text, "a text is not folded") }
    }

    /// A base subject is its own base subject; keys are within their limits.
    package static func sortKeys(_ bytes: [UInt8]) {
        let base = BaseSubject(bytes)
        if !base.text.contains("=?") {
            promise(BaseSubject(Array(base.text.utf8)).text == base.text, "a base subject has another")
        }
        let keys = SortKeys(MessageIndex(scanning: bytes))
        promise(keys.subject.count <= SortKeys.maximumKey && keys.displayTo.count <= SortKeys.maximumKey, "a long key")
        promise(keys.references.count <= SortKeys.maximumReferences, "many references")
    }

    /// Each message stands once in the threads, whatever it refers to.
    package static func threads(_ bytes: [UInt8]) {
        var rest = bytes[...]
        var messages: [ThreadedMessage] = []
        while let head = rest.popFirst() {
            let cited = rest.prefix(Int(head >> 6))
            rest = rest.dropFirst(cited.count)
            messages.append(
                ThreadedMessage(
                    sentAt: Int64(head & 3), subject: Int64(head >> 3 & 3), isReplyOrForward: head & 4 != 0,
                    messageID: head & 32 == 0 ? Int64(head & 31) : nil, references: cited.map { Int64($0 & 31) }))
        }
        for forest in [ThreadForest(references: messages), ThreadForest(orderedSubject: messages)] {
            var seen: [Int] = []
            var stack = forest.roots
            while let node = stack.popLast(), seen.count <= messages.count {
                if forest.isMessage(node) { seen.append(node) }
                stack += forest.children(of: node)
            }
            promise(seen.sorted() == Array(messages.indices), "a message is missing, or there twice")
        }
    }
}
