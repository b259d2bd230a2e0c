import Crypto

/// The SHA-256 of a canonicalised body, computed once for every signature that wants the same.
///
/// Holds at most some kilobytes, whatever the body is made of.
package struct DKIMBodyHasher {
    /// Collects small pieces, since each call of the hash function has its price.
    private struct Sink: CanonicalOutput {
        static let capacity = 16 << 10
        /// From this size on a piece is hashed where it lies.
        static let large = 1 << 10
        var hash = SHA256()
        var scratch: [UInt8] = []
        var room: Int?
        var octets = 0

        mutating func write(_ bytes: UnsafeRawBufferPointer) {
            octets += bytes.count
            let counted = min(bytes.count, room ?? bytes.count)
            if let room { self.room = room - counted }
            guard counted > 0 else { return }
            let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(counted))
            if counted >= Self.large || scratch.count + counted > Self.capacity { flush() }
            if counted >= Self.large {
                hash.update(bufferPointer: piece)
            } else {
                scratch.append(contentsOf: piece)
            }
        }

        mutating func flush() {
            guard !scratch.isEmpty else { return }
            scratch.withUnsafeBytes { hash.update(bufferPointer: $0) }
            scratch.removeAll(keepingCapacity: true)
        }
    }

    private var canonicalizer: BodyCanonicalizer
    private var sink = Sink()

    /// Octets of the canonicalised body so far, including those beyond the limit.
    package var canonicalOctets: Int { sink.octets }

    /// - Parameter limit: octets of the canonicalised body that count (the `l=` tag); nil for all.
    package init(_ canonicalization: DKIMCanonicalization, limit: Int? = nil) {
        canonicalizer = BodyCanonicalizer(canonicalization)
        sink.room = limit
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        canonicalizer.consume(bytes, into: &sink)
    }

    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the body; the hasher is used up.
    package mutating func finish() -> [UInt8] {
        canonicalizer.end(into: &sink)
        sink.flush()
        return Array(sink.hash.finalize())
    }
}

/// The body hashes that a message's signatures ask for, each computed once however many ask for it.
struct BodyHashes {
    struct Key: Equatable {
        var canonicalization: DKIMCanonicalization
        var limit: Int?

        init(_ signature: DKIMSignature) {
            canonicalization = signature.bodyCanonicalization
            limit = signature.bodyLimit
        }
    }

    struct Value {
        var hash: [UInt8]
        /// Octets of the whole canonicalised body.
        var octets: Int
    }

    private var hashers: [(key: Key, hasher: DKIMBodyHasher)] = []
    private var values: [(key: Key, value: Value)] = []

    var isEmpty: Bool { hashers.isEmpty && values.isEmpty }

    mutating func want(_ key: Key) {
        guard !hashers.contains(where: { $0.key == key }) else { return }
        hashers.append((key, DKIMBodyHasher(key.canonicalization, limit: key.limit)))
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        for index in hashers.indices { hashers[index].hasher.update(bytes) }
    }

    mutating func finish() {
        for index in hashers.indices {
            let hash = hashers[index].hasher.finish()
            values.append((hashers[index].key, Value(hash: hash, octets: hashers[index].hasher.canonicalOctets)))
        }
        hashers = []
    }

    // One for each signature at most.
    subscript(key: Key) -> Value? { values.first { $0.key == key }?.value }
}
