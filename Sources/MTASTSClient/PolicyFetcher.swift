import AsyncHTTPClient
package import DNSCore
package import MailAuth
import MailSyntax
import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL

/// Fetches the text of a policy.
package protocol PolicyFetcher: Sendable {
    /// - Parameters:
    ///   - domain: in A-labels.
    ///   - options: authorities and port.
    func fetch(_ domain: String, _ options: PolicyFetchOptions) async throws(PolicyFetchError) -> [UInt8]
}

package struct PolicyFetchOptions: Sendable, Hashable {
    /// PEM file of authorities instead of the system's.
    package var caFile: String?
    /// 443, but in closed networks and tests.
    package var port: Int

    package init(caFile: String? = nil, port: Int = 443) {
        self.caFile = caFile
        self.port = port
    }
}

/// Why there is no text, in words for an operator.
package struct PolicyFetchError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
    package let failure: TLSReportFailure

    package init(_ description: String, _ failure: TLSReportFailure = .policyFetchError) {
        self.description = description
        self.failure = failure
    }
}

/// Fetches over HTTPS. A client is made for each request: there is one a domain and week, and no connection stays behind.
package struct HTTPSPolicyFetcher: PolicyFetcher {
    private let group: MultiThreadedEventLoopGroup
    private let resolver: any DNSResolver
    private let patience: TimeAmount

    /// - Parameter patience: for the whole of a request. // RFC 8461 §3.3
    package init(group: MultiThreadedEventLoopGroup, resolver: any DNSResolver, patience: Duration = .seconds(60)) {
        self.group = group
        self.resolver = resolver
        self.patience = TimeAmount(patience)
    }

    package func fetch(_ domain: String, _ options: PolicyFetchOptions) async throws(PolicyFetchError) -> [UInt8] {
        let host = "mta-sts.\(domain)"  // RFC 8461 §3.3
        let addresses = await addresses(of: host)
        guard !addresses.isEmpty else { throw PolicyFetchError("the name \(host) can't be resolved") }
        let deadline = NIODeadline.now() + patience
        var failure = PolicyFetchError("\(host) can't be reached")
        for address in addresses.prefix(2) {
            let left = deadline - .now()
            guard left > .zero else { break }
            let client = HTTPClient(
                eventLoopGroupProvider: .shared(group),
                configuration: try configuration(host: host, address: address, options, left))
            let result = await Self.within(left, host) { await Self.get(client, host, options.port, left) }
            try? await client.shutdown()
            switch result {
            case .success(let text): return text
            case .failure(let found): failure = found
            }
        }
        throw failure
    }

    private func addresses(of host: String) async -> [String] {
        var found: [String] = []
        for type in [DNSRecordType.a, .aaaa] {
            if case .success(let answer) = await resolver.resolve(host, type) {
                found += answer.addresses.map(\.description)
            }
        }
        return found
    }

    private func configuration(
        host: String, address: String, _ options: PolicyFetchOptions, _ left: TimeAmount
    ) throws(PolicyFetchError) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = options.caFile {
            guard let roots = try? NIOSSLCertificate.fromPEMFile(file), !roots.isEmpty else {
                throw PolicyFetchError("the authorities of \(file) can't be read")
            }
            tls.trustRoots = .certificates(roots)
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,  // RFC 8461 §3.3
            timeout: .init(connect: min(left, .seconds(15)), read: left))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.dnsOverride = [host: address]
        return configuration
    }

    /// The client's own deadlines are for the head and between octets: a server may send one a minute for weeks.
    private static func within(
        _ left: TimeAmount, _ host: String, _ get: @escaping @Sendable () async -> Result<[UInt8], PolicyFetchError>
    ) async -> Result<[UInt8], PolicyFetchError> {
        await withTaskGroup(of: Result<[UInt8], PolicyFetchError>.self) { group in
            group.addTask { await get() }
            group.addTask {
                try? await Task.sleep(for: .nanoseconds(left.nanoseconds))
                return .failure(late(host))
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(late(host))
        }
    }

    private static func late(_ host: String) -> PolicyFetchError { PolicyFetchError("\(host) did not answer in time") }

    private static func get(
        _ client: HTTPClient, _ host: String, _ port: Int, _ left: TimeAmount
    ) async -> Result<[UInt8], PolicyFetchError> {
        let authority = port == 443 ? host : "\(host):\(port)"
        var request = HTTPClientRequest(url: "https://\(authority)/.well-known/mta-sts.txt")
        request.headers.add(name: "User-Agent", value: "martlet")
        request.headers.add(name: "Accept", value: "text/plain")
        do {
            let response = try await client.execute(request, timeout: left)
            // RFC 8461 §3.3: 200 and nothing else, redirects included.
            guard response.status == .ok else {
                return .failure(PolicyFetchError("\(host) answers \(response.status.code)"))
            }
            // RFC 8461 §3.2
            let type = response.headers.first(name: "Content-Type") ?? ""
            let media = type.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
            guard media == "text/plain" else {
                return .failure(PolicyFetchError("\(host) sends \(plain(media)), not text/plain", .policyInvalid))
            }
            let body = try await response.body.collect(upTo: MTASTSPolicy.maximumSize)
            return .success(Array(body.readableBytesView))
        } catch {
            return .failure(words(error, host))
        }
    }

    private static func words(_ error: any Error, _ host: String) -> PolicyFetchError {
        switch error {
        case is NIOTooManyBytesError:
            PolicyFetchError("\(host) sends more than \(MTASTSPolicy.maximumSize) octets", .policyInvalid)
        case let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .connectTimeout].contains(error):
            late(host)
        case let error as NIOSSLError:
            PolicyFetchError("the certificate of \(host) is not valid: \(plain("\(error)"))", .webPKIInvalid)
        case let error as NIOSSLExtraError:
            PolicyFetchError("the certificate of \(host) is not valid: \(plain("\(error)"))", .webPKIInvalid)
        case let error as NIOConnectionError:
            PolicyFetchError("\(host) can't be reached: \(plain("\(error.connectionErrors.map(\.error))"))")
        default: PolicyFetchError("\(host) failed: \(plain("\(error)"))")
        }
    }

    /// What a stranger wrote, made fit for a log line.
    private static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
    }
}
