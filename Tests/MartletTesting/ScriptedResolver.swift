package import DNSCore
import MailSyntax
import Synchronization

/// Answers from a script and remembers what it was asked.
///
/// A name that is not scripted does not exist; a scripted name asked for another type has no data.
package final class ScriptedResolver: DNSResolver {
    private struct Question: Hashable {
        var name: String
        var type: DNSRecordType
    }

    private struct Script {
        var answers: [Question: Result<DNSAnswer, DNSFailure>] = [:]
        var names: Set<String> = []
        var hanging: Set<Question> = []
        var questions: [String] = []
    }

    private let script = Mutex(Script())

    package init() {}

    /// What was asked, as "name TYPE", in order.
    package var questions: [String] { script.withLock { $0.questions } }

    /// Scripts records for a name; what was scripted for the same name and type is replaced.
    package func answer(
        _ name: String, _ type: DNSRecordType, _ records: [DNSRecord], secure: Bool = false, canonical: String? = nil
    ) {
        let answer = DNSAnswer(
            records: records, secure: secure, timeToLive: .seconds(300), canonicalName: canonical)
        set(name, type, .success(answer))
    }

    /// Scripts TLSA records with proof.
    package func associations(_ owner: String, _ records: [TLSAssociation], secure: Bool = true) {
        answer(owner, .tlsa, records.map(DNSRecord.tlsAssociation), secure: secure)
    }

    /// Scripts a failure for a name.
    package func fail(_ name: String, _ type: DNSRecordType, _ failure: DNSFailure) {
        set(name, type, .failure(failure))
    }

    /// Scripts a question that is answered only when who asks gives up.
    package func hang(_ name: String, _ type: DNSRecordType) {
        script.withLock { _ = $0.hanging.insert(Question(name: Self.key(name), type: type)) }
    }

    /// Scripts A and AAAA records from their text.
    package func addresses(_ name: String, _ texts: String..., secure: Bool = false) {
        let addresses = texts.compactMap { IPAddress($0) }
        let v4 = addresses.filter { !$0.isV6 }.map(DNSRecord.address)
        let v6 = addresses.filter(\.isV6).map(DNSRecord.address)
        if !v4.isEmpty { answer(name, .a, v4, secure: secure) }
        if !v6.isEmpty { answer(name, .aaaa, v6, secure: secure) }
    }

    /// Scripts MX records.
    package func mailExchanges(_ name: String, _ exchanges: (UInt16, String)..., secure: Bool = false) {
        let records = exchanges.map { DNSRecord.mailExchange(MailExchange(preference: $0.0, host: $0.1)) }
        answer(name, .mx, records, secure: secure)
    }

    /// Scripts one TXT record.
    package func text(_ name: String, _ text: String) {
        answer(name, .txt, [.text(Array(text.utf8))])
    }

    package func resolve(_ name: String, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        let key = Self.key(name)
        if script.withLock({ $0.hanging.contains(Question(name: key, type: type)) }) {
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
            return .failure(.cancelled)
        }
        return script.withLock { script in
            script.questions.append("\(key) \(type)")
            if let answer = script.answers[Question(name: key, type: type)] { return answer }
            return .failure(script.names.contains(key) ? .noData(secure: false) : .nonexistentName(secure: false))
        }
    }

    private func set(_ name: String, _ type: DNSRecordType, _ result: Result<DNSAnswer, DNSFailure>) {
        let key = Self.key(name)
        script.withLock { script in
            script.names.insert(key)
            script.answers[Question(name: key, type: type)] = result
        }
    }

    private static func key(_ name: String) -> String {
        let lower = name.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
