import IMAPCore
import MailStore
import MailSyntax

/// Turns the search key of a command into the store's query: numbers become UIDs, strings text, dates days.
struct SearchTranslation {
    let view: SelectedMailbox
    /// What the strings of the command are written in.
    let charset: String
    /// What OLDER and YOUNGER count from.
    let now: Timestamp

    /// Days that no message lies before or behind.
    private static let earliestDay = -4_000_000
    private static let latestDay = 4_000_000

    /// The query, kept to what the client has been told of.
    /// - Throws: for keys that are not offered.
    func query(_ key: SearchKey) throws(CommandRefusal) -> SearchQuery {
        let translated = try translate(key)
        guard let last = view.lastUID else { return .uids([]) }
        return .and([.uids([1...last]), translated])
    }

    private func translate(_ key: SearchKey) throws(CommandRefusal) -> SearchQuery {
        switch key {
        case .all: return .all
        case .and(let keys): return .and(try translate(keys))
        case .or(let left, let right): return .or(try translate(left), try translate(right))
        case .not(let inner): return .not(try translate(inner))
        // RFC 7377 §2: numbers beyond the end of the mailbox are no error, they match nothing
        case .sequence(let set): return .uids(view.clipped(set).ranges)
        case .uid(let set): return .uids(view.resolve(set).ranges)
        case .flag(let flag): return flagQuery(flag)
        case .notFlag(let flag): return .not(flagQuery(flag))
        // RFC 3501 §6.4.4: NEW is RECENT UNSEEN
        case .new: return .and([.uids(view.recent), .not(.flags(.seen))])
        case .modSequence(let value): return .modSeq(ModSequence(rawValue: value))
        case .larger(let octets): return .larger(Int(clamping: octets))
        case .smaller(let octets): return .smaller(Int(clamping: octets))
        case .from, .to, .cc, .bcc, .subject, .header, .body, .text: return textQuery(key)
        case .before, .on, .since, .sentBefore, .sentOn, .sentSince, .savedBefore, .savedOn, .savedSince:
            return dateQuery(key)
        // RFC 5032 §3: both take in the moment itself
        case .older(let seconds): return .not(.internalDateSince(moment(before: seconds).adding(.microseconds(1))))
        case .younger(let seconds): return .internalDateSince(moment(before: seconds))
        // RFC 8474 §6: an id that none has matches nothing
        case .emailID(let id): return EmailID(objectID: id).map { .emailID($0) } ?? .uids([])
        case .threadID(let id): return ThreadID(objectID: id).map { .threadID($0) } ?? .uids([])
        }
    }

    private func translate(_ keys: [SearchKey]) throws(CommandRefusal) -> [SearchQuery] {
        var queries: [SearchQuery] = []
        for key in keys { queries.append(try translate(key)) }
        return queries
    }

    private func moment(before seconds: UInt32) -> Timestamp { now.adding(.seconds(-Int64(seconds))) }

    private func flagQuery(_ flag: IMAPFlag) -> SearchQuery {
        switch flag {
        case .seen: .flags(.seen)
        case .answered: .flags(.answered)
        case .flagged: .flags(.flagged)
        case .deleted: .flags(.deleted)
        case .draft: .flags(.draft)
        case .recent: .uids(view.recent)
        case .keyword(let word): .keyword(word)
        case .unknownSystem: .uids([])
        }
    }

    private func textQuery(_ key: SearchKey) -> SearchQuery {
        switch key {
        case .from(let octets): .addresses(name: "from", contains: text(octets))
        case .to(let octets): .addresses(name: "to", contains: text(octets))
        case .cc(let octets): .addresses(name: "cc", contains: text(octets))
        case .bcc(let octets): .addresses(name: "bcc", contains: text(octets))
        case .subject(let octets): .header(name: "subject", contains: text(octets))
        case .header(let name, let value): .header(name: text(name), contains: text(value))
        case .body(let octets): octets.isEmpty ? .all : .body(text(octets))
        case .text(let octets): octets.isEmpty ? .all : .text(text(octets))
        default: .all
        }
    }

    private func dateQuery(_ key: SearchKey) -> SearchQuery {
        switch key {
        case .before(let date): .internalDay(Self.earliestDay...(date.dayNumber - 1))
        case .on(let date): .internalDay(date.dayNumber...date.dayNumber)
        case .since(let date): .internalDay(date.dayNumber...Self.latestDay)
        case .sentBefore(let date): .sentDay(Self.earliestDay...(date.dayNumber - 1))
        case .sentOn(let date): .sentDay(date.dayNumber...date.dayNumber)
        case .sentSince(let date): .sentDay(date.dayNumber...Self.latestDay)
        // RFC 8514 §4.3
        case .savedBefore(let date): .savedDay(Self.earliestDay...(date.dayNumber - 1))
        case .savedOn(let date): .savedDay(date.dayNumber...date.dayNumber)
        case .savedSince(let date): .savedDay(date.dayNumber...Self.latestDay)
        default: .all
        }
    }

    private func text(_ octets: [UInt8]) -> String { Charset.decode(octets, label: charset) }
}
