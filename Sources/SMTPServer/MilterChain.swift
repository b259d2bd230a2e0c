import Logging
import MailConfig
import MailSyntax
import MilterClient
import MilterCore
import NIOCore

/// The milters of one session, in order. Each is connected when the first message begins.
struct MilterChain {
    let peers: [MilterPeer]
    /// The id of the message in hand, which milters know from MAIL on.
    var id: MailID?
    var introduction: MilterIntroduction?
    /// By name, as milters know them.
    var macros: [String: String] = [:]

    /// nil where the manifest has none for the listener.
    init?(_ milters: [Manifest.Milter], listener: String, loop: any EventLoop, logger: Logger) {
        let wanted = milters.filter { $0.listeners.isEmpty || $0.listeners.contains(listener) }
        guard !wanted.isEmpty else { return nil }
        peers = wanted.map { MilterPeer($0, loop: loop, logger: logger) }
    }

    /// Asks each in turn; the first that doesn't go on decides.
    func ask(_ question: (MilterPeer) async -> MilterVerdict) async -> MilterVerdict {
        for peer in peers {
            let verdict = await question(peer)
            if verdict != .goOn { return verdict }
        }
        return .goOn
    }

    func abort() async {
        for peer in peers { await peer.abort() }
    }

    func quit() {
        for peer in peers { peer.quit() }
    }
}
