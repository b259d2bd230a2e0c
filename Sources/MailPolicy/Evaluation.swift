package import MailConfig
package import MailSyntax

/// A question that a decision needs answered. Equal questions have equal answers within one decision, so that answers
/// can be kept by key.
package enum Lookup: Hashable, Sendable {
    /// What an address means in the directory, expanded. → `.recipient`
    case recipient(EmailAddress)
    /// Whether an account may put the address into its reverse-path. → `.sender`
    case mayUse(EmailAddress, login: Int64)
    /// Whether `size` more octets fit into the account's quota. → `.quota`
    case quota(account: Int64, size: Int)
    /// Whether a domain's mail is kept or expanded here. → `.flag`
    case hosted(DomainName)
    /// The keys that sign for a domain of this server, which it keeps or only sends for. → `.selectors`
    case signingKeys(DomainName)
    /// The lines of OpenDKIM's signing table that fit an author. → `.signingTable`
    case signingTable(EmailAddress)
    /// Any hosted domain, the same one each time. → `.domain`
    case firstHostedDomain
    /// What the tables of a purpose have for a key, the first that has it. Tables of patterns are only asked for keys
    /// that are `isWhole`, which parts of an address are not. → `.table`
    case table(TablePurpose, key: String, isWhole: Bool)
    /// What a sender (`LoginFacts.meter`) has sent lately. → `.sent`
    case sent(String)
    /// What the Sender Rewriting Scheme makes of an address. → `.srs`
    case srs(SRSRequest)
    /// How much of a login's waits for the time that it chose, in octets. → `.octets`
    case waiting(String)
}

/// A question for whoever holds the keys of the Sender Rewriting Scheme.
package enum SRSRequest: Hashable, Sendable {
    /// The address that a sender's mail goes on from.
    case forward(EmailAddress)
    /// The sender that was made into an address of ours.
    case reverse(EmailAddress)
}

package enum SRSAnswer: Hashable, Sendable {
    case address(EmailAddress)
    /// It isn't one that this scheme makes.
    case none
    /// Its hash is not of any of our keys.
    case forged
    /// It was made longer ago than addresses are valid.
    case expired
}

/// What the caller found out.
package enum Answer: Hashable, Sendable {
    case recipient(RecipientAnswer)
    case flag(Bool)
    case sender(SenderAnswer)
    case quota(QuotaAnswer)
    case domain(DomainName?)
    /// nil: no table of the purpose has the key.
    case table(TableAnswer?)
    case sent(SendCounts)
    case srs(SRSAnswer)
    case octets(Int)
    /// nil: it is no domain of this server.
    case selectors([String]?)
    /// The line that counts most first.
    case signingTable([SigningTables.Match])
    /// The source didn't answer: a temporary refusal, never a permanent one.
    case unavailable(String)
}

/// What an address is to an account.
package enum SenderAnswer: Hashable, Sendable {
    /// Its mail goes to the account and to nobody else.
    case own
    /// It was said that the account may send as it: by what, and where that is written.
    case granted(String, origin: String)
    case foreign
}

/// What a table has for a key.
package struct TableAnswer: Hashable, Sendable {
    package var value: String
    /// Where it was written: `/etc/martlet/generic:7`, `martlet.yaml:31`.
    package var origin: String

    package init(value: String, origin: String) {
        self.value = value
        self.origin = origin
    }
}

/// What an address means here.
package enum RecipientAnswer: Hashable, Sendable {
    case notHosted
    /// The domain is hosted, the address doesn't exist.
    case unknown
    /// The account exists and takes no mail.
    case disabled
    case targets(Expansion)
}

/// What mail for an address becomes.
package struct Expansion: Hashable, Sendable {
    /// Accounts here, each once.
    package var local: [ExpandedTarget]
    /// Addresses elsewhere, each once.
    package var remote: [EmailAddress]
    package var steps: [ExpansionStep]
    /// Where it was written: `directory revision 7`.
    package var origin: String

    package init(
        local: [ExpandedTarget], remote: [EmailAddress] = [], steps: [ExpansionStep] = [], origin: String = "directory"
    ) {
        self.local = local
        self.remote = remote
        self.steps = steps
        self.origin = origin
    }
}

/// Mail for one account.
package struct ExpandedTarget: Hashable, Sendable {
    /// The account's number in the directory.
    package var account: Int64
    /// The account's address.
    package var address: EmailAddress
    /// What stood after the recipient delimiter.
    package var tag: String?

    package init(account: Int64, address: EmailAddress, tag: String? = nil) {
        self.account = account
        self.address = address
        self.tag = tag
    }
}

/// One step of an expansion: an alias, a catch-all.
package struct ExpansionStep: Hashable, Sendable {
    package var rule: String
    package var before: String
    package var after: String

    package init(rule: String, before: String, after: String) {
        self.rule = rule
        self.before = before
        self.after = after
    }
}

package enum QuotaAnswer: Hashable, Sendable {
    case fits
    case exceeded
}

/// The answers so far, by question. May be kept as long as the directory doesn't change, but for quotas.
package struct Answers: Sendable {
    private var known: [Lookup: Answer] = [:]

    package init() {}

    package subscript(_ lookup: Lookup) -> Answer? {
        get { known[lookup] }
        set { known[lookup] = newValue }
    }
}

/// Either the questions that have to be answered first, or the decision with the steps that led to it.
package enum Evaluation<Decision: Sendable>: Sendable {
    case need([Lookup])
    case decided(Decision, trace: [TraceStep])
}

/// What a refused client is told.
package struct PolicyReply: Hashable, Sendable {
    package var code: Int
    package var enhanced: EnhancedStatusCode
    /// Printable ASCII (or UTF-8 when the address is), one line.
    package var text: String

    package init(_ code: Int, _ enhanced: EnhancedStatusCode, _ text: String) {
        self.code = code
        self.enhanced = enhanced
        self.text = text
    }

    package static let unavailable = PolicyReply(
        451, EnhancedStatusCode(4, 3, 0), "Temporary lookup failure, try again later")
}

/// An evaluation that doesn't end: a mistake in a rule or in the answering closure. The client is told 451.
package struct UnboundedEvaluation: Error, Sendable, CustomStringConvertible {
    package var lookups: [Lookup]
    package var description: String { "the decision did not end; it still asks \(lookups.count) questions" }
}

/// The decisions about messages: pure functions of facts and answers. `run` asks and answers until one is made.
package enum Policy {
    /// More rounds than any chain of rules needs; virtual aliases may lead from one to the next a thousand times.
    package static let mostRounds = 1100

    /// Evaluates until there is a decision, answering each question once.
    package static func run<Decision: Sendable>(
        _ evaluate: (Answers) -> Evaluation<Decision>, answer: (Lookup) async throws -> Answer
    ) async throws -> (decision: Decision, trace: [TraceStep]) {
        var answers = Answers()
        var open: [Lookup] = []
        for _ in 0..<mostRounds {
            switch evaluate(answers) {
            case .decided(let decision, let trace):
                return (decision, trace)
            case .need(let lookups):
                open = lookups.filter { answers[$0] == nil }
                if open.isEmpty { throw UnboundedEvaluation(lookups: lookups) }
                for lookup in open where answers[lookup] == nil { answers[lookup] = try await answer(lookup) }
            }
        }
        throw UnboundedEvaluation(lookups: open)
    }

    /// `run` where every answer is at hand, as with a directory snapshot.
    package static func run<Decision: Sendable>(
        _ evaluate: (Answers) -> Evaluation<Decision>, answerNow: (Lookup) throws -> Answer
    ) throws -> (decision: Decision, trace: [TraceStep]) {
        var answers = Answers()
        var open: [Lookup] = []
        for _ in 0..<mostRounds {
            switch evaluate(answers) {
            case .decided(let decision, let trace):
                return (decision, trace)
            case .need(let lookups):
                open = lookups.filter { answers[$0] == nil }
                if open.isEmpty { throw UnboundedEvaluation(lookups: lookups) }
                for lookup in open where answers[lookup] == nil { answers[lookup] = try answerNow(lookup) }
            }
        }
        throw UnboundedEvaluation(lookups: open)
    }
}

/// The state of one evaluation: what is asked for, and the steps so far.
struct EvaluationContext {
    let answers: Answers
    var trace: [TraceStep] = []
    private(set) var wanted: [Lookup] = []
    private var noted: Set<Lookup> = []

    init(_ answers: Answers) {
        self.answers = answers
    }

    /// The answer, or nil with the question noted.
    mutating func ask(_ lookup: Lookup) -> Answer? {
        if let answer = answers[lookup] { return answer }
        // A header of ten thousand fields asks as many questions.
        if noted.insert(lookup).inserted { wanted.append(lookup) }
        return nil
    }

    mutating func step(
        _ stage: String, _ rule: String, origin: String = TraceStep.builtIn, before: String? = nil,
        after: String? = nil, note: String? = nil
    ) {
        let step = TraceStep(stage: stage, rule: rule, origin: origin, before: before, after: after, note: note)
        trace.append(step)
    }

    func decided<Decision>(_ decision: Decision) -> Evaluation<Decision> { .decided(decision, trace: trace) }
    func asking<Decision>() -> Evaluation<Decision> { .need(wanted) }
}
