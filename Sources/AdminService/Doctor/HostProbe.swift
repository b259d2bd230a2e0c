import DNSCore
import Glibc
import MTASTSClient
import MailConfig
import MailDoctor
import MailSyntax
import NIOPosix
import NetTransport
import OutboundQueue
import SMTPCore
import SMTPDelivery
import SQLEngine

/// The doctor's sockets: sessions like those that deliver mail, and one datagram to a time server.
struct HostProbe: DoctorProbe {
    let resolver: any DNSResolver
    let heloName: String
    let contexts: ClientTLSContexts
    let ids: IDGenerator
    /// A name or an address.
    let timeServer: String

    /// Also says whose certificates are trusted.
    let policyOptions: PolicyFetchOptions

    static let timeServer = "time.cloudflare.com"

    func visit(_ address: IPAddress, port: Int, name: String) async -> ExchangeVisit {
        var security = SessionSecurity(TLSRequirement(level: .may, caFile: policyOptions.caFile), host: name)
        security.examines = true
        var timeouts = DeliveryTimeouts()
        timeouts.connect = .seconds(10)
        timeouts.command = .seconds(15)
        let plan = SessionPlan(
            endpoint: .tcp(address, port: port), host: "\(name)[\(address)]", heloName: heloName, security: security,
            timeouts: timeouts)
        let report = await SessionProbe(contexts: contexts, ids: ids, group: MultiThreadedEventLoopGroup.singleton)
            .run(plan)
        return ExchangeVisit(report)
    }

    func policy(of domain: DomainName) async -> PolicyVisit {
        let fetcher = HTTPSPolicyFetcher(
            group: MultiThreadedEventLoopGroup.singleton, resolver: resolver, patience: .seconds(15))
        do {
            return .found(try await fetcher.fetch(domain.ascii, policyOptions))
        } catch {
            return .failed(error.description)
        }
    }

    // MARK: Time

    func clockError() async -> ClockReading? {
        guard let address = await timeAddress() else { return nil }
        let nonce = UInt64.random(in: 1...UInt64.max)
        // A time server that doesn't answer proves nothing; the finding says that the clock was not compared.
        let ahead = try? await NIOThreadPool.singleton.runIfActive { Self.askTime(address, nonce) }
        return ahead.map { ClockReading(ahead: $0, source: timeServer) }
    }

    private func timeAddress() async -> IPAddress? {
        if let address = IPAddress(timeServer) { return address }
        if case .success(let answer) = await resolver.resolve(timeServer, .a), let first = answer.addresses.first {
            return first
        }
        guard case .success(let answer) = await resolver.resolve(timeServer, .aaaa) else { return nil }
        return answer.addresses.first
    }

    /// Blocks for three seconds at most.
    private static func askTime(_ address: IPAddress, _ nonce: UInt64) -> Duration? {
        let descriptor = socket(address.isV6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 3, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connect(descriptor, to: address, port: 123) else { return nil }
        let packet = TimePacket(nonce: nonce)
        let clock = SystemClock()
        let sent = clock.now()
        let request = packet.request
        guard send(descriptor, request, request.count, 0) == request.count else { return nil }
        var answer = [UInt8](repeating: 0, count: 512)
        let count = recv(descriptor, &answer, answer.count, 0)
        guard count > 0 else { return nil }
        return packet.ahead(Array(answer.prefix(count)), sent: sent, received: clock.now())
    }

    private static func connect(_ descriptor: Int32, to address: IPAddress, port: UInt16) -> Bool {
        func finish<Address>(_ value: Address) -> Bool {
            withUnsafePointer(to: value) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
                }
            }
        }
        if address.isV6 {
            var target = sockaddr_in6()
            target.sin6_family = sa_family_t(AF_INET6)
            target.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &target.sin6_addr) { $0.copyBytes(from: address.bytes) }
            return finish(target)
        }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &target.sin_addr) { $0.copyBytes(from: address.bytes) }
        return finish(target)
    }
}

extension ExchangeVisit {
    /// What a session that only greets has seen.
    init(_ report: SessionProbe.Report) {
        var tlsFailure: String?
        var offered = report.capabilities.offersStartTLS
        for event in report.events {
            switch event {
            case .said("STARTTLS"): offered = true
            case .tlsFailed(let failure): tlsFailure = failure.description
            default: break
            }
        }
        let peer = report.tls?.peer
        var distrust: String?
        if case .untrusted(let reason, _) = peer?.trust { distrust = reason }
        self.init(
            failure: report.isOpen ? nil : report.failure?.reply.text ?? "no session",
            offersStartTLS: offered, tlsFailure: report.tls == nil ? tlsFailure : nil,
            chain: (peer?.chain ?? []).compactMap { CertificateFacts(certificate: $0) }, distrust: distrust)
        if offered, report.tls == nil, self.tlsFailure == nil { self.tlsFailure = "the host refused it" }
    }
}
