import MailAuth
import MailPolicy
import MailSyntax

/// A key of OpenDKIM's tables as it is found.
struct TableKey: Sendable {
    var key: SigningTables.Key
    /// Whose mail it signs, as the signing table writes it.
    var senders: [String]
    /// nil where it can't be read; where there is a problem too, what was read before.
    var signer: DKIMSigningKey?
    var problem: TableDiagnostic?

    /// The owner of its record, without a final dot.
    var recordName: String { "\(key.selector)._domainkey.\(key.domain)" }
    var file: String? { if case .file(let path) = key.place { path } else { nil } }
    /// It is made for any domain, and this one has no such file: its mail is not signed, and nothing is wrong.
    var isAbsent: Bool { signer == nil && problem == nil }
    var algorithm: String { signer.map { "\($0.algorithm.keyType)-sha256" } ?? "unknown" }

    func diagnostic(_ message: String, remedy: String) -> TableDiagnostic {
        TableDiagnostic(file: key.table, line: key.line, message, remedy: remedy)
    }

    /// What is wrong with a key that can be read.
    var faults: [TableDiagnostic] {
        guard let signer else { return [] }
        var faults: [TableDiagnostic] = []
        // RFC 8301 §3.2
        if let bits = signer.bits, bits > DKIMSigningKey.mostBits {
            faults.append(
                diagnostic(
                    "has a key of \(bits) bits: receivers need not verify more than \(DKIMSigningKey.mostBits)",
                    remedy: "make one of 2048 bits with a new selector: opendkim-genkey -b 2048"))
        }
        if let file, let beside = DKIMKeyFile.record(beside: file), beside.selector == key.selector,
            beside.domain == nil || beside.domain == key.domain.ascii, let published = beside.publicKey,
            published != signer.publicKey
        {
            faults.append(
                diagnostic(
                    "\(DKIMKeyFile.recordPath(of: file)) publishes another key than \(file) holds",
                    remedy: "see which of the two is right; what to publish: martlet dns records \(key.domain)"))
        }
        return faults
    }
}

extension AdminError {
    /// What is wrong with a table, or a file that it names.
    init(_ diagnostic: TableDiagnostic) {
        self.init(.config, "\(diagnostic.place): \(diagnostic.message)", remedy: diagnostic.remedy)
    }
}
