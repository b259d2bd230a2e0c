import FoundationEssentials
import Glibc
import SwiftASN1
import Synchronization
import X509

/// Authorities by file, read once and again when the file has changed.
final class TrustAnchors: Sendable {
    private struct Entry: Sendable {
        var modified: Int64
        var store: CertificateStore
    }

    /// Where distributions keep what the system trusts: Debian, Fedora, openSUSE, Alpine.
    static let systemFiles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    private let entries = Mutex<[String: Entry]>([:])

    /// The authorities of the system: the file that `SSL_CERT_FILE` names, as in OpenSSL, or the distribution's.
    func system() throws(TLSStoreError) -> CertificateStore {
        let named = getenv("SSL_CERT_FILE").map { String(cString: $0) }
        if let named, !named.isEmpty { return try store(named) }
        for file in Self.systemFiles where Self.modified(file) != nil { return try store(file) }
        throw TLSStoreError(
            file: Self.systemFiles[0], reason: "the system's authorities are missing (install ca-certificates)")
    }

    /// Blocking disk read: not on an event loop.
    func store(_ file: String) throws(TLSStoreError) -> CertificateStore {
        guard let modified = Self.modified(file) else {
            throw TLSStoreError(file: file, reason: "the file of authorities can't be read")
        }
        if let entry = entries.withLock({ $0[file] }), entry.modified == modified { return entry.store }
        let certificates = try Self.read(file)
        let store = CertificateStore(certificates)
        entries.withLock { $0[file] = Entry(modified: modified, store: store) }
        return store
    }

    /// What isn't understood is passed over: system bundles hold odd certificates, and one that is missing trusts less.
    static func read(_ file: String) throws(TLSStoreError) -> [Certificate] {
        let documents: [PEMDocument]
        do {
            let text = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
            documents = try PEMDocument.parseMultiple(pemString: text)
        } catch {
            throw TLSStoreError(file: file, reason: "cannot be read as PEM certificates (\(error))")
        }
        let certificates = documents.compactMap { try? Certificate(pemDocument: $0) }
        guard !certificates.isEmpty else { throw TLSStoreError(file: file, reason: "no certificate in this file") }
        return certificates
    }

    /// Nanoseconds since 1970.
    static func modified(_ file: String) -> Int64? {
        var status = stat()
        guard stat(file, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
