import DNSClient
import DNSCore
import Directory
import Logging
import MTASTSClient
import MailAuth
import MailConfig
import MailPolicy
import MailSyntax
import MailTables
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPDelivery
import SMTPServer
import SQLEngine
import Telemetry

extension Operations {
    /// `martlet route test`: a visit to each address of a route, with a small message only where a recipient is named.
    func routeTest(_ name: String, to: String?, from: String?) async throws -> AdminResponse {
        let recipient = try to.map { try parseAddress($0) }
        let sender = try from.map { try parseAddress($0) } ?? parseAddress("postmaster@\(manifest.server.hostname)")
        let resolver = try UnboundResolver(ServerSettings.resolver(manifest.server.dns))
        defer { resolver.stop() }
        let settings = try testSettings(resolver)
        let plan = try await testPlan(name, sender, recipient, settings)
        let test = RouteTest(settings: settings, environment: try testEnvironment(resolver))
        var report = RouteTestReport(
            route: plan.name, kind: plan.kind.rawValue, from: "\(sender)", to: recipient.map { "\($0)" }, steps: [],
            visits: [])
        let destination = recipient?.domain?.ascii ?? recipient.map { "\($0)" } ?? ""
        switch await test.targets(plan, destination: destination) {
        case .failure(let failure): report.failure = "\(failure.reply.status) \(failure.reply.text)"
        case .success(let targets):
            var letter: SessionProbe.Letter?
            if let recipient {
                letter = try await testLetter(from: sender, to: recipient, by: plan, test, settings, &report)
            }
            let end = ContinuousClock.now + Self.testTime
            for target in targets where ContinuousClock.now < end {
                let visit = await test.visit(target, plan, letter: letter)
                let seen = visit.report
                report.visits.append(.init(target, level: visit.level.rawValue, policy: visit.step, seen))
                // Mail goes to one host, not to each.
                if seen.results.values.contains(where: { if case .delivered = $0 { true } else { false } }) { break }
            }
        }
        return .routeTest(report)
    }

    /// The control socket waits for two minutes.
    private static let testTime = Duration.seconds(60)

    private func testPlan(
        _ name: String, _ sender: EmailAddress, _ recipient: EmailAddress?, _ settings: DeliverySettings
    ) async throws -> RoutePlan {
        let route = name == Manifest.Route.direct.name ? .direct : manifest.routing.routes.first { $0.name == name }
        guard let route else {
            let names = (manifest.routing.routes.map(\.name) + ["direct"]).joined(separator: ", ")
            throw AdminError(.data, "there is no route \"\(name)\"", remedy: "the manifest has \(names)")
        }
        guard recipient != nil || route.kind != .direct else {
            throw AdminError(
                .usage, "route \(name) leads to the recipient's domain", remedy: "name a recipient: --to ADDRESS")
        }
        let nobody = try parseAddress("postmaster@\(route.hosts.first?.place.testDomain ?? "example.invalid")")
        let facts = RouteFacts(sender: .address(sender), recipient: recipient ?? nobody, pinned: name)
        let rules = settings.rules
        let decision = try await Policy.run(
            { Policy.route(facts, rules: rules, $0) },
            answer: { lookup in
                if case .hosted = lookup { return .flag(false) }
                return await settings.lookup(lookup)
            }
        ).decision
        switch decision {
        case .deliver(let plan): return plan
        case .local, .hold, .discard, .fail:
            throw AdminError(
                .data, "route \(name) is of the kind \(route.kind.rawValue) and leads to no host",
                remedy: "nothing to test: see routing.routes")
        }
    }

    /// As deliveries have them, but more impatient.
    private func testSettings(_ resolver: any DNSResolver) throws -> DeliverySettings {
        var settings = ServerSettings.delivery(rules, listeners: server?.status().listeners ?? [])
        // In a command's own process nobody has read the tables yet.
        if server == nil { stores.tables.install(try LookupTables.load(manifest)) }
        let tables = stores.tables
        settings.lookup = { lookup in
            guard case .table(let purpose, let key, let isWhole) = lookup else {
                return .unavailable("not asked for a way out")
            }
            return await tables.answer(purpose, key: key, isWhole: isWhole)
        }
        let tokens =
            server?.tokens
            ?? RouteTokens(
                database: stores.database, group: .singleton, resolver: resolver, logger: Self.silence)
        settings.tokens = { route, login in
            guard case .oauth2(let oauth2) = login.proof else { return nil }
            return tokens.source(route: route, login: login.username, oauth2)
        }
        let policies =
            server?.policies
            ?? ServerSettings.policyKeeper(
                stores.database, group: .singleton, resolver: resolver, manifest: { [manifest] in manifest },
                logger: Self.silence)
        settings.mtaSTS = { await policies.answer(for: $0) }
        settings.timeouts.connect = min(settings.timeouts.connect, .seconds(10))
        settings.timeouts.command = min(settings.timeouts.command, .seconds(20))
        settings.timeouts.final = min(settings.timeouts.final, .seconds(40))
        return settings
    }

    private func testEnvironment(_ resolver: any DNSResolver) throws -> DeliveryService.Environment {
        let (directory, tables) = (directory, stores.tables)
        let form = DirectorySigner.Form(rules)
        let signers = DirectorySigner(
            snapshot: { directory.snapshot }, tables: { tables.signing }, form: { form })
        return DeliveryService.Environment(
            queue: stores.queue, blobs: stores.blobs, resolver: resolver, contexts: try ClientTLSContexts(),
            signer: { try signers.signer(for: $0) }, bounces: NoBounces(), events: NullEventSink(), ids: stores.ids,
            group: MultiThreadedEventLoopGroup.singleton, logger: Self.silence)
    }

    private static var silence: Logger { Logger(label: "route") { _ in SwiftLogNoOpLogHandler() } }

    /// What is sent: signed and rewritten as mail from the queue would be.
    private func testLetter(
        from sender: EmailAddress, to recipient: EmailAddress, by plan: RoutePlan, _ test: RouteTest,
        _ settings: DeliverySettings, _ report: inout RouteTestReport
    ) async throws -> SessionProbe.Letter {
        let id = stores.ids.next()
        let text = testText(from: sender, to: recipient, by: plan.name, id)
        let needsUTF8 = sender.needsSMTPUTF8 || recipient.needsSMTPUTF8
        let message = QueuedMessage(
            unqueued: id, reversePath: .address(sender), size: text.count, smtpUTF8: needsUTF8)
        let facts = SigningFacts(origin: .trusted, headerFrom: sender)
        let (decision, steps) = try await Policy.run(
            { Policy.chooseSigning(facts, rules: settings.rules, $0) }, answer: stores.answers.answer)
        var author: EmailAddress?
        if case .sign(let address) = decision { author = address }
        let letter = try await test.letter(
            text, message, to: QueuedRecipient(unqueued: 1, message: id, address: recipient), by: plan, signFor: author)
        let own = letter.content.envelope?.steps(of: RecipientID(rawValue: 1)) ?? []
        report.steps = steps + letter.content.steps + own
        return letter
    }

    private func testText(
        from sender: EmailAddress, to recipient: EmailAddress, by route: String, _ id: MailID
    ) -> [UInt8] {
        let text = """
            From: <\(sender)>\r
            To: <\(recipient)>\r
            Subject: Test of the route \(route)\r
            Date: \(InternetDate.format(SystemClock().now()))\r
            Message-ID: <\(id)@\(manifest.server.hostname)>\r
            MIME-Version: 1.0\r
            Content-Type: text/plain; charset=us-ascii\r
            Auto-Submitted: auto-generated\r
            \r
            Somebody tests the route \(route) of \(manifest.server.hostname).\r

            """
        return Array(text.utf8)
    }
}

/// A test tells nobody but its operator.
private struct NoBounces: BounceSink {
    func bounce(_ report: BounceReport) async throws -> Bool { true }
    func part(_ report: BounceReport) async throws -> CommitPart? { nil }
}

extension RouteHost.Place {
    /// A domain for a recipient that nobody gets mail for.
    fileprivate var testDomain: String? {
        switch self {
        case .host(let name), .domain(let name): DomainName(name) == nil ? nil : name
        case .socket: nil
        }
    }
}
