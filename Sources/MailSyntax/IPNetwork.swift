/// An address block: `192.0.2.0/24`, `2001:db8::/32`, or one address.
package struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the block.
    package let base: IPAddress
    /// 0…32 or 0…128.
    package let prefixLength: Int

    /// nil when the address or the length is not one; host bits are dropped.
    package init?(_ text: some StringProtocol) {
        let fields = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = fields.first, let address = IPAddress(first) else { return nil }
        let bits = address.bytes.count * 8
        guard fields.count == 2 else {
            self.init(address, prefixLength: bits)
            return
        }
        guard (1...3).contains(fields[1].utf8.count), fields[1].utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        guard var length = Int(fields[1]) else { return nil }
        // ::ffff:192.0.2.0/120 is kept as 192.0.2.0/24.
        if !address.isV6, first.contains(":") { length -= 96 }
        guard (0...bits).contains(length) else { return nil }
        self.init(address, prefixLength: length)
    }

    /// The block of `prefixLength` bits that holds `address`; the length is clamped to the address's bits.
    package init(_ address: IPAddress, prefixLength: Int) {
        let length = min(max(prefixLength, 0), address.bytes.count * 8)
        let masked = address.bytes.enumerated().map { $1 & Self.mask(octet: $0, length: length) }
        self.base = IPAddress(bytes: masked) ?? address
        self.prefixLength = length
    }

    package func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        for (index, byte) in address.bytes.enumerated() {
            let mask = Self.mask(octet: index, length: prefixLength)
            guard mask != 0 else { return true }
            guard byte & mask == base.bytes[index] else { return false }
        }
        return true
    }

    package var description: String {
        prefixLength == base.bytes.count * 8 ? base.description : "\(base)/\(prefixLength)"
    }

    private static func mask(octet index: Int, length: Int) -> UInt8 {
        let bits = length - index * 8
        return bits >= 8 ? 0xFF : bits <= 0 ? 0 : ~(0xFF >> UInt8(bits))
    }
}
