package import MailConfig

extension HeaderCheckAction {
    /// What is wrong with the actions in a file of patterns.
    ///
    /// - Parameter format: `regexp` or `pcre`; nothing is found in others.
    package static func faults(
        in text: [UInt8], as format: TableSource.Format, file: String, at time: HeaderCheckTime
    ) -> [TableDiagnostic] {
        format == .regexp || format == .pcre ? faults(in: NumberedLine.all(text), file, time) : []
    }

    /// The same of patterns that the manifest holds itself.
    package static func faults(in source: TableSource, at time: HeaderCheckTime) -> [TableDiagnostic] {
        guard case .rules(let rules) = source.content, source.format == .regexp || source.format == .pcre else {
            return []
        }
        return faults(in: NumberedLine.all(rules), source.manifestFile, time)
    }

    private static func faults(
        in lines: [NumberedLine], _ file: String, _ time: HeaderCheckTime
    ) -> [TableDiagnostic] {
        lines.compactMap { line -> TableDiagnostic? in
            guard case .rule(_, let result)? = try? RuleLine(line.content, style: .delimited) else { return nil }
            let text = String(decoding: result, as: UTF8.self)
            do throws(Fault) {
                _ = try HeaderCheckAction(text, isSending: time == .sending)
                return nil
            } catch {
                // What a group will be is not known yet.
                guard !text.contains("$") || !error.description.contains("one address") else { return nil }
                return TableDiagnostic(
                    file: file, line: line.number, "has an action that can't be carried out",
                    remedy: error.description)
            }
        }
    }
}
