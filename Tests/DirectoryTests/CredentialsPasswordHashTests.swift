import Directory
import SASLCore
import Testing

/// Every text is a hash of `pässword 1`, made by Dovecot's `doveadm pw`, by `openssl passwd` or by libcrypt.
private let known: [String] = [
    "{CRYPT}$y$j9T$abcdefgh$a2j0qJ.uqcqEp.sBFjTvBOdEmRzLiaFJkTgOsyCkPh2",
    "$y$j9T$abcdefgh$a2j0qJ.uqcqEp.sBFjTvBOdEmRzLiaFJkTgOsyCkPh2",
    "$gy$j9T$abcdefgh$Sd0HWnSH/A5qLz28e2tDaMkKsUfbl/3zifzGCCBIGcB",
    "$7$CU..../....abcdefgh$9.zHZ8aqY3Vli8FVkGjm6eBuU9Hd3nxAQTrJGAUuOfB",
    "$1$abcdefgh$IMzVET/M1yYukWiD32Z.T0",
    "$5$abcdefgh$t50M3fsvPr/VcEu4klr0pC/xdAWiJreTx77tizQKNLC",
    "$5$rounds=1000$abcdefgh$EBT9jTik9qU.zX5qRl5jrg3ng46tZJ6/FhwO210cyl.",
    "$6$abcdefgh$i3g8hExOlS2s.nHIusTtLu8HSrYgmVHKa1tSsyMksB2z8xRYAPWM9BMPcCSndYhWj/08XzteuaTpLLUFrD1Yf1",
    "$2a$04$abcdefghijklmnopqrstuu6M4AonsBSlaSmLjwpr7Te.9CyLp4qpK",
    "$2b$04$abcdefghijklmnopqrstuu6M4AonsBSlaSmLjwpr7Te.9CyLp4qpK",
    "$2y$05$DnvCDbLRYyh50EUhcG6QOeT6/lrldEeXLAmr8kDSmk7CkAiRo4dnC",
    "{CRYPT}$2y$05$G2C97dDtCckG5oG11cpJZ.5onv6h/K9ldeXyFowSpGNqAhi3eS9ae",
    "{BLF-CRYPT}$2y$05$DnvCDbLRYyh50EUhcG6QOeT6/lrldEeXLAmr8kDSmk7CkAiRo4dnC",
    "{MD5-CRYPT}$1$nspkiDsK$iF1f8HcYFwUJN84F4j2By/",
    "{MD5}$1$mijiYTV1$FRZHRjFMwdoNJCMyq/t23/",
    "{SHA256-CRYPT}$5$X3I7rk1zFD04Gzya$ZDhGXa5zlgNd4QgGbCk2oPriB9Q70aVXYhJ40bkS7l.",
    "{SHA512-CRYPT}$6$Prtpcpc0AQJXYGnv$2yxJ1FyQHxsW7QS141u0m9hdhkKD5oI74eenUuU6.dAK.jyTBxcitzNV1mBLezEHVhiGjRQMOYbrU5VAaZTso0",
    "{sha512-crypt}$6$Prtpcpc0AQJXYGnv$2yxJ1FyQHxsW7QS141u0m9hdhkKD5oI74eenUuU6.dAK.jyTBxcitzNV1mBLezEHVhiGjRQMOYbrU5VAaZTso0",
    "{SHA512-CRYPT.B64}JDYkVXNsOFh5emR3bi92dHowQSQ2SWxqVi5tb3lYYXBlTjFkcEpjY1VlY3lra1pNeGdqcXNKenJBcE1Hem9UMWYzSUFGc0R3TWpOdU1BOERJVC9xOGFXOHZwSXN4eUF6eUJxMnd4aHB2MA==",
    "{SHA512-CRYPT.HEX}2436246d76635962466564444f545253314f6f246f2f35634b3230425657554b51673356534d6272534d7432614f71386b527a4871594a76437748364f447232776d596e666335506c513073306542724e78774b325a367a64795256646569564a383662512e6b316c30",
    "{SHA}wBFJYYjnh5eS5Eft5JORpd7Gkko=",
    "{SHA1}wBFJYYjnh5eS5Eft5JORpd7Gkko=",
    "{SHA.HEX}c011496188e7879792e447ede49391a5dec6924a",
    "{SHA}C011496188E7879792E447EDE49391A5DEC6924A",
    "{SHA256}f7RERuWhObO3oHciFhtpNCnGhD0FNBL7CyE3AkK4vbA=",
    "{SHA256.B64}f7RERuWhObO3oHciFhtpNCnGhD0FNBL7CyE3AkK4vbA=",
    "{SHA256.HEX}7fb44446e5a139b3b7a07722161b693429c6843d053412fb0b21370242b8bdb0",
    "{SHA512}CKWQ1bFe+6HuV0fkV78KrhRH5bOjFVbkHBnd8vTWw2lc3YVFx8X2I6wtGQoVpZVuVsftC++RLO5GPIvd7H4Lyg==",
    "{SHA512.HEX}08a590d5b15efba1ee5747e457bf0aae1447e5b3a31556e41c19ddf2f4d6c3695cdd8545c7c5f623ac2d190a15a5956e56c7ed0bef912cee463c8bddec7e0bca",
    "{SSHA}SwgNA/CB8yE5JJx7qxztjLyNc68574uy",
    "{SSHA.HEX}aee312a4aa17c067c0504b10801cb5a719cbbc3e1e4bae37",
    "{SSHA256}T5EUe82N1lXLzdZstQ4Tdpjy2+cT7jd//fWnXepTFtf4vJ6c",
    "{SSHA256.HEX}24054de6f104bbad9ec8720d0fc261e1c0eb74575dfa94d892d4e16ed2403b43f743d85b",
    "{SSHA256.B64}w+LG6PXzYyhuS0HOOZ0+mdEqMcah8iMIiSBeYz/SjMsFF6xb",
    "{SSHA512}YYQ/ba0PuxES9dat74sNJ5rT/3/KA5dTjzNiaY6Vhc3NLNcyDToB4P1oG5Y9KUWHlKV518hXbFdpBdC2JA40G/HU+2Q=",
    "{SSHA512.HEX}69b3fe9da0a7527d902bc3e59bf4c0babb71a108605b049e0a4aebb8ee5c44b8cb95f76ab3358744aac474f1691f4231787448daafa994f64d66554f0ba10ef870269fb6",
    "{SSHA512.B64}TN3uIkSaYAupBPdnG3WRAY3rHaLKQeuq+55iFNFR8KtdHSw0cvLa+azMKv3ZnyQYgb0j2ArSf8s528GooIw/GijIEU0=",
    "{PBKDF2}$1$jdUp2gvFbTgE/dkQ$5000$e294eca7047eaf2b5b4c6a90a7964d6217f32843",
    "{PBKDF2}$1$Jb8F9Kaihv.fyhN0$5000$bad07a62f2620eb0842d5a452402bbca351df326",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$pZQwM4B7XLUFcp64Yfkh6g$N+9m+CscTZRqDyA+Fo5o5184vfsf27UolUyaD2IuOeU",
    "{ARGON2I.B64}JGFyZ29uMmkkdj0xOSRtPTMyNzY4LHQ9MyxwPTEkSE15SjRBSEZob01wVGRzcGpDUGZ1USRiQVFkaHV2a2tNck5uQWltQW1ZR3k4MTg1dlhFb1V0RDl5NVFENWNCc0E0",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$yjs/9ump9Wh9JcOGmji1Ww$lVGoIsAnSFf/SO0aBh2TNxcv/IzManJGTO65jSaQj9E",
    "{PLAIN}pässword 1",
    "{CLEAR}pässword 1",
    "{CLEARTEXT}pässword 1",
    "{PLAIN.B64}cMOkc3N3b3JkIDE=",
    "{CLEARTEXT.HEX}70c3a47373776f72642031",
    "{SCRAM-SHA-1}4096,mpYMx6Ny6VSnjsVdRjunqw==,3PEcmoFtNmUB7YS9e6OXnkOuXcI=,/zNqwgxI4KNPbFMVll/S/srAKOg=",
    "{SCRAM-SHA-256}4096,4dEUo5cTM2ia7kQST6fXvw==,sWWu3PDMtPGSRHXfcqJysGDf/KrXxjMsGTjZN89yn+k=,/f9sJ3TaXDWUbgL/oFR02K7n5Ruy7pTVGif0xKbsXHg=",
    "{SCRAM-SHA-256.B64}NDA5NixVa2dFMTZ0Y1ZySnVqR1JQWUl5bU1RPT0sdkxtVVpQSzZuVVhySmFOSWNuVWZVTVc5dkxxaEI5Und0Z0NzUjRzSzBodz0sVndGd252K0dtRVd1alo0ZlZhRzFmUDN5YzQwZys4TFJBWWUydFQyb1ZPQT0=",
]

@Suite struct CredentialsPasswordHashTests {
    @Test(arguments: known) func storedPasswordsAreVerified(stored: String) async throws {
        #expect(try await PasswordHash.verify(Secret("pässword 1"), stored: stored))
        #expect(try await PasswordHash.verify(Secret("pa\u{308}ssword 1"), stored: stored))
        #expect(try await !PasswordHash.verify(Secret("password 1"), stored: stored))
        #expect(try await !PasswordHash.verify(Secret(""), stored: stored))
    }

    @Test func freshHashesAreYescryptAndDiffer() async throws {
        let first = try await PasswordHash.make(Secret("pa\u{308}ssword 1"), cost: 1)
        let second = try await PasswordHash.make(Secret("pässword 1"), cost: 1)
        #expect(first.hasPrefix("{CRYPT}$y$"))
        #expect(first != second)
        for hash in [first, second] {
            #expect(try await PasswordHash.verify(Secret("pässword 1"), stored: hash))
            #expect(try await PasswordHash.verify(Secret("pa\u{308}ssword 1"), stored: hash))
            #expect(try await !PasswordHash.verify(Secret("pässword 2"), stored: hash))
        }
    }

    @Test func theDefaultCostIsTheLibrarys() async throws {
        #expect(try await PasswordHash.make(Secret("x")).hasPrefix("{CRYPT}$y$j9T$"))
    }

    @Test func passwordsEndAtTheLibrarysLimit() async throws {
        let longest = Secret(String(repeating: "a", count: PasswordHash.longestPassword))
        let hash = try await PasswordHash.make(longest, cost: 1)
        #expect(try await PasswordHash.verify(longest, stored: hash))
        let longer = Secret(String(repeating: "a", count: PasswordHash.longestPassword + 1))
        await #expect(throws: PasswordHashError.unusablePassword) { try await PasswordHash.make(longer, cost: 1) }
        #expect(try await !PasswordHash.verify(longer, stored: hash))
    }

    @Test(arguments: ["", "a\0b", "a\nb", "\u{85}"]) func somePasswordsCannotBeMade(password: String) async {
        await #expect(throws: PasswordHashError.unusablePassword) { try await PasswordHash.make(Secret(password)) }
    }

    @Test func aNULDoesNotCutAPasswordShort() async throws {
        let hash = try await PasswordHash.make(Secret("abc"), cost: 1)
        #expect(try await !PasswordHash.verify(Secret("abc\0def"), stored: hash))
    }

    @Test(arguments: [
        ("{DES-CRYPT}0/rznkl.Og0BU", "DES-CRYPT", "weak"), ("0/rznkl.Og0BU", "DES-CRYPT", "weak"),
        ("{CRYPT}0/rznkl.Og0BU", "DES-CRYPT", "weak"), ("{LANMAN}x", "LANMAN", "weak"), ("{NTLM}x", "NTLM", "weak"),
        ("{CRAM-MD5}80aec1449634d113", "CRAM-MD5", "not offered"), ("{DIGEST-MD5}x", "DIGEST-MD5", "not offered"),
        ("{HMAC-MD5}x", "HMAC-MD5", "not offered"), ("{OTP}sha1 1024 82dd", "OTP", "One-time"),
        ("{PLAIN-MD5}ee0a", "PLAIN-MD5", "weak"), ("{LDAP-MD5}7goP", "LDAP-MD5", "weak"),
        ("{SMD5}IsqokuiMPfm", "SMD5", "weak"), ("{PLAIN-TRUNC}x", "PLAIN-TRUNC", "weak"),
        ("{rot13}x", "ROT13", "use {CRYPT}"),
        ("{ROT13.HEX}x", "ROT13", "set a new password"),
    ])
    func otherSchemesAreRefusedByName(stored: String, name: String, hint: String) async throws {
        let error = #expect(throws: PasswordHashError.self) { try PasswordHash.check(stored: stored) }
        guard case .unsupportedScheme(let found, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found == name)
        let text = error?.description ?? ""
        #expect(text.contains("{\(name)}"))
        #expect(text.lowercased().contains(hint.lowercased()))
        await #expect(throws: PasswordHashError.self) { try await PasswordHash.verify(Secret("x"), stored: stored) }
    }

    @Test(arguments: [
        "", "{", "{}", "{SHA", "{SHA}", "{SHA}!!!!", "{SHA}AAAA", "{SSHA}wBFJYYjnh5eS5Eft5JORpd7Gkko=",
        "{SHA256.HEX}zz",
        "{SSHA512.B64}===", "{PBKDF2}", "{PBKDF2}$1$s$0$e294eca7047eaf2b5b4c6a90a7964d6217f32843",
        "{PBKDF2}$1$s$99999999999999999999$e294eca7047eaf2b5b4c6a90a7964d6217f32843", "{PBKDF2}$2$s$1$00",
        "{PBKDF2}$1$s$5000$e294", "{ARGON2I}", "{ARGON2ID}$argon2i$v=19$m=32768,t=4,p=1$pZQwM4B7XLUFcp64Yfkh6g$N+9m",
        "{SCRAM-SHA-256}", "{SCRAM-SHA-256}4096,a,b,c", "{SCRAM-SHA-1}4096,,,", "$nothing", "{CRYPT}$9$abc", "{CRYPT}",
        "{SHA\n}x", "{CRYPT.B64}!", "{PLAIN.HEX}abc",
    ])
    func damagedOnesAreRefused(stored: String) {
        let error = #expect(throws: PasswordHashError.self) { try PasswordHash.check(stored: stored) }
        switch error {
        case .damaged, .unsupportedScheme: break
        default: Issue.record("\(String(describing: error))")
        }
    }

    @Test(arguments: [
        "{CRYPT}$6$", "{CRYPT}$2y$99$short", "{CRYPT}$y$", "{CRYPT}$y$j9T$abcdefgh", "{CRYPT}$5$rounds=x$",
    ])
    func cryptTextsWithoutAHashMatchNothing(stored: String) async throws {
        for password in ["", "x", stored] {
            #expect(try await !PasswordHash.verify(Secret(password), stored: stored))
        }
    }

    @Test(arguments: ["{ARGON2ID}$argon2id$", "{ARGON2I}$argon2i$v=19$m=1,t=0,p=0$YWJj$YWJj"])
    func brokenArgon2IsDamage(stored: String) async {
        await #expect(throws: PasswordHashError.self) { try await PasswordHash.verify(Secret("x"), stored: stored) }
    }

    @Test func aVerifierCanBeMadeAndMatches() async throws {
        let verifier = try await PasswordHash.makeSCRAMVerifier(Secret("pässword 1"))
        #expect(verifier.iterations == 4096)
        #expect(verifier.salt.count == 16)
        #expect(try await PasswordHash.verify(Secret("pässword 1"), stored: verifier.text))
        #expect(try await PasswordHash.makeSCRAMVerifier(Secret("pässword 1")).salt != verifier.salt)
    }
}

@Suite struct CredentialsHashingPoolTests {
    @Test func manyHashesOnFewThreadsAllFinish() async throws {
        let pool = HashingPool(threads: 2, waitingLimit: 1_000)
        let stored = "{SSHA}SwgNA/CB8yE5JJx7qxztjLyNc68574uy"
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<600 {
                group.addTask {
                    try await PasswordHash.verify(Secret(index % 2 == 0 ? "pässword 1" : "x"), stored: stored, on: pool)
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(right == 300)
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        let pool = HashingPool(threads: 1, waitingLimit: 2)
        let stored = "$6$rounds=20000$abcdefgh$x"
        let outcomes = await withTaskGroup(of: PasswordHashError?.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    do throws(PasswordHashError) {
                        _ = try await PasswordHash.verify(Secret("x"), stored: stored, on: pool)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(.busy))
        #expect(outcomes.filter { $0 == nil }.count >= 3)
        #expect(outcomes.allSatisfy { $0 == nil || $0 == .busy })
        #expect(try await !PasswordHash.verify(Secret("x"), stored: stored, on: pool))
    }
}
