import DNSClient
import Directory
import MTASTSClient
import MailAuth
import MailConfig
import MailDoctor
import MailPolicy
import MailSyntax
import NIOPosix
import NIOSSL
import NetTransport
import SMTPDelivery
import SQLEngine
import Telemetry

// What belongs into the DNS, and whether it is there.
extension Operations {
    func dnsRecords(_ text: String, _ addressTexts: [String]) async throws -> ZoneText {
        let (plan, ring, _) = try await domainPlan(text, addressTexts)
        let wanted = WantedRecords(plan)
        let records = wanted.all.map { record in
            ZoneRecord(
                name: "\(record.name).", type: record.type, data: record.presentation, comment: record.purpose,
                required: record.isRequired)
        }
        let problems = ring.ownProblems.map { AdminError($0) }
        var zone = ZoneFile.render(wanted)
        if !problems.isEmpty { zone += "\n; Something is wrong with keys, whose records may be missing here:\n" }
        for problem in problems {
            zone += "\(problem)".split(separator: "\n").map { "; \(TextTable.clean(String($0)))\n" }.joined()
        }
        return ZoneText(records: records, text: zone, problems: problems)
    }

    func dnsCheck(_ question: DNSCheckQuestion) async throws -> AdminResponse {
        let (plan, ring, certificateTroubles) = try await domainPlan(question.domain, question.addresses)
        let troubles = findings(ring, plan.domain) + certificateTroubles
        let found = try await DoctorResolver.open(question.resolver, manifest.server.dns)
        defer { found.resolver.stop() }
        var settings = DoctorSettings(now: SystemClock().now(), validates: found.validates)
        if !question.blockLists.isEmpty {
            settings.blockLists = question.blockLists.filter { $0 != Self.nothing }.map { zone in
                BlockList.wellKnown.first { $0.zone == zone } ?? BlockList(zone: zone, listsV6: true)
            }
        }
        if !question.outboundHosts.isEmpty {
            settings.outboundTargets = question.outboundHosts.filter { $0 != Self.nothing }
        }
        settings.comparesClock = question.timeServer != Self.nothing
        let resolver = PatientResolver(base: found.resolver, end: .now + Self.patience)
        let probe = HostProbe(
            resolver: resolver, heloName: manifest.heloName, contexts: try ClientTLSContexts(), ids: stores.ids,
            timeServer: question.timeServer ?? HostProbe.timeServer,
            policyOptions: PolicyFetchOptions(caFile: manifest.outbound.caFile, port: manifest.outbound.mtaSTSPort))
        let doctor = Doctor(plan: plan, resolver: resolver, probe: probe, settings: settings)
        var report = await doctor.examine(resolverName: found.name)
        report.findings += troubles
        return .dnsReport(report)
    }

    /// For all questions together; the control socket waits for two minutes.
    private static let patience = Duration.seconds(60)

    /// The word for leaving a question out.
    private static let nothing = "none"

    // MARK: The plan

    /// What records follow from, and what is wrong with the certificates' files.
    private func domainPlan(
        _ text: String, _ addressTexts: [String]
    ) async throws -> (plan: DomainPlan, ring: TableKeyring, troubles: [Finding]) {
        let examination = examineTables()
        let domain = try requireSignedDomain(text, examination)
        let ring = tableKeys(of: domain.name, examination)
        guard let hostname = DomainName(manifest.server.hostname) else {
            throw AdminError(.config, "server.hostname \"\(manifest.server.hostname)\" is not a host name")
        }
        let given = try addressTexts.map { text in
            guard let address = IPAddress(text) else {
                throw AdminError(
                    .data, "\"\(text)\" is not an IP address", remedy: "write it as 192.0.2.1 or 2001:db8::1")
            }
            return address
        }
        let (certificates, troubles) = readCertificates()
        var plan = DomainPlan(
            domain: domain.name,
            kind: domain.kind == .hosted ? .hosted : .sendOnly,
            hostname: hostname,
            heloName: DomainName(manifest.heloName),
            addresses: given.isEmpty ? HostAddresses.likely() : given,
            services: manifest.listeners.filter { $0.socket == nil }.map {
                DomainPlan.Service(kind: $0.kind.rawValue, port: $0.port)
            },
            keys: try await planKeys(of: domain.name, ring, isIdle: isIdle(domain.name, examination)),
            certificates: certificates,
            policy: ServerSettings.ownPolicy(manifest),
            exchangePort: manifest.outbound.port,
            sendsDirectly: !leavesBySmarthost
        )
        plan.reportAddress = reportAddress(for: domain.name)
        plan.hasBrokenKeys = !ring.ownProblems.isEmpty
        return (plan, ring, troubles)
    }

    /// Those of the database and of the tables, each record once.
    private func planKeys(of domain: DomainName, _ ring: TableKeyring, isIdle: Bool) async throws -> [DomainPlan.Key] {
        var keys = try databaseKeys(of: domain, seen: try await directory.keysSeen(), isIdle: isIdle)
        for found in ring.keys {
            guard let signer = found.signer else { continue }
            let key = DomainPlan.Key(
                selector: found.key.selector, algorithm: found.algorithm, record: signer.publicRecord,
                domain: found.key.domain == domain ? nil : found.key.domain, origin: found.key.origin)
            let same = keys.firstIndex {
                $0.selector.lowercased() == key.selector.lowercased() && $0.domain == key.domain
            }
            if let same {
                // Where it is another key, the finding of `conflicts` says so.
                if keys[same].role != .active { keys[same] = key }
            } else {
                keys.append(key)
            }
        }
        return keys
    }

    /// The keys of a domain in the database; retired ones whose record was seen to be gone are left out.
    private func databaseKeys(
        of domain: DomainName, seen: [Int64: DKIMKeySeen], isIdle: Bool
    ) throws -> [DomainPlan.Key] {
        let rotation = KeyRotation(manifest)
        let keys = directory.snapshot.dkimKeys.filter { key in
            key.domain == domain && (key.state != .retired || seen[key.id]?.isAbsent != true)
        }
        return try keys.map { row in
            let role: DomainPlan.Key.Role =
                switch row.state {
                case .next: .next
                case .active: isIdle ? .idle : .active
                case .retiring: .retiring(until: rotation.end(of: row))
                case .retired: .retired
                }
            return DomainPlan.Key(
                selector: row.selector, algorithm: "\(row.algorithm)-sha256", record: try Self.publicRecord(row),
                role: role)
        }
    }

    /// Everything for others takes a way that is not theirs: `outbound.smarthost`, or a rule without conditions.
    private var leavesBySmarthost: Bool {
        if manifest.outbound.smarthost != nil { return true }
        let direct = Set(manifest.effectiveRoutes().filter { $0.kind == .direct }.map(\.name))
        return manifest.routing.rules.contains { rule in
            rule.when.isEmpty && rule.except.isEmpty && !direct.contains(rule.route)
        }
    }

    /// Where reports on a domain are read: the address in the domain itself, else the first there is; nil for postmaster.
    private func reportAddress(for domain: DomainName) -> EmailAddress? {
        // What else may stand in a local part would have to be escaped in a URI.
        let plain = manifest.reports.addresses.filter { address in
            address.localPart.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || [0x2D, 0x2E, 0x5F].contains($0)
            }
        }
        return plain.first { $0.domain == domain } ?? plain.first
    }

    private func readCertificates() -> ([CertificateFacts], [Finding]) {
        var certificates: [CertificateFacts] = []
        var troubles: [Finding] = []
        for files in ServerCertificates.files(manifest) {
            let file = files.certificateChain
            do {
                let chain = try NIOSSLCertificate.fromPEMFile(file)
                guard let der = try chain.first?.toDERBytes(), let facts = CertificateFacts(certificate: der) else {
                    troubles.append(Finding(.error, .certificate, file, "holds no certificate that can be read"))
                    continue
                }
                certificates.append(facts)
            } catch {
                troubles.append(Finding(.error, .certificate, file, "can't be read as PEM certificates: \(error)"))
            }
        }
        return (certificates, troubles)
    }
}

extension CertificateFacts {
    /// nil when it is none that can be read.
    init?(certificate der: [UInt8]) {
        guard let peer = PeerCertificate(der: der), let key = PeerCertificate.publicKeyInfo(of: der) else { return nil }
        self.init(
            der: der, publicKeyInfo: key, names: peer.names, subject: peer.subject, issuer: peer.issuer,
            notBefore: peer.notBefore, notAfter: peer.notAfter)
    }
}
