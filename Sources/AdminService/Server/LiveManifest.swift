package import MailConfig
package import MailPolicy
import Synchronization

/// The manifest that is in effect: what needs a restart stays as it was at start, the rest follows each reload.
///
/// Parts of the server that make something of it (the limits of a session, the routes of deliveries) follow it: they are
/// told at each reload, so that nothing is worked out anew for each session.
package final class LiveManifest: Sendable {
    private struct State {
        var loaded: LoadedManifest
        var rules: PolicyRules
        var followers: [@Sendable (PolicyRules) -> Void] = []
    }

    private let state: Mutex<State>

    package init(_ loaded: LoadedManifest) {
        state = Mutex(State(loaded: loaded, rules: PolicyRules(loaded)))
    }

    package var current: Manifest { state.withLock { $0.loaded.manifest } }
    /// With the places where its settings were written.
    package var loaded: LoadedManifest { state.withLock { $0.loaded } }
    /// What decisions are made by.
    package var rules: PolicyRules { state.withLock { $0.rules } }

    /// Takes over the live settings of a new manifest, tells the followers, and returns everything that differs.
    package func apply(_ new: LoadedManifest) -> [ManifestDiff.Change] {
        let (changes, rules, followers) = state.withLock { state in
            let changes = ManifestDiff.changes(from: state.loaded.manifest, to: new.manifest)
            state.loaded = ManifestDiff.live(from: state.loaded, to: new)
            state.rules = PolicyRules(state.loaded)
            return (changes, state.rules, state.followers)
        }
        for follower in followers { follower(rules) }
        return changes
    }

    /// Calls `body` after each reload, not now.
    package func onChange(_ body: @escaping @Sendable (Manifest) -> Void) {
        onRules { body($0.manifest) }
    }

    private func onRules(_ body: @escaping @Sendable (PolicyRules) -> Void) {
        state.withLock { $0.followers.append(body) }
    }

    /// What `make` makes of the manifest in effect: made now and at each reload, read as often as wanted.
    package func follow<Value: Sendable>(
        _ make: @escaping @Sendable (Manifest) -> Value
    ) -> @Sendable () -> Value {
        followRules { make($0.manifest) }
    }

    /// The same of the rules, which know where each setting was written.
    package func followRules<Value: Sendable>(
        _ make: @escaping @Sendable (PolicyRules) -> Value
    ) -> @Sendable () -> Value {
        let view = LiveView(make(rules))
        onRules { rules in view.set(make(rules)) }
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
