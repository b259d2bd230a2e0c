package import MailConfig
import Synchronization

/// The manifest that is in effect: what needs a restart stays as it was at start, the rest follows each reload.
///
/// Parts of the server that make something of it (the limits of a session, the routes of deliveries) follow it: they are
/// told at each reload, so that nothing is worked out anew for each session.
package final class LiveManifest: Sendable {
    private struct State {
        var manifest: Manifest
        var followers: [@Sendable (Manifest) -> Void] = []
    }

    private let state: Mutex<State>

    package init(_ manifest: Manifest) {
        state = Mutex(State(manifest: manifest))
    }

    package var current: Manifest { state.withLock { $0.manifest } }

    /// Takes over the live settings of a new manifest, tells the followers, and returns everything that differs.
    package func apply(_ new: Manifest) -> [ManifestDiff.Change] {
        let (changes, manifest, followers) = state.withLock { state in
            let changes = ManifestDiff.changes(from: state.manifest, to: new)
            state.manifest = ManifestDiff.live(from: state.manifest, to: new)
            return (changes, state.manifest, state.followers)
        }
        for follower in followers { follower(manifest) }
        return changes
    }

    /// Calls `body` after each reload, not now.
    package func onChange(_ body: @escaping @Sendable (Manifest) -> Void) {
        state.withLock { $0.followers.append(body) }
    }

    /// What `make` makes of the manifest in effect: made now and at each reload, read as often as wanted.
    package func follow<Value: Sendable>(
        _ make: @escaping @Sendable (Manifest) -> Value
    ) -> @Sendable () -> Value {
        let view = LiveView(make(current))
        onChange { manifest in view.set(make(manifest)) }
        return { view.value }
    }
}

/// A value that is replaced as a whole.
private final class LiveView<Value: Sendable>: Sendable {
    private let content: Mutex<Value>

    init(_ value: Value) {
        content = Mutex(value)
    }

    var value: Value { content.withLock { $0 } }

    func set(_ value: Value) {
        content.withLock { $0 = value }
    }
}
