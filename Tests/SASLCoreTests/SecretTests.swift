import SASLCore
import Testing

@Suite struct SecretTests {
    @Test func noWayOfPrintingShowsIt() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        let credentials = SASLCredentials(login: "a", password: secret)
        var dumpedCredentials = ""
        dump(SASLStep.credentials(credentials), to: &dumpedCredentials)
        let texts = [
            "\(secret)", String(describing: secret), String(reflecting: secret), dumped, "\(credentials)",
            String(reflecting: credentials), dumpedCredentials, "\([secret])", "\(SASLStep.credentials(credentials))",
            "\(SASLClient(.plain, identity: SASLClientIdentity(login: "tim", secret: credentials.password), nonce: "n"))",
        ]
        for text in texts {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains("104, 117"))  // its octets
        }
        #expect("\(secret)" == "•••")
        #expect(String(reflecting: secret) == "•••")
    }

    @Test func equalityIsOfOctets() {
        #expect(Secret("a") == Secret([0x61] as [UInt8]))
        #expect(Secret("a") != Secret("b"))
        #expect(Secret("a") != Secret("ab"))
        #expect(Secret("") == Secret([UInt8]()))
        #expect(Secret("abc").bytes == Array("abc".utf8))
        #expect(Secret("abc").withBytes { Array($0) } == Array("abc".utf8))
    }

    @Test(arguments: [
        ("", nil), ("abc", "abc"), ("a b", "a b"), ("a\u{A0}b\u{3000}", "a b "), ("e\u{301}", "é"), ("tab\t", nil),
        ("nul\0", nil), ("\u{7F}", nil), ("\u{85}", nil), ("ﬁ", "ﬁ"), ("𝕏😀", "𝕏😀"),
    ])
    func passwordsArePrepared(text: String, expected: String?) {
        #expect(OpaqueString.prepare(text.utf8).map { [UInt8]($0) } == expected.map { [UInt8]($0.utf8) })
    }

    @Test func octetsThatAreNotUTF8CannotBePrepared() {
        #expect(OpaqueString.prepare([0x61, 0xE4]) == nil)
        #expect(OpaqueString.prepare([0xED, 0xA0, 0x80]) == nil)
    }
}
