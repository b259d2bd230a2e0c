import Dispatch

/// Runs what waits in a system call on a thread of its own: the few threads that tasks share must never wait, least of all
/// for a task.
package func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
