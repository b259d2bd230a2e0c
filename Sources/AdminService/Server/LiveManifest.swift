package import MailConfig
import Synchronization

/// The manifest that is in effect: what needs a restart stays as it was at start, the rest follows each reload.
package final class LiveManifest: Sendable {
    private let state: Mutex<Manifest>

    package init(_ manifest: Manifest) {
        state = Mutex(manifest)
    }

    package var current: Manifest { state.withLock { $0 } }

    /// Takes over the live settings of a new manifest and returns everything that differs.
    package func apply(_ new: Manifest) -> [ManifestDiff.Change] {
        state.withLock { manifest in
            let changes = ManifestDiff.changes(from: manifest, to: new)
            manifest = ManifestDiff.live(from: manifest, to: new)
            return changes
        }
    }
}
