import MailConfig
import MailPolicy
import MailSyntax

// Where each recipient's mail goes.
extension Explainer {
    mutating func followTargets(_ copies: [EmailAddress]) async throws {
        var targets = Targets()
        for recipient in admitted { targets.add(recipient) }
        for copy in copies {
            let (decision, trace) = try await run { Policy.admitExtra(copy, rules: $0, $1) }
            explanation.parts.append(.init(title: "copy for \(copy)", steps: trace))
            if case .accept(let recipient) = decision { targets.add(recipient) }
        }
        let manner = isJunk ? ", as junk" : ""
        for account in targets.local {
            explanation.parts.append(
                .init(title: "to \(account)", result: ["kept in the mailbox of \(account)\(manner)"]))
        }
        if targets.hasForwards { try await forward() }
        for address in targets.remote { try await send(to: address) }
        guard explanation.summary.isEmpty else { return }
        let counts = [(targets.local.count, "kept here"), (targets.remote.count, "sent on")]
        let words = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        explanation.summary = words.isEmpty ? "nobody gets it" : words.joined(separator: ", ")
    }

    private struct Targets {
        var local: [EmailAddress] = []
        var remote: [EmailAddress] = []
        var hasForwards = false
        private var seen: Set<String> = []

        mutating func add(_ recipient: AdmittedRecipient) {
            for target in recipient.local where seen.insert("local \(target.account)").inserted {
                local.append(target.address)
            }
            for address in recipient.remote where seen.insert(address.folded).inserted { remote.append(address) }
            hasForwards = hasForwards || recipient.isForwarded
        }
    }

    /// The sender of mail that an alias sends on.
    private mutating func forward() async throws {
        let path = reversePath
        let (decision, trace) = try await run { Policy.forwardingSender(path, rules: $0, $1) }
        guard !trace.isEmpty else { return }
        explanation.parts.append(.init(title: "forwarding", steps: trace))
        if case .replace(let address) = decision { reversePath = .address(address) }
    }

    private mutating func send(to recipient: EmailAddress) async throws {
        var part = Explanation.Part(title: "to \(recipient)")
        let facts = RouteFacts(
            sender: reversePath, recipient: recipient, login: client.login?.name, size: question.size ?? 0)
        let (decision, trace) = try await run { Policy.route(facts, rules: $0, $1) }
        part.steps = trace
        switch decision {
        case .local: part.result = ["kept here"]
        case .hold(let route): part.result = ["kept in the queue until it is released (route \(route))"]
        case .discard(let route): part.result = ["thrown away (route \(route))"]
        case .fail(let reply, let route):
            part.result = ["returned to the sender (route \(route)): \(reply.code) \(reply.enhanced) \(reply.text)"]
        case .deliver(let plan):
            part.result = Self.describe(plan)
            // What a local program gets keeps the addresses that are known here.
            if plan.kind != .lmtp { part.steps += try await leave(recipient, &part.result) }
        }
        explanation.parts.append(part)
    }

    private static func describe(_ plan: RoutePlan) -> [String] {
        var lines = ["route \(plan.name) (\(plan.kind.rawValue)) [\(plan.origin)], EHLO \(plan.heloName)"]
        if !plan.sourceAddresses.isEmpty {
            lines.append("from \(plan.sourceAddresses.map(\.description).joined(separator: ", "))")
        }
        for host in plan.hosts {
            let tls = host.isTLSImplicit ? "implicit TLS, \(host.tls.level.rawValue)" : "TLS \(host.tls.level.rawValue)"
            var line = "\(host.text), port \(host.port), \(tls)"
            // Never the secret: its owner is enough to find it.
            line += host.login.map { ", as \($0.username) [\($0.origin)]" } ?? ", without a login"
            if host.asksLoginByHost { line += ", or as who `credentials` has for the MX host" }
            lines.append(line)
        }
        return lines
    }

    /// What the next host hears instead of our addresses.
    private func leave(_ recipient: EmailAddress, _ result: inout [String]) async throws -> [TraceStep] {
        guard rules.rewriting.hasGeneric else { return [] }
        var steps: [TraceStep] = []
        func outgoing(_ address: EmailAddress?) async throws -> EmailAddress? {
            guard let address else { return nil }
            let (decision, trace) = try await run { Policy.rewriteOutgoing(address, rules: $0, $1) }
            for step in trace where !steps.contains(step) { steps.append(step) }
            if case .replace(let other) = decision { return other }
            return address
        }
        let sender = try await outgoing(reversePath.address)
        let target = try await outgoing(recipient)
        let author = try await outgoing(finalAuthor)
        let from = sender.map { "<\($0)>" } ?? "<>"
        result.append(
            "leaves as MAIL FROM:\(from), RCPT TO:<\(target ?? recipient)>, From: \(author?.description ?? "?")")
        return steps
    }
}
