import Crypto

/// The SHA-256 of a canonicalised body, computed once for every signature that wants the same.
package struct DKIMBodyHasher {
    private var canonicalizer: BodyCanonicalizer
    private var hash = SHA256()
    private var scratch: [UInt8] = []
    private var room: Int?
    /// Octets of the canonicalised body so far, including those beyond the limit.
    package private(set) var canonicalOctets = 0

    /// - Parameter limit: octets of the canonicalised body that count (the `l=` tag); nil for all.
    package init(_ canonicalization: DKIMCanonicalization, limit: Int? = nil) {
        canonicalizer = BodyCanonicalizer(canonicalization)
        room = limit
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        canonicalizer.update(bytes, to: &scratch)
        drain()
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the body; the hasher is used up.
    package mutating func finish() -> [UInt8] {
        canonicalizer.finish(to: &scratch)
        drain()
        return Array(hash.finalize())
    }

    private mutating func drain() {
        canonicalOctets += scratch.count
        let counted = min(scratch.count, room ?? scratch.count)
        room = room.map { $0 - counted }
        scratch.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0.prefix(counted))) }
        scratch.removeAll(keepingCapacity: true)
    }
}
