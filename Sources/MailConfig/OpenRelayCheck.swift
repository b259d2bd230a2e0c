import MailSyntax

/// Finds what would let anybody on the internet send through this server.
package enum OpenRelayCheck {
    /// A way in for everybody.
    package struct Finding: Sendable, Hashable {
        /// The setting that opens it.
        package var setting: String
        package var message: String
        package var remedy: String
    }

    /// What is open; the operator has to have written `relay.accept_risk: [open-relay]`.
    package static func findings(_ manifest: Manifest) -> [Finding] {
        trustedNetworks(manifest) + devices(manifest) + relayDomains(manifest) + listeners(manifest)
    }

    private static func trustedNetworks(_ manifest: Manifest) -> [Finding] {
        let relay = manifest.relay
        guard relay.permit == .either || relay.permit == .network, let wide = PublicSpace.wide(relay.networks) else {
            return []
        }
        return [
            Finding(
                setting: "relay.networks",
                message: "`relay.networks` trusts \(wide): anybody on the internet may send through this server",
                remedy: "name the networks of your own clients, or ask for a login with `permit: both`")
        ]
    }

    private static func devices(_ manifest: Manifest) -> [Finding] {
        manifest.devices.compactMap { device in
            guard device.username == nil, let wide = PublicSpace.wide(device.networks) else { return nil }
            return Finding(
                setting: "devices",
                message:
                    "the device `\(device.name)` needs no login from \(wide): anybody on the internet is that device",
                remedy: "name the device's own address in `networks`, or give it a `username` and a password")
        }
    }

    private static func relayDomains(_ manifest: Manifest) -> [Finding] {
        manifest.relay.domains.compactMap { pattern in
            switch pattern {
            case .any: break
            case .domain(let domain) where domain.labels.count == 1: break
            case .subdomains(let domain) where domain.labels.count == 1: break
            default: return nil
            }
            return Finding(
                setting: "relay.domains",
                message: "`relay.domains` has `\(pattern)`: mail for strangers' domains is taken from anybody",
                remedy: "name the domains that this server is to take mail for")
        }
    }

    private static func listeners(_ manifest: Manifest) -> [Finding] {
        var findings: [Finding] = []
        for listener in manifest.listeners {
            if let wide = PublicSpace.wide(listener.proxies) {
                findings.append(believed(wide, "proxy", listener))
            }
            if let wide = PublicSpace.wide(listener.xclients) {
                findings.append(believed(wide, "xclient", listener))
            }
        }
        return findings
    }

    private static func believed(_ wide: String, _ key: String, _ listener: Listener) -> Finding {
        Finding(
            setting: "listeners",
            message: "the listener `\(listener.name)` believes \(wide) (`\(key)`): anybody can claim to be any client, "
                + "a trusted one too",
            remedy: "name the addresses of your own proxies")
    }
}

/// How much of the internet some networks are.
private enum PublicSpace {
    private static let privateNetworks = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
    ].compactMap { IPNetwork($0) }

    /// Wider than any one organisation's: /8 of IPv4, /16 of IPv6.
    private static let widest = (v4: 8, v6: 16)

    /// The networks that are too wide to be one's own, in words; nil when there is none.
    static func wide(_ networks: [IPNetwork]) -> String? {
        let foreign = networks.filter { !isPrivate($0) }
        if let one = foreign.first(where: { $0.prefixLength < ($0.base.isV6 ? widest.v6 : widest.v4) }) {
            return "\(one.base)/\(one.prefixLength)"
        }
        for isV6 in [false, true] {
            let some = Set(foreign.filter { $0.base.isV6 == isV6 })
            let share = some.reduce(0.0) { $0 + scalb(1, -$1.prefixLength) }
            if share > scalb(1, -(isV6 ? widest.v6 : widest.v4)) {
                return "\(some.count) networks that are wide together"
            }
        }
        return nil
    }

    private static func scalb(_ value: Double, _ exponent: Int) -> Double {
        Double(sign: .plus, exponent: exponent, significand: value)
    }

    private static func isPrivate(_ network: IPNetwork) -> Bool {
        privateNetworks.contains { $0.prefixLength <= network.prefixLength && $0.contains(network.base) }
    }
}
