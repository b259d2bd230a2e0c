package import MailSyntax
import Synchronization

/// The Sender Rewriting Scheme as it is in force; shared, and replaced when the manifest changes.
package final class SRSKeys: Sendable {
    private let codec = Mutex<SRSCodec?>(nil)

    package init() {}

    /// nil turns it off.
    package func install(_ codec: SRSCodec?) { self.codec.withLock { $0 = codec } }

    /// The address that a sender's mail goes on from; nil where there is none.
    package func forward(_ sender: EmailAddress, at now: Timestamp) -> EmailAddress? {
        codec.withLock { $0 }?.forward(sender, at: now)
    }

    /// What an address of ours holds.
    package func reverse(_ address: EmailAddress, at now: Timestamp) -> SRSCodec.Reading {
        codec.withLock { $0 }?.reverse(address, at: now) ?? .none
    }
}
