package import MailConfig

/// What a user types into a mail program.
package enum ClientSettings {
    /// A table of the services that users log in to.
    package static func table(_ manifest: Manifest, login: String) -> String {
        var table = TextTable(["FOR", "SERVER", "PORT", "SECURITY", "LOGIN"])
        let rows: [(kind: ListenerKind, purpose: String, security: String)] = [
            (.imaps, "Reading (IMAP)", "SSL/TLS"),
            (.imap, "Reading (IMAP)", "STARTTLS"),
            (.submissions, "Sending (SMTP)", "SSL/TLS"),
            (.submission, "Sending (SMTP)", "STARTTLS"),
            (.pop3s, "Reading (POP3)", "SSL/TLS"),
            (.pop3, "Reading (POP3)", "STARTTLS"),
        ]
        for row in rows {
            for listener in manifest.listeners where listener.kind == row.kind {
                let server = isLoopback(listener.address) ? listener.address : manifest.server.hostname
                table.add([row.purpose, server, "\(listener.port)", row.security, login])
            }
        }
        return table.text
    }

    private static func isLoopback(_ address: String) -> Bool { address.hasPrefix("127.") || address == "::1" }
}

extension Quickstart.Outcome {
    /// Everything that `quickstart` prints.
    package var text: String {
        var text = steps.map { "  \($0)\n" }.joined()
        if let generatedPassword {
            text += "\nPassword of \(address), shown this once:\n\n  \(generatedPassword)\n"
        }
        text += "\nMail programs:\n\n"
        text += ClientSettings.table(loaded.manifest, login: address)
        if loaded.manifest.tls.certificates.isEmpty {
            text += "\nThe certificate is self-signed: mail programs ask once whether to trust it."
            text += " For others, name one in tls.certificates.\n"
        }
        text += "\nDNS records to publish:\n\n\(zone.text)"
        text += "\nNext: martlet serve --config \(loaded.file)\n"
        text += "then: martlet selftest --config \(loaded.file)\n"
        return text
    }
}
