import MailSyntax

extension ValueType where Value == [Listener] {
    static var listeners: ValueType {
        records(named: "list of listeners", example: "kind: imaps, address: any, port: 993") { node, reading in
            guard var record = RecordReader(node, keys: ListenerRecord.keys, &reading) else { return nil }
            return ListenerRecord.read(&record, node, &reading)
        } render: {
            ListenerRecord.render($0)
        }
    }
}

/// One item of `listeners`.
private enum ListenerRecord {
    static let keys = [
        "name", "kind", "address", "port", "socket", "socket_mode", "auth", "auth_without_tls", "proxy", "xclient",
    ]

    static func read(
        _ record: inout RecordReader, _ node: ConfigNode, _ reading: inout ConfigReading
    ) -> Listener? {
        let name = record.value("name", .listenerName, &reading)
        let kind = record.required("kind", .listenerKind, &reading)
        let address = record.value("address", .listenAddress, &reading)
        let port = record.value("port", .int(0...65535, example: 25), &reading)
        let socket = record.value("socket", .path, &reading)
        let mode = record.value("socket_mode", .fileMode, &reading)
        let auth = record.value("auth", ValueType<Listener.Auth>.word, &reading)
        let clear = record.value("auth_without_tls", .bool, &reading)
        let proxies = record.value("proxy", .networks, &reading)
        let xclients = record.value("xclient", .networks, &reading)
        guard record.isWhole, let kind else { return nil }
        // Whoever reaches LMTP hands over mail past everything that judges strangers.
        let standard = kind == .lmtp ? "127.0.0.1" : Listener.anyAddress
        var listener = Listener(name: name ?? kind.rawValue, kind: kind, address: address ?? standard, port: port)
        listener.socket = socket
        listener.socketMode = mode ?? listener.socketMode
        listener.auth = auth
        listener.allowsClearTextAuth = clear ?? false
        listener.proxies = proxies ?? []
        listener.xclients = xclients ?? []
        let isPlaced = address != nil || port != nil
        if let problem = problem(listener, isPlaced: isPlaced, hasMode: mode != nil) {
            reading.reportValue(node, problem.message, remedy: problem.remedy)
            return nil
        }
        return listener
    }

    /// What does not go together in one item.
    private static func problem(_ listener: Listener, isPlaced: Bool, hasMode: Bool) -> ValueProblem? {
        let item = "has the \(listener.kind.rawValue) listener `\(listener.name)`"
        if listener.kind == .lmtp, listener.socket == nil, listener.port == 25 {
            // RFC 2033 §5
            return ValueProblem(message: "\(item) on port 25", remedy: "give it another port: 25 is for SMTP alone")
        }
        if listener.socket != nil {
            guard listener.kind == .lmtp else {
                return ValueProblem(message: "\(item) with `socket`", remedy: "only `lmtp` can listen on a socket")
            }
            guard !isPlaced else {
                let remedy = "keep the socket, or write a second listener for the port"
                return ValueProblem(message: "\(item) with `socket` and an address or port", remedy: remedy)
            }
            guard listener.proxies.isEmpty, listener.xclients.isEmpty else {
                let remedy = "remove them: who may open a socket is said by its file mode"
                return ValueProblem(message: "\(item) on a socket, with networks of clients", remedy: remedy)
            }
        } else if hasMode {
            return ValueProblem(message: "\(item) with `socket_mode`", remedy: "add `socket: PATH`, or remove it")
        }
        let judgesLogins = listener.kind.takesMail && listener.kind != .lmtp
        if !judgesLogins, listener.auth != nil || listener.allowsClearTextAuth && listener.kind != .imap {
            let remedy =
                "remove it: `auth` is for mx, submission, submissions and device, `auth_without_tls` for these and imap"
            return ValueProblem(message: "\(item) with a rule for logins", remedy: remedy)
        }
        if !listener.xclients.isEmpty, !listener.kind.takesMail {
            let remedy = "remove it: XCLIENT belongs to SMTP and LMTP"
            return ValueProblem(message: "\(item) with `xclient`", remedy: remedy)
        }
        return nil
    }

    /// What is standard is left out, but for address and port, which people look for.
    static func render(_ listener: Listener) -> RenderedValue {
        var pairs: [(String, RenderedValue)] = [
            ("name", .scalar(listener.name)), ("kind", .scalar(listener.kind.rawValue)),
        ]
        if let socket = listener.socket {
            pairs.append(("socket", .scalar(socket)))
            pairs.append(("socket_mode", ValueType<Int>.fileMode.render(listener.socketMode) ?? .scalar("0666")))
        } else {
            pairs.append(("address", .scalar(listener.address)))
            pairs.append(("port", .scalar("\(listener.port)")))
        }
        if let auth = listener.auth { pairs.append(("auth", .scalar(auth.rawValue))) }
        if listener.allowsClearTextAuth { pairs.append(("auth_without_tls", .scalar("true"))) }
        if !listener.proxies.isEmpty { pairs.append(("proxy", .list(listener.proxies.map { .scalar("\($0)") }))) }
        if !listener.xclients.isEmpty { pairs.append(("xclient", .list(listener.xclients.map { .scalar("\($0)") }))) }
        return .map(pairs.map { .init(key: $0.0, value: $0.1) })
    }
}

extension ValueType where Value == ListenerKind {
    /// The words, with a hint for the names of old services.
    fileprivate static var listenerKind: ValueType {
        var type = ValueType.word
        let read = type.read
        let others = [
            "smtp": "mx", "smtps": "submissions", "ssmtp": "submissions", "pop": "pop3", "imap4": "imap",
            "devices": "device",
        ]
        type.read = { node, reading in
            if case .scalar(let text) = node.content, let known = others[text.lowercased()] {
                reading.reportValue(node, "is `\(text)`, which is not one of its words", remedy: "write `\(known)`")
                return nil
            }
            return read(node, &reading)
        }
        return type
    }
}

extension ValueType where Value == String {
    fileprivate static var listenerName: ValueType {
        .text("name", example: "imaps", remedy: "write letters, digits, `-` and `_`") { text in
            !text.isEmpty && text.utf8.count <= 64
                && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) }
        }
    }

    static var listenAddress: ValueType {
        .scalar("address or `any`", example: "any") { text throws(ValueProblem) in
            if text == Listener.anyAddress || text == "*" { return Listener.anyAddress }
            if let address = IPAddress(text) { return address.description }
            let remedy = "write an address of this host, such as `127.0.0.1` or `\"::1\"`, or `any` for all of them"
            throw ValueProblem(message: "is `\(text)`, not an IP address", remedy: remedy)
        } render: {
            $0
        }
    }
}
