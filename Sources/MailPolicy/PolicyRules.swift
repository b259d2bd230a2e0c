package import MailConfig
package import MailSyntax

/// The rules that decisions are made by: the manifest, and where each of its settings was written.
///
/// Made once for each manifest that comes into effect and shared by all sessions. What a decision would otherwise work
/// out each time is made here.
package final class PolicyRules: Sendable {
    package let manifest: Manifest
    /// The ways out, in the form they are searched in.
    package let routing: RoutingTable
    package let rewriting: RewriteRules
    private let origins: [String: String]
    /// Devices by name, and by the folded name they log in with.
    private let devicesByName: [String: Manifest.Device]
    private let devicesByUsername: [String: Manifest.Device]
    private let addressRules: PatternIndex
    /// `relay.senders`.
    let relaySenders: PatternIndex
    /// `relay.domains`.
    let relayDomains: PatternIndex
    package let authentication: AuthenticationRules

    /// - Parameter origins: `martlet.yaml:12` by the path of a setting; a setting without one has its default.
    package init(_ manifest: Manifest, origins: [String: String] = [:]) {
        self.manifest = manifest
        self.origins = origins
        devicesByName = Dictionary(manifest.devices.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let loggingIn = manifest.devices.compactMap { device in
            device.username.map { (EmailAddress.fold($0), device) }
        }
        devicesByUsername = Dictionary(loggingIn, uniquingKeysWith: { first, _ in first })
        addressRules = PatternIndex(manifest.sending.accounts.map(\.pattern))
        relaySenders = PatternIndex(manifest.relay.senders)
        relayDomains = PatternIndex(manifest.relay.domains)
        authentication = AuthenticationRules(manifest.authentication)
        routing = RoutingTable(manifest, origins: origins)
        rewriting = RewriteRules(manifest, origins: origins)
    }

    package convenience init(_ loaded: LoadedManifest) {
        self.init(loaded.manifest, origins: loaded.origins.mapValues(\.description))
    }

    /// Where a setting was written.
    package func origin(_ path: String) -> String { origins[path] ?? TraceStep.builtIn }
}

// MARK: - What the rules say of a client or an address

extension PolicyRules {
    /// Whether a client is in one of the trusted networks.
    package func trusts(_ client: IPAddress) -> Bool {
        let networks = manifest.relay.networks
        return !networks.isEmpty && networks.contains { $0.contains(client) }
    }

    /// Whether a client may submit mail without having logged in.
    package func needsNoLogin(_ client: IPAddress) -> Bool {
        switch manifest.relay.permit {
        case .either, .network: trusts(client)
        case .login, .both: false
        }
    }

    package func device(named name: String) -> Manifest.Device? { devicesByName[name] }

    /// The device that logs in with a name, in any case.
    package func device(username: String) -> Manifest.Device? {
        devicesByUsername.isEmpty ? nil : devicesByUsername[EmailAddress.fold(username)]
    }

    /// What a device counts as in decisions: the address that stands where it names none is the first it may send as.
    package func login(of device: Manifest.Device) -> LoginFacts? {
        let hostname = manifest.rewrite.origin?.ascii ?? manifest.server.hostname
        var address = device.username.flatMap { EmailAddress($0) } ?? EmailAddress("\(device.name)@\(hostname)")
        for pattern in device.senders.reversed() {
            switch pattern {
            case .address(let own): address = own
            case .domain(let domain): address = EmailAddress(localPart: device.name, domain: domain)
            case .any, .null, .subdomains: continue
            }
        }
        return address.map { LoginFacts(device: device.name, address: $0) }
    }

    /// The device that is known by the network of a client alone: the one whose network is the smallest.
    package func device(at client: IPAddress) -> Manifest.Device? {
        var best: (device: Manifest.Device, length: Int)?
        for device in manifest.devices where device.username == nil {
            for network in device.networks where network.contains(client) {
                if best.map({ network.prefixLength > $0.length }) ?? true { best = (device, network.prefixLength) }
            }
        }
        return best?.device
    }

    /// The first of `sending.rules` that is about an address, or about what it is without its tag.
    package func rule(for address: EmailAddress) -> Manifest.AddressRule? {
        guard !addressRules.isEmpty else { return nil }
        let base = address.splittingTag(manifest.mail.recipientDelimiter).base
        let found = [addressRules.first(matching: address), addressRules.first(matching: base)].compactMap { $0 }
        return found.min().map { manifest.sending.accounts[$0] }
    }
}

extension PolicyRules {
    /// The tables that are asked for a purpose, in order.
    package func tables(for purpose: TablePurpose) -> [TableSource] { manifest.tables(for: purpose) }

    /// False where asking would be in vain; costs next to nothing.
    package func hasTables(_ purpose: TablePurpose) -> Bool { !manifest.tables(for: purpose).isEmpty }
}
