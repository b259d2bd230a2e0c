import MailSyntax

@testable import MailAuth

enum MailAuthFuzz {
    static let entries = [
        FuzzEntry("dkim-signature", signature),
        FuzzEntry("dkim-key", key),
        FuzzEntry("dkim-verifier", verifier),
        FuzzEntry("dkim-canonical", canonical),
    ]

    static func signature(_ bytes: [UInt8]) {
        guard let signature = try? DKIMSignature(parsing: bytes[...]) else { return }
        precondition(!signature.signedFields.isEmpty && !signature.signature.isEmpty)
        precondition((signature.bodyLimit ?? 0) >= 0, "a negative length")
    }

    static func key(_ bytes: [UInt8]) {
        _ = DKIMKeyRecord(parsing: bytes)
        _ = DKIMKeyRecord.zoneFileStrings(String(decoding: bytes, as: UTF8.self))
    }

    /// A key record on the first line, then a message.
    static func verifier(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let record = input.line()
        let message = input.remainder()
        let end = endOfHeader(message)
        var verifier = DKIMVerifier(header: Array(message[..<end]))
        let body = Array(message[end...])
        let half = body.count / 2
        verifier.update(Array(body[..<half]))
        verifier.update(Array(body[half...]))
        verifier.finishBody()
        let names = verifier.keyNames
        let answers = Dictionary(uniqueKeysWithValues: names.map { ($0, DKIMKeyLookup.records([record])) })
        let results = verifier.results(answers: answers, now: Timestamp(seconds: 1_700_000_000))
        precondition(results.count <= DKIMVerifier.maximumSignatures, "too many signatures were looked at")
    }

    private static func endOfHeader(_ message: [UInt8]) -> Int {
        var previous = 0
        for (index, octet) in message.enumerated() where octet == 10 {
            if index - previous <= 1 { return index + 1 }
            previous = index + 1
        }
        return message.count
    }

    private static func body(_ pieces: [[UInt8]], _ canonicalization: DKIMCanonicalization) -> [UInt8] {
        var canonicalizer = BodyCanonicalizer(canonicalization)
        var output: [UInt8] = []
        for piece in pieces { canonicalizer.update(piece, to: &output) }
        canonicalizer.finish(to: &output)
        return output
    }

    static func canonical(_ bytes: [UInt8]) {
        for canonicalization in DKIMCanonicalization.allCases {
            let whole = body(FuzzCuts.whole(bytes), canonicalization)
            precondition(body(FuzzCuts.single(bytes), canonicalization) == whole, "octet by octet differs")
            precondition(body([whole], canonicalization) == whole, "the canonical form is not its own")
            let field = canonicalization.header(bytes[...])
            precondition(canonicalization.header(field[...]) == field, "the canonical field is not its own")
        }
    }
}
