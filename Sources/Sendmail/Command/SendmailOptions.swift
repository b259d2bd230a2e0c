/// How `sendmail` was called: the options that programs have used for forty years. What Postfix passes over is passed over.
package struct SendmailOptions: Sendable, Equatable {
    package enum Mode: Sendable, Equatable {
        /// Take a message.
        case send
        /// SMTP on standard input and output.
        case smtp
        /// `-bp`, and the name `mailq`.
        case listQueue
        /// `-q…`
        case flushQueue
        /// `-bv`: are these good recipients?
        case verify
        /// `-bi`, `-I`, and the name `newaliases`: nothing to do.
        case newAliases
    }

    package var mode = Mode.send
    /// `-f`, `-r`; empty is the null sender.
    package var sender: String?
    /// `-F`
    package var fullName: String?
    /// `-t`: recipients stand in the header.
    package var readsRecipients = false
    /// `-i`, `-oi`: a line with a dot alone is text.
    package var ignoresDots = false
    package var recipients: [String] = []
    /// `-N`: NOTIFY of DSN, such as `success,failure`.
    package var notify: String?
    /// `-R`: `full` or `hdrs`.
    package var dsnReturn: String?
    /// `-V`
    package var envelopeID: String?
    /// `-B`: `7BIT` or `8BITMIME`.
    package var bodyType: String?
    /// `--config` or `-C`: the manifest.
    package var config: String?
    package var isVerbose = false

    /// How an option was wrong.
    package struct Misuse: Error, Sendable, Equatable {
        package var text: String
    }

    private static let takesValue = Set("ABCFLNORVXbfhoprdD")
    private static let ignored = Set("AGLOUXDcdehmnpsvx")

    package init() {}

    /// - Parameters:
    ///   - name: the program's name as it was called, without its folder.
    ///   - arguments: without the program's name.
    package init(name: String, arguments: [String]) throws(Misuse) {
        if name == "mailq" { mode = .listQueue }
        if name == "newaliases" { mode = .newAliases }
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" { break }
            if argument == "--config" || argument.hasPrefix("--config=") {
                config = argument == "--config" ? rest.popFirst() : String(argument.dropFirst("--config=".count))
                guard config?.isEmpty == false else { throw Misuse(text: "--config needs a file") }
                continue
            }
            guard argument.count > 1, argument.hasPrefix("-") else {
                recipients.append(argument)
                break
            }
            try take(argument.dropFirst(), &rest)
        }
        recipients += rest
    }

    /// Letters after one dash: `-ti`, `-fsender`, `-f sender`.
    private mutating func take(_ letters: Substring, _ rest: inout ArraySlice<String>) throws(Misuse) {
        var letters = letters
        while let letter = letters.popFirst() {
            // These have a value only where it is written right behind them.
            if letter == "q" {
                mode = .flushQueue
                return
            }
            if letter == "e" || letter == "d" { return }
            guard Self.takesValue.contains(letter) else {
                try set(letter)
                continue
            }
            var value = String(letters)
            if value.isEmpty {
                guard let next = rest.popFirst() else { throw Misuse(text: "-\(letter) needs a value") }
                value = next
            }
            try set(letter, value)
            return
        }
    }

    private mutating func set(_ letter: Character) throws(Misuse) {
        switch letter {
        case "t": readsRecipients = true
        case "i": ignoresDots = true
        case "I": mode = .newAliases
        case "v": isVerbose = true
        case let other where Self.ignored.contains(other): break
        default: throw Misuse(text: "there is no option -\(letter)")
        }
    }

    private mutating func set(_ letter: Character, _ value: String) throws(Misuse) {
        switch letter {
        case "f", "r": sender = value == "<>" ? "" : value
        case "F": fullName = value
        case "o": if value == "i" { ignoresDots = true }
        case "C": config = value
        case "N": notify = value
        case "R": dsnReturn = value
        case "V": envelopeID = value
        case "B": bodyType = value
        case "b": try setMode(value)
        default: break
        }
    }

    private mutating func setMode(_ value: String) throws(Misuse) {
        switch value {
        case "m": mode = .send
        case "s": mode = .smtp
        case "p": mode = .listQueue
        case "v": mode = .verify
        case "i": mode = .newAliases
        case "d", "D", "l": throw Misuse(text: "-b\(value): the server is started by `martlet serve`")
        default: throw Misuse(text: "-b\(value) is not done here")
        }
    }

    // MARK: Parameters of SMTP

    /// RET, ENVID, BODY of MAIL, checked; an empty string or ` RET=…`.
    package var mailParameters: String {
        get throws(Misuse) {
            var text = ""
            if let dsnReturn {
                guard ["full", "hdrs"].contains(dsnReturn.lowercased()) else {
                    throw Misuse(text: "-R is \(dsnReturn), not full or hdrs")
                }
                text += " RET=\(dsnReturn.uppercased())"
            }
            // RFC 3461 §4.4
            if let envelopeID, !envelopeID.isEmpty { text += " ENVID=\(Self.xtext(envelopeID))" }
            return text
        }
    }

    /// NOTIFY of RCPT. // RFC 3461 §4.1
    package var recipientParameters: String {
        get throws(Misuse) {
            guard let notify else { return "" }
            let words = notify.split(separator: ",").map { $0.uppercased() }
            let known = ["SUCCESS", "FAILURE", "DELAY"]
            guard !words.isEmpty, words == ["NEVER"] || words.allSatisfy(known.contains) else {
                throw Misuse(text: "-N is \(notify), not never or some of success,failure,delay")
            }
            return " NOTIFY=\(words.joined(separator: ","))"
        }
    }

    // RFC 3461 §4
    private static func xtext(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8.prefix(100) {
            if (33...126).contains(byte), byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let hex = String(byte, radix: 16, uppercase: true)
                encoded += hex.count == 1 ? "+0\(hex)" : "+\(hex)"
            }
        }
        return encoded
    }
}
