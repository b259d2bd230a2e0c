import IMAPCore

// RFC 9586 §3: once it is enabled, messages have no numbers. Commands that use them are refused; what FETCH and EXPUNGE would
// tell is told by UIDFETCH and VANISHED; EXISTS stays, as it counts.
extension IMAPSession {
    /// - Throws: BAD with UIDREQUIRED for a command that speaks of message numbers, where there are none.
    func requireUIDs(_ command: IMAPCommand.Body) throws(CommandRefusal) {
        guard enabled.contains(.uidOnly), command.usesMessageNumbers else { return }
        throw .uidRequired
    }

    /// Searches that were followed before go on, in UIDs. RFC 9586 §3
    func followSearchesByUID() {
        guard let contexts = selection?.contexts else { return }
        for index in contexts.indices { selection?.contexts[index].numbering = .uid }
    }
}

extension CommandRefusal {
    static var uidRequired: CommandRefusal { .bad(.uidRequired, "UIDONLY is enabled: messages have no numbers.") }
}
