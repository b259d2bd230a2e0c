import MailSyntax
import NIOCore

@testable import NetTransport

enum NetTransportFuzz {
    static let entries = [FuzzEntry("proxy-header", proxyHeader), FuzzEntry("ban-ledger", banLedger)]

    // MARK: PROXY

    /// The same whole and octet by octet; what is not consumed stays as it was.
    static func proxyHeader(_ bytes: [UInt8]) {
        var whole = ByteBuffer(bytes: bytes)
        let outcome = ProxyHeader.parse(&whole)
        guard case .header(let header) = outcome else {
            precondition(whole.readableBytes == bytes.count, "consumed without a header")
            return
        }
        precondition(whole.readableBytesView.elementsEqual(bytes.suffix(whole.readableBytes)), "took from behind")
        let length = bytes.count - whole.readableBytes
        precondition(length <= 16 + ProxyHeader.longestBody, "a header that is too long")
        // Cut anywhere, it is the beginning of a header and nothing is consumed.
        for cut in stride(from: 0, to: length, by: max(1, length / 64)) {
            var part = ByteBuffer(bytes: bytes.prefix(cut))
            precondition(ProxyHeader.parse(&part) == .incomplete && part.readableBytes == cut, "a part is judged")
        }
        if let client = header.client {
            precondition((0...65535).contains(client.source.port) && (0...65535).contains(client.destination.port))
        }
    }

    // MARK: bans

    /// However offences, logins and an operator follow each other, nobody exempt is kept out by the server's own word,
    /// and what is kept can be read back.
    static func banLedger(_ bytes: [UInt8]) {
        var input = FuzzInput(bytes)
        var rules = BanRules()
        rules.failures = Int(input.byte() % 4)
        rules.networkAfter = 2
        rules.memory = 16
        rules.exempt = [IPNetwork("10.0.0.0/30")].compactMap(\.self)
        var ledger = BanLedger(rules: rules)
        var now = Timestamp(seconds: 1_800_000_000)
        var operators = 0
        while !input.isEmpty {
            let what = input.byte()
            let last = input.byte()
            let octets: [UInt8] =
                last & 128 == 0
                ? [10, 0, 0, last]
                : [0x20, 1] + [UInt8](repeating: 0, count: 4) + [last & 7, last & 3]
                    + [UInt8](repeating: last, count: 8)
            guard let address = IPAddress(bytes: octets) else { continue }
            switch what & 7 {
            case 0...3:
                for ban in ledger.report(.login, by: address, at: now) {
                    precondition(ban.holds(at: now) && !ban.isManual, "a ban that does not hold")
                }
            case 4: ledger.loggedIn(address, at: now)
            case 5:
                operators += 1
                let network = IPNetwork(address, prefixLength: Int(what))
                ledger.add(Ban(network: network, since: now, until: nil, reason: "", count: 1, isManual: true))
            case 6: _ = ledger.remove(BanRules.client(address))
            default:
                now = now.adding(.seconds(Int(what) * 60))
                _ = ledger.sweep(at: now)
            }
            if operators == 0, rules.exempts(address) {
                precondition(ledger.ban(of: address, at: now) == nil, "an exempt address is kept out")
            }
        }
        let again = BanLedger(rules: rules, bans: ledger.all)
        precondition(again.list(at: now) == ledger.list(at: now), "the bans are not the same when read back")
    }
}
