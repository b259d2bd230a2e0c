import Foundation

/// A Postfix of a test's own: configuration, queue and Maildirs in a temporary folder, ports above 1024.
package final class PostfixPeer: Sendable {
    /// The domain that it keeps mail for.
    package static let domain = "peer.test"
    package static let hostname = "mx.peer.test"

    package let folder: TemporaryFolder
    package let port: Int
    /// Where it takes mail of those who log in: with STARTTLS, and with TLS from the first octet.
    package let submissionPort: Int
    package let submissionsPort: Int
    private let sasl: String?
    private let runner: [String]

    /// - Parameters:
    ///   - routes: domains, and the host and port that their mail goes to.
    ///   - settings: more lines of main.cf.
    ///   - services: more lines of master.cf.
    ///   - runner: a command that runs another, which starts it; empty for none.
    ///   - sasl: the socket of a ``SASLPeer``; nil for no logins and no submission.
    package init(
        routes: [(domain: String, port: Int)], settings: [String] = [], services: [String] = [], runner: [String] = [],
        sasl: String? = nil
    ) throws {
        self.runner = runner
        folder = try TemporaryFolder()
        let ports = Peer.freePorts(3)
        (port, submissionPort, submissionsPort) = (ports[0], ports[1], ports[2])
        self.sasl = sasl
        for name in ["etc", "lib", "log"] { try folder.makeFolder(name) }
        try folder.makeFolder("spool")
        try folder.makeFolder("mail")
        // Postfix's daemons write as these users.
        try Self.give(folder.file("lib"), to: "postfix")
        try Self.give(folder.file("mail"), to: "mail")
        let table = routes.map { "\($0.domain) smtp:[127.0.0.1]:\($0.port)\n" }.joined()
        try folder.write(table, to: "etc/transport")
        try folder.write("@\(Self.domain) all/\n", to: "etc/mailboxes")
        let more = settings.map { $0 + "\n" }.joined()
        try folder.write(mainConfiguration() + more, to: "etc/main.cf")
        let master = try masterConfiguration() + services.map { $0 + "\n" }.joined()
        try folder.write(master, to: "etc/master.cf")
    }

    private static func give(_ path: String, to user: String) throws {
        try FileManager.default.setAttributes([.ownerAccountName: user], ofItemAtPath: path)
    }

    private func mainConfiguration() -> String {
        """
        compatibility_level = 3.6
        queue_directory = \(folder.file("spool"))
        data_directory = \(folder.file("lib"))
        command_directory = /usr/sbin
        daemon_directory = /usr/lib/postfix/sbin
        mail_owner = postfix
        setgid_group = postdrop
        myhostname = \(Self.hostname)
        mydestination =
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        mynetworks = 127.0.0.0/8
        smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
        virtual_mailbox_domains = \(Self.domain)
        virtual_mailbox_maps = texthash:\(folder.file("etc/mailboxes"))
        virtual_mailbox_base = \(folder.file("mail"))
        virtual_minimum_uid = 1
        virtual_uid_maps = static:\(Self.number("-u", of: "mail"))
        virtual_gid_maps = static:\(Self.number("-g", of: "mail"))
        transport_maps = texthash:\(folder.file("etc/transport"))
        smtp_tls_security_level = may
        smtp_dns_support_level = disabled
        smtp_host_lookup = native
        maillog_file = \(folder.file("log/postfix"))
        maillog_file_prefixes = /tmp, /var, \(folder.path)
        smtpd_client_connection_count_limit = 0
        smtpd_client_connection_rate_limit = 0
        smtpd_peername_lookup = no
        alias_maps =
        local_recipient_maps =
        \(submissionConfiguration())

        """
    }

    private func submissionConfiguration() -> String {
        guard let sasl else { return "" }
        return """
            smtpd_sasl_type = dovecot
            smtpd_sasl_path = \(sasl)
            smtpd_sasl_authenticated_header = yes
            smtpd_tls_auth_only = yes
            smtpd_tls_cert_file = \(folder.file("etc/tls.crt"))
            smtpd_tls_key_file = \(folder.file("etc/tls.key"))
            """
    }

    private static func number(_ option: String, of user: String) -> Int {
        let wanted = option == "-u" ? 2 : 3
        let users = (try? String(contentsOfFile: "/etc/passwd", encoding: .utf8)) ?? ""
        let line = users.split(separator: "\n").first { $0.hasPrefix("\(user):") } ?? ""
        let fields = line.split(separator: ":", omittingEmptySubsequences: false)
        return fields.count > wanted ? Int(fields[wanted]) ?? 8 : 8
    }

    /// Debian's services, without chroot, and SMTP on this instance's port.
    private func masterConfiguration() throws -> String {
        let standard = try String(contentsOfFile: "/usr/share/postfix/master.cf.dist", encoding: .utf8)
        var lines: [String] = []
        for line in standard.split(separator: "\n") where !line.hasPrefix("#") {
            var words = line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            if !line.hasPrefix(" "), words.count >= 8 {
                if words[4] == "y" || words[4] == "-" { words[4] = "n" }
                if words[0] == "smtp", words[1] == "inet" { words[0] = "127.0.0.1:\(port)" }
                lines.append(words.joined(separator: " "))
            } else {
                lines.append(String(line))
            }
        }
        if sasl != nil {
            let options = [
                "smtpd_sasl_auth_enable=yes", "smtpd_relay_restrictions=permit_sasl_authenticated,reject",
                "smtpd_recipient_restrictions=permit_sasl_authenticated,reject",
            ]
            for (port, tls) in [
                (submissionPort, "smtpd_tls_security_level=encrypt"), (submissionsPort, "smtpd_tls_wrappermode=yes"),
            ] {
                lines.append("127.0.0.1:\(port) inet n - n - - smtpd")
                lines += (options + [tls]).map { "  -o \($0)" }
            }
        }
        if !lines.contains(where: { $0.hasPrefix("postlog ") }) {
            lines.append("postlog unix-dgram n - n - 1 postlogd")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    package var log: String { folder.text(of: "log/postfix") }

    /// The messages that arrived for its own domain.
    package var messages: [String] {
        folder.files(in: "mail/all").filter { $0.contains("/new/") }
    }

    package var mailFolder: String { folder.file("mail/all/new") }

    package func start() async throws {
        _ = try Peer.require("postfix")
        if sasl != nil { try await makeCertificate() }
        let result = try await ProcessRunner.run(runner + ["postfix", "-c", folder.file("etc"), "start"])
        guard result.succeeded else { throw ProcessFailure("postfix start: \(result)\n\(log)") }
        try await eventually(within: .seconds(20), "Postfix listens on \(port)\n\(log)") {
            LoopbackSocket.canConnect(port)
        }
    }

    private func makeCertificate() async throws {
        let result = try await ProcessRunner.run([
            try Peer.require("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "30", "-subj", "/CN=\(Self.hostname)", "-keyout", folder.file("etc/tls.key"),
            "-out", folder.file("etc/tls.crt"),
        ])
        guard result.succeeded else { throw ProcessFailure("openssl req: \(result)") }
    }

    package func stop() async {
        _ = try? await ProcessRunner.run(["postfix", "-c", folder.file("etc"), "stop"])
    }
}
