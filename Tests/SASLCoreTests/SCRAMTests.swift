import SASLCore
import Testing

@Suite struct SCRAMTests {
    // RFC 7677 §3
    let salt: [UInt8] = [
        0x5B, 0x6D, 0x99, 0x68, 0x9D, 0x12, 0x35, 0x8E, 0xEC, 0xA0, 0x4B, 0x14, 0x12, 0x36, 0xFA, 0x81,
    ]
    let authMessage = Array(
        ("n=user,r=rOprNGfwEbeRWgbNEkqO,"
            + "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
            + "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").utf8)

    @Test func theExampleOfTheStandardHolds() throws {
        let verifier = SCRAMVerifier(password: Secret("pencil"), salt: salt)
        let proof = SCRAMVerifier.clientProof(
            password: Secret("pencil"), salt: salt, iterations: 4096, authMessage: authMessage)
        #expect(SASLLine.encode(proof) == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
        #expect(verifier.accepts(clientProof: proof, authMessage: authMessage))
        #expect(
            SASLLine.encode(verifier.serverSignature(authMessage: authMessage))
                == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        for index in proof.indices {
            var wrong = proof
            wrong[index] ^= 1
            #expect(!verifier.accepts(clientProof: wrong, authMessage: authMessage))
        }
        #expect(!verifier.accepts(clientProof: [], authMessage: authMessage))
        #expect(!verifier.accepts(clientProof: proof + [0], authMessage: authMessage))
    }

    @Test func theTextFormIsDovecots() throws {
        // doveadm pw -s SCRAM-SHA-256 -p 'pässword 1'
        let text =
            "{SCRAM-SHA-256}4096,4dEUo5cTM2ia7kQST6fXvw==,"
            + "sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg="
        let verifier = try #require(SCRAMVerifier(parsing: text))
        #expect(verifier.text == text)
        #expect(verifier.matches(Secret("pässword 1")))
        #expect(verifier.matches(Secret("pa\u{308}ssword\u{A0}1")))
        #expect(!verifier.matches(Secret("password 1")))
        #expect(SCRAMVerifier(parsing: text.dropFirst("{SCRAM-SHA-256}".count)) == verifier)
        #expect("\(verifier)\(String(reflecting: verifier))".contains("sWWu") == false)
    }

    @Test(arguments: [
        "", "{SCRAM-SHA-256}", "4096,,,",
        "4095,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg=",
        "99999999999999999999,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg=",
        "10000001,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg=",
        "4096,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrX,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg=",
        "4096,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,", "4096,!,A,B", "a,b,c,d,e",
    ])
    func damagedVerifiersAreRefused(text: String) {
        #expect(SCRAMVerifier(parsing: text) == nil)
    }
}
