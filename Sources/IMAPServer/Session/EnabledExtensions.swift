import IMAPCore

/// What a client has switched on for the rest of its session, by ENABLE or by a command that implies it. RFC 5161 §3.1
struct EnabledExtensions: OptionSet, Sendable {
    let rawValue: UInt8

    /// RFC 7162 §3.1
    static let condstore = EnabledExtensions(rawValue: 1)
    /// RFC 7162 §3.2
    static let qresync = EnabledExtensions(rawValue: 2)
    /// RFC 9051 §6.3.1
    static let imap4rev2 = EnabledExtensions(rawValue: 4)
    /// RFC 9755 §3
    static let utf8Accept = EnabledExtensions(rawValue: 8)
    /// RFC 9586 §3.1
    static let uidOnly = EnabledExtensions(rawValue: 16)

    /// The names ENABLE takes, in the order ENABLED says them, and what each switches on.
    private static let offered: [(name: String, means: EnabledExtensions)] = [
        ("CONDSTORE", .condstore),
        // RFC 7162 §3.2.3: QRESYNC takes CONDSTORE with it
        ("QRESYNC", [.qresync, .condstore]),
        ("IMAP4rev2", .imap4rev2),
        ("UTF8=ACCEPT", .utf8Accept),
        ("UIDONLY", .uidOnly),
    ]

    /// How mailbox names and strings are written from now on.
    var nameEncoding: IMAPNameEncoding {
        // RFC 9755 §3, RFC 9051 §5.1
        isDisjoint(with: [.utf8Accept, .imap4rev2]) ? .modifiedUTF7 : .utf8
    }

    /// What messages are called in what is sent.
    var messageNaming: IMAPMessageNaming { contains(.uidOnly) ? .uid : .number }

    /// Switches on what is offered of the names a client gave; the rest is passed over in silence.
    /// - Parameter withheld: is passed over too.
    /// - Returns: the names of what was off before. RFC 5161 §3.2
    mutating func enable(_ names: [String], withheld: EnabledExtensions = []) -> [String] {
        let wanted = Set(names.map { $0.uppercased() })
        let before = self
        var told: [String] = []
        for (name, means) in Self.offered where wanted.contains(name.uppercased()) && means.isDisjoint(with: withheld) {
            if !before.isSuperset(of: means) { told.append(name) }
            formUnion(means)
        }
        return told
    }
}
