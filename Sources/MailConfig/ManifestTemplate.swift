/// The manifest that `quickstart` writes: what differs from host to host, with comments on the rest.
package enum ManifestTemplate {
    /// The largest `portOffset`: 995 has to stay a port.
    package static let largestPortOffset = 65535 - 995

    /// - Parameters:
    ///   - hostname: the full name of the host.
    ///   - dataDirectory: whole, or relative to the manifest's folder.
    ///   - listenAddress: an address, or `any`.
    ///   - portOffset: 0…`largestPortOffset`, added to each standard port.
    ///   - user: the user to become when started as root.
    ///   - forwarders: DNS servers as `address@port`; empty resolves from the root.
    package static func render(
        hostname: String, dataDirectory: String, listenAddress: String = Listener.anyAddress, portOffset: Int = 0,
        user: String? = nil, forwarders: [String] = []
    ) -> String {
        let q = YAMLText.scalar
        let userLine = user.map { "  user: \(q($0))" } ?? "  # user: martlet"
        let resolvers = forwarders.isEmpty ? "192.0.2.53@53" : forwarders.map(q).joined(separator: ", ")
        let mark = forwarders.isEmpty ? "# " : ""
        return """
            # Martlet's manifest: the server half of the configuration. Martlet wrote it once and won't change it again.
            # Domains, accounts and aliases are in the database: `martlet domain`, `martlet account`, `martlet alias`.
            #   martlet config check       says what is wrong, with line and column
            #   martlet config show        what is in effect, and where each value comes from
            #   martlet config reference   every setting with its default and its environment variable

            server:
              # The name of this host, as its reverse DNS has it.
              hostname: \(q(hostname))
              # The user to become after the ports are bound, when started as root.
            \(userLine)
              dns:
                # Martlet resolves names itself. A closed network names its own servers here.
                \(mark)forwarders: [\(resolvers)]

            storage:
              data_directory: \(q(dataDirectory))

            listeners:
            \(listeners(address: listenAddress, portOffset: portOffset))
            tls:
              # PEM files; the first certificate is also for clients that name no server. Read again on reload.
              certificates: []
              #  - chain: /etc/letsencrypt/live/\(hostname)/fullchain.pem
              #    key: /etc/letsencrypt/live/\(hostname)/privkey.pem
              # Without certificates one is made in the data directory. Mail programs will ask about it.
              self_signed: true

            limits:
              message_size: \(SizeText.render(Manifest.Limits().messageSize ?? 50_000_000))

            outbound:
              # Without a smarthost, mail goes straight to the MX of each domain.
              smarthost:
                # host: smtp.example.net
                # tls: starttls
                # username: user@example.net
                # password_file: smarthost.password

            log:
              format: text
              level: info

            """
    }

    private static func listeners(address: String, portOffset: Int) -> String {
        Listener.standard(address: address, portOffset: min(portOffset, largestPortOffset)).reduce("") {
            text, listener in
            let fields = "name: \(listener.name), kind: \(listener.kind.rawValue)"
            return text + "  - {\(fields), address: \(YAMLText.scalar(listener.address)), port: \(listener.port)}\n"
        }
    }
}
