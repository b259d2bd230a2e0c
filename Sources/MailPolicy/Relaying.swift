import MailConfig
import MailSyntax

/// Whether a client may send to addresses that are not hosted here.
enum RelayPermission: Sendable, Hashable {
    /// With the name of the rule, the setting that grants it, and whom it was granted to.
    case granted(rule: String, setting: String?, to: String)
    /// With the reason for the trace.
    case refused(String)
}

extension Policy {
    /// What `relay.permit` and `relay.networks` say of a client. Devices and programs of this host have a permission of
    /// their own.
    static func relayPermission(_ client: ClientFacts, _ rules: PolicyRules) -> RelayPermission {
        switch (client.role, client.login) {
        case (.lmtp, _): return .refused("LMTP delivers here only")
        case (.sendmail, _): return .granted(rule: "relay-sendmail", setting: nil, to: "a program of this host")
        case (_, let login?) where login.device != nil:
            return .granted(rule: "relay-device", setting: "devices", to: "the device \(login.name)")
        default: break
        }
        let network = "the trusted network of \(client.address)"
        switch (rules.manifest.relay.permit, client.login, client.isTrusted) {
        case (.either, let login?, _), (.login, let login?, _):
            return .granted(rule: "relay", setting: nil, to: login.name)
        case (.either, nil, true), (.network, _, true):
            return .granted(rule: "relay-network", setting: "relay.networks", to: network)
        case (.both, let login?, true):
            return .granted(rule: "relay-both", setting: "relay.permit", to: "\(login.name) in \(network)")
        case (.both, nil, true): return .refused("not logged in")
        case (.both, .some, false), (.network, _, false): return .refused("not in a trusted network")
        case (.login, nil, _): return .refused("not logged in")
        case (.either, nil, false), (.both, nil, false): return .refused("neither logged in nor in a trusted network")
        }
    }
}
