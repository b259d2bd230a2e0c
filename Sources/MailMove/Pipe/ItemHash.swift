import Crypto

/// Numbers that stand for things of elsewhere: the first 64 bits of SHA-256, which nobody can aim at.
package enum ItemHash {
    package static func of(_ parts: String...) -> Int64 {
        number(SHA256.hash(data: Array(parts.joined(separator: "\u{0}").utf8)))
    }

    package static func of(_ bytes: some Sequence<UInt8>) -> Int64 {
        number(SHA256.hash(data: Array(bytes)))
    }

    static func number(_ digest: SHA256.Digest) -> Int64 {
        Int64(bitPattern: digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
