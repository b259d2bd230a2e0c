import CUnbound
import DNSCore
import Glibc
import Synchronization

/// The loop of the one thread that touches libunbound.
///
/// It hands questions over up to a bound, polls libunbound's descriptor and the inbox, collects answers, and ends
/// waits whose time is over or whose asker has left. Not Sendable: made and used on its own thread.
final class ResolverThread {
    /// A question inside libunbound; its address is the callback's argument, `flights` keeps it alive.
    final class Flight {
        let question: DNSQuestion
        let start: ContinuousClock.Instant
        /// The last deadline of any asker. A question whose askers have all left goes on until then, so that the next
        /// may find its answer; but it makes way for others.
        private(set) var end: ContinuousClock.Instant
        var askers: [DNSQuery]
        var asyncID: Int32 = 0
        var outcome: DNSQuery.Outcome?
        var lifetime = Duration.zero

        init(_ query: DNSQuery, now: ContinuousClock.Instant) {
            question = query.question
            start = now
            end = query.deadline
            askers = [query]
        }

        func join(_ query: DNSQuery) {
            askers.append(query)
            end = max(end, query.deadline)
        }
    }

    private let context: UnboundContext
    private let board: ResolverBoard
    private let settings: ResolverSettings
    private var waiting: [DNSQuery] = []
    private var flights: [DNSQuestion: Flight] = [:]

    init(context: UnboundContext, board: ResolverBoard, settings: ResolverSettings) {
        self.context = context
        self.board = board
        self.settings = settings
    }

    /// Starts the loop on a thread of its own, which frees the context when the inbox says stop.
    static func start(context: UnboundContext, board: ResolverBoard, settings: ResolverSettings) -> Bool {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let start = Start {
            ResolverThread(context: context, board: board, settings: settings).run()
        }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(start)
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                var signals = sigset_t()
                sigfillset(&signals)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            argument.toOpaque()
        )
        guard code == 0 else {
            argument.release()
            return false
        }
        pthread_detach(thread)
        return true
    }

    private func run() {
        while true {
            let delivery = board.inbox.take()
            waiting += delivery.queries
            if delivery.isStopping { break }
            let now = ContinuousClock.now
            endOverdue(now: now)
            admit(now: now)
            guard pollOnce() else { break }
            collect(now: .now)
        }
        for query in waiting + flights.values.flatMap(\.askers) {
            query.finish(.failure(.unavailable("the resolver has stopped")))
        }
        waiting = []
        context.free()
        flights = [:]
    }

    /// Ends waits whose time is over, forgets who was cancelled, and learns which questions nobody answers.
    private func endOverdue(now: ContinuousClock.Instant) {
        for query in waiting where query.deadline <= now { query.finish(.failure(.timeout)) }
        waiting.removeAll(where: \.isFinished)
        for flight in Array(flights.values) {
            for query in flight.askers where query.deadline <= now { query.finish(.failure(.timeout)) }
            let before = flight.askers.count
            flight.askers.removeAll(where: \.isFinished)
            if flight.askers.count < before, now - flight.start >= settings.silence {
                board.memory.withLock {
                    $0.keepSilence(about: flight.question, for: settings.silenceMemory, now: now)
                }
            }
            if flight.end <= now { abandon(flight) }
        }
    }

    private func abandon(_ flight: Flight) {
        ub_cancel(context.pointer, flight.asyncID)
        flights[flight.question] = nil
    }

    /// Lets those who wait join a question under way, or begin theirs where there is room.
    ///
    /// Half of the room is for all; in the other half each neighbourhood has a share, so that names whose servers hang
    /// don't keep everybody else waiting.
    private func admit(now: ContinuousClock.Instant) {
        guard !waiting.isEmpty else { return }
        // Nobody waits for these any more.
        var deserted = flights.values.filter(\.askers.isEmpty).sorted { $0.start > $1.start }
        var crowds: [Substring: Int] = [:]
        for flight in flights.values { crowds[flight.question.neighbourhood, default: 0] += 1 }
        let share = max(1, settings.maximumInFlight / 16)
        var left: [DNSQuery] = []
        for query in waiting {
            if let flight = flights[query.question] {
                flight.join(query)
                continue
            }
            if flights.count >= settings.maximumInFlight / 2 {
                // One of these may have been joined meanwhile.
                while let one = deserted.popLast() {
                    guard one.askers.isEmpty else { continue }
                    crowds[one.question.neighbourhood, default: 0] -= 1
                    abandon(one)
                    break
                }
            }
            let crowd = crowds[query.question.neighbourhood, default: 0]
            let isAdmitted =
                flights.count < settings.maximumInFlight / 2
                || (flights.count < settings.maximumInFlight && crowd < share)
            if isAdmitted {
                launch(query, now: now)
                crowds[query.question.neighbourhood, default: 0] += 1
            } else {
                left.append(query)
            }
        }
        waiting = left
    }

    private func launch(_ query: DNSQuery, now: ContinuousClock.Instant) {
        let flight = Flight(query, now: now)
        let code = ub_resolve_async(
            context.pointer,
            query.question.name,
            Int32(query.question.type.rawValue),
            1,
            Unmanaged.passUnretained(flight).toOpaque(),
            { argument, error, result in
                guard let argument else { return ub_resolve_free(result) }
                let flight = Unmanaged<Flight>.fromOpaque(argument).takeUnretainedValue()
                flight.outcome = UnboundContext.outcome(error: error, result: result, type: flight.question.type)
                flight.lifetime = UnboundContext.lifetime(result)
                ub_resolve_free(result)
            },
            &flight.asyncID
        )
        guard code == 0 else {
            let failure: DNSFailure =
                code == UB_SYNTAX.rawValue ? .invalidName : .unavailable(UnboundContext.message(code))
            return query.finish(.failure(failure))
        }
        flights[query.question] = flight
    }

    /// False when libunbound's worker is gone.
    private func pollOnce() -> Bool {
        var descriptors = [
            pollfd(fd: board.inbox.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ub_fd(context.pointer), events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, nfds_t(descriptors.count), pollTimeout(now: .now)) > 0 else { return true }
        guard descriptors[1].revents != 0 else { return true }
        return ub_process(context.pointer) == 0
    }

    /// Milliseconds until the next deadline; -1 for ever.
    private func pollTimeout(now: ContinuousClock.Instant) -> Int32 {
        var next = waiting.lazy.map(\.deadline).min()
        for flight in flights.values {
            for deadline in flight.askers.map(\.deadline) + [flight.end] { next = min(next ?? deadline, deadline) }
        }
        guard let next else { return -1 }
        guard next > now else { return 0 }
        let left = (next - now).components
        let milliseconds = min(left.seconds, 3600) * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(clamping: milliseconds)
    }

    private func collect(now: ContinuousClock.Instant) {
        for flight in Array(flights.values) {
            guard let outcome = flight.outcome else { continue }
            flights[flight.question] = nil
            // First remembered, so that whoever hears of it finds it there.
            board.memory.withLock { $0.keep(outcome, of: flight.question, for: flight.lifetime, now: now) }
            for query in flight.askers { query.finish(outcome) }
        }
    }
}
