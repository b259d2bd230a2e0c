import Glibc
import MailDoctor
import MailSyntax

/// The addresses of this host's interfaces.
enum HostAddresses {
    /// Addresses that mail could be sent to: those of the internet, or, when there are none, the private ones. IPv4 first.
    static func likely() -> [IPAddress] {
        let all = interfaces().filter { !$0.isLoopback && !isLinkLocal($0) }
        let reachable = all.filter(\.isReachable)
        let chosen = reachable.isEmpty ? all : reachable
        var seen: Set<IPAddress> = []
        return chosen.filter { seen.insert($0).inserted }.sorted { !$0.isV6 && $1.isV6 }
    }

    /// Every address of an interface that is up, loopback included.
    static func all() -> [IPAddress] { interfaces() }

    private static func isLinkLocal(_ address: IPAddress) -> Bool {
        if address.isV6 {
            return address.bytes.starts(with: [0xFE]) && (address.bytes.dropFirst().first ?? 0) & 0xC0 == 0x80
        }
        return address.bytes.starts(with: [169, 254])
    }

    private static func interfaces() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [IPAddress] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            let isUp = entry.ifa_flags & UInt32(IFF_UP) != 0
            guard isUp, let address = entry.ifa_addr else { continue }
            switch Int32(address.pointee.sa_family) {
            case AF_INET:
                address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                    let bytes = withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
                    if let address = IPAddress(bytes: bytes) { found.append(address) }
                }
            case AF_INET6:
                address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                    let bytes = withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
                    if let address = IPAddress(bytes: bytes) { found.append(address) }
                }
            default: break
            }
        }
        return found
    }
}
