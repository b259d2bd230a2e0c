import Crypto
import MailSyntax

/// A proof that who brings the code is who asked for it. // RFC 7636 §4.1, RFC 7636 §4.2
package struct PKCE: Sendable {
    package let verifier: String

    package init(verifier: String) {
        self.verifier = verifier
    }

    /// With 256 random bits.
    package static func random() -> PKCE { PKCE(verifier: randomWord(octets: 32)) }

    /// S256.
    package var challenge: String { Self.base64URL(Array(SHA256.hash(data: Array(verifier.utf8)))) }

    /// Unguessable text for a URL.
    static func randomWord(octets: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return base64URL((0..<octets).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Without padding. // RFC 7636 §A
    static func base64URL(_ bytes: [UInt8]) -> String {
        String(
            Base64.encode(bytes).compactMap { character in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            })
    }
}
