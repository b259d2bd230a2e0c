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
}
