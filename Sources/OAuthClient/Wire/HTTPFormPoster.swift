import AsyncHTTPClient
package import DNSCore
import MailSyntax
import NIOCore
import NIOHTTP1
package import NIOPosix
import NIOSSL

/// Posts forms over HTTPS.
///
/// A client is made for each request: there is one an hour, and no pool of connections stays behind. Certificates are
/// verified, redirects are not followed (they would take the secrets elsewhere), answers are limited in size and time, no
/// proxy is used, and names are looked up by Martlet's own resolver.
package struct HTTPFormPoster: FormPoster {
    /// Octets of an answer: providers send two or three thousand.
    static let maximumAnswer = 64 * 1024
    private static let connectTime = TimeAmount.seconds(10)

    private let group: MultiThreadedEventLoopGroup
    /// nil: the host's.
    private let resolver: (any DNSResolver)?
    private let patience: TimeAmount

    /// - Parameter patience: for the whole of a request.
    package init(
        group: MultiThreadedEventLoopGroup, resolver: (any DNSResolver)? = nil, patience: Duration = .seconds(30)
    ) {
        self.group = group
        self.resolver = resolver
        self.patience = TimeAmount(patience)
    }

    package func post(
        _ url: String, _ form: FormFields, caFile: String?
    ) async throws(TokenFailure) -> EndpointAnswer {
        let host = Self.host(of: url)
        let addresses = await addresses(of: host)
        guard !addresses.isEmpty else { throw TokenFailure(.unreachable, "the name \(host) can't be resolved") }
        var failure = TokenFailure(.unreachable, "\(host) can't be reached")
        for address in addresses.prefix(4) {
            let configuration = try configuration(caFile: caFile, host: host, address: address)
            let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
            let answer = await performInTime(client, url, form, host: host)
            try? await client.shutdown()
            switch answer {
            case .success(let answer): return answer
            case .failure(let found):
                failure = found.failure
                // What may have been heard is not said again: the refresh token may be used up.
                guard found.isBeforeRequest else { throw failure }
            }
        }
        throw failure
    }

    private struct Trouble: Error {
        var failure: TokenFailure
        var isBeforeRequest: Bool
    }

    /// The client's own deadlines are for the head and between octets: an answer may come an octet at a time for ever.
    private func performInTime(
        _ client: HTTPClient, _ url: String, _ form: FormFields, host: String
    ) async -> Result<EndpointAnswer, Trouble> {
        let late = Trouble(
            failure: TokenFailure(.unreachable, "\(host) did not answer in time"), isBeforeRequest: false)
        return await withTaskGroup(of: Result<EndpointAnswer, Trouble>.self) { group in
            group.addTask { await perform(client, url, form, host: host) }
            group.addTask {
                // The client's own word for it comes first, where it has one.
                try? await Task.sleep(for: .nanoseconds(patience.nanoseconds) + .milliseconds(100))
                return .failure(late)
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(late)
        }
    }

    private func perform(
        _ client: HTTPClient, _ url: String, _ form: FormFields, host: String
    ) async -> Result<EndpointAnswer, Trouble> {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "martlet")
        if let basic = form.basic { request.headers.add(name: "Authorization", value: basic.header) }
        request.body = .bytes(ByteBuffer(string: form.encoded))
        do {
            let response = try await client.execute(request, timeout: patience)
            let body = try await response.body.collect(upTo: Self.maximumAnswer)
            return .success(EndpointAnswer(status: Int(response.status.code), body: Array(body.readableBytesView)))
        } catch {
            return .failure(Self.words(error, host: host))
        }
    }

    private func configuration(
        caFile: String?, host: String, address: String
    ) throws(TokenFailure) -> HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let caFile {
            guard let roots = try? NIOSSLCertificate.fromPEMFile(caFile), !roots.isEmpty else {
                throw TokenFailure(.local, "ca_file \(caFile) can't be read as PEM certificates")
            }
            tls.trustRoots = .certificates(roots)
        }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls,
            redirectConfiguration: .disallow,
            timeout: .init(connect: Self.connectTime, read: patience)
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        if address != host { configuration.dnsOverride = [host: address] }
        return configuration
    }

    // MARK: Names

    /// The host of a URL that has been validated, without brackets.
    static func host(of url: String) -> String {
        let afterScheme = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).dropFirst(2).first
        let authority = (afterScheme ?? "").prefix { !"/?".contains($0) }
        guard authority.first == "[" else { return String(authority.prefix { $0 != ":" }) }
        return String(authority.dropFirst().prefix { $0 != "]" })
    }

    private func addresses(of host: String) async -> [String] {
        guard let resolver, IPAddress(host) == nil, host != "localhost" else { return [host] }
        var found: [String] = []
        for type in [DNSRecordType.a, .aaaa] {
            if case .success(let answer) = await resolver.resolve(host, type) {
                found += answer.addresses.map(\.description)
            }
        }
        return found
    }

    private static func words(_ error: any Error, host: String) -> Trouble {
        func trouble(_ text: String, before: Bool = false) -> Trouble {
            Trouble(failure: TokenFailure(.unreachable, text), isBeforeRequest: before)
        }
        switch error {
        case is NIOTooManyBytesError: return trouble("\(host) sent an answer of more than \(maximumAnswer) octets")
        case let error as NIOConnectionError:
            let reason = error.connectionErrors.first.map { "\($0.error)" } ?? "no address answered"
            return trouble("\(host) can't be reached: \(plain(reason))", before: true)
        case let error as HTTPClientError:
            let isBefore = error == .connectTimeout || error == .tlsHandshakeTimeout
            let isLate = error == .deadlineExceeded || error == .readTimeout
            let what = isBefore ? "did not connect in time" : isLate ? "did not answer in time" : plain("\(error)")
            return trouble("\(host) \(isBefore || isLate ? what : "failed: \(what)")", before: isBefore)
        case let error as NIOSSLError:
            return trouble(
                "\(host): the TLS handshake failed, or its certificate is not valid: \(plain("\(error)"))", before: true
            )
        case let error as NIOSSLExtraError:
            return trouble("\(host): its certificate is not valid: \(plain("\(error)"))", before: true)
        default: return trouble("\(host) failed: \(plain("\(error)"))")
        }
    }

    private static func plain(_ text: String) -> String { PlainWords.clean(text, limit: 200) }
}

/// What a stranger wrote, made fit for a log line and a terminal.
enum PlainWords {
    /// Printable characters only, blanks folded, at most `limit` characters.
    static func clean(_ text: String, limit: Int) -> String {
        let printable = text.unicodeScalars.map { scalar -> Character in
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            let isFormat = scalar.properties.generalCategory == .format
            return isControl || isFormat ? " " : Character(scalar)
        }
        let words = String(printable).split(separator: " ").joined(separator: " ")
        return words.count <= limit ? words : "\(words.prefix(limit))…"
    }
}
