import MailSyntax
import NIOCore

@testable import SMTPCore

enum SMTPCoreFuzz {
    static let entries = [
        FuzzEntry("smtp-command", command),
        FuzzEntry("smtp-framer", framer),
        FuzzEntry("smtp-session", session),
        FuzzEntry("smtp-reply", reply),
    ]

    // MARK: grammar

    static func command(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        var parser = SMTPCommandParser()
        parser.workarounds = flags & 1 == 0 ? .all : []
        parser.offersDSN = flags & 2 == 0
        parser.isLMTP = flags & 4 != 0
        parser.offersFutureRelease = flags & 8 == 0
        let line = input.remainder()
        do {
            let command = try parser.parse(line)
            if case .bdat(let size, _) = command { precondition(size >= 0) }
            if case .mail(let sender) = command, let size = sender.size { precondition(size > 0) }
            if case .mail(let sender) = command, let release = sender.release { check(release) }
        } catch {
            if case .arguments(let reply) = error { check(reply) }
        }
    }

    private static func check(_ release: SMTPFutureRelease) {
        precondition(release.request.utf8.allSatisfy { (33...126).contains($0) }, "octets of a time")
        switch release {
        case .after(let seconds): precondition((1...999_999_999).contains(seconds))
        case .until(let time, _):
            let text = InternetTimestamp.utc(time)
            precondition(InternetTimestamp.parse(Array(text.utf8)[...])?.seconds == time.seconds, "a time of its own")
        }
    }

    private static func check(_ reply: SMTPReply) {
        precondition((200...599).contains(reply.code), "reply code")
        let rendered = Array(reply.bytes.readableBytesView)
        precondition(rendered.count { $0 == 13 } == reply.lines.count, "a reply has a line end too many")
        precondition(rendered.allSatisfy { $0 >= 32 && $0 < 127 || $0 == 13 || $0 == 10 }, "octets of a reply")
    }

    // MARK: framer

    private enum Event: Equatable {
        case line([UInt8], isPause: Bool)
        case lineTooLong
        case bareLineEnding
        case data([UInt8])
        case dataEnded(octets: Int, hasFault: Bool, isBare: Bool)
    }

    private static var limits: SMTPLimits {
        var limits = SMTPLimits()
        limits.commandLine = 64
        limits.authLine = 96
        limits.textLine = 80
        return limits
    }

    private static func mode(_ choice: UInt8) -> SMTPFramingMode {
        switch choice % 6 {
        case 0: .command
        case 1: .authResponse
        case 2: .data(limit: nil)
        case 3: .data(limit: Int(choice))
        case 4: .chunk(size: Int(choice) / 4, limit: nil, isFirst: choice & 64 == 0, isBinary: choice & 32 == 0)
        default: .chunk(size: Int(choice), limit: 50, isFirst: true)
        }
    }

    private static func events(_ pieces: [[UInt8]], plan: [UInt8]) -> [Event] {
        var framer = SMTPServerFramer(limits: limits)
        var buffer = ByteBuffer()
        var pauses = 0
        var events: [Event] = []
        var text: [UInt8] = []
        framer.expect(mode(plan[0]))
        for piece in pieces {
            buffer.writeBytes(piece)
            while true {
                if framer.isPaused {
                    pauses += 1
                    framer.expect(mode(plan[pauses % plan.count]))
                }
                guard let frame = framer.next(&buffer) else { break }
                if case .data(let octets) = frame {
                    precondition(octets.readableBytes <= SMTPTextScanner.maximumPiece, "a piece is too large")
                    text += octets.readableBytesView
                } else {
                    append(frame, text: &text, to: &events)
                }
            }
        }
        return events
    }

    private static func append(_ frame: SMTPFrame, text: inout [UInt8], to events: inout [Event]) {
        switch frame {
        case .line(let line, let sequel): events.append(.line(line, isPause: sequel == .pause || sequel == .pauseAhead))
        case .lineTooLong: events.append(.lineTooLong)
        case .bareLineEnding: events.append(.bareLineEnding)
        case .data: break
        case .dataEnded(let octets, let fault):
            // What was kept before a fault depends on the cuts, and is thrown away.
            if fault == nil { events.append(.data(text)) }
            text = []
            events.append(.dataEnded(octets: octets, hasFault: fault != nil, isBare: fault == .bareLineEnding))
        }
    }

    static func framer(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let plan = [input.byte(), input.byte(), input.byte(), input.byte(), input.byte()]
        let octets = input.remainder()
        let whole = events(FuzzCuts.whole(octets), plan: plan)
        precondition(events(FuzzCuts.single(octets), plan: plan) == whole, "octet by octet differs")
        precondition(events(FuzzCuts.random(octets, seed: seed), plan: plan) == whole, "random cuts differ")
    }

    // MARK: session

    static func session(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let flags = input.byte()
        var limits = SMTPLimits()
        limits.recipients = 3
        limits.messageSize = flags & 1 == 0 ? nil : 1000
        let isFirst = flags & 2 == 0
        var configuration = SMTPSessionConfiguration(
            hostname: "mx.example.org",
            role: flags & 32 == 0 ? isFirst ? .mx : .submission : isFirst ? .lmtp : .device,
            offersTLS: flags & 4 == 0, limits: limits)
        if flags & 64 != 0 { configuration.authentication = .optional }
        configuration.offersClearTextAuthentication = flags & 128 != 0
        configuration.offersDSN = flags & 8 == 0
        configuration.futureRelease = 86_400
        configuration.offersXClient = flags & 64 != 0
        var session = SMTPSession(configuration: configuration, isTLS: flags & 16 == 0)
        session.knowsClient = flags & 16 == 0
        check(session.greeting)
        while !input.isEmpty {
            guard step(&session, &input) else { return }
            _ = session.protocolName
            _ = session.keywords
            precondition((session.transaction?.recipients ?? 0) <= limits.recipients, "recipients over the limit")
        }
    }

    /// One line, and what the session asks for; sometimes an event nobody asked for. False at the end.
    private static func step(_ session: inout SMTPSession, _ input: inout FuzzInput) -> Bool {
        let choice = input.byte()
        switch choice {
        case 0xF0: return follow(session.brokenLineReceived(.unknownCommand), &session, &input)
        case 0xF1: session.tlsEstablished()
        case 0xF2: return follow(session.authenticationEnded(.ok, login: "a@example.org"), &session, &input)
        // A refusal: who accepts recipients that nobody asked about breaks the limit himself.
        case 0xF3: return follow(session.recipientJudged(.mailFirst), &session, &input)
        case 0xF4: return finish(session.dataEnded(octets: 3, fault: fault(&input)), &session, &input)
        case 0xF5: return finish(session.chunkEnded(octets: 3, fault: fault(&input)), &session, &input)
        case 0xF6: return follow(session.messageDone(.ok), &session, &input)
        default:
            var line = input.line()
            line.insert(choice, at: 0)
            return follow(session.lineReceived(line, now: Timestamp(seconds: 1_795_255_200)), &session, &input)
        }
        return true
    }

    private static func fault(_ input: inout FuzzInput) -> SMTPDataFault? {
        [nil, .bareLineEnding, .lineTooLong, .tooLarge][input.choice(4)]
    }

    private static func verdict(_ input: inout FuzzInput) -> SMTPReply {
        let code = [250, 250, 450, 550, 535][input.choice(5)]
        return SMTPReply(code, .init(code / 100, 0, 0), "verdict")
    }

    private static func follow(
        _ action: SMTPSession.Action, _ session: inout SMTPSession, _ input: inout FuzzInput
    ) -> Bool {
        switch action {
        case .reply(let reply): check(reply)
        case .replies(let replies):
            precondition(session.configuration.role == .lmtp && replies.count <= 3, "replies for recipients")
            for reply in replies { check(reply) }
        case .close(let reply):
            check(reply)
            return false
        case .startTLS(let reply):
            check(reply)
            session.tlsEstablished()
        case .authenticate:
            let reply = verdict(&input)
            let login = reply.isPositive ? "a@example.org" : nil
            return follow(session.authenticationEnded(reply, login: login), &session, &input)
        case .impersonate(let client):
            precondition(session.configuration.offersXClient, "XCLIENT where it is not offered")
            return follow(session.impersonated(client, login: client.login?.value), &session, &input)
        case .judgeSender(let sender):
            return follow(session.senderJudged(sender, verdict(&input)), &session, &input)
        case .judgeRecipient:
            return follow(session.recipientJudged(verdict(&input)), &session, &input)
        case .receiveData(let reply):
            check(reply)
            return finish(session.dataEnded(octets: 10, fault: fault(&input)), &session, &input)
        case .receiveChunk(let size, _, _):
            precondition(size >= 0, "size of a chunk")
            return finish(session.chunkEnded(octets: size, fault: fault(&input)), &session, &input)
        }
        return true
    }

    private static func finish(
        _ verdict: SMTPSession.DataVerdict, _ session: inout SMTPSession, _ input: inout FuzzInput
    ) -> Bool {
        switch verdict {
        case .accept: return follow(session.messageDone(self.verdict(&input)), &session, &input)
        case .goOn(let reply): check(reply)
        case .refuse(let reply):
            check(reply)
            return follow(session.dataRefused(reply), &session, &input)
        }
        return true
    }

    // MARK: replies of other servers

    private static func replyFrames(_ pieces: [[UInt8]]) -> [SMTPReplyFrame] {
        var framer = SMTPReplyFramer()
        var buffer = ByteBuffer()
        var frames: [SMTPReplyFrame] = []
        for piece in pieces {
            buffer.writeBytes(piece)
            while let frame = framer.next(&buffer) { frames.append(frame) }
            precondition(buffer.readableBytes <= SMTPReplyFramer.maximumLine, "the framer holds more than a line")
        }
        return frames
    }

    static func reply(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        let seed = input.byte()
        let octets = input.remainder()
        let whole = replyFrames(FuzzCuts.whole(octets))
        precondition(replyFrames(FuzzCuts.single(octets)) == whole, "octet by octet differs")
        precondition(replyFrames(FuzzCuts.random(octets, seed: seed)) == whole, "random cuts differ")
        for case .reply(let reply) in whole {
            precondition((200...599).contains(reply.code) && !reply.lines.isEmpty, "a reply out of range")
            _ = reply.statusOrDefault
            precondition(reply.text.count <= 1000, "unbounded text")
            let capabilities = SMTPCapabilities(reply)
            _ = capabilities.maximumSize
            _ = capabilities.mechanisms
        }
    }
}
