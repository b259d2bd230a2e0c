import IMAPCore
import Logging
import MailStore
import Telemetry

/// The small commands: what the server can, who it is, and goodbye.
extension IMAPSession {
    // RFC 3501 §6.1.1
    func capability() -> Completion {
        encoder.capability(IMAPCapabilities.keywords(capabilityState))
        return .ok("Capability completed.")
    }

    // RFC 3501 §6.1.3
    func logout() -> Completion {
        untagged(.bye, nil, "Logging out")
        phase = .over
        return .ok("Logout completed.", announce: .nothing)
    }

    // RFC 2971 §3
    func identify(_ fields: [IDField]) -> Completion {
        if !fields.isEmpty {
            let text = fields.map { "\($0.name)=\($0.value ?? "NIL")" }.joined(separator: "; ")
            logger.info("client names itself", metadata: [LogKey.imapID: "\(text)"])
            // From here on each line of the session says who it is.
            let named = fields.filter { ["name", "version"].contains($0.name.lowercased()) }.compactMap(\.value)
            if !named.isEmpty { clientName = String(named.joined(separator: " ").prefix(100)) }
        }
        encoder.id(service.settings.identification)
        return .ok("ID completed.")
    }

    // RFC 2342 §5
    func namespace() -> Completion {
        encoder.namespaces(otherUsers: SharedMailboxName.prefix)
        return .ok("Namespace completed.")
    }
}
