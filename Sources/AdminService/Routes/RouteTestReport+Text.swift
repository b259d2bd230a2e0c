import MailPolicy

extension RouteTestReport {
    /// For a person.
    var text: String {
        var text = "route \(route) (\(kind))\n"
        for step in steps { text += "  \(step.text)\n" }
        if let failure { text += "\nfailed: \(failure)\n" }
        for visit in visits { text += "\n" + visit.text }
        return text
    }
}

extension RouteTestReport.Visit {
    fileprivate var text: String {
        var text = "\(host), TLS level \(level)\n"
        if let policy { text += "  \(policy.text)\n" }
        let marks = ["client": ">", "server": "<", "note": "*"]
        for line in dialogue { text += "  \(marks[line.who] ?? "*") \(TextTable.clean(line.text))\n" }
        if let tls {
            text += "  TLS: \(tls.version), \(tls.cipher), \(tls.verified ? "" : "not verified: ")\(tls.verification)\n"
        }
        for (index, certificate) in chain.enumerated() { text += certificate.text(number: index + 1) }
        if !offers.isEmpty { text += "  offers: \(TextTable.clean(offers.joined(separator: ", ")))\n" }
        if let login { text += "  login: \(TextTable.clean(login))\n" }
        if let message { text += "  message: \(TextTable.clean(message))\n" }
        if let failure {
            text += "  failed: \(TextTable.clean(failure))\n"
        } else if ready {
            text += "  ready for mail\n"
        }
        return text
    }
}

extension RouteTestReport.Certificate {
    fileprivate func text(number: Int) -> String {
        var text = "  certificate \(number): \(TextTable.clean(subject))\n"
        text += "    issuer: \(TextTable.clean(issuer))\n    valid: \(notBefore) to \(notAfter)\n"
        if !names.isEmpty { text += "    names: \(TextTable.clean(names.joined(separator: ", ")))\n" }
        return text + "    SHA-256: \(fingerprint)\n    SHA-256 of the public key: \(keyFingerprint)\n"
    }
}
