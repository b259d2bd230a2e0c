import MailSyntax

/// An ARC-Seal field, read. // RFC 8617 §4.1.3
struct ARCSeal {
    var instance: Int
    var algorithm: DKIMAlgorithm
    var signature: [UInt8]
    var status: ARCChain.Status
    var domain: DomainName
    var selector: String

    var keyName: String { "\(selector)._domainkey.\(domain.ascii)" }

    init(_ tags: DKIMTagList) throws(DKIMSyntaxError) {
        instance = try ARCInstance.read(tags)
        algorithm = try DKIMSignature.algorithm(tags)
        signature = try DKIMSignature.octets(tags, "b")
        guard let text = tags.text("cv"), let status = ARCChain.Status(rawValue: text.lowercased()) else {
            throw DKIMSyntaxError("invalid cv= tag")
        }
        self.status = status
        (domain, selector) = try DKIMSignature.place(tags)
        // RFC 8617 §4.1.3: h= is not allowed, and neither is a body hash.
        guard tags["h"] == nil else { throw DKIMSyntaxError("h= in a seal") }
        _ = try DKIMSignature.number(tags, "t")
    }
}

/// The `i=` tag of the three fields. // RFC 8617 §4.2.1
enum ARCInstance {
    static let maximum = 50

    static func read(_ tags: DKIMTagList) throws(DKIMSyntaxError) -> Int {
        guard let text = tags.text("i"), let instance = read(Array(text.utf8)) else {
            throw DKIMSyntaxError("invalid i= tag")
        }
        return instance
    }

    /// The instance of an ARC-Authentication-Results field, which begins with it, and where the rest begins.
    static func leading(_ value: ArraySlice<UInt8>) -> (instance: Int, rest: ArraySlice<UInt8>)? {
        var reader = ResultsReader(value)
        guard reader.skipBlanks(), reader.take(0x69) || reader.take(0x49), reader.skipBlanks(), reader.take(0x3D),
            reader.skipBlanks()
        else { return nil }
        let digits = reader.takeDigits()
        guard let instance = read(digits), reader.skipBlanks(), reader.take(0x3B) else { return nil }
        return (instance, reader.rest)
    }

    private static func read(_ digits: some Collection<UInt8>) -> Int? {
        guard (1...2).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: digits, as: UTF8.self)), (1...maximum).contains(number)
        else { return nil }
        return number
    }
}
