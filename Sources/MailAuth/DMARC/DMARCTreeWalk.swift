import DNSCore
package import MailSyntax

/// A record and the domain that publishes it.
package struct FoundDMARCRecord: Sendable, Hashable {
    package var domain: DomainName
    package var record: DMARCRecord
}

/// The DMARC records of a domain and those above it. // RFC 9989 §4.10
package struct DMARCTreeWalk: Sendable, Hashable {
    /// Questions of one walk. // RFC 9989 §4.10
    package static let maximumQueries = 8

    /// Where it started.
    package let start: DomainName
    /// From the longest name to the shortest.
    package let found: [FoundDMARCRecord]

    /// The domain that stands for the whole organization; the start itself where no record says otherwise.
    // RFC 9989 §4.10.2
    package var organizationalDomain: DomainName {
        for one in found {
            switch one.record.publicSuffix {
            case .organization: return one.domain
            case .suffix where one.domain != start: return start.ancestor(labels: one.domain.labels.count + 1)
            case .suffix, .unknown: continue
            }
        }
        return found.last?.domain ?? start
    }

    /// The record that holds for mail of the start's: its own, its organization's, or its public suffix's.
    // RFC 9989 §4.10.1
    package var applicable: FoundDMARCRecord? {
        if let own = found.first, own.domain == start { return own }
        let organization = organizationalDomain
        if let one = found.first(where: { $0.domain == organization }) { return one }
        return found.first { $0.record.publicSuffix == .suffix }
    }

    /// The names that are asked, without `_dmarc`: the domain, and those above it from seven labels down.
    package static func targets(of domain: DomainName) -> [DomainName] {
        let count = domain.labels.count
        guard count > 1 else { return [domain] }
        let first = min(count - 1, maximumQueries - 1)
        return [domain] + (1...first).reversed().map { domain.ancestor(labels: $0) }
    }
}

extension DomainName {
    /// The last labels of the name; all of it when there are no more.
    fileprivate func ancestor(labels count: Int) -> DomainName {
        var name = self
        for _ in 0..<max(0, labels.count - max(count, 1)) { name = name.parent ?? name }
        return name
    }
}

/// Asks for DMARC records, each once.
struct DMARCLookup {
    let resolver: any DNSResolver
    private var answers: [DomainName: Result<DMARCRecord?, DNSFailure>] = [:]

    init(_ resolver: any DNSResolver) {
        self.resolver = resolver
    }

    /// - Throws: a temporary failure.
    mutating func walk(from start: DomainName) async throws(DNSFailure) -> DMARCTreeWalk {
        var found: [FoundDMARCRecord] = []
        for target in DMARCTreeWalk.targets(of: start) {
            guard let record = try await record(of: target) else { continue }
            found.append(FoundDMARCRecord(domain: target, record: record))
            if record.publicSuffix != .unknown { break }
        }
        return DMARCTreeWalk(start: start, found: found)
    }

    /// nil where there is none, or several.
    /// - Throws: a temporary failure.
    mutating func record(of domain: DomainName) async throws(DNSFailure) -> DMARCRecord? {
        if let known = answers[domain] { return try known.get() }
        let answer = await ask(domain)
        answers[domain] = answer
        return try answer.get()
    }

    private func ask(_ domain: DomainName) async -> Result<DMARCRecord?, DNSFailure> {
        switch await resolver.resolve("_dmarc.\(domain.ascii)", .txt) {
        case .failure(let failure):
            return failure.isTemporary ? .failure(failure) : .success(nil)
        case .success(let answer):
            let records = answer.texts.compactMap { DMARCRecord(parsing: $0) }
            // RFC 9989 §4.10: several are as good as none.
            return .success(records.count == 1 ? records.first : nil)
        }
    }

    /// Whether a domain exists: no answer of "no such name". // RFC 8020 §2
    func exists(_ domain: DomainName) async throws(DNSFailure) -> Bool {
        switch await resolver.resolve(domain, .a) {
        case .success: return true
        case .failure(.nonexistentName), .failure(.invalidName): return false
        case .failure(let failure):
            guard !failure.isTemporary else { throw failure }
            return true
        }
    }
}
