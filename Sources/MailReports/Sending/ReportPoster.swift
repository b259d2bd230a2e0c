import AsyncHTTPClient
package import DNSCore
import MailSyntax
import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL

/// Takes reports over HTTPS. // RFC 8460 §5.4
package protocol ReportPoster: Sendable {
    /// Returns when the other side has taken the report.
    func post(_ body: [UInt8], type: String, to url: String) async throws(ReportPostError)
}

/// Why a report was not taken, in words for an operator.
package struct ReportPostError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

/// Posts with a client for each report, so that no connection stays behind.
///
/// A stranger's record names the URL: only public addresses are spoken to, redirects are not followed, and nothing of an
/// answer but its status is read. Certificates need not be valid, for the report may be about just that. // RFC 8460 §3
package struct HTTPSReportPoster: ReportPoster {
    private let group: MultiThreadedEventLoopGroup
    private let resolver: any DNSResolver
    private let patience: TimeAmount
    private let allowsPrivateAddresses: Bool

    /// - Parameter allowsPrivateAddresses: for tests.
    package init(
        group: MultiThreadedEventLoopGroup, resolver: any DNSResolver, patience: Duration = .seconds(60),
        allowsPrivateAddresses: Bool = false
    ) {
        self.group = group
        self.resolver = resolver
        self.patience = .seconds(patience.components.seconds)
        self.allowsPrivateAddresses = allowsPrivateAddresses
    }

    package func post(_ body: [UInt8], type: String, to url: String) async throws(ReportPostError) {
        let host = Self.host(of: url)
        guard !host.isEmpty else { throw ReportPostError("\(url) names no host") }
        let address = try await address(of: host)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        tls.certificateVerification = .none
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(15), read: patience))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if address != host { configuration.dnsOverride = [host: address] }
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let failure = await send(client, body, type, url, host)
        try? await client.shutdown()
        if let failure { throw failure }
    }

    private func send(
        _ client: HTTPClient, _ body: [UInt8], _ type: String, _ url: String, _ host: String
    ) async -> ReportPostError? {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: type)
        request.headers.add(name: "User-Agent", value: "martlet")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await client.execute(request, timeout: patience)
            guard (200..<300).contains(response.status.code) else {
                return ReportPostError("\(host) answers \(response.status.code)")
            }
            return nil
        } catch let error as HTTPClientError where [.deadlineExceeded, .readTimeout, .connectTimeout].contains(error) {
            return ReportPostError("\(host) did not answer in time")
        } catch {
            return ReportPostError("\(host) failed: \(Self.plain("\(error)"))")
        }
    }

    private func address(of host: String) async throws(ReportPostError) -> String {
        var found: [IPAddress] = []
        if let literal = IPAddress(host) {
            found = [literal]
        } else {
            for type in [DNSRecordType.a, .aaaa] {
                if case .success(let answer) = await resolver.resolve(host, type) { found += answer.addresses }
            }
        }
        guard !found.isEmpty else { throw ReportPostError("the name \(host) can't be resolved") }
        guard let address = found.first(where: { allowsPrivateAddresses || !Self.isPrivate($0) }) else {
            throw ReportPostError("\(host) has no public address")
        }
        return address.description
    }

    // RFC 6890 §2.2
    private static let privateNetworks = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "::/127", "64:ff9b:1::/48", "fc00::/7", "fe80::/10",
        "ff00::/8",
    ].compactMap { IPNetwork($0) }

    private static func isPrivate(_ address: IPAddress) -> Bool {
        privateNetworks.contains { $0.contains(address) }
    }

    /// Without user, port and brackets.
    static func host(of url: String) -> String {
        let authority = url.dropFirst("https://".count).prefix { !"/?#".contains($0) }
        let place = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        guard place.first == "[" else { return String(place.prefix { $0 != ":" }) }
        return String(place.dropFirst().prefix { $0 != "]" })
    }

    /// What a stranger wrote, made fit for a log line.
    private static func plain(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(200).map { (0x20...0x7E).contains($0.value) ? $0 : "?" }))
    }
}
