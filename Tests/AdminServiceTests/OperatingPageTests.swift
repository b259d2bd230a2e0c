import Foundation
import Testing

/// docs/operating.md is what people read when they grep the log: it names everything that stands there.
@Suite struct OperatingPageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    @Test func `every event and each of its fields is explained`() throws {
        let page = try text("docs/operating.md")
        let source =
            try text("Sources/Telemetry/MailEvent.swift")
            + text("Sources/Telemetry/MailEvent+Delivery.swift")
            + text("Sources/Telemetry/MailEvent+Bans.swift")
        let fields = source.matches(of: /fields\.add\("([a-z_]+)"/).map { String($0.output.1) }
        let events = source.matches(of: /case \.[a-zA-Z]+: "([a-z]+)"/).map { String($0.output.1) }
        #expect(fields.count > 30 && events.count == 10)
        for name in Set(fields + events) { #expect(page.contains("`\(name)`"), "\(name) is not explained") }
    }

    @Test func `the unit starts what there is and leaves it time to stop`() throws {
        let unit = try text("docs/martlet.service")
        for line in ["Type=notify", "martlet serve --config", "martlet reload --config", "TimeoutStopSec=45"] {
            #expect(unit.contains(line))
        }
    }
}
