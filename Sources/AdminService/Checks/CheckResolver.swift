package import DNSClient
import MailConfig
import MailSyntax

/// The resolver of `martlet check` and its like, which run without a server.
package enum CheckResolver {
    /// One question is not worth more of an operator's time.
    private static let timeout = Duration.seconds(10)

    /// A resolver to ask: the one named, else the manifest's, else the host's own.
    ///
    /// - Parameters:
    ///   - server: `IP:PORT`, `[IP]:PORT`, `IP@PORT` or an address alone.
    ///   - config: the manifest's path; nil for the usual places, where there need not be one.
    /// - Throws: `AdminError` when the text is no address, or the manifest that was named is wrong.
    package static func open(server: String?, config: String?) throws -> UnboundResolver {
        var settings: ResolverSettings
        if let server {
            settings = ResolverSettings(forwarders: [try forwarder(server)])
            // A manifest that nobody named and that can't be found is none.
        } else if config != nil || (try? ManifestFile.locate(nil)) != nil {
            let manifest = try ManifestFile.load(try ManifestFile.locate(config)).manifest
            settings = try ServerSettings.resolver(manifest.server.dns)
        } else {
            settings = ResolverSettings(resolvConf: "/etc/resolv.conf")
        }
        settings.timeout = timeout
        return try UnboundResolver(settings)
    }

    /// What `--dns` says.
    static func forwarder(_ text: String) throws -> ResolverSettings.Forwarder {
        guard let (address, port) = parse(text) else {
            throw AdminError(
                .usage, "--dns: \"\(text)\" is not an address", remedy: "write IP:PORT, or [IP]:PORT")
        }
        return ResolverSettings.Forwarder(address: address, port: port)
    }

    private static func parse(_ text: String) -> (IPAddress, UInt16)? {
        if let address = IPAddress(text) { return (address, 53) }
        guard let mark = text.lastIndex(where: { $0 == ":" || $0 == "@" }),
            let port = UInt16(text[text.index(after: mark)...]), port > 0
        else { return nil }
        var host = text[..<mark]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return IPAddress(String(host)).map { ($0, port) }
    }
}
