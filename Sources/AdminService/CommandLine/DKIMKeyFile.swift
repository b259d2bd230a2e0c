import Glibc
import MailAuth
import MailSyntax

/// A private key in a file, with the domain and selector that it is for: as `opendkim-genkey` leaves it, `mail.private`
/// beside `mail.txt`.
package struct DKIMKeyFile: Equatable {
    package var domain: String
    package var selector: String
    package var pem: String
    /// What is worth knowing of it.
    package var remarks: [String] = []

    private static let mostOctets = 64 * 1024

    /// Reads a key, and what the record beside it says of it.
    ///
    /// - Parameters:
    ///   - domain: nil: as the record says.
    ///   - selector: nil: as the record says.
    /// - Throws: `AdminError` when the file can't be read, when it isn't known what it is for, or when the record is of
    ///   another key.
    package static func read(_ path: String, domain: String?, selector: String?) throws -> DKIMKeyFile {
        let pem = String(decoding: try FileBytes.read(path, limit: mostOctets), as: UTF8.self)
        let beside = recordPath(of: path)
        let record = record(beside: path)
        guard let domain = domain ?? record?.domain else {
            throw unknown("domain", path, beside)
        }
        guard let selector = selector ?? record?.selector else {
            throw unknown("selector", path, beside)
        }
        var file = DKIMKeyFile(domain: domain, selector: selector, pem: pem)
        // A key that can't be read is refused, with the reason, by the import itself.
        if let published = record?.publicKey, let key = try? DKIMSigningKey(pem: pem), key.publicKey != published {
            throw AdminError(
                .data, "\(beside) publishes another key than \(path) holds",
                remedy: "see which of the two is right; name a copy of the key elsewhere to import it all the same")
        }
        var info = stat()
        if stat(path, &info) == 0, info.st_mode & 0o044 != 0 {
            file.remarks.append("others may read \(path): chmod 0600 \(path), or remove it")
        }
        return file
    }

    /// What lies beside a key to be published; nil where there is nothing that can be read: it says nothing that the key
    /// doesn't, and is only compared with it.
    static func record(beside path: String) -> DKIMRecordFile? {
        (try? FileBytes.read(recordPath(of: path), limit: mostOctets)).flatMap {
            DKIMRecordFile(String(decoding: $0, as: UTF8.self))
        }
    }

    /// `mail.txt` of `mail.private`.
    static func recordPath(of path: String) -> String {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        guard let dot = path[slash...].lastIndex(of: ".") else { return path + ".txt" }
        return path[..<dot] + ".txt"
    }

    private static func unknown(_ what: String, _ path: String, _ beside: String) -> AdminError {
        AdminError(
            .usage, "it isn't known which \(what) \(path) is for: there is no \(beside) that says so",
            remedy: "name it: --domain example.org --selector mail")
    }
}

/// The record of a key as a zone file has it.
struct DKIMRecordFile {
    var selector: String
    /// nil where the name is relative and no comment says.
    var domain: String?
    /// nil where it has none that can be read.
    var publicKey: [UInt8]?

    /// nil for a text that is no such record.
    init?(_ text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let name = words.first, let mark = name.firstRange(of: "._domainkey") else { return nil }
        selector = String(name[..<mark.lowerBound])
        let rest = name[mark.upperBound...].drop { $0 == "." }
        domain = DomainName(rest)?.ascii
        if domain == nil, let comment = text.firstRange(of: "DKIM key \(selector) for ") {
            domain = DomainName(text[comment.upperBound...].prefix { !$0.isWhitespace })?.ascii
        }
        let strings = text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        let record = strings.filter { $0.offset % 2 == 1 }.map(\.element).joined()
        for tag in record.split(separator: ";") {
            let parts = tag.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ !$0.isWhitespace }) == "p" else { continue }
            publicKey = Base64.decode(parts[1].filter { !$0.isWhitespace })
        }
    }
}

/// A key that was asked for, written where it is wanted.
package enum DKIMExport {
    /// Writes a private key to a new file that only its owner may read.
    ///
    /// - Throws: `AdminError` when there is such a file, or it can't be written.
    package static func write(_ key: DKIMKeyText, to path: String) throws {
        guard !FileBytes.exists(path) else {
            throw AdminError(.cannotCreate, "\(path) is there already", remedy: "name another file, or remove it")
        }
        try FileBytes.write(key.privateKey, to: path, mode: 0o600)
    }
}
