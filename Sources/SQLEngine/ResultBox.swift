import Synchronization

/// Carries a unit's value from the writer's queue to the caller that waits for the commit.
final class ResultBox<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)

    /// Keeps the newest value: a body that ran twice has two.
    func set(_ new: Value) {
        value.withLock { $0 = new }
    }

    func take() -> Value? {
        value.withLock { $0 }
    }
}
