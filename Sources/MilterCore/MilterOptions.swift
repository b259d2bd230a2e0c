/// What a milter may change. The numbers are the protocol's.
package struct MilterActions: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let addHeaders = MilterActions(rawValue: 0x1)
    package static let changeBody = MilterActions(rawValue: 0x2)
    package static let addRecipients = MilterActions(rawValue: 0x4)
    package static let removeRecipients = MilterActions(rawValue: 0x8)
    package static let changeHeaders = MilterActions(rawValue: 0x10)
    package static let quarantine = MilterActions(rawValue: 0x20)
    package static let changeSender = MilterActions(rawValue: 0x40)
    package static let addRecipientsWithParameters = MilterActions(rawValue: 0x80)
    package static let setMacros = MilterActions(rawValue: 0x100)

    package static let all = MilterActions(rawValue: 0x1FF)
}

/// Steps that a milter doesn't want, or doesn't answer. The numbers are the protocol's.
package struct MilterSteps: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noConnect = MilterSteps(rawValue: 0x1)
    package static let noHelo = MilterSteps(rawValue: 0x2)
    package static let noMail = MilterSteps(rawValue: 0x4)
    package static let noRecipients = MilterSteps(rawValue: 0x8)
    package static let noBody = MilterSteps(rawValue: 0x10)
    package static let noHeaders = MilterSteps(rawValue: 0x20)
    package static let noEndOfHeader = MilterSteps(rawValue: 0x40)
    package static let silentHeaders = MilterSteps(rawValue: 0x80)
    package static let noUnknown = MilterSteps(rawValue: 0x100)
    package static let noData = MilterSteps(rawValue: 0x200)
    /// It may answer a chunk of the body with "no more of them".
    package static let skip = MilterSteps(rawValue: 0x400)
    package static let silentConnect = MilterSteps(rawValue: 0x1000)
    package static let silentHelo = MilterSteps(rawValue: 0x2000)
    package static let silentMail = MilterSteps(rawValue: 0x4000)
    package static let silentRecipients = MilterSteps(rawValue: 0x8000)
    package static let silentData = MilterSteps(rawValue: 0x10000)
    package static let silentUnknown = MilterSteps(rawValue: 0x20000)
    package static let silentEndOfHeader = MilterSteps(rawValue: 0x40000)
    package static let silentBody = MilterSteps(rawValue: 0x80000)
    /// Values of fields come and go with the blank behind the colon.
    package static let leadingSpace = MilterSteps(rawValue: 0x100000)

    /// Everything but refused recipients (0x800), which milters are not told of.
    package static let offered = MilterSteps(rawValue: 0x1FF7FF)
}

/// What both sides agreed on.
package struct MilterOptions: Sendable, Hashable {
    package static let version: UInt32 = 6

    package var version: UInt32
    package var actions: MilterActions
    package var steps: MilterSteps
    /// Names of macros that are wanted at a stage, instead of the usual ones.
    package var macros: [MilterStage: [String]] = [:]

    package init(version: UInt32 = MilterOptions.version, actions: MilterActions = .all, steps: MilterSteps = []) {
        self.version = version
        self.actions = actions
        self.steps = steps
    }

    /// The first packet: all that we can do.
    package static var offer: MilterPacket {
        MilterPacket(
            "O", [version, MilterActions.all.rawValue, MilterSteps.offered.rawValue].flatMap(\.milterOctets))
    }

    /// Reads a milter's answer to the offer.
    package init(answer: MilterPacket) throws(MilterError) {
        guard answer.letter == UInt8(ascii: "O") else {
            throw MilterError("it answered the negotiation with `\(answer.shownLetter)`")
        }
        var reader = MilterReader(answer.data)
        version = try reader.number()
        actions = MilterActions(rawValue: try reader.number())
        let steps = try reader.number()
        guard (2...Self.version).contains(version) else { throw MilterError("it speaks version \(version)") }
        guard actions.isSubset(of: .all) else {
            throw MilterError("it wants actions that were not offered (\(actions.rawValue))")
        }
        // Sizes of data chunks, which libmilter sets in what it answers, change nothing for us.
        self.steps = MilterSteps(rawValue: steps & 0x0FFF_FFFF)
        guard self.steps.isSubset(of: .offered) else {
            throw MilterError("it wants steps that were not offered (\(steps))")
        }
        while !reader.isEmpty {
            let stage = MilterStage(number: try reader.number())
            let names = try reader.text().split(whereSeparator: { $0 == " " || $0 == "," }).map(String.init)
            if let stage { macros[stage] = names }
        }
    }
}

/// When macros are sent, and what for.
package enum MilterStage: Character, Sendable, Hashable, CaseIterable {
    case connect = "C"
    case helo = "H"
    case mail = "M"
    case recipient = "R"
    case data = "T"
    case endOfHeader = "N"
    case endOfMessage = "E"

    /// As lists of wanted macros number them.
    init?(number: UInt32) {
        switch number {
        case 0: self = .connect
        case 1: self = .helo
        case 2: self = .mail
        case 3: self = .recipient
        case 4: self = .data
        case 5: self = .endOfMessage
        case 6: self = .endOfHeader
        default: return nil
        }
    }

    /// What Postfix sends at a stage, and the client's address, which scanners want.
    package var usualMacros: [String] {
        switch self {
        case .connect:
            ["j", "{daemon_name}", "{daemon_addr}", "v", "_", "{client_addr}", "{client_name}", "{client_port}"]
        case .helo: ["{tls_version}", "{cipher}", "{cipher_bits}", "{cert_subject}", "{cert_issuer}"]
        case .mail:
            [
                "i", "{daemon_name}", "{auth_type}", "{auth_authen}", "{auth_author}", "{mail_addr}", "{mail_host}",
                "{mail_mailer}",
            ]
        case .recipient: ["i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"]
        case .data, .endOfHeader, .endOfMessage: ["i"]
        }
    }
}

extension UInt32 {
    var milterOctets: [UInt8] { (0..<4).reversed().map { UInt8(truncatingIfNeeded: self >> (8 * UInt32($0))) } }
}

extension MilterPacket {
    var shownLetter: String {
        (0x21...0x7E).contains(letter) ? String(Character(Unicode.Scalar(letter))) : "\\x\(String(letter, radix: 16))"
    }
}
