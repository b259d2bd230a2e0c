import DNSClient
package import DNSCore
import MailAuth
import MailConfig
package import MailSyntax
import SQLEngine

/// What `martlet check spf` finds: the verdict on each name of a session, and how it came about.
package struct SPFCheck: Encodable, Sendable {
    package struct Step: Encodable, Sendable {
        /// How many includes and redirects deep it was.
        var depth: Int
        var text: String
    }

    package struct Identity: Encodable, Sendable {
        /// `mailfrom` or `helo`.
        var identity: String
        /// What the session said.
        var name: String
        /// The domain that was checked; nil when there was none to check.
        var domain: String?
        package var result: String
        var reason: String?
        /// The term that decided; nil when none matched.
        var mechanism: String?
        /// The domain in whose record it stands.
        var recordDomain: String?
        /// What the domain wants the sender to be told.
        var explanation: String?
        var lookups: Int
        var lookupLimit: Int
        var voidLookups: Int
        var voidLookupLimit: Int
        var steps: [Step]
    }

    var client: String
    /// MAIL FROM before HELO, as far as they were given.
    package var identities: [Identity]

    /// The exit code of the command: of MAIL FROM where there is one.
    package var exitCode: Int32 {
        switch identities.first.flatMap({ SPFVerdict(rawValue: $0.result) }) ?? .none {
        case .pass: ExitStatus.ok.rawValue
        case .fail, .softfail, .neutral, .none: 1
        case .permerror: ExitStatus.data.rawValue
        case .temperror: ExitStatus.temporary.rawValue
        }
    }

    /// Checks the names of a session.
    ///
    /// - Parameters:
    ///   - helo: nil where only the sender is checked.
    ///   - sender: an address, `@domain`, a domain, or `<>`; nil where only the greeting is checked.
    ///   - receiver: the name that macros give this server.
    package static func run(
        client: IPAddress, helo: String?, sender: String?, receiver: String, resolver: any DNSResolver,
        now: Timestamp
    ) async -> SPFCheck {
        var check = SPFCheck(client: client.description, identities: [])
        let isNull = sender.map { $0.isEmpty || $0 == "<>" } ?? false
        if let sender {
            let name = helo ?? "unknown"
            let result: SPFResult
            if let path = ReversePath(sender) {
                result = await SPFChecker.check(
                    client: client, helo: name, sender: path, resolver: resolver, receiver: receiver, now: now)
            } else {
                result = await SPFChecker.check(
                    client: client, helo: name, writtenSender: sender, resolver: resolver, receiver: receiver, now: now)
            }
            check.identities.append(Identity(.mailFrom, "<\(isNull ? "" : sender)>", result))
        }
        if let helo, !isNull {
            let result = await SPFChecker.checkHELO(
                client: client, helo: helo, resolver: resolver, receiver: receiver, now: now)
            check.identities.append(Identity(.helo, helo, result))
        }
        return check
    }

    /// Checks with a resolver of its own.
    ///
    /// - Parameters:
    ///   - dns: the resolver to ask; nil for the manifest's, or the host's.
    ///   - config: the manifest's path; nil for the usual places, where there need not be one.
    /// - Throws: `AdminError`.
    package static func run(
        client: IPAddress, helo: String?, sender: String?, dns: String?, config: String?
    ) async throws -> SPFCheck {
        let resolver = try CheckResolver.open(server: dns, config: config)
        defer { resolver.stop() }
        return await run(
            client: client, helo: helo, sender: sender, receiver: try receiver(config), resolver: resolver,
            now: SystemClock().now())
    }

    /// The name of the server here; a manifest that nobody named and that can't be read is none. // RFC 7208 §7.3
    private static func receiver(_ config: String?) throws -> String {
        if let config { return try ManifestFile.load(config).manifest.server.hostname }
        guard let found = try? ManifestFile.locate(nil) else { return "unknown" }
        return (try? ManifestFile.load(found))?.manifest.server.hostname ?? "unknown"
    }
}

extension SPFCheck.Identity {
    init(_ identity: SPFIdentity, _ name: String, _ result: SPFResult) {
        let limits = SPFLimits()
        self.init(
            identity: identity.rawValue, name: name, domain: result.domain?.ascii, result: result.keyword,
            reason: result.reason, mechanism: result.mechanism, recordDomain: result.recordDomain,
            explanation: result.explanation, lookups: result.lookups, lookupLimit: limits.lookups,
            voidLookups: result.voidLookups, voidLookupLimit: limits.voidLookups,
            steps: result.trace.map { SPFCheck.Step(depth: $0.depth, text: $0.text) })
    }
}

extension SPFCheck {
    package func json() throws -> String { try PrettyJSON.text(self) + "\n" }

    /// The verdicts for people.
    package var text: String {
        identities.map { found in
            let title = found.identity == SPFIdentity.helo.rawValue ? "HELO" : "MAIL FROM"
            var lines = ["\(title) \(found.name) from \(client): \(found.result)"]
            if let reason = found.reason { lines.append("  \(reason)") }
            if let explanation = found.explanation {
                lines.append("  \(found.recordDomain ?? "the domain") explains: \(explanation)")
            }
            lines.append(
                "  lookups: \(found.lookups) of \(found.lookupLimit), without an answer: "
                    + "\(found.voidLookups) of \(found.voidLookupLimit)")
            lines.append("  steps:")
            for step in found.steps {
                lines.append(String(repeating: "  ", count: 2 + min(step.depth, 20)) + step.text)
            }
            return lines.map { "\(TextTable.clean($0))\n" }.joined()
        }.joined(separator: "\n")
    }
}
