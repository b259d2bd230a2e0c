import NIOCore

extension ByteBuffer {
    // RFC 3501 §7.1, RFC 5530 §3
    mutating func writeResponseCode(_ code: IMAPResponseCode) {
        if let word = Self.plainWord(code) {
            writeStaticString(word)
            return
        }
        switch code {
        case .badCharset(let charsets):
            writeStaticString("BADCHARSET")
            guard !charsets.isEmpty else { return }
            writeStaticString(" (")
            for (index, charset) in charsets.enumerated() {
                if index > 0 { writeOctet(" ") }
                writeAString(charset)
            }
            writeOctet(")")
        case .capability(let names):
            writeStaticString("CAPABILITY")
            for name in names {
                writeOctet(" ")
                writeAtom(name)
            }
        case .permanentFlags(let flags, let newKeywords):
            writeStaticString("PERMANENTFLAGS ")
            writeFlagList(flags, newKeywords: newKeywords)
        case .uidNext(let uid): writeNumberCode("UIDNEXT ", UInt64(uid.rawValue))
        case .uidValidity(let value): writeNumberCode("UIDVALIDITY ", UInt64(value))
        case .unseen(let number): writeNumberCode("UNSEEN ", UInt64(number.rawValue))
        case .highestModSequence(let value): writeNumberCode("HIGHESTMODSEQ ", value)
        case .appendUID(let validity, let uids):
            writeNumberCode("APPENDUID ", UInt64(validity))
            writeOctet(" ")
            writeNumberSet(uids)
        case .copyUID(let validity, let source, let destination):
            writeNumberCode("COPYUID ", UInt64(validity))
            writeOctet(" ")
            writeNumberSet(source)
            writeOctet(" ")
            writeNumberSet(destination)
        case .metadataLongEntries(let size): writeNumberCode("METADATA LONGENTRIES ", size)
        case .metadataMaximumSize(let size): writeNumberCode("METADATA MAXSIZE ", size)
        case .noUpdate(let tag):
            writeStaticString("NOUPDATE \"")
            writeString(tag)
            writeOctet("\"")
        case .badURL(let url):
            // RFC 4469 §5 (url-resp-text): what may not stand here is percent-encoded, which the URL means as well
            writeStaticString("BADURL ")
            for octet in url.prefix(1000) {
                let isPlain = (0x21...0x7E).contains(octet) && octet != UInt8(ascii: "]") && octet != UInt8(ascii: "\"")
                if isPlain { writeInteger(octet) } else { writePercentEncoded(octet) }
            }
        case .modified(let numbers):
            writeStaticString("MODIFIED ")
            writeNumberSet(numbers)
        case .badEvent(let names):
            writeStaticString("BADEVENT (")
            for (index, name) in names.enumerated() {
                if index > 0 { writeOctet(" ") }
                writeAtom(name)
            }
            writeOctet(")")
        case .mailboxID(let id):
            writeStaticString("MAILBOXID (")
            writeAtom(id)
            writeOctet(")")
        case .inProgress(let tag, let done, let goal):
            writeStaticString("INPROGRESS (")
            // RFC 9585 §4: a tag with "]" would end the code
            if tag.contains("]") { writeStaticString("NIL") } else { writeIMAPString(tag) }
            writeOptionalNumber(done)
            // RFC 9585 §4: GOAL MUST be positive and more than PROGRESS, and is NIL where that is
            writeOptionalNumber(done.flatMap { done in goal.flatMap { $0 > done ? $0 : nil } })
            writeOctet(")")
        default: break
        }
    }

    private mutating func writePercentEncoded(_ octet: UInt8) {
        writeOctet("%")
        for digit in [octet >> 4, octet & 15] { writeInteger(digit < 10 ? digit + 0x30 : digit + 0x37) }
    }

    private mutating func writeNumberCode(_ name: StaticString, _ value: UInt64) {
        writeStaticString(name)
        writeDecimal(value)
    }

    private mutating func writeOptionalNumber(_ value: UInt32?) {
        writeOctet(" ")
        if let value { writeDecimal(value) } else { writeStaticString("NIL") }
    }

    /// Nil for a code with arguments.
    private static func plainWord(_ code: IMAPResponseCode) -> StaticString? {
        switch code {
        case .alert: "ALERT"
        case .readOnly: "READ-ONLY"
        case .readWrite: "READ-WRITE"
        case .tryCreate: "TRYCREATE"
        case .parse: "PARSE"
        case .uidNotSticky: "UIDNOTSTICKY"
        case .noModSequence: "NOMODSEQ"
        case .closed: "CLOSED"
        case .notSaved: "NOTSAVED"
        case .uidRequired: "UIDREQUIRED"
        case .overQuota: "OVERQUOTA"
        case .metadataTooMany: "METADATA TOOMANY"
        case .tooBig: "TOOBIG"
        case .useAttribute: "USEATTR"
        case .unknownCTE: "UNKNOWN-CTE"
        case .unavailable: "UNAVAILABLE"
        case .authenticationFailed: "AUTHENTICATIONFAILED"
        case .authorizationFailed: "AUTHORIZATIONFAILED"
        case .expired: "EXPIRED"
        case .privacyRequired: "PRIVACYREQUIRED"
        case .contactAdmin: "CONTACTADMIN"
        case .noPermission: "NOPERM"
        case .inUse: "INUSE"
        case .expungeIssued: "EXPUNGEISSUED"
        case .corruption: "CORRUPTION"
        case .serverBug: "SERVERBUG"
        case .clientBug: "CLIENTBUG"
        case .cannot: "CANNOT"
        case .limit: "LIMIT"
        case .alreadyExists: "ALREADYEXISTS"
        case .nonExistent: "NONEXISTENT"
        case .hasChildren: "HASCHILDREN"
        case .notificationOverflow: "NOTIFICATIONOVERFLOW"
        case .compressionActive: "COMPRESSIONACTIVE"
        case .badCharset, .capability, .permanentFlags, .uidNext, .uidValidity, .unseen, .appendUID, .copyUID,
            .highestModSequence, .metadataLongEntries, .metadataMaximumSize, .modified, .noUpdate,
            .mailboxID, .inProgress, .badEvent, .badURL:
            nil
        }
    }
}
