import Crypto
import SASLCore

/// Attempts judged a short while ago, by a keyed digest of everything that the judgement rested on.
///
/// The key takes in the account's credentials, so that changing or removing one makes every entry that rested on it unreachable.
struct VerdictCache: Sendable {
    typealias Key = [UInt8]

    private let limit: Int
    private let lifetime: Duration
    private var expiries: [Key: Duration] = [:]
    /// In order of insertion, for eviction; entries before `oldest` are gone.
    private var order: [Key] = []
    private var oldest = 0

    init(limit: Int, lifetime: Duration) {
        self.limit = limit
        self.lifetime = lifetime
    }

    var count: Int { expiries.count }

    func contains(_ key: Key, now: Duration) -> Bool {
        guard let expiry = expiries[key] else { return false }
        return now < expiry
    }

    mutating func insert(_ key: Key, now: Duration) {
        guard limit > 0 else { return }
        if expiries.updateValue(now + lifetime, forKey: key) == nil { order.append(key) }
        while expiries.count > limit { evictOldest() }
        while oldest < order.count, let expiry = expiries[order[oldest]], expiry <= now { evictOldest() }
    }

    mutating func removeAll() {
        self = VerdictCache(limit: limit, lifetime: lifetime)
    }

    private mutating func evictOldest() {
        guard oldest < order.count else { return }
        expiries[order[oldest]] = nil
        oldest += 1
        if oldest > limit {
            order.removeFirst(oldest)
            oldest = 0
        }
    }

    /// The key of an attempt against credentials.
    static func key(
        login: String,
        password: Secret,
        credentials: [StoredCredential],
        secret: SymmetricKey
    ) -> Key {
        var mac = HMAC<SHA256>(key: secret)
        func add(_ bytes: UnsafeRawBufferPointer) {
            withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { mac.update(data: $0) }
            mac.update(data: bytes)
        }
        Array(login.utf8).withUnsafeBytes { add($0) }
        password.withBytes { add($0) }
        for credential in credentials.sorted(by: { $0.id < $1.id }) where credential.kind == .password {
            withUnsafeBytes(of: credential.id.littleEndian) { add($0) }
            Array(credential.value.utf8).withUnsafeBytes { add($0) }
        }
        return Array(mac.finalize())
    }
}
