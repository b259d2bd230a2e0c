import Directory
import MailSyntax

extension Operations {
    func aliasSendAs(_ text: String, _ who: [String]) async throws -> AdminResponse {
        let sender = try parseSender(text)
        if case .address(let address) = sender, directory.snapshot.alias(address) == nil {
            // An address of a catch-all, or another's: a wrong one shows in what is answered.
            if directory.snapshot.account(address) != nil {
                throw AdminError(
                    .data, "\(address) is an account, not an alias",
                    remedy: "let another send as it: martlet account allow-sender ACCOUNT \(address)")
            }
            throw AdminError(.noUser, "there is no alias \(address)", remedy: "see: martlet alias list")
        }
        try await directory.setSenders(of: sender, try parseSenders(who), author: author)
        return .done(lines: [Self.text(directory.snapshot, sender)])
    }

    func accountAllowSender(_ text: String, _ senderTexts: [String]) async throws -> AdminResponse {
        let account = try requireAccount(text)
        let senders = try senderTexts.map(parseSender)
        try await directory.allowSenders(account.address, senders, author: author)
        return .done(
            lines: senders.map { sender in
                let hosted = sender.domain.map(directory.snapshot.isHosted) ?? false
                return "\(account.address) may send as \(sender)" + (hosted ? "" : ", which is not of this server")
            })
    }

    func accountDenySender(_ text: String, _ senderTexts: [String]) async throws -> AdminResponse {
        let account = try requireAccount(text)
        let senders = try senderTexts.map(parseSender)
        try await directory.denySenders(account.address, senders, author: author)
        return .done(lines: senders.map { "\(account.address) was granted \($0) no longer" })
    }

    /// Who may send as a sender now, in words.
    static func text(_ snapshot: DirectorySnapshot, _ sender: GrantedSender) -> String {
        let senders = snapshot.senders(of: sender)
        let names = (senders.members ? ["its members"] : []) + senders.accounts.map(\.description)
        return names.isEmpty
            ? "nobody has been granted to send as \(sender)"
            : "\(names.joined(separator: ", ")) may send as \(sender)"
    }

    private func parseSender(_ text: String) throws -> GrantedSender {
        if text.hasPrefix("@") { return .domain(try parseDomain(String(text.dropFirst()))) }
        return .address(try parseAddress(text))
    }

    /// Reads `members`, `nobody` and accounts, with commas or apart.
    func parseSenders(_ texts: [String]) throws -> AliasSenders {
        let words = texts.flatMap { $0.split(separator: ",").map(String.init) }
        guard !words.isEmpty else {
            throw AdminError(.usage, "nobody is named", remedy: "name accounts, or say members or nobody")
        }
        guard !words.contains("nobody") || words.count == 1 else {
            throw AdminError(.usage, "nobody and somebody can't both send as it")
        }
        let accounts = words.filter { $0 != "members" && $0 != "nobody" }
        return AliasSenders(
            members: words.contains("members"), accounts: try accounts.map { try requireAccount($0).address })
    }
}
