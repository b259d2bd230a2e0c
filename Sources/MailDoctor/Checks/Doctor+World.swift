import DNSCore
import MailSyntax

/// What else decides whether mail of this server is taken: the way out, lists of senders of junk, the clock.
extension Doctor {
    /// Whether port 25 of others can be reached. One host that answers is enough.
    func outbound() async -> [Finding] {
        let name = "port 25"
        guard plan.sendsDirectly else {
            return [Finding(.ok, .outbound, name, "not needed: mail leaves by a smarthost")]
        }
        if settings.outboundTargets.isEmpty { return [] }
        let visits = await Self.sideBySide(Array(settings.outboundTargets.prefix(8))) { await outbound(to: $0) }
        if let reached = visits.first(where: { $0.severity == .ok }) { return [reached] }
        let failures = visits.map(\.message)
        guard !failures.isEmpty else {
            return [
                Finding(
                    .remark, .outbound, name, "not tried: no address of \(settings.outboundTargets.listed()) was found",
                    fix: ["name a host that answers: --outbound-host HOST"])
            ]
        }
        return [
            Finding(
                .error, .outbound, name, "none of \(failures.count) hosts could be reached: \(failures.listed())",
                reason: "many providers block port 25 until they are asked: no mail leaves",
                fix: [
                    "ask the provider to open port 25 outbound, or send by a smarthost (outbound.smarthost)"
                ])
        ]
    }

    /// What came of trying one target; nothing where it has no address that is known here.
    private func outbound(to target: String) async -> [Finding] {
        guard let (host, address) = await exchangeAddress(of: target) else { return [] }
        let visit = await probe.visit(address, port: 25, name: host)
        let place = "\(host)[\(address)]"
        guard let failure = visit.failure else { return [Finding(.ok, .outbound, "port 25", "\(place) answers")] }
        return [Finding(.error, .outbound, "port 25", "\(place): \(failure)")]
    }

    private func exchangeAddress(of target: String) async -> (String, IPAddress)? {
        if let address = IPAddress(target) { return (target, address) }
        let exchanges = (await look(target, .mx).answer?.mailExchanges ?? []).filter { !$0.isNull }
        let host = exchanges.min { $0.preference < $1.preference }?.host ?? target
        guard let address = await look(host, .a).answer?.addresses.first else { return nil }
        return (host, address)
    }

    // MARK: Block lists

    func blockLists(_ own: [IPAddress]) async -> [Finding] {
        guard !own.isEmpty else { return [] }
        return await Self.sideBySide(settings.blockLists) { await listings(own, $0) }
    }

    private func listings(_ own: [IPAddress], _ list: BlockList) async -> [Finding] {
        let addresses = own.filter { !$0.isV6 || list.listsV6 }
        if addresses.isEmpty { return [] }
        if let trouble = await unusable(list) {
            return [
                Finding(
                    .remark, .blockList, list.zone, "could not be asked: \(trouble)",
                    reason: "lists answer no public resolvers and no heavy users; whether one is listed is not known",
                    fix: ["look by hand: \(list.site)"])
            ]
        }
        return await Self.sideBySide(addresses) { [await listing(of: $0, list)] }
    }

    /// What a list answers for the test addresses tells whether it answers at all, and not to everything with yes.
    /// RFC 5782 §5
    private func unusable(_ list: BlockList) async -> String? {
        guard let listed = IPAddress("127.0.0.2"), let unlisted = IPAddress("127.0.0.1") else { return nil }
        switch await ask(list, listed) {
        case .listed: break
        case .refused(let why): return why
        case .unlisted: return "it does not list its own test address, so it does not answer this resolver"
        case .unknown(let failure): return "\(failure)"
        }
        if case .listed = await ask(list, unlisted) { return "it lists every address: it is no longer kept" }
        return nil
    }

    private func listing(of address: IPAddress, _ list: BlockList) async -> Finding {
        switch await ask(list, address) {
        case .unlisted: return Finding(.ok, .blockList, "\(address)", "is not on \(list.zone)")
        case .refused(let why): return Finding(.remark, .blockList, list.zone, "could not be asked: \(why)")
        case .unknown(let failure): return Finding(.remark, .blockList, list.zone, "could not be asked: \(failure)")
        case .listed(let codes):
            let why = await look(BlockListAnswer.name(address, list), .txt).answer?.texts.first
                .map { ": " + String(decoding: $0.prefix(200), as: UTF8.self) }
            return Finding(
                .error, .blockList, "\(address)", "is on \(list.zone) (\(codes.listed()))\(why ?? "")",
                fix: ["find out why, then ask to be taken off: \(list.site)"])
        }
    }

    private func ask(_ list: BlockList, _ address: IPAddress) async -> BlockListAnswer {
        BlockListAnswer(await resolver.resolve(BlockListAnswer.name(address, list), .a))
    }

    // MARK: Clock

    func clock() async -> [Finding] {
        guard settings.comparesClock else { return [] }
        guard let reading = await probe.clockError() else {
            return [
                Finding(
                    .remark, .clock, "clock", "not compared: no time server answers",
                    fix: ["name one that does: --time-server HOST"])
            ]
        }
        let off = reading.ahead < .zero ? Duration.zero - reading.ahead : reading.ahead
        let seconds = off.components.seconds
        let message = "is \(seconds) seconds \(reading.ahead < .zero ? "behind" : "ahead of") \(reading.source)"
        let fix = ["switch time synchronisation on, such as chrony or systemd-timesyncd"]
        // Signatures and tokens are mostly given some minutes.
        switch seconds {
        case ..<5: return [Finding(.ok, .clock, "clock", "agrees with \(reading.source)")]
        case ..<60: return [Finding(.warning, .clock, "clock", message, fix: fix)]
        default: return [Finding(.error, .clock, "clock", message, fix: fix)]
        }
    }
}

/// What a DNS list says of an address. // RFC 5782 §2.1
enum BlockListAnswer: Sendable, Equatable {
    case listed([IPAddress])
    case unlisted
    /// It does not answer whoever asks through this resolver.
    case refused(String)
    case unknown(DNSFailure)

    /// The address backwards, below the list's zone. // RFC 5782 §2.1, §2.4
    static func name(_ address: IPAddress, _ list: BlockList) -> String {
        let suffix = address.isV6 ? ".ip6.arpa" : ".in-addr.arpa"
        return "\(address.reverseName.dropLast(suffix.count)).\(list.zone)"
    }

    init(_ answer: Result<DNSAnswer, DNSFailure>) {
        switch answer {
        case .failure(let failure): self = failure.isAbsence ? .unlisted : .unknown(failure)
        case .success(let answer):
            let codes = answer.addresses
            let meaning = codes.lazy.compactMap { Self.refusals[$0.description] }.first
            if let meaning {
                self = .refused(meaning)
            } else if codes.contains(where: { $0.isV6 || $0.bytes.first != 127 }) {
                self = .refused("it answers \(codes.listed()), which is no answer of a list: the resolver makes it up")
            } else if codes.contains(where: { $0.bytes.starts(with: [127, 255, 255]) }) {
                self = .refused("it answers \(codes.listed()), which stands for a refusal")
            } else {
                self = .listed(codes)
            }
        }
    }

    /// https://www.spamhaus.org/faqs/dnsbl-usage/
    private static let refusals = [
        "127.255.255.252": "the name of the list is mistyped (127.255.255.252)",
        "127.255.255.254": "it does not answer public resolvers (127.255.255.254)",
        "127.255.255.255": "it was asked too often through this resolver (127.255.255.255)",
        "127.0.0.1": "it answers 127.0.0.1, which stands for a refusal",
    ]
}
