import IMAPCore
import Testing

@testable import IMAPServer

@Suite("LIST and LSUB")
struct MailboxListingTests {
    private let listing = MailboxListing(
        mailboxes: [
            ListedMailbox(path: "INBOX"),
            ListedMailbox(path: "Archive", hasChildren: true, specialUse: .archive),
            ListedMailbox(path: "Archive/2026", hasChildren: true),
            ListedMailbox(path: "Archive/2026/May"),
            ListedMailbox(path: "Gone", isSelectable: false, hasChildren: true),
            ListedMailbox(path: "Gone/Left"),
            ListedMailbox(path: "Sent", specialUse: .sent),
        ],
        subscribed: ["INBOX", "Archive/2026/May", "Sent", "Lost/Found"]
    )

    private func list(
        _ patterns: [String], reference: String = "", selection: ListSelection = [], returns: ListReturn = []
    ) -> [ListEntry] {
        listing.list(
            ListCommand(
                selection: selection, reference: reference, patterns: patterns.map { ListPattern($0) },
                returns: returns, isExtended: !selection.isEmpty || !returns.isEmpty
            )
        )
    }

    @Test("an empty name asks for the separator")
    func separator() {
        #expect(list([""]) == [ListEntry(path: "", attributes: [.noSelect], isSelectable: false)])
    }

    @Test(
        "wildcards: * goes down, % stays on its level",
        arguments: [
            ("*", ["INBOX", "Archive", "Archive/2026", "Archive/2026/May", "Gone", "Gone/Left", "Sent"]),
            ("%", ["INBOX", "Archive", "Gone", "Sent"]),
            ("Archive/%", ["Archive/2026"]),
            ("Archive/*", ["Archive/2026", "Archive/2026/May"]),
            ("%/%", ["Archive/2026", "Gone/Left"]),
            ("inbox", ["INBOX"]),
            ("sent", []),
            ("*e*", ["Archive", "Archive/2026", "Archive/2026/May", "Gone", "Gone/Left", "Sent"]),
        ])
    func wildcards(pattern: String, expected: [String]) {
        #expect(list([pattern]).map(\.path) == expected)
    }

    @Test("the reference stands in front of the pattern")
    func reference() {
        #expect(list(["%"], reference: "Archive/").map(\.path) == ["Archive/2026"])
    }

    @Test("attributes tell of children, use and selectability")
    func attributes() {
        let entries = Dictionary(uniqueKeysWithValues: list(["*"]).map { ($0.path, $0.attributes) })
        #expect(entries["Archive"] == [.hasChildren, .specialUse(.archive)])
        #expect(entries["Gone"] == [.noSelect, .hasChildren])
        #expect(entries["Sent"] == [.hasNoChildren, .specialUse(.sent)])
        #expect(entries["INBOX"] == [.hasNoChildren])
    }

    @Test("several patterns give each mailbox once")
    func severalPatterns() {
        #expect(list(["INBOX", "S*", "%"], returns: .children).map(\.path) == ["INBOX", "Archive", "Gone", "Sent"])
    }

    @Test("subscribed names are listed even where the mailbox is gone")
    func subscribed() {
        let entries = list(["*"], selection: .subscribed)
        #expect(entries.map(\.path) == ["INBOX", "Archive/2026/May", "Lost/Found", "Sent"])
        #expect(entries[2].attributes == [.nonExistent, .subscribed])
        #expect(!entries[2].isSelectable)
        #expect(entries[0].attributes.contains(.subscribed))
    }

    @Test("RECURSIVEMATCH shows parents of what meets the criteria below them")
    func recursive() {
        let entries = list(["%"], selection: [.subscribed, .recursiveMatch])
        #expect(entries.map(\.path) == ["INBOX", "Archive", "Lost", "Sent"])
        #expect(entries.map(\.hasSubscribedChild) == [false, true, true, false])
        #expect(entries[2].attributes == [.nonExistent])
        // RFC 5258 §3.5: redundant where the child itself is returned
        #expect(list(["*"], selection: [.subscribed, .recursiveMatch]).allSatisfy { !$0.hasSubscribedChild })
    }

    @Test("SPECIAL-USE selects, alone and together with SUBSCRIBED")
    func specialUse() {
        #expect(list(["*"], selection: .specialUse).map(\.path) == ["Archive", "Sent"])
        #expect(list(["*"], selection: [.specialUse, .subscribed]).map(\.path) == ["Sent"])
    }

    @Test("LSUB lists subscriptions, and with % the levels above them")
    func lsub() {
        let all = listing.lsub(LSubCommand(reference: "", pattern: ListPattern("*")))
        #expect(all.map(\.path) == ["INBOX", "Archive/2026/May", "Lost/Found", "Sent"])
        let level = listing.lsub(LSubCommand(reference: "", pattern: ListPattern("%")))
        #expect(level.map(\.path) == ["INBOX", "Archive", "Lost", "Sent"])
        #expect(level[1].attributes == [.noSelect])
    }
}

@Suite("CAPABILITY in each state")
struct IMAPCapabilitiesTests {
    @Test("before TLS there is STARTTLS and no way to log in")
    func plain() {
        let words = IMAPCapabilities.keywords(CapabilityState(isSecure: false, canStartTLS: true))
        #expect(words.contains("STARTTLS"))
        #expect(words.contains("LOGINDISABLED"))
        #expect(!words.contains { $0.hasPrefix("AUTH=") })
    }

    @Test("after TLS there are the mechanisms and no STARTTLS")
    func secure() {
        let words = IMAPCapabilities.keywords(CapabilityState(isSecure: true, canStartTLS: true))
        #expect(!words.contains("STARTTLS"))
        #expect(!words.contains("LOGINDISABLED"))
        #expect(words.contains("AUTH=PLAIN"))
        #expect(words.contains("AUTH=LOGIN"))
    }

    @Test("without a certificate no STARTTLS is promised")
    func noCertificate() {
        #expect(!IMAPCapabilities.keywords(CapabilityState(isSecure: false, canStartTLS: false)).contains("STARTTLS"))
    }

    @Test("after login there is the whole list, and only it")
    func authenticated() {
        let words = IMAPCapabilities.keywords(
            CapabilityState(isSecure: true, canStartTLS: true, isAuthenticated: true))
        #expect(
            Set(words) == [
                "IMAP4rev1", "IDLE", "UIDPLUS", "MOVE", "NAMESPACE", "SPECIAL-USE", "CREATE-SPECIAL-USE", "LITERAL+",
                "SASL-IR", "UNSELECT", "QRESYNC", "IMAP4rev2", "OBJECTID", "SAVEDATE", "UNAUTHENTICATE", "INPROGRESS",
                "NOTIFY", "UIDONLY",
                "ID", "ENABLE", "CHILDREN", "ESEARCH", "LIST-EXTENDED", "LIST-STATUS",
                "STATUS=SIZE", "CONDSTORE", "QUOTA", "CONTEXT=SEARCH", "CONTEXT=SORT", "MULTISEARCH",
                "ACL", "RIGHTS=kxte", "LIST-MYRIGHTS", "METADATA", "LIST-METADATA", "QUOTA=RES-STORAGE",
                "QUOTA=RES-MESSAGE", "SEARCHRES", "WITHIN", "PARTIAL", "SORT", "SORT=DISPLAY", "ESORT",
                "THREAD=ORDEREDSUBJECT", "THREAD=REFERENCES",
                "MULTIAPPEND", "BINARY", "CATENATE", "REPLACE", "PREVIEW", "UTF8=ACCEPT", "COMPRESS=DEFLATE",
            ])
        #expect(words.count == Set(words).count)
    }
}
