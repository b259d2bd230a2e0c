extension IMAPCommand.Body {
    /// Whether messages are spoken of by their number, in the command or in what answers it; what a client may not do any more
    /// once it has enabled UIDONLY.
    ///
    /// `$`, the saved result, is no number where the command has the UID prefix.
    // RFC 9586 §3
    package var usesMessageNumbers: Bool {
        switch self {
        // RFC 9586 §3.2
        case .fetch(let command): !command.messages.isUID
        case .store(let command): !command.messages.isUID
        case .copy(let command), .move(let command): !command.messages.isUID
        case .search(let search): search.usesMessageNumbers
        // RFC 9586 §3.8
        case .sort(let command): command.search.usesMessageNumbers
        case .thread(let command): command.search.usesMessageNumbers
        // RFC 7377 §2: answered by UIDs, always
        case .multiSearch(let command): command.search.key.usesSequenceNumbers
        case .append(let command, _): command.usesMessageNumbers
        // RFC 9586 §3.7
        case .select(let command), .examine(let command): command.qresync?.sequenceMatch != nil
        default: false
        }
    }
}

extension AppendCommand {
    /// Whether it is REPLACE without the UID prefix.
    package var usesMessageNumbers: Bool {
        if case .sequence = replaced { true } else { false }
    }
}

extension SearchCommand {
    // RFC 9586 §3.5
    fileprivate var usesMessageNumbers: Bool { numbering == .sequence || key.usesSequenceNumbers }
}
