import MailSyntax

extension CommandContext {
    /// Octets of a file that is imported.
    private static let limit = 16 << 20

    /// Reads files as the operator and has them imported, one after the other.
    package func importReports(_ files: [String]) async throws -> AdminResponse {
        var list: [ReportImport] = []
        for file in files {
            let bytes: [UInt8]
            do {
                bytes = try FileBytes.read(file, limit: Self.limit)
            } catch {
                list.append(
                    ReportImport(file: file, outcome: "refused", reason: AdminError(translating: error).message))
                continue
            }
            guard
                case .reportImports(let results) = try await perform(
                    .reportsImport(file: file, content: Base64.encode(bytes)))
            else { continue }
            list += results
        }
        return .reportImports(list)
    }
}

extension AdminResponse {
    /// A file was refused.
    package var hasRefusedReports: Bool {
        guard case .reportImports(let list) = self else { return false }
        return list.contains { $0.outcome == "refused" }
    }
}
