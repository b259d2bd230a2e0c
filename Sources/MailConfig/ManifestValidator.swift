package import MailSyntax

/// What is wrong although each setting alone is right.
package enum ManifestValidator {
    /// A hosted domain, as whoever keeps the directory half knows it.
    package struct DomainFacts: Sendable {
        package var domain: DomainName
        /// `postmaster@domain` reaches someone.
        package var hasPostmaster: Bool
        /// Where the domain was written: "directory revision 7".
        package var origin: String

        package init(domain: DomainName, hasPostmaster: Bool, origin: String) {
            self.domain = domain
            self.hasPostmaster = hasPostmaster
            self.origin = origin
        }
    }

    package static func check(_ loaded: LoadedManifest) -> [ConfigDiagnostic] {
        var check = CrossCheck(loaded: loaded)
        check.listeners()
        check.certificates()
        check.queue()
        check.smarthost()
        check.openRelay()
        check.devices()
        check.logins()
        check.authentication()
        check.ownPolicy()
        check.routing()
        check.addressesAndSizes()
        check.keyRotation()
        check.signing()
        return check.diagnostics
    }

    /// For the directory half, which isn't in the file: mail for the postmaster of each domain must arrive.
    package static func check(domains: [DomainFacts]) -> [ConfigDiagnostic] {
        // RFC 5321 §4.5.1
        domains.filter { !$0.hasPostmaster }.map { facts in
            ConfigDiagnostic(
                file: facts.origin, line: nil, column: nil,
                message: "the domain `\(facts.domain)` has no postmaster",
                remedy: "`martlet alias add postmaster@\(facts.domain) ADDRESS`"
            )
        }
    }
}

/// The checks that look at several settings at a time.
struct CrossCheck {
    let loaded: LoadedManifest
    var diagnostics: [ConfigDiagnostic] = []

    var manifest: Manifest { loaded.manifest }

    /// Reports at the first of the settings that was written; the others are named in the message.
    mutating func report(_ paths: String..., message: String, remedy: String) {
        var place = ConfigPlace(file: loaded.file, line: 1, column: 1)
        for path in paths {
            switch loaded.origin(path) {
            case .standard:
                continue
            case .file(let file, let line, let column):
                place = ConfigPlace(file: file, line: line, column: column)
            case .environment(let name):
                place = ConfigPlace(file: "environment \(name)", line: nil, column: nil)
            }
            break
        }
        diagnostics.append(ConfigDiagnostic(place, message, remedy: remedy))
    }

    mutating func listeners() {
        let all = manifest.listeners
        if all.isEmpty {
            report(
                "listeners", message: "`listeners` is empty", remedy: "write one, or remove it for the standard ports")
        }
        for (index, listener) in all.enumerated() {
            let earlier = all.prefix(index)
            if earlier.contains(where: { $0.name == listener.name }) {
                report(
                    "listeners", message: "`listeners` has two items with the name `\(listener.name)`",
                    remedy: "give each its own `name`"
                )
            }
            if let other = earlier.first(where: { clash($0, listener) }) {
                report(
                    "listeners",
                    message: "`listeners`: `\(listener.name)` and `\(other.name)` want the same "
                        + (listener.socket.map { "socket \($0)" } ?? "port \(listener.port)"),
                    remedy: listener.socket == nil
                        ? "give one of them another port, or each its own address" : "give one of them another path"
                )
            }
        }
    }

    private func clash(_ a: Listener, _ b: Listener) -> Bool {
        guard a.socket == nil, b.socket == nil else { return a.socket == b.socket }
        guard a.port == b.port, a.port != 0 else { return false }
        let everything: Set<String> = [Listener.anyAddress, "::", "0.0.0.0"]
        return a.address == b.address || everything.contains(a.address) || everything.contains(b.address)
    }

    mutating func certificates() {
        guard manifest.tls.certificates.isEmpty, !manifest.tls.selfSigned,
            let listener = manifest.listeners.first(where: \.needsCertificate)
        else { return }
        report(
            "tls.self_signed", "tls.certificates",
            message: "the listener `\(listener.name)` needs a certificate, and there is none",
            remedy: "name one in `tls.certificates`, or write `self_signed: true`"
        )
    }

    mutating func queue() {
        let queue = manifest.queue
        if queue.minimumBackoff > queue.maximumBackoff {
            report(
                "queue.minimum_backoff", "queue.maximum_backoff",
                message: "`queue.minimum_backoff` is longer than `queue.maximum_backoff`",
                remedy: "make it at most \(DurationText.render(queue.maximumBackoff)), or raise the other"
            )
        }
        if queue.minimumBackoff > queue.lifetime, queue.lifetime > .zero {
            report(
                "queue.lifetime", "queue.minimum_backoff",
                message: "`queue.lifetime` ends before the second attempt (`queue.minimum_backoff`)",
                remedy: "make it longer than \(DurationText.render(queue.minimumBackoff)), or `0s` for one attempt"
            )
        }
    }

    mutating func smarthost() {
        let written = manifest.outbound.smarthostSettings
        let section = "outbound.smarthost"
        if written.host == nil {
            let others = ["port", "username", "password_file"].map { "\(section).\($0)" }
            guard let other = others.first(where: { loaded.origin($0) != .standard }) else { return }
            report(other, message: "`\(other)` is set, but `\(section).host` is not", remedy: "add `host: …` beside it")
            return
        }
        if (written.username == nil) != (written.passwordFile == nil) {
            let has = written.username == nil ? "password_file" : "username"
            let lacks = written.username == nil ? "username" : "password_file"
            report(
                "\(section).\(has)", message: "`\(section).\(has)` is set, but `\(section).\(lacks)` is not",
                remedy: "add `\(lacks): …` beside it"
            )
        }
        if written.tls == .none, written.username != nil {
            report(
                "\(section).tls", message: "`\(section).tls` is `none`, and the password would be sent in the clear",
                remedy: "write `tls: starttls` or `tls: implicit`, or remove the login"
            )
        }
    }

    mutating func addressesAndSizes() {
        let families = manifest.outbound.bind.map { $0.contains(":") }
        if families.count != Set(families).count {
            report(
                "outbound.bind", message: "`outbound.bind` has two addresses of one family",
                remedy: "keep one IPv4 and one IPv6 address at most"
            )
        }
        let wroteHeaderSize = loaded.origin("limits.header_size") != .standard
        if wroteHeaderSize, let most = manifest.limits.messageSize, manifest.limits.headerSize > most {
            report(
                "limits.header_size", "limits.message_size",
                message: "`limits.header_size` is larger than `limits.message_size`",
                remedy: "make it at most \(SizeText.render(most))"
            )
        }
        if manifest.controlSocket.utf8.count > 100 {
            report(
                "control.socket", "storage.data_directory",
                message: "the path of the control socket, `\(manifest.controlSocket)`, is longer than 100 octets",
                remedy: "write a shorter `control.socket`, such as `/run/martlet/control.sock`"
            )
        }
    }
}
