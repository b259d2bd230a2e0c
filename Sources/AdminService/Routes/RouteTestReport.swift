package import MailPolicy
import MailSyntax
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPDelivery

/// What the test of a route has seen. Nothing in it is secret.
package struct RouteTestReport: Codable, Sendable, Equatable {
    package struct Line: Codable, Sendable, Equatable {
        /// `client`, `server` or `note`.
        package var who: String
        package var text: String
    }

    package struct Certificate: Codable, Sendable, Equatable {
        package var subject: String
        package var issuer: String
        /// RFC 3339, UTC.
        package var notBefore: String
        package var notAfter: String
        package var names: [String]
        /// SHA-256 of the certificate, and of its public key.
        package var fingerprint: String
        package var keyFingerprint: String
    }

    package struct TLS: Codable, Sendable, Equatable {
        package var version: String
        package var cipher: String
        /// The host has proven who it is.
        package var verified: Bool
        /// How, or why not.
        package var verification: String
    }

    package struct Visit: Codable, Sendable, Equatable {
        /// Such as `mail.isp.example[192.0.2.1]:587`.
        package var host: String
        /// The level that the route asks for.
        package var level: String
        /// What the host has to prove and by whose word, where others than the operator have one.
        package var policy: TraceStep?
        package var dialogue: [Line]
        package var tls: TLS?
        /// The host's own first; also of a handshake that failed.
        package var chain: [Certificate]
        /// EHLO keywords with their parameters.
        package var offers: [String]
        /// `accepted with PLAIN`, `refused: …`; nil when no login was tried.
        package var login: String?
        /// The session was ready for mail.
        package var ready: Bool
        /// What became of the message: `delivered: 250 …`.
        package var message: String?
        package var failure: String?
    }

    package var route: String
    package var kind: String
    package var from: String
    package var to: String?
    /// What was done to the message before it was sent.
    package var steps: [TraceStep]
    package var visits: [Visit]
    /// Why there was nobody to visit.
    package var failure: String?

    /// Every host was ready; with a message, one took it.
    package var succeeded: Bool {
        guard failure == nil, !visits.isEmpty else { return false }
        return to == nil ? visits.allSatisfy(\.ready) : visits.contains { $0.message?.hasPrefix("delivered") == true }
    }
}

extension RouteTestReport.Visit {
    init(_ target: RouteTarget, level: String, policy: TraceStep?, _ report: SessionProbe.Report) {
        host = target.description
        self.policy = policy
        self.level = level
        dialogue = report.events.flatMap { RouteTestReport.Line.lines(of: $0) }
        tls = report.tls.map { RouteTestReport.TLS($0) }
        chain = Self.chain(report)
        offers = report.capabilities.keywords.sorted { $0.key < $1.key }
            .map { ([$0.key] + $0.value).joined(separator: " ") }
        login = Self.login(report)
        ready = report.isOpen
        failure = report.failure.map { Self.text($0.reply) }
        message = report.results.values.first.map { result in
            switch result {
            case .delivered(let reply): "delivered: \(Self.text(reply))"
            case .failed(let failure):
                "\(failure.permanence == .permanent ? "refused" : "not now"): \(Self.text(failure.reply))"
            }
        }
    }

    private static func text(_ reply: DeliveryReply) -> String {
        ([reply.code.map { "\($0)" }, "\(reply.status)", reply.text] as [String?]).compactMap { $0 }
            .joined(separator: " ")
    }

    private static func login(_ report: SessionProbe.Report) -> String? {
        let said = report.events.compactMap { event -> String? in
            guard case .said(let line) = event, line.hasPrefix("AUTH ") else { return nil }
            return line.split(separator: " ").dropFirst().first.map(String.init)
        }
        guard let mechanism = said.last else { return nil }
        guard let failure = report.failure, !report.isOpen else { return "accepted with \(mechanism)" }
        return "refused with \(mechanism): \(text(failure.reply))"
    }

    private static func chain(_ report: SessionProbe.Report) -> [RouteTestReport.Certificate] {
        var shown = report.tls?.peer?.chain ?? []
        for event in report.events {
            if case .tlsFailed(.untrusted(_, _, let chain)) = event { shown = chain }
        }
        return shown.compactMap { PeerCertificate(der: $0) }.map { RouteTestReport.Certificate($0) }
    }
}

extension RouteTestReport.Certificate {
    init(_ certificate: PeerCertificate) {
        subject = certificate.subject
        issuer = certificate.issuer
        notBefore = Operations.time(certificate.notBefore)
        notAfter = Operations.time(certificate.notAfter)
        names = certificate.names
        fingerprint = certificate.fingerprint
        keyFingerprint = certificate.keyFingerprint
    }
}

extension RouteTestReport.TLS {
    init(_ info: TLSInfo) {
        version = info.version
        cipher = info.cipher
        let trust = info.peer?.trust ?? .notChecked
        verified = trust.isAuthenticated
        verification =
            switch trust {
            case .notChecked: "not checked"
            case .verified(let name): "valid for \(name)"
            case .pinned(let fingerprint): "fingerprint \(fingerprint)"
            case .published(let record, let owner): "TLSA \(record) of \(owner)"
            case .untrusted(let reason, _): reason
            }
    }
}

extension RouteTestReport.Line {
    static func lines(of event: SessionEvent) -> [RouteTestReport.Line] {
        switch event {
        case .connected: [.init(who: "note", text: "connected")]
        case .said(let line): [.init(who: "client", text: line)]
        case .heard(let reply):
            reply.lines.enumerated().map { index, line in
                .init(who: "server", text: "\(reply.code)\(index + 1 == reply.lines.count ? " " : "-")\(line)")
            }
        case .tlsEstablished(let info): [.init(who: "note", text: "\(info.version) with \(info.cipher)")]
        case .tlsFailed(let failure): [.init(who: "note", text: "no TLS: \(failure)")]
        case .sentContent(let octets): [.init(who: "client", text: "(\(octets) octets of message)")]
        }
    }
}
