import DNSClient
import MailConfig
import SQLEngine

extension MessageCheck {
    /// The verdicts for people.
    package var text: String {
        var lines = ["From: \(from.isEmpty ? "no readable address" : from.joined(separator: ", "))"]
        for found in spf {
            let term = found.mechanism.map { "by \($0)" }
            lines.append(line("SPF \(found.identity)", found.result, [found.domain, term, found.reason]))
            if let explanation = found.explanation { lines.append("    the domain says: \(explanation)") }
        }
        if dkim.isEmpty { lines.append("DKIM: none") }
        for signature in dkim { lines += Self.lines(signature) }
        if ignoredSignatures > 0 { lines.append("DKIM: \(ignoredSignatures) more signatures were not looked at") }
        lines += arcLines + dmarcLines
        lines.append("")
        return lines.map { "\(TextTable.clean($0))\n" }.joined() + authenticationResults.replacing("\r\n", with: "\n")
    }

    /// The chain alone, for people.
    package var arcText: String { arcLines.map { "\(TextTable.clean($0))\n" }.joined() }

    private var dmarcLines: [String] {
        guard let dmarc else {
            return ["DMARC: no signature is the author's; give --ip, --helo and --from to have SPF looked at too"]
        }
        let by = dmarc.aligned.isEmpty ? nil : "by \(dmarc.aligned.joined(separator: " and "))"
        let record = dmarc.policyDomain.map { "record of \($0)" }
        let wanted = dmarc.wanted == "none" ? nil : "the owner wants: \(dmarc.wanted)"
        return [Self.line("DMARC", dmarc.result, [dmarc.author, by, dmarc.reason, record, dmarc.policy, wanted])]
            + dmarc.remarks.map { "    \($0)" }
    }

    private var arcLines: [String] {
        var lines = [Self.line("ARC", arc.result, [arc.reason])]
        for link in arc.links {
            let found = link.found.isEmpty ? "nothing readable" : link.found.joined(separator: " ")
            lines.append(
                "    \(link.instance): sealed by \(link.domain) (selector \(link.selector), chain before: "
                    + "\(link.chainBefore)), who found \(found)")
        }
        if let oldest = arc.oldestPass, arc.result == "pass" {
            lines.append(
                oldest == 0
                    ? "    the message is as the first of them sealed it"
                    : "    the message is as number \(oldest) sealed it; it was changed before")
        }
        return lines
    }

    private func line(_ what: String, _ result: String, _ details: [String?]) -> String {
        Self.line(what, result, details)
    }

    private static func line(_ what: String, _ result: String, _ details: [String?]) -> String {
        let details = details.compactMap(\.self)
        return "\(what): \(result)\(details.isEmpty ? "" : " (\(details.joined(separator: "; ")))")"
    }

    private static func lines(_ signature: Signature) -> [String] {
        let place = "\(signature.selector ?? "?")._domainkey.\(signature.domain ?? "?")"
        let bits = signature.keyBits.map { "\($0)-bit key" }
        var lines = [
            line("DKIM \(signature.domain ?? "?")", signature.result, [signature.reason, signature.algorithm, bits])
        ]
        lines.append("    key: \(place)\(signature.isKeySecure ? ", proved by DNSSEC" : "")")
        if !signature.signedFields.isEmpty {
            lines.append("    signed: \(signature.signedFields.joined(separator: " "))")
        }
        if signature.isTesting { lines.append("    the domain is only testing") }
        if signature.unsignedBodyOctets > 0 {
            lines.append("    \(signature.unsignedBodyOctets) octets of the body are not signed")
        }
        return lines
    }
}

extension MessageCheck {
    package var arcPasses: Bool { arc.result == "pass" }

    package func json() throws -> String { try PrettyJSON.text(self) + "\n" }

    package func arcJSON() throws -> String { try PrettyJSON.text(arc) + "\n" }

    /// Checks a message with a resolver of its own, named by the manifest's host or the machine's.
    /// - Parameters:
    ///   - dns: the resolver to ask; nil for the manifest's, or the host's.
    ///   - config: the manifest's path; nil for the usual places.
    /// - Throws: `AdminError`.
    package static func run(
        _ path: String,
        session: Session = Session(),
        dns: String?,
        config: String?
    ) async throws -> MessageCheck {
        let resolver = try CheckResolver.open(server: dns, config: config)
        defer { resolver.stop() }
        return try await run(
            path, session: session, receiver: receiver(config), resolver: resolver, now: SystemClock().now())
    }

    /// The name that a server here has; where nobody named a manifest and none can be found, one that says what made the
    /// results.
    private static func receiver(_ config: String?) throws -> String {
        guard config != nil || (try? ManifestFile.locate(nil)) != nil else { return "martlet-check" }
        return try ManifestFile.load(try ManifestFile.locate(config)).manifest.server.hostname.description
    }
}

extension MessageOutline {
    package func json() throws -> String { try PrettyJSON.text(self) + "\n" }
}
