package import NIOCore
import Synchronization

/// A channel that waits for whoever runs it, and is closed where nobody does.
///
/// NIO ends the process over a channel that is dropped open without having been run: a client that came while its listener
/// stopped, or a listener that was opened and never ran.
package final class UnclaimedChannel<Inbound: Sendable, Outbound: Sendable>: Sendable {
    private let wrapped: NIOAsyncChannel<Inbound, Outbound>
    private let isTaken = Atomic(false)

    package init(_ wrapped: NIOAsyncChannel<Inbound, Outbound>) {
        self.wrapped = wrapped
    }

    package var channel: any Channel { wrapped.channel }

    /// The channel, for whoever runs it to its end.
    package func take() -> NIOAsyncChannel<Inbound, Outbound> {
        isTaken.store(true, ordering: .relaxed)
        return wrapped
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        Task { [wrapped] in try? await wrapped.executeThenClose { _, _ in } }
    }
}
