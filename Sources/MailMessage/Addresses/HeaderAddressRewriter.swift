package import MailSyntax

/// The addresses of a header's address fields, and how to put others in their place.
///
/// Everything but the addresses themselves stays octet for octet: display names, comments, groups, folding, blanks, and
/// whatever could not be read. Comments inside of an address (`joe(Joe)@example.org`) are put behind the new one. A
/// line that would grow beyond `longestLine` is folded before the address.
package struct HeaderAddressRewriter: Sendable {
    package enum Written: Sendable, Hashable {
        case address(EmailAddress)
        /// A local part alone: `root`.
        case unqualified(String)
    }

    /// One address in the header.
    package struct Place: Sendable {
        package let role: AddressFieldRole
        package let written: Written
        /// In `header.fields`.
        package let field: Int
        fileprivate let range: Range<Int>
        fileprivate let itemStart: Int
        fileprivate let comments: [Range<Int>]
    }

    /// Addresses of one header that are looked at; the rest stays as it is. Postfix looks at 10,240 words.
    package static let mostAddresses = 10_000
    // RFC 5322 §2.1.1: 998 octets at most.
    package static let longestLine = 900

    package let header: HeaderBlock
    /// From the top down.
    package let places: [Place]

    /// Finds the addresses. Linear in the size of the header.
    package init(_ header: HeaderBlock) {
        self.header = header
        var places: [Place] = []
        header.bytes.withUnsafeBufferPointer { bytes in
            for (index, field) in header.fields.enumerated() where places.count < Self.mostAddresses {
                guard let role = AddressFieldRole(fieldName: field.name) else { continue }
                let value = field.rawValue.startIndex..<field.rawValue.endIndex
                let left = Self.mostAddresses - places.count
                for found in AddressPlaceScanner.scan(bytes, value, limit: left) {
                    guard let written = Self.read(found) else { continue }
                    places.append(
                        Place(
                            role: role, written: written, field: index, range: found.range, itemStart: found.itemStart,
                            comments: found.comments))
                }
            }
        }
        self.places = places
    }

    private static func read(_ found: AddressPlaceScanner.Found) -> Written? {
        if found.hasDomain { return EmailAddress(bytes: found.text).map(Written.address) }
        // Not longer than any local part, and one that an address can be made of.
        guard found.text.count <= 256, let text = String(validating: found.text, as: UTF8.self),
            EmailAddress("\(text)@localhost") != nil
        else { return nil }
        return .unqualified(text)
    }

    /// The header with other addresses; nil when none changes.
    ///
    /// - Parameter replacements: by index in `places`; what is the same as written is left alone.
    package func replacing(_ replacements: [Int: EmailAddress]) -> HeaderBlock? {
        var writer = HeaderWriter(header.bytes)
        for (index, place) in places.enumerated() {
            guard let new = replacements[index], .address(new) != place.written else { continue }
            var text = Array(new.description.utf8)
            for comment in place.comments { text += [0x20] + header.bytes[comment] }
            writer.replace(place.range, with: text, itemStart: place.itemStart)
        }
        guard writer.hasChanged else { return nil }
        return HeaderBlock(parsing: writer.finish())
    }
}

/// Copies a header with parts replaced, and knows how long the line in hand is.
private struct HeaderWriter {
    private let source: [UInt8]
    private var position = 0
    private var out: [UInt8] = []
    private var column = 0
    private(set) var hasChanged = false

    init(_ source: [UInt8]) {
        self.source = source
        out.reserveCapacity(source.count + 256)
    }

    mutating func replace(_ range: Range<Int>, with text: [UInt8], itemStart: Int) {
        hasChanged = true
        copy(to: max(itemStart, position))
        let length = column + (range.lowerBound - position) + text.count
        // The first address of a field stands where it stands: a line of blanks alone would end the header for some.
        if itemStart == position, out.last == UInt8(ascii: ","), length > HeaderAddressRewriter.longestLine {
            append([13, 10])
            if position < source.count, source[position] != 32, source[position] != 9 { append([32]) }
        }
        copy(to: range.lowerBound)
        append(text[...])
        position = range.upperBound
    }

    mutating func finish() -> [UInt8] {
        copy(to: source.count)
        return out
    }

    private mutating func copy(to end: Int) {
        guard end > position else { return }
        append(source[position..<end])
        position = end
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) {
        out += bytes
        if let feed = bytes.lastIndex(of: 10) {
            column = bytes.endIndex - feed - 1
        } else {
            column += bytes.count
        }
    }
}
