import Glibc
import Synchronization

/// Threads for password hashing, so that neither an event loop nor the cooperative pool waits for it.
///
/// A hash takes tens of milliseconds and up to tens of megabytes, so only a few run at a time; a bounded number waits behind
/// them. A thread lives as long as there is work and takes its 32 KiB of scratch memory with it: an idle server has none.
package final class HashingPool: Sendable {
    /// One pool for the process, with a thread for each core, four at most.
    package static let shared = HashingPool(threads: min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), 4))

    typealias Job = @Sendable (borrowing HashScratch) -> Void

    private struct State {
        var running = 0
        var waiting: [Job] = []
        var next = 0

        var waitingCount: Int { waiting.count - next }

        mutating func takeJob() -> Job? {
            guard next < waiting.count else {
                waiting.removeAll()
                next = 0
                return nil
            }
            let job = waiting[next]
            next += 1
            if next == 256 {
                waiting.removeFirst(next)
                next = 0
            }
            return job
        }
    }

    private let state = Mutex(State())
    private let threads: Int
    private let waitingLimit: Int

    /// - Parameters:
    ///   - threads: how many hashes run at a time, 1 or more.
    ///   - waitingLimit: how many may wait; more are refused with `busy`.
    package init(threads: Int, waitingLimit: Int = 512) {
        self.threads = max(threads, 1)
        self.waitingLimit = waitingLimit
    }

    /// Runs `body` on a thread of the pool. Cancellation does not interrupt it.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (borrowing HashScratch) throws(PasswordHashError) -> Value
    ) async throws(PasswordHashError) -> Value {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome<Value>, Never>) in
            let accepted = submit { scratch in
                do throws(PasswordHashError) {
                    continuation.resume(returning: .success(try body(scratch)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !accepted { continuation.resume(returning: .failure(.busy)) }
        }
        return try result.get()
    }

    private typealias Outcome<Value> = Result<Value, PasswordHashError>

    private enum Placement {
        case start(Job)
        case queued
        case refused
    }

    private func submit(_ job: @escaping Job) -> Bool {
        let placement: Placement = state.withLock { state in
            if state.running < threads {
                state.running += 1
                return .start(job)
            }
            guard state.waitingCount < waitingLimit else { return .refused }
            state.waiting.append(job)
            return .queued
        }
        switch placement {
        case .queued: return true
        case .refused: return false
        case .start(let job): return startThread(with: job)
        }
    }

    /// Starts a detached thread on a job; false when the system has no thread to give and none of ours will take the job.
    private func startThread(with job: @escaping Job) -> Bool {
        let start = Unmanaged.passRetained(ThreadStart(pool: self, job: job))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            &attributes,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
                start.pool.work(first: start.job)
                return nil
            },
            start.toOpaque()
        )
        if code == 0 { return true }
        start.release()
        return state.withLock { state in
            state.running -= 1
            guard state.running > 0 else { return false }
            state.waiting.append(job)
            return true
        }
    }

    private func work(first: @escaping Job) {
        let scratch = HashScratch()
        var job: Job? = first
        while let current = job {
            current(scratch)
            job = state.withLock { state in
                let next = state.takeJob()
                if next == nil { state.running -= 1 }
                return next
            }
        }
    }
}

/// What a new thread is handed.
private final class ThreadStart: Sendable {
    let pool: HashingPool
    let job: HashingPool.Job

    init(pool: HashingPool, job: @escaping HashingPool.Job) {
        self.pool = pool
        self.job = job
    }
}
