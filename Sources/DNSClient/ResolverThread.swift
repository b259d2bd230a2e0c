import CUnbound
import DNSCore
import Glibc

/// The loop of the one thread that touches libunbound.
///
/// It hands questions over up to a bound, polls libunbound's descriptor and the inbox, collects answers, and ends
/// questions whose time is over or whose asker has left. Not Sendable: made and used on its own thread.
final class ResolverThread {
    /// A question inside libunbound; its address is the callback's argument, `flights` keeps it alive.
    final class Flight {
        let query: DNSQuery
        var asyncID: Int32 = 0
        var outcome: DNSQuery.Outcome?

        init(_ query: DNSQuery) {
            self.query = query
        }
    }

    private let context: UnboundContext
    private let inbox: ResolverInbox
    private let maximumInFlight: Int
    private var waiting: [DNSQuery] = []
    private var flights: [Flight] = []

    init(context: UnboundContext, inbox: ResolverInbox, maximumInFlight: Int) {
        self.context = context
        self.inbox = inbox
        self.maximumInFlight = maximumInFlight
    }

    /// Starts the loop on a thread of its own, which frees the context when the inbox says stop.
    static func start(context: UnboundContext, inbox: ResolverInbox, maximumInFlight: Int) -> Bool {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let start = Start {
            ResolverThread(context: context, inbox: inbox, maximumInFlight: maximumInFlight).run()
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
            let delivery = inbox.take()
            waiting += delivery.queries
            if delivery.isStopping { break }
            endOverdue(now: .now)
            admit()
            guard pollOnce() else { break }
            collect()
        }
        for query in waiting + flights.map(\.query) { query.finish(.failure(.unavailable("the resolver has stopped"))) }
        waiting = []
        context.free()
        flights = []
    }

    /// Ends what is over its time and forgets what was cancelled.
    private func endOverdue(now: ContinuousClock.Instant) {
        for query in waiting where query.deadline <= now { query.finish(.failure(.timeout)) }
        waiting.removeAll(where: \.isFinished)
        for flight in flights where flight.query.deadline <= now { flight.query.finish(.failure(.timeout)) }
        flights.removeAll { flight in
            guard flight.query.isFinished else { return false }
            ub_cancel(context.pointer, flight.asyncID)
            return true
        }
    }

    private func admit() {
        let room = maximumInFlight - flights.count
        guard room > 0, !waiting.isEmpty else { return }
        for query in waiting.prefix(room) { launch(query) }
        waiting.removeFirst(min(room, waiting.count))
    }

    private func launch(_ query: DNSQuery) {
        let flight = Flight(query)
        let code = ub_resolve_async(
            context.pointer,
            query.name,
            Int32(query.type.rawValue),
            1,
            Unmanaged.passUnretained(flight).toOpaque(),
            { argument, error, result in
                guard let argument else { return ub_resolve_free(result) }
                let flight = Unmanaged<Flight>.fromOpaque(argument).takeUnretainedValue()
                flight.outcome = UnboundContext.outcome(error: error, result: result, type: flight.query.type)
                ub_resolve_free(result)
            },
            &flight.asyncID
        )
        guard code == 0 else {
            let failure: DNSFailure =
                code == UB_SYNTAX.rawValue ? .invalidName : .unavailable(UnboundContext.message(code))
            return query.finish(.failure(failure))
        }
        flights.append(flight)
    }

    /// False when libunbound's worker is gone.
    private func pollOnce() -> Bool {
        var descriptors = [
            pollfd(fd: inbox.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ub_fd(context.pointer), events: Int16(POLLIN), revents: 0),
        ]
        guard poll(&descriptors, nfds_t(descriptors.count), pollTimeout(now: .now)) > 0 else { return true }
        guard descriptors[1].revents != 0 else { return true }
        return ub_process(context.pointer) == 0
    }

    /// Milliseconds until the next deadline; -1 for ever.
    private func pollTimeout(now: ContinuousClock.Instant) -> Int32 {
        let deadlines = waiting.map(\.deadline) + flights.map(\.query.deadline)
        guard let next = deadlines.min() else { return -1 }
        guard next > now else { return 0 }
        let left = (next - now).components
        let milliseconds = min(left.seconds, 3600) * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1
        return Int32(clamping: milliseconds)
    }

    private func collect() {
        flights.removeAll { flight in
            guard let outcome = flight.outcome else { return false }
            flight.query.finish(outcome)
            return true
        }
    }
}
