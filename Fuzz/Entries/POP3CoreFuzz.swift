import NIOCore

@testable import POP3Core

enum POP3CoreFuzz {
    static let entries = [
        FuzzEntry("pop3-framer", framer),
        FuzzEntry("pop3-command", command),
        FuzzEntry("pop3-session", session),
        FuzzEntry("pop3-writer", writer),
    ]

    // MARK: framer and grammar

    private static func frames(_ pieces: [[UInt8]], plan: [UInt8]) -> [POP3Frame] {
        var limits = POP3Limits()
        limits.commandLine = 40
        limits.authenticationLine = 60
        var framer = POP3Framer(limits: limits)
        var buffer = ByteBuffer()
        var frames: [POP3Frame] = []
        var pauses = 0
        for piece in pieces {
            buffer.writeBytes(piece)
            while true {
                if framer.isPaused {
                    framer.expect(plan[pauses % plan.count] & 1 == 0 ? .command : .authentication)
                    pauses += 1
                }
                guard let frame = framer.next(&buffer) else { break }
                frames.append(frame)
            }
            precondition(buffer.readableBytes <= 61, "the framer holds more than a line")
        }
        return frames
    }

    static func framer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let plan = [input.byte(), input.byte(), input.byte()]
        let octets = input.remainder()
        let whole = frames(FuzzCuts.whole(octets), plan: plan)
        precondition(frames(FuzzCuts.single(octets), plan: plan) == whole, "octet by octet differs")
        precondition(frames(FuzzCuts.random(octets, seed: seed), plan: plan) == whole, "random cuts differ")
    }

    static func command(_ bytes: [UInt8]) {
        guard let command = try? POP3Command(parsing: bytes) else { return }
        switch command {
        case .retrieve(let number), .delete(let number): precondition(number >= 0)
        case .top(let number, let lines): precondition(number >= 0 && lines >= 0)
        default: break
        }
    }

    // MARK: session

    static func session(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let security: POP3Security = [.plaintext, .plaintextOnly, .encrypted][input.choice(3)]
        var machine = POP3Machine(hostname: "mx.example.org", security: security)
        while !input.isEmpty {
            let choice = input.byte()
            let action: POP3Action
            switch choice {
            case 0xF0: action = machine.lineTooLongReceived()
            case 0xF1:
                machine.tlsEstablished()
                continue
            case 0xF2: action = machine.deletionsFinished(.failed)
            case 0xF3: action = machine.loginAccepted(maildrop(&input))
            default: action = machine.lineReceived([choice] + input.line())
            }
            guard follow(action, &machine, &input) else { return }
        }
    }

    private static func maildrop(_ input: inout FuzzInput) -> POP3Maildrop {
        let entries = (0..<input.choice(5)).map { index in
            POP3Maildrop.Entry(uid: UInt32(index) + 7, octets: Int(input.byte()))
        }
        return POP3Maildrop(uidValidity: 99, entries: entries)
    }

    private static func follow(_ action: POP3Action, _ machine: inout POP3Machine, _ input: inout FuzzInput) -> Bool {
        switch action {
        case .reply(let octets):
            precondition(octets.suffix(2) == [13, 10], "a reply without a line end")
        case .close: return false
        case .startTLS: machine.tlsEstablished()
        case .login: return follow(outcome(&machine, &input), &machine, &input)
        case .exchange:
            if input.choice(2) == 0 { return follow(machine.challenge("QQ=="), &machine, &input) }
            return follow(outcome(&machine, &input), &machine, &input)
        case .list(var listing):
            while listing.nextPiece() != nil {}
        case .retrieve: _ = machine.messageUnavailable(.gone)
        case .remove(let uids):
            precondition(!uids.isEmpty, "nothing to remove")
            return follow(machine.deletionsFinished(input.choice(2) == 0 ? .removed : .failed), &machine, &input)
        }
        return true
    }

    private static func outcome(_ machine: inout POP3Machine, _ input: inout FuzzInput) -> POP3Action {
        switch input.choice(4) {
        case 0: machine.loginRefused()
        case 1: machine.exchangeFailed("cancelled")
        case 2: machine.loginUnavailable()
        default: machine.loginAccepted(maildrop(&input))
        }
    }

    // MARK: message text

    private static func written(_ pieces: [[UInt8]], bodyLines: Int?) -> [UInt8] {
        var writer = POP3MessageWriter(bodyLines: bodyLines)
        var buffer = ByteBuffer()
        for piece in pieces { writer.write(piece, into: &buffer) }
        writer.finish(into: &buffer)
        return Array(buffer.readableBytesView)
    }

    /// However a message is cut, the same octets come out, and the line that ends it comes once, at the end.
    static func writer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let lines = input.choice(4)
        let bodyLines = lines == 3 ? nil : lines
        let message = input.remainder()
        let whole = written(FuzzCuts.whole(message), bodyLines: bodyLines)
        precondition(written(FuzzCuts.single(message), bodyLines: bodyLines) == whole, "octet by octet differs")
        precondition(written(FuzzCuts.random(message, seed: seed), bodyLines: bodyLines) == whole, "random cuts differ")
        let texts = whole.split(separator: 10, omittingEmptySubsequences: false)
        let ends = texts.indices.filter { texts[$0].elementsEqual([46, 13]) }
        precondition(ends == [texts.count - 2], "the end is not where it should be")
    }
}
