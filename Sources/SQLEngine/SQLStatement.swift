package import MailSyntax

/// One SQL statement, written once for both engines.
///
/// Parameters are `$1`, `$2` …; the text keeps to the dialect that SQLite ≥ 3.40 and PostgreSQL ≥ 15 share.
/// Every statement is a `static let` of its target's `…Statements` enum and is listed in that enum's `all`, which a test
/// PREPAREs on a real PostgreSQL.
package struct SQLStatement: Sendable, Hashable {
    /// The text as written, for PostgreSQL.
    package let sql: String
    /// The text for SQLite, which takes `$n` for a name: `?n`.
    package let sqliteText: String

    package init(_ sql: StaticString) {
        self.init(text: sql.description)
    }

    /// A statement whose text is put together from constants of our own (a chosen column list, a number of parameters):
    /// never from anything a peer or operator wrote.
    package init(text: String) {
        self.sql = text
        var rewritten = ""
        rewritten.reserveCapacity(text.utf8.count)
        for character in text { rewritten.append(character == "$" ? "?" : character) }
        self.sqliteText = rewritten
    }

    /// The text of an operator for a database of the operator's, as SQLite takes it: parameters are `?1`, `?2` …
    init(foreign text: String) {
        sql = text
        sqliteText = text
    }

    package static func == (lhs: SQLStatement, rhs: SQLStatement) -> Bool { lhs.sql == rhs.sql }
    package func hash(into hasher: inout Hasher) { hasher.combine(sql) }
}

/// A value bound to a parameter.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// What can be bound to a statement's parameter.
package protocol SQLBindable {
    var sqlValue: SQLValue { get }
}

extension SQLValue: SQLBindable {
    package var sqlValue: SQLValue { self }
}
extension Int64: SQLBindable {
    package var sqlValue: SQLValue { .integer(self) }
}
extension Int: SQLBindable {
    package var sqlValue: SQLValue { .integer(Int64(self)) }
}
extension UInt32: SQLBindable {
    package var sqlValue: SQLValue { .integer(Int64(self)) }
}
extension Bool: SQLBindable {
    package var sqlValue: SQLValue { .integer(self ? 1 : 0) }
}
extension String: SQLBindable {
    package var sqlValue: SQLValue { .text(self) }
}
extension Array: SQLBindable where Element == UInt8 {
    package var sqlValue: SQLValue { .blob(self) }
}
extension Optional: SQLBindable where Wrapped: SQLBindable {
    package var sqlValue: SQLValue { self?.sqlValue ?? .null }
}
extension Timestamp: SQLBindable {
    package var sqlValue: SQLValue { .integer(microseconds) }
}
extension MailID: SQLBindable {
    package var sqlValue: SQLValue { .integer(rawValue) }
}
