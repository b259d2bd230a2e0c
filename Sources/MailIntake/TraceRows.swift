import MailMessage
import MailPolicy
import MailSyntax
import OutboundQueue
package import SQLEngine

package enum TraceSchema {
    package static let migrations = [
        Migration(
            "trace-1",
            [
                .createTable(
                    Table(
                        "trace",
                        columns: [
                            .int("id"),
                            .int("accepted_at"),
                            .text("reverse_path"),
                            .text("recipients"),
                            .text("message_id"),
                            .int("size"),
                            .text("origin"),
                            .text("steps"),
                        ],
                        primaryKey: ["id"]))
            ]),
        Migration(
            "trace-2",
            [
                .createTable(
                    Table(
                        "trace_key", columns: [.int("key"), .int("id")], primaryKey: ["key", "id"], clustered: true)),
                .createTable(Table("trace_indexed", columns: [.int("one"), .int("id")], primaryKey: ["one"])),
            ]),
    ]
}

package enum TraceStatements {
    static let insert = SQLStatement(
        """
        INSERT INTO trace (id, accepted_at, reverse_path, recipients, message_id, size, origin, steps)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """)
    static let purge = SQLStatement(
        "DELETE FROM trace WHERE id IN (SELECT id FROM trace WHERE id < $1 ORDER BY id LIMIT $2)")
    package static let all = [insert, purge]
}

/// The stored history of each message: how it came, what was decided and why.
enum TraceRows {
    static func insert(_ writer: any SQLWriter, _ acceptance: Acceptance, at time: Timestamp) throws {
        let recipients =
            acceptance.local.map(\.recipient.description) + acceptance.remote.map(\.address.description)
        try writer.execute(
            TraceStatements.insert, acceptance.id, time, acceptance.reversePath.description,
            recipients.joined(separator: "\n"), acceptance.index.messageID ?? "", acceptance.index.size,
            originJSON(acceptance.origin), stepsJSON(acceptance.trace + delivered(acceptance)))
    }

    /// What was filed here went nowhere else.
    private static func delivered(_ acceptance: Acceptance) -> [TraceStep] {
        let steps = acceptance.local.map {
            TraceStep(stage: TraceStage.delivery, rule: "mailbox", before: $0.recipient.description, after: "INBOX")
        }
        guard acceptance.remote.contains(where: { $0.mailbox != nil }) else { return steps }
        let time = acceptance.notBefore.map(InternetTimestamp.utc)
        let note = time.map { "waits until \($0)" } ?? "kept until it is released"
        return steps
            + acceptance.remote.lazy.filter { $0.mailbox != nil }.map {
                TraceStep(
                    stage: TraceStage.delivery, rule: "mailbox", before: $0.address.description, after: "queue",
                    note: note)
            }
    }

    private static func originJSON(_ origin: AcceptanceOrigin) -> String {
        var json = JSONText()
        json.object([
            ("listener", origin.listener), ("client", origin.client), ("helo", origin.helo), ("login", origin.login),
            ("tls", origin.tls),
        ])
        return json.text
    }

    private static func stepsJSON(_ steps: [TraceStep]) -> String {
        var json = JSONText()
        json.list(steps) { step, json in
            json.object([
                ("stage", step.stage), ("rule", step.rule), ("origin", step.origin), ("before", step.before),
                ("after", step.after), ("note", step.note),
            ])
        }
        return json.text
    }
}

/// Objects of strings as JSON. RFC 8259 §7
///
/// Written on every accepted message: Foundation's encoder, or appending scalars to a String, costs more than the row.
private struct JSONText {
    private var octets: [UInt8] = []

    init() {
        octets.reserveCapacity(512)
    }

    var text: String { String(decoding: octets, as: UTF8.self) }

    mutating func list<Element>(_ elements: [Element], _ write: (Element, inout JSONText) -> Void) {
        octets.append(UInt8(ascii: "["))
        for (offset, element) in elements.enumerated() {
            if offset > 0 { octets.append(UInt8(ascii: ",")) }
            write(element, &self)
        }
        octets.append(UInt8(ascii: "]"))
    }

    /// Members without a value are left out.
    mutating func object(_ members: [(name: StaticString, value: String?)]) {
        octets.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in members {
            guard let value = member.value else { continue }
            if !isFirst { octets.append(UInt8(ascii: ",")) }
            isFirst = false
            octets.append(UInt8(ascii: "\""))
            member.name.withUTF8Buffer { octets.append(contentsOf: $0) }
            octets.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":")])
            string(value)
        }
        octets.append(UInt8(ascii: "}"))
    }

    private mutating func string(_ value: String) {
        octets.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                octets.append(UInt8(ascii: "\\"))
                octets.append(byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                octets.append(contentsOf: Array("\\u00".utf8))
                octets.append(digits[Int(byte >> 4)])
                octets.append(digits[Int(byte & 15)])
            default: octets.append(byte)
            }
        }
        octets.append(UInt8(ascii: "\""))
    }
}
