import CLinux
import NIOCore

/// The process at the other end of a Unix-domain socket, when it connected.
package struct LocalPeer: Sendable, Hashable {
    package var userID: UInt32
    /// 0 for a process of another name space.
    package var processID: Int32

    package init(userID: UInt32, processID: Int32) {
        self.userID = userID
        self.processID = processID
    }

    /// - Parameter channel: on its event loop.
    init?(of channel: any Channel) {
        let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { descriptor in
            var user: UInt32 = 0
            var process: Int32 = 0
            guard linux_peer(descriptor, &user, &process) == 0 else { return LocalPeer?.none }
            return LocalPeer(userID: user, processID: process)
        }
        guard let peer = found ?? nil else { return nil }
        self = peer
    }
}
