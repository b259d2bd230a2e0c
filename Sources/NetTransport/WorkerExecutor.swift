import Dispatch
import Synchronization

/// Runs a session's jobs on the process's worker threads, one after the other.
///
/// A session that does a piece of work in a task of its own makes three jobs of each event: its own, the task's, and its
/// own again. The runtime's executor wakes a thread for each of them; here the thread that has the first goes on with the
/// others.
final class WorkerExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isRunning = false
    }

    /// Jobs in a row, after which other sessions get the thread.
    private static let turn = 4
    private static let workers = DispatchQueue.global(qos: .userInitiated)

    private let state = Mutex(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let starts = state.withLock { state in
            state.jobs.append(job)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if starts { Self.workers.async { self.run() } }
    }

    private func run() {
        for _ in 0..<Self.turn {
            guard let job = next() else { return }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
        Self.workers.async { self.run() }
    }

    /// Nil where nothing is left to do; the next job starts a thread then.
    private func next() -> UnownedJob? {
        state.withLock { state in
            guard !state.jobs.isEmpty else {
                state.isRunning = false
                state.jobs = []
                return nil
            }
            return state.jobs.removeFirst()
        }
    }
}
