import Glibc
import MailAuth
import MailPolicy
import Synchronization

/// Keys in files named after the sender's domain, read when one of its messages leaves.
final class SenderKeys: Sendable {
    private struct Known {
        var key: DKIMSigningKey
        var signature: FileSignature
    }

    private static let most = 1000

    private let owners: Set<uid_t>
    private let report: @Sendable (TableEvent) -> Void
    private let known = Mutex<[String: Known]>([:])

    init(owners: Set<uid_t>, report: @escaping @Sendable (TableEvent) -> Void) {
        self.owners = owners
        self.report = report
    }

    /// What was last read of a file, whatever became of it.
    func last(_ path: String) -> DKIMSigningKey? { known.withLock { $0[path]?.key } }

    /// nil where there is no such file. A file that went bad leaves its last good key in force.
    func key(_ path: String) throws(TableFailure) -> DKIMSigningKey? {
        let last = known.withLock { $0[path] }
        let found = FileSignature.of(path)
        if case .success(let signature) = found, let last, last.signature == signature { return last.key }
        if case .failure = found, SigningKeyFile.isMissing(path) {
            known.withLock { $0[path] = nil }
            return nil
        }
        do throws(TableFileError) {
            let (key, signature) = try SigningKeyFile.read(path, owners: owners)
            known.withLock { known in
                if known.count >= Self.most { known = [:] }
                known[path] = Known(key: key, signature: signature)
            }
            return key
        } catch {
            let diagnostic = TableDiagnostic(file: path, error.message, remedy: error.remedy)
            report(.failed(diagnostic))
            guard let last else { throw TableFailure("\(path) \(error.message) (\(error.remedy))") }
            return last.key
        }
    }
}
