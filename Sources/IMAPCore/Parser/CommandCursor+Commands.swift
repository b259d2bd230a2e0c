extension CommandCursor {
    // RFC 3501 §9 (command)
    mutating func commandBody() throws(IMAPParseError) -> IMAPCommand.Body {
        let start = index
        let word = try keyword("expected a command")
        switch word {
        case "CAPABILITY": return .capability
        case "NOOP": return .noop
        case "LOGOUT": return .logout
        case "STARTTLS": return .startTLS
        case "NAMESPACE": return .namespace
        case "IDLE": return .idle
        case "UNAUTHENTICATE": return .unauthenticate
        case "NOTIFY": return .notify(try notify())
        case "CHECK": return .check
        case "CLOSE": return .close
        case "UNSELECT": return .unselect
        case "EXPUNGE": return .expunge
        case "UID": return try uidCommand()
        case "ID": return .id(try idFields())
        case "AUTHENTICATE": return .authenticate(try authenticate())
        case "LOGIN": return .login(try login())
        case "ENABLE": return .enable(try capabilities())
        case "SELECT": return .select(try select())
        case "EXAMINE": return .examine(try select())
        case "CREATE": return .create(try create())
        case "DELETE": return .delete(try mailboxArgument())
        case "RENAME": return .rename(try rename())
        case "SUBSCRIBE": return .subscribe(try mailboxArgument())
        case "UNSUBSCRIBE": return .unsubscribe(try mailboxArgument())
        case "LIST": return .list(try list())
        case "LSUB": return .lsub(try lsub())
        case "STATUS": return .status(try status())
        case "COMPRESS": return .compress(try mechanism())
        case "GETQUOTA": return .getQuota(root: try textArgument())
        case "GETQUOTAROOT": return .getQuotaRoot(try mailboxArgument())
        case "SETQUOTA": return .setQuota(try setQuota())
        case "SETACL": return .setACL(try setACL())
        case "DELETEACL": return .deleteACL(try identifierCommand())
        case "GETACL": return .getACL(try mailboxArgument())
        case "LISTRIGHTS": return .listRights(try identifierCommand())
        case "MYRIGHTS": return .myRights(try mailboxArgument())
        case "GETMETADATA": return .getMetadata(try getMetadata())
        case "SETMETADATA": return .setMetadata(try setMetadata())
        case "SEARCH": return .search(try search(.sequence))
        case "SORT": return .sort(try sort(.sequence))
        case "THREAD": return .thread(try thread(.sequence))
        case "ESEARCH": return .multiSearch(try multiSearch())
        case "CANCELUPDATE": return .cancelUpdate(try cancelUpdate())
        case "FETCH": return .fetch(try fetch(.sequence(sequenceArgument())))
        case "STORE": return .store(try store(.sequence(sequenceArgument())))
        case "COPY": return .copy(try copy(.sequence(sequenceArgument())))
        case "MOVE": return .move(try copy(.sequence(sequenceArgument())))
        default: throw IMAPParseError(.unknownCommand, at: start, "unknown command")
        }
    }

    private mutating func uidCommand() throws(IMAPParseError) -> IMAPCommand.Body {
        try space()
        let start = index
        switch try keyword("expected a command after UID") {
        case "EXPUNGE": return .uidExpunge(try uidArgument())
        case "SEARCH": return .search(try search(.uid))
        case "SORT": return .sort(try sort(.uid))
        case "THREAD": return .thread(try thread(.uid))
        case "FETCH": return .fetch(try fetch(.uid(uidArgument())))
        case "STORE": return .store(try store(.uid(uidArgument())))
        case "COPY": return .copy(try copy(.uid(uidArgument())))
        case "MOVE": return .move(try copy(.uid(uidArgument())))
        default: throw IMAPParseError(.unknownCommand, at: start, "unknown command after UID")
        }
    }

    // MARK: Arguments that many commands share

    private mutating func sequenceArgument() throws(IMAPParseError) -> SequenceSet {
        try space()
        return try numberSet(SequenceNumber.self)
    }

    private mutating func uidArgument() throws(IMAPParseError) -> UIDSet {
        try space()
        return try numberSet(IMAPUID.self)
    }

    private mutating func mailboxArgument() throws(IMAPParseError) -> IMAPMailboxName {
        try space()
        return try mailbox()
    }

    private mutating func textArgument() throws(IMAPParseError) -> String {
        try space()
        return try astringText()
    }

    // MARK: Any state and not authenticated

    // RFC 2971 §3.1
    private mutating func idFields() throws(IMAPParseError) -> [IDField] {
        try space()
        if takeWord("NIL") { return [] }
        var fields: [IDField] = []
        let limits = limits
        try list(limit: limits.idFields) { (cursor) throws(IMAPParseError) in
            let name = try cursor.string(.tolerant)
            try cursor.space()
            let value = try cursor.nstring(.tolerant)
            guard name.count <= limits.idValue, value?.count ?? 0 <= limits.idValue else {
                throw cursor.failure(.limit, "ID value too long")
            }
            fields.append(
                IDField(
                    name: String(decoding: name, as: UTF8.self),
                    value: value.map { String(decoding: $0, as: UTF8.self) })
            )
        }
        return fields
    }

    // RFC 3501 §6.2.2, RFC 4959 §3
    private mutating func authenticate() throws(IMAPParseError) -> AuthenticateCommand {
        try space()
        let mechanism = try keyword("expected a mechanism")
        guard spaceBeforeMore() else { return AuthenticateCommand(mechanism: mechanism, initialResponse: nil) }
        if take("=") { return AuthenticateCommand(mechanism: mechanism, initialResponse: []) }
        let response = run {
            IMAPOctet.isAlphanumeric($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/")
                || $0 == UInt8(ascii: "=")
        }
        guard !response.isEmpty else { throw failure(.syntax, "expected base64") }
        return AuthenticateCommand(mechanism: mechanism, initialResponse: Array(response))
    }

    // RFC 3501 §6.2.3
    private mutating func login() throws(IMAPParseError) -> LoginCommand {
        try space()
        let user = try astring(.tolerant)
        try space()
        return LoginCommand(user: user, password: try astring(.tolerant))
    }

    // RFC 4978 §5
    private mutating func mechanism() throws(IMAPParseError) -> String {
        try space()
        return try keyword("expected a mechanism")
    }

    // RFC 5161 §3.1
    private mutating func capabilities() throws(IMAPParseError) -> [String] {
        try space()
        var names = [try keyword("expected a capability")]
        while spaceBeforeMore() {
            guard names.count < limits.flags else { throw failure(.limit, "too many capabilities") }
            names.append(try keyword("expected a capability"))
        }
        return names
    }

    // MARK: Mailboxes

    // RFC 7162 §7 (select-param)
    private mutating func select() throws(IMAPParseError) -> SelectCommand {
        let mailbox = try mailboxArgument()
        var condstore = false
        var qresync: SelectCommand.QResync?
        if spaceBeforeMore() {
            try list(limit: 8) { (cursor) throws(IMAPParseError) in
                let start = cursor.index
                switch try cursor.keyword("expected a SELECT parameter") {
                case "CONDSTORE": condstore = true
                case "QRESYNC": qresync = try cursor.qresync()
                default: throw IMAPParseError(.unknownItem, at: start, "unknown SELECT parameter")
                }
            }
        }
        return SelectCommand(mailbox: mailbox, condstore: condstore, qresync: qresync)
    }

    private mutating func qresync() throws(IMAPParseError) -> SelectCommand.QResync {
        try space()
        try expect("(", "expected '('")
        let validity = try nonZeroNumber32()
        try space()
        let modSequence = try number63()
        var known: UIDSet?
        var match: SelectCommand.SequenceMatch?
        if take(" ") {
            if !at("(") {
                known = try numberSet(IMAPUID.self, allowsLast: false)
                if take(" ") { match = try sequenceMatch() }
            } else {
                match = try sequenceMatch()
            }
        }
        try expect(")", "expected ')'")
        return .init(uidValidity: validity, modSequence: modSequence, knownUIDs: known, sequenceMatch: match)
    }

    private mutating func sequenceMatch() throws(IMAPParseError) -> SelectCommand.SequenceMatch {
        try expect("(", "expected '('")
        let sequence = try numberSet(SequenceNumber.self, allowsLast: false)
        try space()
        let uids = try numberSet(IMAPUID.self, allowsLast: false)
        try expect(")", "expected ')'")
        return .init(sequence: sequence, uids: uids)
    }

    // RFC 3501 §6.3.3, RFC 6154 §3
    private mutating func create() throws(IMAPParseError) -> CreateCommand {
        try space()
        let written = try mailboxAsWritten()
        var uses: [IMAPSpecialUse] = []
        var unknown: [String] = []
        if spaceBeforeMore() {
            try list(limit: 1) { (cursor) throws(IMAPParseError) in
                guard cursor.takeWord("USE") else { throw cursor.failure(.unknownItem, "unknown CREATE parameter") }
                try cursor.space()
                try cursor.list(limit: 20) { (cursor) throws(IMAPParseError) in
                    try cursor.expect("\\", "expected a special use")
                    let name = "\\" + (try cursor.atom())
                    if let use = IMAPSpecialUse(name: name) { uses.append(use) } else { unknown.append(name) }
                }
            }
        }
        // RFC 3501 §6.3.3: the trailing separator is a declaration, not part of the name.
        let parent = written.withoutTrailingSeparator
        return CreateCommand(
            mailbox: parent ?? written, onlyForChildren: parent != nil, specialUses: uses, unknownSpecialUses: unknown)
    }

    private mutating func rename() throws(IMAPParseError) -> RenameCommand {
        let source = try mailboxArgument()
        return RenameCommand(source: source, destination: try mailboxArgument())
    }

    private mutating func status() throws(IMAPParseError) -> StatusCommand {
        let mailbox = try mailboxArgument()
        try space()
        return StatusCommand(mailbox: mailbox, items: try statusItems())
    }

    // RFC 9208 §4.1.3
    private mutating func setQuota() throws(IMAPParseError) -> SetQuotaCommand {
        let root = try textArgument()
        try space()
        var resources: [SetQuotaCommand.Limit] = []
        try list(limit: 20) { (cursor) throws(IMAPParseError) in
            let resource = try cursor.keyword("expected a resource")
            try cursor.space()
            resources.append(.init(resource: resource, value: try cursor.number63()))
        }
        return SetQuotaCommand(root: root, limits: resources)
    }

    // MARK: Messages

    // RFC 3501 §6.4.6, RFC 7162 §3.1.3
    private mutating func store(_ messages: MessageSelection) throws(IMAPParseError) -> StoreCommand {
        try space()
        var unchangedSince: UInt64?
        if at("(") {
            try list(limit: 1) { (cursor) throws(IMAPParseError) in
                guard cursor.takeWord("UNCHANGEDSINCE") else {
                    throw cursor.failure(.unknownItem, "unknown STORE modifier")
                }
                try cursor.space()
                unchangedSince = try cursor.number63()
            }
            try space()
        }
        let action: StoreCommand.Action = take("+") ? .add : take("-") ? .remove : .replace
        let start = index
        let answer: StoreCommand.Answer
        switch try keyword("expected FLAGS") {
        case "FLAGS": answer = .newFlags
        case "FLAGS.SILENT": answer = .silent
        default: throw IMAPParseError(.unknownItem, at: start, "expected FLAGS")
        }
        try space()
        return StoreCommand(
            messages: messages, action: action, answer: answer, flags: try storedFlags(), unchangedSince: unchangedSince
        )
    }

    private mutating func storedFlags() throws(IMAPParseError) -> [IMAPFlag] {
        if at("(") { return try flagList() }
        var flags = [try flag()]
        while spaceBeforeMore() {
            guard flags.count < limits.flags else { throw failure(.limit, "too many flags") }
            let next = try flag()
            if !flags.contains(next) { flags.append(next) }
        }
        return flags
    }

    private mutating func copy(_ messages: MessageSelection) throws(IMAPParseError) -> CopyCommand {
        CopyCommand(messages: messages, destination: try mailboxArgument())
    }
}
