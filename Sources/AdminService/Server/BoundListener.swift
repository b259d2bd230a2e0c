import Glibc
import MailConfig
import MailSyntax
package import NetTransport
package import ServiceLifecycle

/// A listener of any protocol.
package protocol BoundListener: Service {
    @discardableResult
    func bind() async throws(ListenError) -> [ListenAddress]
}

extension ListenerService: BoundListener {}

/// All listeners as one service, so that on a stop they drain side by side. One after the other each would be given its
/// whole drain time while those to come went on accepting.
struct ListenerGroup: Service {
    let listeners: [any BoundListener]

    func run() async throws {
        guard !listeners.isEmpty else { return try await gracefulShutdown() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners {
                group.addTask { try await listener.run() }
            }
            try await group.waitForAll()
        }
    }
}

/// Opens the listeners of a manifest.
enum ListenerBinding {
    /// Makes a listener's service for an address and binds it; where the kernel lacks IPv6, `*` falls back to IPv4.
    ///
    /// - Throws: `AdminError` with the listener, the address, why, and what to do.
    static func open(
        _ listener: Listener,
        owner: ServerUser?,
        make: (ListenAddress) -> any BoundListener
    ) async throws -> (service: any BoundListener, status: [ListenerStatus]) {
        if let path = listener.socket {
            let owner = owner.map { UnixSocketOwner(userID: $0.userID, groupID: $0.groupID) }
            let service = make(ListenAddress(.init(path: path, mode: listener.socketMode, owner: owner)))
            do throws(ListenError) {
                return (service, try await service.bind().map { status(listener, $0) })
            } catch {
                throw translate(error)
            }
        }
        var failure: ListenError?
        for text in listener.bindCandidates {
            guard let address = IPAddress(text) else {
                throw AdminError(.config, "listener \"\(listener.name)\": \"\(text)\" is not an IP address")
            }
            let service = make(ListenAddress(address: address, port: listener.port))
            do throws(ListenError) {
                let bound = try await service.bind()
                return (service, bound.map { Self.status(listener, $0) })
            } catch {
                guard address.isV6, !hasIPv6 else { throw translate(error) }
                failure = error
            }
        }
        throw failure.map(translate) ?? AdminError(.config, "listener \"\(listener.name)\" has no address")
    }

    private static func status(_ listener: Listener, _ bound: ListenAddress) -> ListenerStatus {
        ListenerStatus(
            name: listener.name,
            kind: listener.kind.rawValue,
            address: bound.socket?.path ?? bound.address.description,
            port: bound.port
        )
    }

    private static func translate(_ error: ListenError) -> AdminError {
        AdminError(.unavailable, error.description)
    }

    /// Whether the kernel has the family at all.
    private static var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}
