import Crypto
import MailSyntax
import SASLCore
import Testing

@testable import Directory

@Suite struct CredentialsLoginThrottleTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func theBurstIsAllowedAndThenOneFailureAMinute() throws {
        var throttle = LoginThrottle()
        let client = try address("192.0.2.1")
        for _ in 0..<9 { throttle.recordFailure(from: client, now: .zero) }
        #expect(throttle.wait(for: client, now: .zero) == nil)
        throttle.recordFailure(from: client, now: .zero)
        #expect(throttle.wait(for: client, now: .zero) == .seconds(60))
        #expect(throttle.wait(for: client, now: .seconds(59)) == .seconds(1))
        #expect(throttle.wait(for: client, now: .seconds(60)) == nil)
        throttle.recordFailure(from: client, now: .seconds(60))
        #expect(throttle.wait(for: client, now: .seconds(60)) == .seconds(60))
        #expect(throttle.wait(for: client, now: .seconds(660)) == nil)
    }

    @Test func theWaitNeverGrowsBeyondTheBucket() throws {
        var throttle = LoginThrottle()
        let client = try address("192.0.2.1")
        for _ in 0..<1_000 { throttle.recordFailure(from: client, now: .zero) }
        #expect(throttle.wait(for: client, now: .zero) == .seconds(60))
    }

    @Test func addressesCountApartAndIPv6ByNetwork() throws {
        var throttle = LoginThrottle()
        for _ in 0..<10 { throttle.recordFailure(from: try address("2001:db8::1"), now: .zero) }
        #expect(throttle.wait(for: try address("2001:db8::ffff"), now: .zero) != nil)
        #expect(throttle.wait(for: try address("2001:db8:0:1::1"), now: .zero) == nil)
        #expect(throttle.wait(for: try address("192.0.2.1"), now: .zero) == nil)
    }

    @Test func theTableIsBounded() throws {
        var limits = LoginThrottleLimits()
        limits.addresses = 100
        var throttle = LoginThrottle(limits: limits)
        for index in 0..<10_000 {
            let client = try #require(IPAddress(bytes: [10, 0, UInt8(index / 256), UInt8(index % 256)]))
            throttle.recordFailure(from: client, now: .milliseconds(index))
            #expect(throttle.count <= 100)
        }
    }
}

@Suite struct CredentialsVerdictCacheTests {
    private func key(_ number: Int) -> [UInt8] { [UInt8(number / 256), UInt8(number % 256)] }

    @Test func entriesEndWithTheirTime() {
        var cache = VerdictCache(limit: 10, lifetime: .seconds(10))
        cache.insert(key(1), now: .zero)
        #expect(cache.contains(key(1), now: .seconds(9)))
        #expect(!cache.contains(key(1), now: .seconds(10)))
        #expect(!cache.contains(key(2), now: .zero))
        cache.insert(key(2), now: .seconds(10))
        #expect(cache.count == 1)
    }

    @Test func theOldestMakesRoom() {
        var cache = VerdictCache(limit: 100, lifetime: .seconds(10))
        for number in 0..<5_000 {
            cache.insert(key(number), now: .zero)
            #expect(cache.count <= 100)
        }
        #expect(!cache.contains(key(4_899), now: .zero))
        #expect(cache.contains(key(4_900), now: .zero))
        cache.removeAll()
        #expect(cache.count == 0)
    }

    @Test func aCacheOfNothingKeepsNothing() {
        var cache = VerdictCache(limit: 0, lifetime: .seconds(10))
        cache.insert(key(1), now: .zero)
        #expect(cache.count == 0)
    }

    @Test func everythingThatMattersChangesTheKey() {
        let secret = SymmetricKey(size: .bits256)
        func key(_ login: String, _ password: String, _ rows: [(Int64, String)], _ with: SymmetricKey) -> [UInt8] {
            let credentials = rows.map { StoredCredential(id: $0.0, kind: .password, value: $0.1) }
            return VerdictCache.key(login: login, password: Secret(password), credentials: credentials, secret: with)
        }
        let base = key("a", "b", [(1, "x"), (2, "y")], secret)
        #expect(base == key("a", "b", [(2, "y"), (1, "x")], secret))
        #expect(base != key("ab", "", [(1, "x"), (2, "y")], secret))
        #expect(base != key("a", "c", [(1, "x"), (2, "y")], secret))
        #expect(base != key("a", "b", [(1, "x")], secret))
        #expect(base != key("a", "b", [(1, "x"), (3, "y")], secret))
        #expect(base != key("a", "b", [(1, "x"), (2, "z")], secret))
        #expect(base != key("a", "b", [(1, "x"), (2, "y")], SymmetricKey(size: .bits256)))
    }
}
