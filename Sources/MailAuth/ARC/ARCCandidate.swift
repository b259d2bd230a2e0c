import Crypto
import MailSyntax

/// The chain of a header: its structure, what it asks for, and the digests that its signatures cover.
struct ARCCandidate {
    /// The three fields of one instance.
    struct Link {
        var results: ArraySlice<UInt8>
        var signature: DKIMSignature
        var signatureDigest: SHA256Digest
        var seal: ARCSeal
        var sealDigest: SHA256Digest
    }

    /// Message signatures that are verified when a chain is no longer than this; otherwise the newest alone.
    static let maximumMessageSignatures = 10

    /// In the order of the instances; empty when there is no chain, or the structure is broken.
    private(set) var links: [Link] = []
    /// Why the chain failed before anything was calculated.
    private(set) var failure: String?

    /// The header has no chain, not even a broken one.
    var isNone: Bool { links.isEmpty && failure == nil }

    /// The newest first.
    private var checkedSignatures: ArraySlice<Link> {
        links.count <= Self.maximumMessageSignatures ? links[...] : links.suffix(1)
    }

    var messageSignatures: [DKIMSignature] { checkedSignatures.map(\.signature) }

    var keyNames: Set<String> {
        Set(links.map(\.seal.keyName)).union(checkedSignatures.map(\.signature.keyName))
    }

    init(_ header: RawHeader) {
        do throws(DKIMSyntaxError) {
            links = try Self.read(header)
        } catch {
            failure = error.description
        }
    }

    private static let resultsName = "arc-authentication-results"
    private static let signatureName = "arc-message-signature"
    private static let sealName = "arc-seal"

    // RFC 8617 §5.2 (1) to (3)
    private static func read(_ header: RawHeader) throws(DKIMSyntaxError) -> [Link] {
        let counts = [resultsName, signatureName, sealName].map { header.count(of: $0) }
        guard let count = counts.max(), count > 0 else { return [] }
        guard count <= ARCInstance.maximum else { throw DKIMSyntaxError("more than 50 sets") }
        let seals = try places(header, sealName) { (tags) throws(DKIMSyntaxError) in try ARCSeal(tags) }
        if let newest = seals.max(by: { $0.key < $1.key }), newest.value.0.status == .fail {
            throw DKIMSyntaxError("the newest seal says that the chain failed")
        }
        let signatures = try places(header, signatureName) { (tags) throws(DKIMSyntaxError) in
            try DKIMSignature(tags, kind: .arc)
        }
        let results = try resultPlaces(header)
        guard counts.allSatisfy({ $0 == count }) else { throw DKIMSyntaxError("sets are not complete") }
        return try links(header, count: count, results: results, signatures: signatures, seals: seals)
    }

    private typealias Place<Value> = [Int: (Value, tags: DKIMTagList, place: Int)]

    private static func places<Value>(
        _ header: RawHeader,
        _ name: String,
        _ read: (DKIMTagList) throws(DKIMSyntaxError) -> Value
    ) throws(DKIMSyntaxError) -> Place<Value> {
        var found: Place<Value> = [:]
        for place in header.indices(of: name) {
            let value = header.fields[place].value
            guard value.count <= DKIMSignature.maximumOctets, let tags = DKIMTagList(value) else {
                throw DKIMSyntaxError("malformed \(name)")
            }
            let instance = try ARCInstance.read(tags)
            let content: Value
            do throws(DKIMSyntaxError) {
                content = try read(tags)
            } catch {
                throw DKIMSyntaxError("\(name) \(instance): \(error)")
            }
            guard found.updateValue((content, tags, place), forKey: instance) == nil else {
                throw DKIMSyntaxError("\(name) \(instance) occurs twice")
            }
        }
        return found
    }

    private static func resultPlaces(_ header: RawHeader) throws(DKIMSyntaxError) -> [Int: Int] {
        var found: [Int: Int] = [:]
        for place in header.indices(of: resultsName) {
            guard let (instance, _) = ARCInstance.leading(header.fields[place].value) else {
                throw DKIMSyntaxError("malformed \(resultsName)")
            }
            guard found.updateValue(place, forKey: instance) == nil else {
                throw DKIMSyntaxError("\(resultsName) \(instance) occurs twice")
            }
        }
        return found
    }

    private static func links(
        _ header: RawHeader,
        count: Int,
        results: [Int: Int],
        signatures: Place<DKIMSignature>,
        seals: Place<ARCSeal>
    ) throws(DKIMSyntaxError) -> [Link] {
        var links: [Link] = []
        // What the seals cover grows with each set. // RFC 8617 §5.1.1
        var covered = SHA256()
        for instance in 1...count {
            guard let result = results[instance], let signature = signatures[instance], let seal = seals[instance]
            else { throw DKIMSyntaxError("set \(instance) is not complete") }
            guard seal.0.status == (instance == 1 ? .none : .pass) else {
                throw DKIMSyntaxError("seal \(instance) says cv=\(seal.0.status.rawValue)")
            }
            // RFC 8617 §4.1.2
            guard !signature.0.signedFields.contains(sealName) else {
                throw DKIMSyntaxError("\(signatureName) \(instance) signs a seal")
            }
            let relaxed = DKIMCanonicalization.relaxed
            covered.update(data: relaxed.header(header.fields[result].bytes))
            covered.update(data: relaxed.header(header.fields[signature.place].bytes))
            var sealed = covered
            sealed.update(data: SignedData.own(header.fields[seal.place], tags: seal.tags, relaxed))
            covered.update(data: relaxed.header(header.fields[seal.place].bytes))
            links.append(
                Link(
                    results: header.fields[result].value, signature: signature.0,
                    signatureDigest: SignedData.digest(
                        signature.0, tags: signature.tags, at: signature.place, in: header),
                    seal: seal.0, sealDigest: sealed.finalize()))
        }
        return links
    }
}
