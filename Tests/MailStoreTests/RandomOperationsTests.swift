import Blobs
import MailStore
import MailSyntax
import MartletTesting
import Testing

@Suite struct RandomOperationsTests {
    private struct Message: Equatable {
        var flags: MessageFlags
        var keywords: Set<String>
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random operations agree with a naive model`(_ seed: UInt64) async throws {
        let fixture = try await MailFixture()
        let store = fixture.store
        var random = SeededGenerator(seed: seed)
        let boxes = try await store.mailboxes(fixture.ann).map(\.id)
        var model: [MailboxID: [UInt32: Message]] = [:]
        var seen: [MailboxID: ModSequence] = [:]
        var known: [MailboxID: Set<UInt32>] = [:]
        for step in 0..<250 {
            let box = try #require(boxes.randomElement(using: &random))
            let target = try #require(boxes.randomElement(using: &random))
            let some = (model[box] ?? [:]).keys.shuffled(using: &random).prefix(3).sorted()
            let uids = some.map(UID.init(rawValue:))
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let flags = MessageFlags(rawValue: Int.random(in: 0..<32, using: &random))
                let size = Int.random(in: 0..<100, using: &random)
                let text = "Subject: \(step)\r\n\r\n\(String(repeating: "x", count: size))\r\n"
                let uid = try await fixture.append(text, to: box, flags: flags, keywords: ["$A"])
                model[box, default: [:]][uid.rawValue] = Message(flags: flags, keywords: ["$A"])
            case 4, 5:
                let flags = MessageFlags(rawValue: Int.random(in: 0..<32, using: &random))
                let change = [
                    FlagChange.add(flags, keywords: ["$B"]), .remove(flags, keywords: ["$A"]),
                    .replace(flags, keywords: ["$C"]),
                ]
                let kind = Int.random(in: 0..<3, using: &random)
                _ = try await store.updateFlags(box, uids: uids, change: change[kind])
                for uid in some {
                    var message = try #require(model[box]?[uid])
                    switch kind {
                    case 0:
                        message.flags.formUnion(flags)
                        message.keywords.insert("$B")
                    case 1:
                        message.flags.subtract(flags)
                        message.keywords.remove("$A")
                    default: message = Message(flags: flags, keywords: ["$C"])
                    }
                    model[box]?[uid] = message
                }
            case 6, 7:
                let copied = try await store.copy(box, uids: uids, to: target)
                #expect(copied.source == uids)
                for (from, to) in zip(copied.source, copied.destination) {
                    model[target, default: [:]][to.rawValue] = model[box]?[from.rawValue]
                }
            case 8:
                let moved = try await store.move(box, uids: uids, to: target)
                for (from, to) in zip(moved.source, moved.destination) {
                    model[target, default: [:]][to.rawValue] = model[box]?.removeValue(forKey: from.rawValue)
                }
            default:
                let gone = try await store.expunge(box)
                let expected = (model[box] ?? [:]).filter { $0.value.flags.contains(.deleted) }.keys.sorted()
                #expect(gone.map(\.rawValue) == expected)
                for uid in expected { model[box]?[uid] = nil }
            }
            // A session that only hears of changes knows the same UIDs.
            let since = seen[box] ?? ModSequence(rawValue: 0)
            let news = try await store.news(box, since: since, above: known[box]?.max() ?? 0)
            seen[box] = news.highestModSeq
            known[box, default: []].formUnion(news.arrivals)
            known[box, default: []].subtract(news.expunged.uids)
            #expect(known[box] == Set((model[box] ?? [:]).keys))
        }
        for box in boxes {
            let rows = try await fixture.rows(box)
            let found = rows.map { ($0.uid.rawValue, Message(flags: $0.flags, keywords: Set($0.keywords))) }
            #expect(Dictionary(uniqueKeysWithValues: found) == (model[box] ?? [:]))
            #expect(try await store.uidView(box).uids == UIDList((model[box] ?? [:]).keys.sorted()))
        }
        try await fixture.checkCounts()
        for box in boxes { _ = try await store.expunge(box, onlyDeleted: false) }
        try await fixture.checkCounts()
        #expect(try await fixture.state.number("SELECT COALESCE(SUM(reference_count), 0) FROM blob") == 0)
        let sweep = BlobSweep(store: fixture.state.blobs, database: fixture.state.database)
        _ = try await sweep.removeUnreferenced(now: fixture.state.clock.now().adding(.seconds(3601)))
        #expect(fixture.state.blobFiles.isEmpty)
    }
}
