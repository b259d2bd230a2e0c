extension POP3Machine {
    mutating func perform(_ command: POP3Command) -> POP3Action {
        switch state {
        case .authorization(let user): performInAuthorization(command, user: user)
        case .transaction: performInTransaction(command)
        case .exchange, .checking, .update: bad("not now")
        case .closed: .close([])
        }
    }

    // MARK: AUTHORIZATION

    private mutating func performInAuthorization(_ command: POP3Command, user: [UInt8]?) -> POP3Action {
        switch command {
        case .capabilities: return capabilityList()
        case .startTLS: return startTLS()
        case .user(let name):
            return whenEncrypted {
                $0.state = .authorization(user: name)
                return .reply(POP3Reply.ok("send PASS"))
            }
        case .pass(let password):
            return whenEncrypted {
                guard let user else { return $0.bad("send USER first") }
                $0.state = .checking
                return .login(POP3Login(user: user, password: password))
            }
        case .auth(let mechanism, let initialResponse):
            return whenEncrypted { $0.auth(mechanism, initialResponse) }
        case .authList:
            return whenEncrypted { .reply(POP3Reply.lines("mechanisms follow", $0.mechanisms)) }
        case .language(let range): return language(range)
        case .utf8:
            isUTF8 = true
            return .reply(POP3Reply.ok("UTF-8 it is"))
        case .quit:
            // RFC 1939 §4: no UPDATE state follows
            state = .closed
            return .close(POP3Reply.ok("bye"))
        case .stat, .list, .uidList, .retrieve, .top, .delete, .reset, .noop:
            return bad("log in first")
        }
    }

    // RFC 2595 §4, RFC 8314 §4.1
    private mutating func startTLS() -> POP3Action {
        // RFC 6856 §2.1
        if isUTF8 { return bad("STLS comes before UTF8") }
        return switch security {
        case .plaintext: .startTLS(POP3Reply.ok("begin TLS"))
        case .plaintextOnly: bad("TLS is not available")
        case .encrypted: bad("TLS is on already")
        }
    }

    /// Passwords are not taken, nor answered about, in plaintext.
    // RFC 8314 §3.2
    private mutating func whenEncrypted(_ body: (inout POP3Machine) -> POP3Action) -> POP3Action {
        guard security == .encrypted else {
            return bad("log in over TLS only: send STLS first or use port 995", .auth)
        }
        return body(&self)
    }

    private mutating func auth(_ mechanism: String, _ initialResponse: [UInt8]?) -> POP3Action {
        guard mechanisms.contains(mechanism) else { return bad("unknown mechanism") }
        state = .checking
        return .exchange(.start(mechanism: mechanism, initialResponse: initialResponse))
    }

    // MARK: both states

    // RFC 2449 §5 and §6
    private func capabilityList() -> POP3Action {
        // RFC 6856 §2.2: no argument of UTF8, since passwords are compared as they are sent, be they UTF-8 or not
        // RFC 2449 §6.7: nothing is removed that the client does not remove
        var lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "LANG", "UTF8"]
        // RFC 2449 §6.5
        if loginDelay > 0 { lines.append("LOGIN-DELAY \(loginDelay)") }
        if security == .encrypted {
            // RFC 2449 §6.3, RFC 5034 §3
            lines += ["USER", "SASL \(mechanisms.joined(separator: " "))"]
        }
        // RFC 2595 §4: in AUTHORIZATION only, and not once TLS is on
        if security == .plaintext, !isInTransaction { lines.append("STLS") }
        lines.append("IMPLEMENTATION \(implementation)")
        return .reply(POP3Reply.lines("capabilities follow", lines))
    }

    /// Replies are in English; the default that RFC 2277 §4.5 wants is too.
    // RFC 6856 §3.2
    private func language(_ range: [UInt8]?) -> POP3Action {
        guard let range else {
            return .reply(POP3Reply.lines("languages follow", ["en English", "i-default English"]))
        }
        switch String(decoding: range, as: UTF8.self).lowercased() {
        case "*", "i-default": return .reply(POP3Reply.ok("i-default replies are in English"))
        case "en": return .reply(POP3Reply.ok("en replies are in English"))
        default: return .reply(POP3Reply.error("only English is spoken"))
        }
    }

    // MARK: TRANSACTION

    private mutating func performInTransaction(_ command: POP3Command) -> POP3Action {
        switch command {
        case .capabilities: return capabilityList()
        case .stat:
            return .reply(POP3Reply.ok("\(maildrop.remaining) \(maildrop.remainingOctets)"))
        case .list(nil): return .list(POP3Listing(.sizes, of: maildrop, pieceSize: limits.listingPiece))
        case .uidList(nil): return .list(POP3Listing(.uniqueIDs, of: maildrop, pieceSize: limits.listingPiece))
        case .list(.some(let number)):
            return withMessage(number) { machine, index in
                .reply(POP3Reply.ok("\(number) \(machine.maildrop.entries[index].octets)"))
            }
        case .uidList(.some(let number)):
            return withMessage(number) { machine, index in
                .reply(POP3Reply.ok("\(number) \(machine.maildrop.uniqueID(index))"))
            }
        case .retrieve(let number):
            return withMessage(number) { machine, index in
                .retrieve(
                    POP3Retrieval(entry: machine.maildrop.entries[index], bodyLines: nil, isUTF8: machine.isUTF8))
            }
        case .top(let number, let lines):
            return withMessage(number) { machine, index in
                .retrieve(
                    POP3Retrieval(entry: machine.maildrop.entries[index], bodyLines: lines, isUTF8: machine.isUTF8))
            }
        case .delete(let number):
            return withMessage(number) { machine, index in
                machine.maildrop.mark(index)
                return .reply(POP3Reply.ok("message \(number) deleted"))
            }
        case .reset:
            maildrop.unmarkAll()
            return .reply(POP3Reply.ok("\(maildrop.remaining) messages (\(maildrop.remainingOctets) octets)"))
        case .noop: return .reply(POP3Reply.ok("nothing done"))
        case .language(let range): return language(range)
        case .quit: return quit()
        case .user, .pass, .auth, .authList: return bad("logged in already")
        case .startTLS: return bad("STLS comes before the login")
        // RFC 6856 §2: valid in AUTHORIZATION
        case .utf8: return bad("UTF8 comes before the login")
        }
    }

    private mutating func withMessage(
        _ number: Int,
        _ body: (inout POP3Machine, Int) -> POP3Action
    ) -> POP3Action {
        guard let index = maildrop.index(of: number) else { return .reply(POP3Reply.error("no such message")) }
        return body(&self, index)
    }

    // RFC 1939 §6
    private mutating func quit() -> POP3Action {
        let uids = maildrop.deletedUIDs
        guard !uids.isEmpty else {
            state = .closed
            return .close(POP3Reply.ok("bye"))
        }
        state = .update
        return .remove(uids: uids)
    }
}
