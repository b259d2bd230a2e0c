package import MailSyntax

/// What a milter is told.
package enum MilterEvent: Sendable, Hashable {
    /// nil: no network address (a Unix-domain socket, a local program).
    case connect(name: String, address: IPAddress?, port: Int)
    case helo(String)
    /// With angle brackets, and parameters as they were written: `SIZE=1000`.
    case mail(path: String, parameters: [String])
    case recipient(path: String, parameters: [String])
    case data
    /// The value as it stands behind the colon, folded with CR LF, without the last line end.
    case header(name: String, value: [UInt8])
    case endOfHeader
    /// At most `MilterEvent.chunk` octets.
    case body([UInt8])
    case endOfMessage

    /// The longest piece of a body.
    package static let chunk = 65_535

    package var packet: MilterPacket { packet(keepsSpace: false) }

    /// - Parameter keepsSpace: `MilterSteps.leadingSpace` was agreed on.
    package func packet(keepsSpace: Bool) -> MilterPacket {
        switch self {
        case .connect(let name, let address, let port):
            var data = Self.text(name)
            guard let address else { return MilterPacket("C", data + [UInt8(ascii: "U")]) }
            data.append(UInt8(ascii: address.isV6 ? "6" : "4"))
            data += [UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)]
            return MilterPacket("C", data + Self.text(address.description))
        case .helo(let name): return MilterPacket("H", Self.text(name))
        case .mail(let path, let parameters): return MilterPacket("M", ([path] + parameters).flatMap(Self.text))
        case .recipient(let path, let parameters): return MilterPacket("R", ([path] + parameters).flatMap(Self.text))
        case .data: return MilterPacket("T")
        case .header(let name, let value):
            return MilterPacket("L", Self.text(name) + Self.value(value, keepsSpace: keepsSpace) + [0])
        case .endOfHeader: return MilterPacket("N")
        case .body(let bytes): return MilterPacket("B", bytes)
        case .endOfMessage: return MilterPacket("E")
        }
    }

    /// The stage whose macros go before it.
    package var stage: MilterStage? {
        switch self {
        case .connect: .connect
        case .helo: .helo
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .endOfHeader: .endOfHeader
        case .endOfMessage: .endOfMessage
        case .header, .body: nil
        }
    }

    /// Whether a milter with these options is told.
    package func isWanted(_ options: MilterOptions) -> Bool {
        let unwanted: MilterSteps =
            switch self {
            case .connect: .noConnect
            case .helo: .noHelo
            case .mail: .noMail
            case .recipient: .noRecipients
            case .data: .noData
            case .header: .noHeaders
            case .endOfHeader: .noEndOfHeader
            case .body: .noBody
            case .endOfMessage: []
            }
        if case .data = self, options.version < 4 { return false }
        return unwanted.isEmpty || !options.steps.contains(unwanted)
    }

    /// Whether it answers.
    package func isAnswered(_ options: MilterOptions) -> Bool {
        let silent: MilterSteps =
            switch self {
            case .connect: .silentConnect
            case .helo: .silentHelo
            case .mail: .silentMail
            case .recipient: .silentRecipients
            case .data: .silentData
            case .header: .silentHeaders
            case .endOfHeader: .silentEndOfHeader
            case .body: .silentBody
            case .endOfMessage: []
            }
        return silent.isEmpty || !options.steps.contains(silent)
    }

    /// Macros of a stage, those that have a value; nil when there are none.
    package static func macros(
        _ stage: MilterStage, _ options: MilterOptions, _ values: [String: String]
    ) -> MilterPacket? {
        let wanted = options.macros[stage] ?? stage.usualMacros
        let data = wanted.flatMap { name -> [UInt8] in
            let value = values[name] ?? (name.count > 1 && !name.hasPrefix("{") ? values["{\(name)}"] : nil)
            return value.map { text(name) + text($0) } ?? []
        }
        guard !data.isEmpty else { return nil }
        return MilterPacket("D", [stage.rawValue.asciiValue ?? 0] + data)
    }

    /// With a NUL at its end, and none within.
    private static func text(_ text: String) -> [UInt8] { text.utf8.filter { $0 != 0 } + [0] }

    /// Lines of a value end with LF alone.
    private static func value(_ value: [UInt8], keepsSpace: Bool) -> [UInt8] {
        let rest = !keepsSpace && value.first == 0x20 ? value.dropFirst() : value[...]
        return rest.filter { $0 != 0x0D && $0 != 0 }
    }
}
