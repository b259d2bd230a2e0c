package import DNSCore
import Synchronization

/// A resolver that keeps answers.
package protocol AnswerKeeper: DNSResolver {
    /// What is known without asking anybody; nil where it has to be asked.
    func known(_ name: String, _ type: DNSRecordType) -> Result<DNSAnswer, DNSFailure>?
}

/// Answers from what is known, and asks nobody: work that finds all it needs here waits for nothing, and needs no limit to
/// its time.
package final class KnownAnswers: DNSResolver {
    private let keeper: any AnswerKeeper
    private let missed = Atomic(false)

    /// nil for a resolver that keeps nothing.
    package init?(_ resolver: any DNSResolver) {
        guard let keeper = resolver as? any AnswerKeeper else { return nil }
        self.keeper = keeper
    }

    /// Something was not known: what came of the answers means nothing.
    package var isIncomplete: Bool { missed.load(ordering: .relaxed) }

    package func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        if let known = keeper.known(name, type) { return known }
        missed.store(true, ordering: .relaxed)
        return .failure(.cancelled)
    }
}
