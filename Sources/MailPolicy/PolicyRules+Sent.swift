import MailConfig

extension PolicyRules {
    /// Whether what a login sends is kept for it; devices have no mailbox.
    package func savesSent(of login: LoginFacts) -> Bool {
        guard login.account != nil else { return false }
        return (rule(for: login.address)?.saveSent ?? manifest.sending.saveSent) == .on
    }
}
