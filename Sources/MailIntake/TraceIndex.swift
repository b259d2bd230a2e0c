import MailSyntax
package import SQLEngine

/// What histories are found by: who a message is from and for, its Message-ID, and what the checks found of it.
///
/// The keys are written after the message was accepted, in sorted batches: an index of texts in the accepting transaction
/// would dirty three more pages for each message. Until then a message is found by looking at it, so nothing is missed.
package enum TraceIndexStatements {
    static let insert = SQLStatement(
        "INSERT INTO trace_key (key, id) VALUES ($1, $2) ON CONFLICT (key, id) DO NOTHING")
    static let find = SQLStatement("SELECT id FROM trace_key WHERE key = $1 ORDER BY id DESC LIMIT $2")
    static let indexed = SQLStatement("SELECT id FROM trace_indexed WHERE one = 1")
    static let setIndexed = SQLStatement(
        "INSERT INTO trace_indexed (one, id) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET id = excluded.id")
    static let page = SQLStatement(
        """
        SELECT id, reverse_path, recipients, message_id, steps FROM trace WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3
        """)
    static let oldest = SQLStatement(
        "SELECT id, reverse_path, recipients, message_id, steps FROM trace WHERE id < $1 ORDER BY id LIMIT $2")
    static let remove = SQLStatement("DELETE FROM trace_key WHERE key = $1 AND id = $2")

    package static let all = [insert, find, indexed, setIndexed, page, oldest, remove]
}

/// The keys of one history.
struct TraceKeys {
    enum Kind: UInt8 {
        case from = 1
        case to
        case messageID
        case finding
    }

    let id: MailID
    private(set) var keys: Set<Int64> = []

    init(id: MailID, reversePath: String, recipients: String, messageID: String, steps: String) {
        self.id = id
        keys.insert(Self.key(.from, reversePath))
        for address in recipients.split(separator: "\n") { keys.insert(Self.key(.to, String(address))) }
        if !messageID.isEmpty { keys.insert(Self.key(.messageID, messageID)) }
        // An alias that was written to is in the steps alone.
        for address in Self.values(of: "before", in: steps) where address.contains("@") {
            keys.insert(Self.key(.to, address))
        }
        for finding in TraceFinding.all(in: steps) { keys.insert(Self.key(.finding, finding.text)) }
    }

    static func read(_ row: borrowing SQLRow) -> TraceKeys {
        TraceKeys(
            id: MailID(rawValue: row.int64(0)), reversePath: row.string(1), recipients: row.string(2),
            messageID: row.string(3), steps: row.string(4))
    }

    /// FNV-1a of the text without regard to case, and without the brackets of a Message-ID. What is found is compared, so
    /// that equal keys of other texts do no harm.
    static func key(_ kind: Kind, _ text: String) -> Int64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        add(kind.rawValue)
        for byte in folded(text).utf8 { add(byte) }
        return Int64(bitPattern: hash)
    }

    static func folded(_ text: String) -> String {
        var text = text.lowercased()[...]
        if text.hasPrefix("<"), text.hasSuffix(">") { text = text.dropFirst().dropLast() }
        return String(text)
    }

    /// The values of a member in JSON of ours, as they stand there.
    private static func values(of name: String, in json: String) -> [String] {
        let mark = "\"\(name)\":\""
        var found: [String] = []
        var rest = json.utf8[...]
        let pattern = Array(mark.utf8)
        while let start = rest.firstRange(of: pattern) {
            rest = rest[start.upperBound...]
            let end = rest.firstIndex(of: UInt8(ascii: "\"")) ?? rest.endIndex
            found.append(String(decoding: rest[..<end], as: UTF8.self))
            rest = rest[end...]
        }
        return found
    }
}

extension MailIntake {
    /// Messages of the last hour are not in the index: an id is made before its message is committed, and the index goes
    /// by ids.
    private static let settling = Duration.seconds(3600)
    private static let batch = 500

    /// Adds what has settled to the index, in pieces; returns how many messages.
    package func indexTraces() async throws -> Int {
        let limit = IDGenerator.first(at: clock.now().adding(.zero - Self.settling))
        var indexed = 0
        while true {
            let count = try await database.write(.bulk) { writer in
                let start = try writer.first(TraceIndexStatements.indexed, map: { $0.int64(0) }) ?? 0
                let batch = try writer.query(
                    TraceIndexStatements.page, start, limit, Self.batch, map: { TraceKeys.read($0) })
                guard let last = batch.last else { return 0 }
                for (key, id) in batch.flatMap({ entry in entry.keys.map { ($0, entry.id) } }).sorted(by: {
                    $0.0 < $1.0
                }) {
                    try writer.execute(TraceIndexStatements.insert, key, id)
                }
                try writer.execute(TraceIndexStatements.setIndexed, last.id)
                return batch.count
            }
            indexed += count
            if count < Self.batch { return indexed }
        }
    }

    /// Takes the oldest histories out of the index, before they are deleted.
    static func unindex(_ writer: any SQLWriter, before id: MailID, limit: Int) throws {
        let entries = try writer.query(TraceIndexStatements.oldest, id, limit, map: { TraceKeys.read($0) })
        for entry in entries {
            for key in entry.keys { try writer.execute(TraceIndexStatements.remove, key, entry.id) }
        }
    }
}
