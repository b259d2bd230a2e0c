import Crypto
import CryptoExtras
import Foundation
import Glibc
import MailSyntax
import Testing

@testable import MailAuth

/// What a verification costs beside the library's bare arithmetic. Means something in a release build alone:
///
///     MARTLET_BENCH=1 swift test -c release -Xswiftc -enable-testing --filter VerificationCostTests
///
/// Prints `dkim-verify RATIO MICROSECONDS BARE` for scripts.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["MARTLET_BENCH"] == "1"))
struct VerificationCostTests {
    private static let rounds = 2000
    private static let mostTimesBare = 2.0

    /// Of this thread, so that it means the same on a busy machine.
    private static func microseconds(_ work: () -> Bool) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
        }
        var best = Double.infinity
        for _ in 0..<5 {
            let start = now()
            for _ in 0..<rounds where !work() { return .infinity }
            best = min(best, (now() - start) / Double(rounds))
        }
        return best
    }

    @Test("One RSA-2048 signature on 10 KiB costs at most twice RSA and SHA-256, key decoding included")
    func dkim() throws {
        let key = try SignedMessages.Key(.rsaSHA256)
        let body = String(
            repeating: "It is a truth universally acknowledged, that a single man in possession\r\n", count: 142)
        var hasher = key.signer.bodyHasher
        hasher.update(Array(body.utf8))
        let header = Array(SignedMessages.header.utf8)
        let field = try key.signer.sign(header: header, bodyHash: hasher.finish(), at: SignedMessages.now)
        let (signed, octets, answers) = (field + header, Array(body.utf8), key.answers)
        let whole = Self.microseconds {
            var verifier = DKIMVerifier(header: signed)
            verifier.update(octets)
            verifier.finishBody()
            return verifier.results(answers: answers, now: SignedMessages.now).first?.result == .pass
        }
        let digest = SHA256.hash(data: header)
        let der = key.signing.publicKey
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try key.signing.signature(of: header))
        let bare = Self.microseconds {
            guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: der) else { return false }
            _ = SHA256.hash(data: octets)
            return key.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5)
        }
        print("dkim-verify \(whole / bare) \(whole) \(bare)")
        #expect(whole <= bare * Self.mostTimesBare)
    }
}
