import Crypto
import NIOSSL
import X509

/// What a TLS connection is begun with on the server's side, and what is known of its certificates.
struct ServerTLSContext: Sendable {
    let ssl: NIOSSLContext
    let identities: ServerIdentities
}

/// The channel binding of each certificate, found by the name that the client asked for.
struct ServerIdentities: Sendable {
    struct Identity: Sendable {
        /// Lower-case.
        var names: [String]
        /// nil where the certificate's algorithm defines none.
        var endPoint: [UInt8]?
    }

    /// The default first.
    private let identities: [Identity]

    init(_ identities: [Identity]) {
        self.identities = identities
    }

    /// Whether the name that the client asks for has to be known.
    var dependsOnName: Bool { identities.count > 1 }

    /// - Parameter name: what the ClientHello asked for; nil when it was not seen.
    func endPoint(for name: ClientHelloName?) -> [UInt8]? {
        guard dependsOnName else { return identities.first?.endPoint }
        switch name {
        case nil: return nil
        case .some(.absent): return identities.first?.endPoint
        case .some(.name(let name)):
            let index = Self.index(of: name, in: identities.map(\.names)) ?? 0
            return identities.indices.contains(index) ? identities[index].endPoint : nil
        }
    }

    /// Which certificate a name is answered with; nil: the first. // RFC 6066 §3
    static func index(of name: String, in names: [[String]]) -> Int? {
        let name = name.lowercased()
        return names.firstIndex { $0.contains(name) }
            ?? names.firstIndex { $0.contains { TLSStore.wildcard($0, covers: name) } }
    }

    /// The digest that binds a channel to a certificate; nil where the kind of signature has no single hash.
    // RFC 5929 §4.1: the hash of the signature's algorithm, SHA-256 in the place of MD5 and SHA-1
    static func endPoint(of certificate: Certificate, der: [UInt8]) -> [UInt8]? {
        switch certificate.signatureAlgorithm {
        case .sha1WithRSAEncryption, .sha256WithRSAEncryption, .ecdsaWithSHA256: Array(SHA256.hash(data: der))
        case .sha384WithRSAEncryption, .ecdsaWithSHA384: Array(SHA384.hash(data: der))
        case .sha512WithRSAEncryption, .ecdsaWithSHA512: Array(SHA512.hash(data: der))
        default: nil
        }
    }
}
