import Glibc
import MailSyntax

/// Addresses of hosts, as this machine's resolver knows them.
enum HostLookup {
    /// The most addresses that are tried.
    private static let limit = 6

    /// Blocks: called off event loops.
    @concurrent
    static func addresses(of host: String) async throws -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw RemoteFailure(.name, "\"\(PeerText.clean(host, limit: 100))\" is not a host's name")
        }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            throw RemoteFailure(.name, "\(host) has no address: \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next?.pointee, found.count < limit {
            next = entry.ai_next
            guard let address = entry.ai_addr else { continue }
            let bytes: [UInt8]
            switch entry.ai_family {
            case AF_INET:
                bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                    withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
                }
            case AF_INET6:
                bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                    withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
                }
            default: continue
            }
            if let address = IPAddress(bytes: bytes), !found.contains(address) { found.append(address) }
        }
        guard !found.isEmpty else { throw RemoteFailure(.name, "\(host) has no address") }
        return found
    }
}
