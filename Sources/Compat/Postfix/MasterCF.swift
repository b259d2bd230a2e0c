import MailPolicy

/// A `master.cf`: the services, and what their command lines override.
package struct MasterCF: Sendable, Equatable {
    package struct Service: Sendable, Equatable {
        package enum Kind: String, Sendable {
            case inet
            case unix
            case unixDatagram = "unix-dgram"
            case fifo
            case pass
        }

        /// `smtp`, `submission`, `127.0.0.1:10025`, `cleanup`.
        package var name: String
        package var kind: Kind
        /// The fields after it, as they are written: private, unprivileged, chroot, wakeup, process limit.
        package var fields: [String]
        /// The program: `smtpd`.
        package var command: String
        /// `-o name=value`, in order; the last of a name holds.
        package var overrides: [Override]
        /// What else stands behind the program.
        package var arguments: [String]
        /// From 1.
        package var line: Int

        /// The name or number behind the last colon, and what stands before it.
        package var port: (address: String?, port: String) {
            guard let colon = name.lastIndex(of: ":") else { return (nil, name) }
            let address = name[..<colon]
            let port = String(name[name.index(after: colon)...])
            if address.hasPrefix("["), address.hasSuffix("]") { return (String(address.dropFirst().dropLast()), port) }
            return (address.isEmpty ? nil : String(address), port)
        }
    }

    package struct Override: Sendable, Equatable {
        package var name: String
        package var value: String
        package var line: Int
    }

    package private(set) var services: [Service] = []
    package private(set) var problems: [MainCF.Problem] = []

    package init(_ text: [UInt8]) {
        for line in TableLines.all(text) {
            do {
                try read(line)
            } catch {
                problems.append(MainCF.Problem(kind: .malformed, line: line.number, message: error.message))
            }
        }
    }

    /// Of several with one name and kind, Postfix takes the last and warns.
    private mutating func read(_ line: TableLines.Line) throws(MainCF.Malformed) {
        var words = try Self.words(try line.assigning())
        guard words.count >= 8 else {
            throw MainCF.Malformed(message: "a service has eight fields; there are \(words.count) here")
        }
        guard let kind = Service.Kind(rawValue: words[1].text) else {
            throw MainCF.Malformed(message: "`\(words[1].text)` is no kind of service")
        }
        var service = Service(
            name: words[0].text, kind: kind, fields: words[2..<7].map(\.text), command: words[7].text, overrides: [],
            arguments: [], line: line.number)
        words.removeFirst(8)
        var index = 0
        while index < words.count {
            defer { index += 1 }
            let word = words[index]
            guard !word.isBraced, word.text.hasPrefix("-o") else {
                service.arguments.append(word.text)
                continue
            }
            var assignment = String(word.text.dropFirst(2))
            if assignment.isEmpty {
                index += 1
                guard index < words.count else { throw MainCF.Malformed(message: "nothing follows the last `-o`") }
                assignment = words[index].text
            }
            let (name, value) = try MainCF.assignment(assignment)
            if let before = service.overrides.last(where: { $0.name == name }) {
                let same = before.value == value ? "" : ", with another value"
                problems.append(
                    MainCF.Problem(
                        kind: .overridden, line: line.number,
                        message: "`-o \(name)=` stands twice at `\(service.name)`\(same); the last one holds"))
            }
            service.overrides.append(Override(name: name, value: value, line: line.number))
        }
        if let place = services.firstIndex(where: { $0.name == service.name && $0.kind == service.kind }) {
            problems.append(
                MainCF.Problem(
                    kind: .overridden, line: line.number,
                    message: "`\(service.name)` was described in line \(services[place].line) already; this one holds"))
            services[place] = service
        } else {
            services.append(service)
        }
    }

    private struct Word {
        var text: String
        var isBraced: Bool
    }

    /// Words between blanks; `{ … }` is one that may hold blanks.
    private static func words(_ text: String) throws(MainCF.Malformed) -> [Word] {
        var words: [Word] = []
        var rest = Substring(text).unicodeScalars.drop(while: \.isBlank)
        while let first = rest.first {
            // Only command-line arguments have braces.
            if first == "{", words.count >= 8 {
                var depth = 0
                guard
                    let end = rest.indices.first(where: { index in
                        if rest[index] == "{" { depth += 1 }
                        if rest[index] == "}" { depth -= 1 }
                        return depth == 0
                    })
                else { throw MainCF.Malformed(message: "no `}` for `{`") }
                let after = rest.index(after: end)
                guard after == rest.endIndex || rest[after].isBlank else {
                    throw MainCF.Malformed(message: "a blank is missing after `}`")
                }
                words.append(
                    Word(text: String(rest[rest.index(after: rest.startIndex)..<end]).trimmed, isBraced: true))
                rest = rest[after...]
            } else {
                let word = rest.prefix { !$0.isBlank }
                words.append(Word(text: String(word), isBraced: false))
                rest = rest[word.endIndex...]
            }
            rest = rest.drop(while: \.isBlank)
        }
        return words
    }
}
